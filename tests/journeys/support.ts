/** A real server over a real little cloud in a temporary folder: what the journeys drive, kill and spoil. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, createClient, type DeploymentWire, type FactWire, routes } from '@belay/protocol'
import { eventually, freePort, type TemporaryFolder, temporaryFolder } from '@belay/testkit'

const serverMain = fileURLToPath(new URL('../../apps/server/main.ts', import.meta.url))

export type TestCloud = {
  readonly folder: string
  readonly home: string
  client(): Client
  /** Everything that the server printed so far. */
  printed(): string
  commit(files: Record<string, string>, tag: string): Promise<void>
  start(): Promise<void>
  /** SIGKILL to the server's whole process group. */
  kill(): Promise<void>
  stop(): Promise<void>
  agentPid(): Promise<number>
  settled(id: string): Promise<DeploymentWire>
  deploy(environment: string, release: string, more?: { force?: boolean; reason?: string }): Promise<DeploymentWire>
  facts(): Promise<FactWire[]>
  close(): Promise<void>
}

/** A host of a test's own network, on which the server, its agent and its services run instead of this machine's own ground. */
export type Elsewhere = { readonly address: string; argv(...command: string[]): [program: string, ...args: string[]] }

/** @param homeFolder where the server keeps its things; `.belay` in the repository when absent */
export async function testCloud(
  files: Record<string, string>,
  env: Record<string, string> = {},
  homeFolder?: string,
  elsewhere?: Elsewhere,
): Promise<TestCloud> {
  const place: TemporaryFolder = await temporaryFolder()
  const folder = place.path
  const home = homeFolder ?? join(folder, '.belay')
  const port = await freePort()
  let server: ChildProcess | undefined
  let printed = ''
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.test', ...args], { stdio: 'pipe' })
  git('init', '-q', '-b', 'main')

  async function commit(changed: Record<string, string>, tag: string): Promise<void> {
    for (const [path, content] of Object.entries(changed)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
    git('add', '-A')
    git('commit', '-q', '-m', `the files of ${tag}`)
    git('tag', tag)
  }
  await commit(files, 'v1')

  const readServerFile = async () =>
    JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { url: string; token: string; pid: number }
  let client: Client | undefined
  const theClient = () => {
    if (client === undefined) throw new Error('the server was not started')
    return client
  }

  async function start(): Promise<void> {
    if (server !== undefined && !hasEnded(server)) throw new Error('the server runs already')
    // A group of its own, so that killing the group takes the server alone and not the tests.
    const command = [process.execPath, serverMain, '--repository', folder, '--home', home, '--port', String(port)]
    const [program, ...args] = elsewhere === undefined ? command : elsewhere.argv(...command, '--host', elsewhere.address)
    const child = spawn(program as string, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    server = child
    const keep = (text: Buffer) => {
      printed += text.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const died = once(child, 'exit').then(([code]) => {
      throw new Error(`the server ended with ${code}: ${printed}`)
    })
    const answers = eventually(
      async () => {
        const it = await readServerFile()
        if (it.pid !== child.pid) throw new Error(`the server has not announced itself: ${printed}`)
        client = createClient({ url: it.url, token: it.token })
        return client.call(routes.me, {})
      },
      { withinMs: 30_000 },
    )
    died.catch(() => {})
    await Promise.race([died, answers])
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = server
    if (child?.pid === undefined || hasEnded(child)) return
    const gone = once(child, 'exit')
    process.kill(-child.pid, signal)
    await gone
  }

  const agentPid = async () => Number(JSON.parse(await readFile(join(home, 'agent.json'), 'utf8')).pid)

  return {
    folder,
    home,
    client: theClient,
    printed: () => printed,
    commit,
    start,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    agentPid,
    async settled(id) {
      return eventually(
        async () => {
          const it = await theClient().call(routes.deployments.show, { params: { id } })
          if (it.state === 'running' || it.state === 'undoing') throw new Error(`${id} is still ${it.state}`)
          return it
        },
        { withinMs: 90_000 },
      )
    },
    async deploy(environment, release, more = {}) {
      return theClient().call(routes.deployments.start, { body: { environment, release, force: more.force ?? false, reason: more.reason } })
    },
    async facts() {
      const all: FactWire[] = []
      for (let after = 0; ; ) {
        const { facts, more } = await theClient().call(routes.ledger.list, { query: { order: 'oldest', after, limit: 500 } })
        all.push(...facts)
        after = facts.at(-1)?.seq ?? after
        if (!more) return all
      }
    },
    async close() {
      if (server !== undefined) {
        if (hasEnded(server)) await start().catch(() => {})
        for (const { name } of (await client?.call(routes.environments.list, {}).catch(() => undefined))?.environments ?? []) {
          await client?.call(routes.environments.down, { params: { name } }).catch(() => {})
        }
        await end('SIGTERM')
        await retireAgent(home)
        await eventually(async () => (await processesWith(home)).length === 0, {
          withinMs: 10_000,
          what: `nothing of ${home} to be left running`,
        })
      }
      await place[Symbol.asyncDispose]()
    },
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** Asks the agent of a home to end; what it supervised was stopped before. */
export async function retireAgent(home: string): Promise<void> {
  const place = await readFile(join(home, 'agent.json'), 'utf8').then(JSON.parse, () => undefined)
  if (place === undefined) return
  await new Promise<void>((resolve) => {
    const socket = createConnection(place.socket)
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
    socket.on('data', () => socket.end())
    socket.write(`${JSON.stringify({ id: 1, order: { order: 'retire' } })}\n`)
  })
}

/** Processes whose command line and environment mention all of these: for "nothing is left running", and to end what a host runs. */
export async function processesWith(...texts: string[]): Promise<number[]> {
  const found: number[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${entry}/${name}`, 'utf8').catch(() => '')),
    )
    if (texts.every((text) => `${command}${environment}`.includes(text))) found.push(Number(entry))
  }
  return found
}

/** Two kinds of service on three hosts, with a database step that can be undone and hooks around each restart. */
export const littleCloud: Record<string, string> = {
  'belay.yaml': `cloud: little
services:
  web: { run: exec node web.js, port: 3000, health: /healthz }
  store: { path: store, run: exec node store.js }
environments:
  private: { kind: private, hosts: { box: { roles: [web, store] } } }
  qa: { kind: qa, hosts: { qa1: { roles: [web, store] } }, tests: { run: node test.js, on: web } }
  production:
    kind: production
    hosts:
      web1: { roles: [web] }
      web2: { roles: [web] }
      db1: { roles: [store] }
deploy:
  - step: install
    on: [store, web]
  - step: migrate
    on: store
    once: true
    run: node migrate.js up
    undo: node migrate.js down
    changes: database
  - step: restart
    on: store
  - step: restart
    on: web
    drain: echo drained $BELAY_SERVICE
    undrain: echo undrained $BELAY_SERVICE
    check: { http: /healthz, contains: "version", within: 4s, every: 100ms }
`,
  'web.js': `const http = require('node:http')
const version = require('./version.js')
http.createServer((_, answer) => { answer.statusCode = version.healthy(process.env) ? 200 : 500; answer.end('version ' + version.name) }).listen(process.env.PORT, '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
`,
  'version.js': `module.exports = { name: 'one', healthy: () => true }
`,
  'test.js': `console.log('1 passed')
`,
  'store/store.js': `setInterval(() => {}, 1000)
process.on('SIGTERM', () => process.exit(0))
`,
  // Counts how often it ran each way, so that "once only" can be seen.
  'store/migrate.js': `const fs = require('node:fs')
const path = require('node:path')
fs.mkdirSync(process.env.BELAY_DATA, { recursive: true })
console.log(process.argv[2], 'begins')
setTimeout(() => {
  fs.appendFileSync(path.join(process.env.BELAY_DATA, 'migrations'), process.argv[2] + ' ' + process.env.BELAY_RELEASE + '\\n')
  console.log(process.argv[2], 'is done')
}, 300)
`,
}
