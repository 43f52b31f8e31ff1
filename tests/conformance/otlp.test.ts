/**
 * A program that nobody here wrote, instrumented with stock OpenTelemetry by environment variables alone, shows what its
 * database says that it did: PostGraphile on PostgreSQL with `pg_stat_statements`.
 *
 * PostGraphile, because it is published as a program, is fetched in seconds (28 MB; servers that do more take ten times
 * that), answers queries with single statements and mutations with transactions, and serves everything under one path,
 * so that a rule of belay.yaml has to tell its operations apart.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { classifyStatement, normaliseStatement } from '@belay/call-record'
import { type CallRowWire, routes } from '@belay/protocol'
import { eventually, freePort, postgresForTests, whyNoPostgres } from '@belay/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { littleCloud, type TestCloud, testCloud } from '../journeys/support.ts'

const version = '4.14.1'
const app = join(import.meta.dirname, '..', '..', '.cache', 'peers', `postgraphile-${version}`)
const register = createRequire(import.meta.url).resolve('@opentelemetry/auto-instrumentations-node/register')

const sleepMs = 20
const tables = `
  create extension pg_stat_statements;
  create table author (id serial primary key, name text not null);
  create table item (id serial primary key, author_id int not null references author, name text not null);
  insert into author (name) select 'author ' || n from generate_series(1, 20) n;
  insert into item (author_id, name) select 1 + n % 20, 'item ' || n from generate_series(1, 200) n;
  create function slow_answer() returns int language sql volatile as $$ select 42 from pg_sleep(${sleepMs / 1_000}) $$;
  create function slow_query() returns int language sql stable as $$ select slow_answer() $$;`

/** Each operation's request, and how often it is sent. */
const operations = {
  itemList: { times: 120, query: 'query { allItems(first: 3) { nodes { id name authorByAuthorId { name } } } }' },
  itemShow: { times: 80, query: 'query($id: Int!) { itemById(id: $id) { id name } }' },
  authorAdd: { times: 40, query: 'mutation($name: String!) { createAuthor(input: { author: { name: $name } }) { author { id } } }' },
  slowQuery: { times: 25, query: 'query { slowQuery }' },
  twoAtOnce: { times: 30, query: 'query { a: itemById(id: 1) { name } b: authorById(id: 2) { name } }' },
} as const
type Operation = keyof typeof operations
const names = Object.keys(operations) as Operation[]
const sent = names.reduce((sum, name) => sum + operations[name].times, 0)

type Statistic = { query: string; calls: number; totalMs: number }

const missing = whyNoPostgres()
describe.skipIf(missing)(`a program with stock OpenTelemetry${missing === undefined ? '' : ` (${missing})`}`, () => {
  const stack = new AsyncDisposableStack()
  let cloud: TestCloud
  let statistics: readonly Statistic[]
  let rows: ReadonlyMap<string, CallRowWire>

  beforeAll(async () => {
    const opened = await postgresForTests()
    if ('skipped' in opened) throw new Error(opened.skipped)
    const database = stack.use(opened)
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    stack.defer(() => client.end())
    await client.query(tables)
    const rule = "calls:\n  methods:\n    - { path: /graphql, name: '{query.op}' }\n"
    cloud = await testCloud({ ...littleCloud, 'belay.yaml': `${littleCloud['belay.yaml']}${rule}` })
    stack.defer(() => cloud.close())
    await cloud.start()
    const key = await cloud
      .client()
      .call(routes.clientKeys.create, { body: { name: 'exporters', kind: 'server', environment: 'production' } })
    const url = stack.use(await startApp(database.url, cloud.client().url, key.secret)).url
    await ask(url, 'itemList', 'warmUp')
    await client.query('select pg_stat_statements_reset()')

    const requests = names.flatMap((name) => Array.from({ length: operations[name].times }, () => name))
    // In turns of four, so that calls and their spans interleave.
    for (let at = 0; at < requests.length; at += 4) await Promise.all(requests.slice(at, at + 4).map((name) => ask(url, name)))
    const found = await client.query<Statistic>(`
      select query, calls::int, total_exec_time as "totalMs" from pg_stat_statements
      where dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'`)
    statistics = found.rows
    await eventually(async () => (await table()).reduce((sum, row) => sum + row.count, 0) >= sent, {
      withinMs: 60_000,
      everyMs: 500,
      what: 'all calls to be shown',
    })
    rows = new Map((await table()).map((row) => [row.method, row]))
  })
  afterAll(() => stack.disposeAsync())

  async function table(): Promise<CallRowWire[]> {
    const { rows: all } = await cloud.client().call(routes.calls.table, { query: { environment: 'production', release: 'v3.1' } })
    return all.filter(({ method }) => method !== 'warmUp')
  }
  const shown = (of: (row: CallRowWire) => number) => [...rows.values()].reduce((sum, row) => sum + of(row), 0)
  const counted = (kind: string, of: (it: Statistic) => number) =>
    statistics.filter(({ query }) => classifyStatement(query).includes(kind as 'begin')).reduce((sum, it) => sum + of(it), 0)

  test('has as many calls of each operation as were sent, none failed', () => {
    expect(Object.fromEntries([...rows].map(([method, { count, errors }]) => [method, [count, errors]]))).toEqual(
      Object.fromEntries(names.map((name) => [name, [operations[name].times, 0]])),
    )
  })

  test('has as many statements as its database counted, and as many transactions', () => {
    const statements = counted('statement', ({ calls }) => calls)
    expect(statements).toBeGreaterThan(sent)
    expect(shown((row) => row.statements.total)).toBe(statements)
    const mutation = rows.get('authorAdd') as CallRowWire
    expect(mutation.transactions.total).toBe(counted('begin', ({ calls }) => calls))
    // All else ran outside of BEGIN and COMMIT: each statement is a transaction of its own.
    expect(shown((row) => row.transactions.total) - mutation.transactions.total).toBe(statements - mutation.statements.total)
  })

  test('has the statements that its database names, each as often', async () => {
    const expected = new Map<string, number>()
    for (const name of names) {
      const query = { environment: 'production', service: 'graph', method: name, limit: 200 }
      const { exemplars } = await cloud.client().call(routes.calls.exemplars, { query })
      const [exemplar] = exemplars
      for (const { kind, text } of exemplar?.events ?? []) if (kind === 'statement') add(expected, text, operations[name].times)
    }
    const found = new Map<string, number>()
    for (const { query, calls } of statistics) {
      if (!classifyStatement(query).includes('statement')) continue
      add(found, normaliseStatement(query), calls)
    }
    expect(Object.fromEntries(expected)).toEqual(Object.fromEntries(found))
  })

  test('waited for its database for as long as that worked, and a little for the way', () => {
    const worked = statistics.reduce((sum, it) => sum + it.totalMs, 0)
    const waited = shown((row) => row.db.total) / 1_000
    expect(waited).toBeGreaterThan(worked)
    const slow = rows.get('slowQuery') as CallRowWire
    expect(slow.db.mean / 1_000).toBeGreaterThan(sleepMs)
    expect(slow.db.mean).toBeLessThan(slow.real.mean)
  })
})

