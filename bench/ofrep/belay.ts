/** Belay's own server, as a team starts it, with the flags of the bench. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { type Client, createClient, type FlagChangeInput, routes } from '@belay/protocol'
import { eventually, temporaryFolder } from '@belay/testkit'
import { flags, plan, sharePercent, staffDomain, users } from './world.ts'

const main = join(import.meta.dirname, '..', '..', 'apps', 'server', 'main.ts')
const file = `cloud: bench
services: { web: { run: node web.js, port: 3000 } }
environments:
  production: { kind: production, hosts: { box: { roles: [web] } } }
deploy:
  - step: install
    on: web
rings:
  - staff: { where: { ends_with: [{ var: email }, "${staffDomain}"] } }
  - early: { where: { "==": [{ var: plan }, ${plan}] } }
  - all
`
/** As several services and pages ask. */
const keyCount = 8

export type BelayServer = AsyncDisposable & {
  readonly port: number
  readonly pid: number
  readonly client: Client
  bulk(): string[]
  single(): string[]
  definitions(tag?: string): string[]
  /** As it is, without quotes. */
  definitionsTag(): Promise<string>
  ofrepStream(): Promise<string>
  sdkStream(): string
  kill(key: string): Promise<void>
  restore(key: string): Promise<void>
}

export async function startBelay(): Promise<BelayServer> {
  const folder = await temporaryFolder()
  await writeFile(join(folder.path, 'belay.yaml'), file)
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder.path, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.test', ...args])
  git('init', '-q')
  git('add', '-A')
  git('commit', '-q', '-m', 'a cloud')
  const home = join(folder.path, '.belay')
  const server = spawn(process.execPath, [main, '--repository', folder.path, '--home', home, '--port', '0'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    // The whole load comes from one machine by a few keys.
    env: { ...process.env, BELAY_FLAG_RATES: '1000000,1000000' },
  })
  const announced = await eventually(() => JSON.parse(readFileSync(join(home, 'server.json'), 'utf8')) as { url: string; token: string }, {
    withinMs: 30_000,
    what: 'the server to announce itself',
  })
  const client = createClient({ url: announced.url, token: announced.token })
  const { port } = new URL(announced.url)
  for (const { key, kind } of flags) {
    await client.call(routes.flags.create, { body: { key } })
    if (kind === 'on') await change(key, { do: 'configure', setting: { defaultVariant: 'on' } })
    else {
      const exposure = { serve: { on: 1 }, ring: kind === 'share' ? 'all' : 'early', percent: sharePercent }
      await change(key, { do: 'expose', exposure })
    }
  }
  const keys = await Promise.all(
    Array.from({ length: keyCount }, async (_, nth) => {
      const body = { name: `service ${nth}`, kind: 'server', environment: 'production' } as const
      return (await client.call(routes.clientKeys.create, { body })).secret
    }),
  )
  const key = (nth: number) => keys[nth % keys.length] as string

  async function change(flag: string, it: FlagChangeInput): Promise<void> {
    await client.call(routes.flags.change, { params: { key: flag }, body: { change: it, reason: 'the bench' } })
  }
  const head = (first: string, nth: number, more = '') =>
    `${first} HTTP/1.1\r\nhost: localhost:${port}\r\nauthorization: Bearer ${key(nth)}\r\n${more}\r\n`
  const post = (path: string, nth: number, user: (typeof users)[number]) => {
    const body = JSON.stringify({ context: { targetingKey: user.id, email: user.email, plan: user.plan } })
    return `${head(`POST ${path}`, nth, `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`)}${body}`
  }
  return {
    port: Number(port),
    pid: server.pid as number,
    client,
    bulk: () => users.map((user, nth) => post('/ofrep/v1/evaluate/flags', nth, user)),
    single: () => users.map((user, nth) => post(`/ofrep/v1/evaluate/flags/${flags[nth % flags.length]?.key}`, nth, user)),
    definitions: (tag) => keys.map((_, nth) => head('GET /api/sdk/definitions', nth, tag === undefined ? '' : `if-none-match: ${tag}\r\n`)),
    async definitionsTag() {
      const response = await fetch(`${announced.url}/api/sdk/definitions`, { headers: { authorization: `Bearer ${key(0)}` } })
      await response.arrayBuffer()
      return response.headers.get('etag') ?? ''
    },
    async ofrepStream() {
      const response = await fetch(`${announced.url}/ofrep/v1/evaluate/flags`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key(0)}` },
      })
      const { eventStreams } = (await response.json()) as { eventStreams: { endpoint: { requestUri: string } }[] }
      return `GET ${eventStreams[0]?.endpoint.requestUri} HTTP/1.1\r\nhost: localhost:${port}\r\nlast-event-id: ${await revision()}\r\n\r\n`
    },
    sdkStream: () => head('GET /api/sdk/stream', 0),
    kill: (flag) => change(flag, { do: 'kill', reason: 'the bench' }),
    restore: (flag) => change(flag, { do: 'restore' }),
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM')
      await ended(server)
      await retire(join(home, 'agent.json'))
      await folder[Symbol.asyncDispose]()
    },
  }

  async function revision(): Promise<string> {
    const response = await fetch(`${announced.url}/api/sdk/definitions`, { headers: { authorization: `Bearer ${key(0)}` } })
    await response.arrayBuffer()
    return response.headers.get('x-belay-revision') ?? ''
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** The agent that the server started stays when that one ends; it is asked to go. */
async function retire(agentFile: string): Promise<void> {
  const { socket } = JSON.parse(readFileSync(agentFile, 'utf8')) as { socket: string }
  await new Promise<void>((resolve) => {
    const connection = createConnection(socket)
    connection.on('error', () => resolve())
    connection.on('close', () => resolve())
    connection.on('data', () => connection.end())
    connection.write(`${JSON.stringify({ id: 1, order: { order: 'retire' } })}\n`)
  })
}
