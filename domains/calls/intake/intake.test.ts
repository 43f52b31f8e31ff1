import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom, systemClock } from '@belay/base'
import { openColumns, sql } from '@belay/columns'
import { openStore } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blankCall, type CallRow, callColumns } from '../row.ts'
import { openCallConnections } from '../tables/connections.ts'
import { callMigrations } from '../tables/schema.ts'
import { checkBatch } from './batch.ts'
import { claimMigrations } from './claims.ts'
import { openIntake } from './intake.ts'
import { createRowWriter } from './row-binary.ts'

const folder = await temporaryFolder()
const log = (line: string, error?: unknown) => process.stderr.write(`${line} ${error instanceof Error ? error.message : ''}\n`)
const columns = openColumns({ folder: join(folder.path, 'columns'), clock: systemClock, log })
const store = await openStore({ file: join(folder.path, 'state.db') })
const stop = new AbortController()
let intake: Awaited<ReturnType<typeof openIntake>>
let running: Promise<void>

beforeAll(async () => {
  await store.migrate([claimMigrations])
  await columns.migrate([callMigrations])
  intake = await openIntake({ folder: join(folder.path, 'spool'), name: 'one', store, columns, clock: systemClock, log })
  running = intake.run(stop.signal)
})
afterAll(async () => {
  stop.abort()
  await running
  await intake.close()
  await columns.close()
  await store.close()
  await folder[Symbol.asyncDispose]()
})

const random = seededRandom(7)
const upTo = (max: number) => Math.floor(random() * max)
const hex = (digits: number) => Array.from({ length: digits }, () => upTo(16).toString(16)).join('')
const rowOf = (i: number): CallRow => ({
  at: Date.now() - upTo(86_400_000),
  service: `service-${upTo(3)}`,
  environment: 'rows',
  release: 'v1',
  lane: 'stable',
  host: `höst ${upTo(4)}`,
  method: i % 7 === 0 ? `long ${'ü'.repeat(600)}` : `Items.get${upTo(9)}'\\`,
  audience: 'everyone',
  account: `a${upTo(1e9)}`,
  variants: Array.from({ length: upTo(4) }, (_, n) => `flag-${n}=on`),
  status: 200 + upTo(300),
  failed: random() < 0.1,
  n: random() < 0.9 ? 1 : 0,
  realUs: i === 1 ? 2 ** 40 : upTo(1e7),
  cpuUs: upTo(1e6),
  cpuN: random() < 0.5 ? 1 : 0,
  dbUs: upTo(1e6),
  dbWallUs: upTo(1e6),
  externalUs: upTo(1e6),
  externals: upTo(70_000),
  loopUs: upTo(1e5),
  statements: upTo(70_000),
  transactions: upTo(9),
  rows: upTo(1e6),
  repeats: upTo(99),
  repeated: upTo(2) === 0 ? '' : 'SELECT * FROM items WHERE id = ?',
  requestBytes: upTo(1e6),
  responseBytes: upTo(1e6),
  trace: i % 5 === 0 ? '' : hex(32),
  span: i % 5 === 0 ? '' : hex(16),
  origin: (['recorder', 'otlp', 'log'] as const)[upTo(3)] ?? 'log',
  marks: upTo(8),
  peer: i % 3 === 0 ? '' : `10.0.0.${upTo(9)}:${upTo(65_536)}`,
  local: i % 3 === 0 ? '' : '[2001:db8::1]:443',
})

test('a row comes out of the column store as it went in, cut where it was too long and held where it was too large', async () => {
  const rows = Array.from({ length: 300 }, (_, i) => rowOf(i))
  await intake.take({ claim: { source: 'row-sender', batch: 1 }, rows })
  await intake.drained()
  const names = callColumns.map(([name]) => name).filter((name) => !['ts', 'trace', 'span'].includes(name))
  const stored = await columns.query<Record<string, unknown>>({
    text: `SELECT toUnixTimestamp64Milli(ts) AS ms, lower(hex(trace)) AS trace_hex, leftPad(lower(hex(span)), 16, '0') AS span_hex, ${names.join(', ')}
      FROM calls WHERE environment = 'rows'`,
  })
  const key = (it: Record<string, unknown>) => `${it.account} ${it.ms}`
  const found = new Map(stored.map((it) => [key(it), it]))
  for (const it of rows) {
    expect(found.get(`${it.account} ${it.at}`)).toEqual({
      ms: String(it.at),
      trace_hex: it.trace.padEnd(32, '0'),
      span_hex: it.span.padEnd(16, '0'),
      service: it.service,
      environment: it.environment,
      release: it.release,
      lane: it.lane,
      host: it.host,
      method: it.method.slice(0, 500),
      audience: it.audience,
      account: it.account,
      variants: it.variants,
      status: it.status,
      failed: it.failed ? 1 : 0,
      n: it.n,
      real_us: Math.min(it.realUs, 2 ** 32 - 1),
      cpu_us: it.cpuUs,
      cpu_n: it.cpuN,
      dbt_us: it.dbUs,
      dbw_us: it.dbWallUs,
      ext_us: it.externalUs,
      ext: Math.min(it.externals, 65_535),
      loop_us: it.loopUs,
      stc: Math.min(it.statements, 65_535),
      txc: it.transactions,
      rows: it.rows,
      rep: it.repeats,
      repeated: it.repeated,
      in_bytes: it.requestBytes,
      out_bytes: it.responseBytes,
      origin: it.origin,
      marks: it.marks,
      peer: it.peer,
      local: it.local,
    })
  }
  expect(stored).toHaveLength(rows.length)
})