/** PostgreSQL tells some of TRUE and NULL as parameters too. */
function add(to: Map<string, number>, text: string, times: number): void {
  const alike = text.replace(/\b(true|null)\b/gi, '?')
  to.set(alike, (to.get(alike) ?? 0) + times)
}

async function ask(url: string, operation: Operation, as: string = operation): Promise<void> {
  const variables = { id: 1 + Math.floor(Math.random() * 200), name: `someone ${Math.random()}` }
  const body = JSON.stringify({ query: operations[operation].query, variables })
  const response = await fetch(`${url}/graphql?op=${as}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const answer = (await response.json()) as { errors?: unknown }
  if (!response.ok || answer.errors) throw new Error(`PostGraphile refused ${operation}: ${JSON.stringify(answer)}`)
}

async function startApp(database: string, belay: string, key: string): Promise<AsyncDisposable & { url: string }> {
  if (!existsSync(join(app, 'node_modules', 'postgraphile', 'package.json'))) {
    await mkdir(app, { recursive: true })
    await writeFile(join(app, 'package.json'), JSON.stringify({ private: true }))
    execFileSync('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', `postgraphile@${version}`], {
      cwd: app,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }
  const port = await freePort()
  const cli = join(app, 'node_modules', 'postgraphile', 'cli.js')
  const child = spawn(
    process.execPath,
    [cli, '-c', database, '-s', 'public', '-n', '127.0.0.1', '-p', String(port), '--disable-graphiql', '--disable-query-log'],
    {
      cwd: app,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        NODE_OPTIONS: `--require ${register}`,
        OTEL_SERVICE_NAME: 'graph',
        OTEL_RESOURCE_ATTRIBUTES: 'service.version=v3.1',
        OTEL_EXPORTER_OTLP_ENDPOINT: belay,
        OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer%20${key}`,
        OTEL_BSP_SCHEDULE_DELAY: '500',
        // Each field that is resolved has a span; with room for 2,048, which is usual, the SDK itself drops some.
        OTEL_BSP_MAX_QUEUE_SIZE: '20000',
      },
    },
  )
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += String(text)))
  const url = `http://127.0.0.1:${port}`
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(printed)
      return (
        await fetch(`${url}/graphql?op=warmUp`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"query":"{__typename}"}',
        })
      ).ok
    },
    { withinMs: 60_000, everyMs: 200, what: 'PostGraphile to answer' },
  ).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw new Error(`PostGraphile did not start: ${printed}`, { cause: error })
  })
  return { url, [Symbol.asyncDispose]: () => ended(child) }
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  clearTimeout(timer)
}
