/** Belay's server as a process of its own, for benches that ask it over HTTP. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient } from '@belay/protocol'

const serverMain = join(import.meta.dirname, '..', 'apps', 'server', 'main.ts')
const cloudFile = `cloud: large
services:
  web: { run: node web.js, port: 3000 }
environments:
  qa: { kind: qa, hosts: { q: { roles: [web] } } }
  production: { kind: production, hosts: { p: { roles: [web] } } }
deploy:
  - { step: install, on: web }
  - { step: restart, on: web }
`

/** A repository with a belay.yaml, for `startServer`. */
export function makeRepository(folder: string): void {
  writeFileSync(join(folder, 'belay.yaml'), cloudFile)
  execFileSync('git', ['-C', folder, 'init', '-q'])
}

export type RunningServer = { readonly child: ChildProcess; readonly client: Client; readonly readyMs: number }

/** Resolves when it answers. */
export async function startServer(folder: string, port: number): Promise<RunningServer> {
  const began = performance.now()
  const child = spawn(process.execPath, [serverMain, '--repository', folder, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const ready = await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (ready) break
    await sleep(20)
  }
  const readyMs = performance.now() - began
  // The token is written right after the port is open.
  await sleep(500)
  const { token } = JSON.parse(readFileSync(join(folder, '.belay', 'server.json'), 'utf8')) as { token: string }
  return { child, client: createClient({ url, token }), readyMs }
}

export async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** MB, as the kernel counts what is in memory. */
export function memoryOf(child: ChildProcess): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1_024
}