test('what an older server left on the disk, without the ends of connections, is taken after all', async () => {
  const left = join(folder.path, 'left')
  await mkdir(left)
  const writer = createRowWriter()
  writer.row({ ...blankCall, at: Date.now(), environment: 'left', method: 'Items.get', realUs: 700 })
  // Two empty texts stand at the end of it.
  await writeFile(join(left, '000000000007.rows'), writer.take().subarray(0, -2))
  await writeFile(
    join(left, '000000000007.sealed'),
    JSON.stringify({ number: 7, file: '000000000007.rows', rows: 1, bytes: 100, extras: {} }),
  )
  const again = await openIntake({ folder: left, name: 'older', store, columns, clock: systemClock, log })
  const over = new AbortController()
  const ran = again.run(over.signal)
  await again.drained()
  over.abort()
  await ran
  await again.close()
  const rows = await columns.query(sql`SELECT method, real_us, peer, local FROM calls WHERE environment = ${'left'}`)
  expect(rows).toEqual([{ method: 'Items.get', real_us: 700, peer: '', local: '' }])
})

type Usual = ReturnType<typeof usual>
function usual() {
  return {
    version: 1,
    source: 'recorder-1',
    batch: 1,
    service: 'api',
    release: 'v1',
    lane: 'stable',
    host: 'api1',
    sentAt: Date.now(),
    names: {
      methods: ['Items.get', 'Items.getList'],
      audiences: ['everyone', 'staff'],
      accounts: ['acme'],
      statements: ['SELECT 1'],
      variants: [[], ['inline-comments=on']],
    },
    calls: {
      at: [Date.now() - 100, Date.now() - 50],
      method: [0, 1],
      audience: [0, 1],
      account: [-1, 0],
      variants: [0, 1],
      status: [200, 500],
      failed: [0, 1],
      realUs: [1_000, 2_000.6],
      cpuUs: [-1, 500],
      dbUs: [0, 900],
      dbWallUs: [0, 800],
      externalUs: [0, 0],
      externals: [0, 0],
      loopUs: [5, 6],
      statements: [0, 12],
      transactions: [0, 1],
      rows: [0, 12],
      repeats: [0, 12],
      repeated: [-1, 0],
      requestBytes: [0, 0],
      responseBytes: [10, 20],
      trace: ['', 'a'.repeat(32)],
      span: ['', 'b'.repeat(16)],
    },
    exemplars: [
      {
        call: 1,
        why: 'repeat',
        events: [{ kind: 'statement', atUs: 1, tookUs: 2, text: 'SELECT 1', system: 'sqlite', failed: false }],
        cut: 3,
      },
    ],
    process: { intervalMs: 2_000, cpuMs: 100, attributedMs: 90, mode: 'exact', dropped: 0, overflowed: 0 },
  }
}
function batchOf(change: (it: Usual) => void = () => {}): unknown {
  const batch = usual()
  change(batch)
  return batch
}

