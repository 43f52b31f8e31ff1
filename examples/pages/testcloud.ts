/** For tests: the cloud's processes as Belay would start them, without Belay. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TestCloud = {
  readonly edge: string
  run(host: string, command: readonly string[], env?: Record<string, string>): Promise<{ code: number | null; output: string }>
  /** @throws Error with what it printed and its health when it does not get well. */
  restart(host: string, env?: Record<string, string>): Promise<void>
  kill(host: string): void
  stop(): Promise<void>
  health(host: string): Promise<{ status: number; body: string }>
}

/** Sooner on a quiet machine; a loaded one takes seconds to start a process. */
const startMsMax = 20_000

/** Hosts as `name: service`, each with these variables; they run from `source` with `shared/` copied beside as belay.yaml's `build` does. */
export async function startTestCloud(
  source: string,
  hosts: Record<string, string>,
  variables: Record<string, string> = {},
): Promise<TestCloud> {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'))
  const addresses = new Map<string, string>()
  for (const host of Object.keys(hosts)) addresses.set(host, `127.0.0.1:${await freePort()}`)
  const children = new Map<string, ChildProcess>()
  const lists: Record<string, string> = {}
  for (const service of new Set(Object.values(hosts))) {
    cpSync(join(source, service), join(folder, service), { recursive: true })
    cpSync(join(source, 'shared'), join(folder, service, 'shared'), { recursive: true })
    cpSync(join(source, 'package.json'), join(folder, service, 'package.json'))
    const ours = Object.keys(hosts).filter((host) => hosts[host] === service)
    lists[`BELAY_ADDRESSES_${service.toUpperCase()}`] = ours.map((host) => addresses.get(host)).join(',')
  }

  function begin(host: string, command: readonly string[], more: Record<string, string> = {}): ChildProcess {
    const service = hosts[host] as string
    const address = addresses.get(host) as string
    const data = join(folder, 'data', host)
    mkdirSync(data, { recursive: true })
    const belay = {
      PORT: address.split(':')[1],
      BELAY_CLOUD: 'pages',
      BELAY_ENVIRONMENT: 'test',
      BELAY_KIND: 'private',
      BELAY_HOST: host,
      BELAY_SERVICE: service,
      BELAY_RELEASE: 'v0',
      BELAY_ADDRESS: address,
      BELAY_DATA: data,
    }
    return spawn(process.execPath, command, {
      cwd: join(folder, service),
      env: { ...process.env, ...belay, ...lists, ...variables, ...more },
    })
  }
  async function health(host: string) {
    const response = await fetch(`http://${addresses.get(host)}/healthz`)
    return { status: response.status, body: await response.text() }
  }
  async function start(host: string, more: Record<string, string> = {}): Promise<void> {
    const child = begin(host, ['main.ts'], more)
    let said = ''
    child.stderr?.on('data', (piece) => {
      said += piece
    })
    children.set(host, child)
    const until = Date.now() + startMsMax
    while (true) {
      const { status, body } = await health(host).catch(() => ({ status: 0, body: '' }))
      if (status === 200) return
      if (status === 500) throw new Error(`${host} is not well: ${body}`)
      if (child.exitCode !== null || Date.now() > until) throw new Error(`${host} did not get well: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }
  async function leave(host: string): Promise<void> {
    const child = children.get(host)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
  }
  const cloud: TestCloud = {
    edge: `http://${addresses.get(Object.keys(hosts).find((host) => hosts[host] === 'edge') ?? '')}`,
    health,
    run: (host, command, more) =>
      new Promise((resolve) => {
        const child = begin(host, command, more)
        let output = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream?.on('data', (piece) => {
            output += piece
          })
        }
        child.on('close', (code) => resolve({ code, output }))
      }),
    restart: async (host, more) => {
      await leave(host)
      await start(host, more)
    },
    kill: (host) => children.get(host)?.kill('SIGKILL'),
    stop: async () => {
      await Promise.all([...children.keys()].map(leave))
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    for (const host of Object.keys(hosts)) {
      await start(host)
      if (hosts[host] === 'db') {
        const api = Object.keys(hosts).find((it) => hosts[it] === 'api')
        const { code, output } = api === undefined ? { code: 0, output: '' } : await cloud.run(api, ['migrate.ts', 'up'])
        if (code !== 0) throw new Error(`The migrations failed: ${output}`)
      }
    }
    return cloud
  } catch (error) {
    await cloud.stop()
    throw error
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
