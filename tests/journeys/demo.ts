/** The demo as a process of its own, and what it leaves. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '@belay/testkit'
import { expect } from 'vitest'
import { processesWith } from './support.ts'

const belay = fileURLToPath(new URL('../../apps/cli/main.ts', import.meta.url))

export type Summary = {
  readonly ok: boolean
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly because: string }[]
  readonly deployments: readonly { readonly environment: string; readonly release: string; readonly state: string }[]
  readonly refusal: { readonly code: string } | null
  readonly climb: readonly { readonly name: string }[]
  readonly traffic: { readonly all: { readonly sent: number; readonly failed: number } | null }
  readonly ledger: { readonly whole: boolean } | null
}
export type Demo = AsyncDisposable & {
  readonly home: string
  /** All that it printed so far, of both streams. */
  said(): string
  /** With `--json`: what it printed for scripts. */
  document(): Summary
  hasEnded(): boolean
  /** Its exit code. */
  readonly ended: Promise<number | null>
  /** Ctrl-C. */
  end(): Promise<number | null>
}

/** `belay demo`, in a folder that outlives it. */
export function spawnDemo(home: string, flags: readonly string[]): Demo {
  const child = spawn(process.execPath, [belay, 'demo', '--home', home, '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  })
  let all = ''
  let out = ''
  child.stdout.on('data', (piece) => {
    out += String(piece)
    all += String(piece)
  })
  child.stderr.on('data', (piece) => {
    all += String(piece)
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  async function end(): Promise<number | null> {
    // The command waits for the process that tells the story; that one says who it is.
    const told = await readFile(join(home, 'demo.json'), 'utf8').then(JSON.parse, () => undefined)
    const pid = (told as { readonly pid: number } | undefined)?.pid ?? child.pid
    if (!hasEnded() && pid !== undefined) process.kill(pid, 'SIGINT')
    const late = setTimeout(async () => {
      // Only a demo that hangs comes to this; what it started would otherwise stay for ever.
      for (const pid of [...(await processesWith(home)), child.pid]) if (pid !== undefined) process.kill(pid, 'SIGKILL')
    }, 60_000)
    const code = await ended
    clearTimeout(late)
    return code
  }
  return {
    home,
    said: () => all,
    document: () => JSON.parse(out) as Summary,
    hasEnded,
    ended,
    end,
    async [Symbol.asyncDispose]() {
      await end()
    },
  }
}

/** Every process that was started in, or told of, the demo's folder is gone. */
export function nothingIsLeft(home: string): Promise<true> {
  const looked = async (): Promise<true> => {
    expect((await processesWith(home)).filter((pid) => pid !== process.pid)).toEqual([])
    return true
  }
  return eventually(looked, { withinMs: 10_000, what: 'all processes to be gone' })
}