describe('a batch of a recorder', () => {
  test('counts once, with its exemplars and what is known of its process', async () => {
    const batch = checkBatch(batchOf())
    expect(await intake.takeBatch('production', batch)).toEqual({ counted: true })
    expect(await intake.takeBatch('production', batch)).toEqual({ counted: false })
    await intake.drained()
    const calls = await columns.query(
      sql`SELECT method, audience, account, variants, real_us, cpu_us, cpu_n, stc, rep, repeated FROM calls WHERE environment = ${'production'} ORDER BY ts`,
    )
    const first = { method: 'Items.get', audience: 'everyone', account: '', variants: [], real_us: 1_000, cpu_us: 0, cpu_n: 0, stc: 0 }
    const second = { method: 'Items.getList', audience: 'staff', account: 'acme', variants: ['inline-comments=on'], real_us: 2_001 }
    expect(calls).toEqual([
      { ...first, rep: 0, repeated: '' },
      { ...second, cpu_us: 500, cpu_n: 1, stc: 12, rep: 12, repeated: 'SELECT 1' },
    ])
    expect(await columns.query(sql`SELECT method, why, cut FROM call_exemplars`)).toEqual([
      { method: 'Items.getList', why: 'repeat', cut: 3 },
    ])
    expect(await columns.query(sql`SELECT service, mode FROM call_processes`)).toEqual([{ service: 'api', mode: 'exact' }])
  })

  test('of a clock that is an hour ahead is set right; one that waited in a spool is not', async () => {
    const ahead = Date.now() + 3_600_000
    const early = checkBatch(
      batchOf((it) =>
        Object.assign(it, { source: 'clock-ahead', sentAt: ahead, calls: { ...it.calls, at: [ahead - 1_000, ahead - 500] } }),
      ),
    )
    const before = Date.now() - 3_600_000
    const late = checkBatch(
      batchOf((it) => Object.assign(it, { source: 'from-a-spool', sentAt: before, calls: { ...it.calls, at: [before - 1_000, before] } })),
    )
    await intake.takeBatch('clocks', early)
    await intake.takeBatch('spools', late)
    await intake.drained()
    const times = await columns.query<{ environment: string; ms: string }>(
      sql`SELECT environment, toUnixTimestamp64Milli(max(ts)) AS ms FROM calls WHERE environment IN ${['clocks', 'spools']} GROUP BY environment ORDER BY environment`,
    )
    expect(Math.abs(Number(times[0]?.ms) - Date.now())).toBeLessThan(30_000)
    expect(Number(times[1]?.ms)).toBe(before)
  })

  test('tells the ends of the connections that carried its calls, and they are found by them', async () => {
    const at = Date.now() - 5_000
    const told = checkBatch(
      batchOf((it) =>
        Object.assign(it, {
          source: 'with-peers',
          names: { ...it.names, peers: ['10.0.0.2:5000', '10.0.0.1:80'] },
          calls: { ...it.calls, at: [at, at + 10], peer: [0, -1], local: [1, 1] },
        }),
      ),
    )
    await intake.takeBatch('peers', told)
    await intake.drained()
    const connections = openCallConnections(columns)
    const range = { environment: 'peers', from: at - 1_000, to: at + 1_000, limit: 10 }
    const slowest = await connections.slowest({ ...range, slowerMs: 0 })
    expect(slowest.map(({ method, realMs, peer, local }) => ({ method, realMs, peer, local }))).toEqual([
      { method: 'Items.getList', realMs: 2.001, peer: '', local: '10.0.0.1:80' },
      { method: 'Items.get', realMs: 1, peer: '10.0.0.2:5000', local: '10.0.0.1:80' },
    ])
    const within = (from: number, to: number) => connections.carried({ ...range, windows: [{ peer: '10.0.0.2:5000', from, to }] })
    expect(await within(at, at + 5)).toEqual([slowest[1]])
    expect(await within(at + 1, at + 5)).toEqual([])
  })

  const wrong: [string, (it: Usual) => void, RegExp][] = [
    ['another version', (it) => Object.assign(it, { version: 2 }), /version is not 1/],
    ['a source that nobody could tell apart', (it) => Object.assign(it, { source: 'x' }), /source is 8 to 64/],
    ['columns of unequal length', (it) => it.calls.cpuUs.pop(), /calls\.cpuUs has 1 values where calls\.at has 2/],
    ['a number that is none', (it) => Object.assign(it.calls.realUs, { 1: 'fast' }), /calls\.realUs\.1 is no number/],
    [
      'an exemplar of no call',
      (it) => Object.assign(it.exemplars[0] ?? {}, { call: 9 }),
      /exemplars\.0\.call is the position of one of 2 calls/,
    ],
    ['more calls than are taken at once', (it) => (it.calls.at = Array(30_000).fill(0)), /calls\.at has 30000 entries; at most 20000/],
    ['an end of no number', (it) => Object.assign(it.calls, { peer: ['10.0.0.1:80', 0] }), /calls\.peer\.0 is no number/],
    ['a name that is a book', (it) => (it.names.methods[0] = 'x'.repeat(501)), /names\.methods\.0 is a text of at most 500/],
  ]
  test.each(wrong)('with %s is refused by the field', (_, change, says) => {
    expect(() => checkBatch(batchOf(change))).toThrow(says)
  })
})
