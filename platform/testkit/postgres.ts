/**
 * Real PostgreSQL for tests: one throw-away cluster for a run, started by whoever asks first, a fresh database for
 * every asker. It runs as an unprivileged user, because PostgreSQL refuses root.
 */
import { spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { runFolder } from './run.ts'

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
  const server = given ?? (await sharedCluster())
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

/** The first caller of the run, in whichever process, makes the folder and starts the cluster; the others wait for its URL. */
async function sharedCluster(): Promise<string> {
  const folder = join(runFolder(), 'postgres')
  const answer = join(folder, 'url')
  if (isFirst(folder)) {
    const outcome = await startCluster(folder).catch(
      (thrown: unknown) => `failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    )
    writeFileSync(`${answer}.new`, outcome)
    renameSync(`${answer}.new`, answer)
  }
  // initdb takes about a second on an idle machine; a minute leaves room for a machine where everything is tested at once.
  await eventually(() => existsSync(answer), { withinMs: 60_000, everyMs: 50, what: 'PostgreSQL to start' })
  const url = readFileSync(answer, 'utf8')
  if (url.startsWith('failed: ')) throw new Error(`PostgreSQL did not start: ${url.slice(8)}`)
  return url
}

function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o711 })
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw thrown
  }
}

/** Root steps down to `postgres` (comes with Debian's package), else to `nobody`. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  )
  const user = users.get('postgres') ?? users.get('nobody')
  if (user === undefined) throw new Error('running as root, and there is neither a user postgres nor a user nobody to step down to')
  return user
}

async function startCluster(folder: string): Promise<string> {
  const bin = programs() as string
  const user = unprivileged()
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid as number)
  const data = join(folder, 'data')
  await finish(join(bin, 'initdb'), ['-D', data, '-U', 'belay', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'], folder, user)
  // Someone may take the port between the look and the start.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const url = `postgres://belay@127.0.0.1:${port}/postgres`
    const problem = await startServer(join(bin, 'postgres'), data, port, folder, user, url)
    if (problem === undefined) return url
    if (attempt === 3) throw new Error(problem)
  }
}

/** Undefined when it answers, else its log. */
async function startServer(
  program: string,
  data: string,
  port: number,
  folder: string,
  user: object,
  url: string,
): Promise<string | undefined> {
  const logFile = join(folder, 'log')
  const log = openSync(logFile, 'a')
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
  }
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  const server = spawn(program, ['-D', data, ...args], { ...user, cwd: folder, detached: true, stdio: ['ignore', log, log] })
  let ended = false
  server.once('exit', () => {
    ended = true
  })
  server.once('error', () => {
    ended = true
  })
  server.unref()
  if (server.pid !== undefined) writeFileSync(join(runFolder(), 'postgres.pid'), String(server.pid))
  await eventually(
    async () =>
      ended ||
      command(url, 'select 1').then(
        () => true,
        () => false,
      ),
    { withinMs: 30_000, everyMs: 50, what: 'PostgreSQL to answer' },
  )
  return ended ? readFileSync(logFile, 'utf8').slice(-2000) : undefined
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
