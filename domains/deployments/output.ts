/**
 * What an item says while it runs: lines of ours ("check http /healthz 200") and the output of commands, kept in the
 * store piece by piece so that page and terminal can follow, and a later reader finds it.
 */
import { createHash } from 'node:crypto'
import { type Clock, sayBytes } from '@belay/base'
import { maskSecrets } from '@belay/environments'
import type { Store } from '@belay/store'
import type { Direction } from './model/advance.ts'
import { addOutput } from './output-store.ts'

/** A person reads at most this much of one step; the host keeps the whole for as long as its job folder lives. */
const outputBytesMax = 1024 * 1024
/** Often enough to look live, seldom enough that a chatty build does not become a commit a line. */
const flushEveryMs = 150
const flushAtBytes = 16 * 1024

export type Output = {
  say(line: string): void
  /** A piece of a host's job; `offset` counts the bytes of that job's output. */
  piece(job: string, it: { offset: number; text: string }): void
  mask(secrets: readonly string[]): void
  /** Writes what waits; resolves when it is kept. */
  flush(): Promise<void>
  /** SHA-256 over all that was said. */
  hash(): string
}

export function openOutput(it: { store: Store; clock: Clock; deployment: string; index: number; direction: Direction }): Output {
  const hash = createHash('sha256')
  let secrets: readonly string[] = []
  let waiting = ''
  let torn = ''
  let job: string | null = null
  let upto = 0
  let bytes = 0
  let timer: NodeJS.Timeout | undefined
  let last: Promise<void> = Promise.resolve()

  function add(text: string): void {
    if (text === '') return
    const masked = maskSecrets(text, secrets)
    hash.update(masked)
    if (bytes < outputBytesMax) {
      waiting += masked
      bytes += Buffer.byteLength(masked)
      if (bytes >= outputBytesMax) waiting += `\n(what comes after ${sayBytes(outputBytesMax)} is left out)\n`
    }
    if (waiting.length >= flushAtBytes) void flush().catch(() => {})
    else timer ??= setTimeout(() => void flush().catch(() => {}), flushEveryMs)
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const text = waiting
    if (text === '') return last
    waiting = ''
    const row = { index: it.index, direction: it.direction, at: it.clock.now(), text, job, upto: upto - Buffer.byteLength(torn) }
    last = last.then(async () => {
      await it.store.write((tx) => addOutput(tx, it.deployment, row))
      it.store.signal('deployments', it.deployment)
    })
    return last
  }

  return {
    say(line) {
      const clockTime = new Date(it.clock.now()).toISOString().slice(11, 19)
      add(`${clockTime}  ${line}\n`)
    },
    piece(name, { offset, text }) {
      job = name
      upto = offset + Buffer.byteLength(text)
      // Whole lines only: a secret must not slip through between two pieces.
      const all = torn + text
      const end = all.lastIndexOf('\n') + 1
      torn = all.slice(end)
      add(all.slice(0, end))
    },
    mask: (more) => {
      secrets = [...new Set([...secrets, ...more])]
    },
    async flush() {
      if (torn !== '') {
        const rest = `${torn}\n`
        torn = ''
        add(rest)
      }
      await flush()
    },
    hash: () => hash.copy().digest('hex'),
  }
}
