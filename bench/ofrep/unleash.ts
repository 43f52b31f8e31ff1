/**
 * Unleash's server with the flags of the bench, on a throw-away PostgreSQL. It is fetched from the npm registry when the
 * bench is run for the first time, into a folder that git does not see: nothing of Belay depends on it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, freePort, postgresForTests } from '@belay/testkit'
import { flags, plan, sharePercent, staffDomain, users } from './world.ts'

export const unleashVersion = '7.5.1'
const folder = join(import.meta.dirname, '..', '..', '.cache', 'peers', `unleash-server-${unleashVersion}`)
const admin = '*:*.bench-admin'
const backend = 'default:development.bench-backend'
const frontend = 'default:development.bench-frontend'

export type UnleashServer = AsyncDisposable & {
  readonly port: number
  frontend(): string[]
  features(tag?: string): string[]
  featuresTag(): Promise<string>
}

/** The server, or the sentence that says why there is none. */
export async function startUnleash(note: (text: string) => void): Promise<UnleashServer | { readonly skipped: string }> {
  const database = await postgresForTests()
  if ('skipped' in database) return database
  if (!existsSync(join(folder, 'node_modules', 'unleash-server', 'package.json'))) {
    note(`fetches unleash-server ${unleashVersion}, once`)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
    execFileSync('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', `unleash-server@${unleashVersion}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }
  const port = await freePort()
  const start = join(folder, 'node_modules', 'unleash-server', 'dist', 'server.js')
  const server = spawn(process.execPath, [start], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      DATABASE_URL: database.url,
      DATABASE_SSL: 'false',
      HTTP_PORT: String(port),
      PORT: String(port),
      HTTP_HOST: '127.0.0.1',
      LOG_LEVEL: 'error',
      CHECK_VERSION: 'false',
      SEND_TELEMETRY: 'false',
      INIT_ADMIN_API_TOKENS: admin,
      INIT_CLIENT_API_TOKENS: backend,
      INIT_BACKEND_API_TOKENS: backend,
      INIT_FRONTEND_API_TOKENS: frontend,
    },
  })
  const url = `http://127.0.0.1:${port}`
  await eventually(async () => (await fetch(`${url}/health`)).ok, { withinMs: 120_000, everyMs: 200, what: 'Unleash to answer' })

  async function tell(method: string, path: string, body?: unknown): Promise<void> {
    const response = await fetch(`${url}/api/admin/projects/default/features${path}`, {
      method,
      headers: { authorization: admin, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`Unleash refused ${method} ${path}: ${response.status} ${await response.text()}`)
  }
  for (const { key, kind } of flags) {
    await tell('POST', '', { name: key, type: 'release' })
    const rollout = (share: number, constraints: unknown[] = []) => ({
      name: 'flexibleRollout',
      parameters: { rollout: String(share), stickiness: 'userId', groupId: key },
      constraints,
    })
    const constraint = (contextName: string, operator: string, value: string) => ({
      contextName,
      operator,
      values: [value],
      inverted: false,
    })
    const strategies =
      kind === 'on'
        ? [{ name: 'default' }]
        : kind === 'share'
          ? [rollout(sharePercent)]
          : [rollout(100, [constraint('email', 'STR_ENDS_WITH', staffDomain)]), rollout(sharePercent, [constraint('plan', 'IN', plan)])]
    for (const strategy of strategies) await tell('POST', `/${key}/environments/development/strategies`, strategy)
    await tell('POST', `/${key}/environments/development/on`)
  }
  const asked = async (path: string, token: string) => {
    const response = await fetch(`${url}${path}`, { headers: { authorization: token } })
    return { tag: response.headers.get('etag') ?? '', body: (await response.json()) as { toggles?: unknown[]; features?: unknown[] } }
  }
  // What was just told is served after the caches of the server have seen it.
  await eventually(async () => (await asked('/api/client/features', backend)).body.features?.length === flags.length, { withinMs: 60_000 })
  await eventually(async () => ((await asked('/api/frontend', frontend)).body.toggles?.length ?? 0) > 0, { withinMs: 60_000 })

  const get = (path: string, token: string, more = '') =>
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: ${token}\r\n${more}\r\n`
  return {
    port,
    frontend: () =>
      users.map(({ id, email, plan: has }) => {
        const query = new URLSearchParams({ userId: id, 'properties[email]': email, 'properties[plan]': has })
        return get(`/api/frontend?${query.toString()}`, frontend)
      }),
    features: (tag) => [get('/api/client/features', backend, tag === undefined ? '' : `if-none-match: ${tag}\r\n`)],
    featuresTag: async () => (await asked('/api/client/features', backend)).tag,
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM')
      await ended(server)
      await database[Symbol.asyncDispose]()
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  clearTimeout(timer)
}
