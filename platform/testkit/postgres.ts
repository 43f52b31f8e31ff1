/**
 * Real PostgreSQL for tests: one throw-away cluster for a run, started by whoever asks first, a fresh database for
 * every asker. It runs as an unprivileged user, because PostgreSQL refuses root.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { onFreePort, sharedServer, startForRun, stepDown } from './shared.ts'

export type TestDatabase = AsyncDisposable & {
  /** `postgres://…` of an empty database that nobody else uses. Dropped when disposed, at the latest at the run's end. */
  readonly url: string
}

/**
 * An empty database on a real PostgreSQL, or the sentence that says why there is none.
 *
 * `BELAY_TEST_POSTGRES` may name a server to use instead (`postgres://…`, a user who may create databases).
 *
 * @throws when PostgreSQL is installed and does not start; its log is in the message.
 */
export async function postgresForTests(): Promise<TestDatabase | { readonly skipped: string }> {
  const given = process.env['BELAY_TEST_POSTGRES']
  const missing = given === undefined ? whyNoPostgres() : undefined
  if (missing !== undefined) return { skipped: missing }
  const server = given ?? (await sharedServer('PostgreSQL', startCluster))
  const name = `t_${process.pid}_${Date.now().toString(36)}_${(counter++).toString(36)}`
  await command(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, [Symbol.asyncDispose]: () => command(server, `drop database if exists ${name} with (force)`) }
}
let counter = 0

/** Undefined when PostgreSQL can be started here, else what to do about it. */
export function whyNoPostgres(): string | undefined {
  if (process.env['BELAY_TEST_POSTGRES'] !== undefined || programs() !== undefined) return undefined
  return 'PostgreSQL is not installed: apt-get install postgresql'
}

/** The folder with `initdb` and `postgres`: Debian's newest (Debian keeps them off the PATH), else one on the PATH. */
function programs(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

async function command(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Debian's package has it, a PostgreSQL of one's own may lack it: then tests that compare with its statistics say so. */
const statistics = 'pg_stat_statements'

async function startCluster(folder: string): Promise<string> {
  const bin = programs() as string
  const user = stepDown(folder)
  const data = join(folder, 'data')
  await finish(join(bin, 'initdb'), ['-D', data, '-U', 'belay', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'], folder, user)
  const urlAt = (port: number) => `postgres://belay@127.0.0.1:${port}/postgres`
  const port = await onFreePort((it) =>
    startForRun('PostgreSQL', [join(bin, 'postgres'), '-D', data, ...settingsAt(it, bin)], folder, user, () =>
      command(urlAt(it), 'select 1'),
    ),
  )
  return urlAt(port)
}

function settingsAt(port: number, bin: string): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // Each worker opens pools of its own.
    max_connections: '300',
    // What these tests write is thrown away; durability across power failure is not what they test.
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    shared_buffers: '64MB',
    log_min_messages: 'warning',
    ...(existsSync(join(bin, '..', 'lib', `${statistics}.so`)) ? { shared_preload_libraries: statistics } : {}),
  }
  return Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
}

function finish(program: string, args: string[], cwd: string, user: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...user, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}: ${said.slice(-2000)}`))))
  })
}
