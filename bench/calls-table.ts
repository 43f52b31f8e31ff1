/**
 * Calls are made inside the engine: 200 methods by Zipf's law, 20 releases, 4 audiences, 3,000 accounts, log-normal
 * times, 30 days. What pages ask is asked through the rooms that the server is made of, without HTTP.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@belay/base'
import { type CallHouse, callHouseMigrations, openCallHouse } from '@belay/calls'
import { cloudFileSchema } from '@belay/cloudfile'
import { type Columns, openColumns, raw, sql } from '@belay/columns'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { openStore } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import { type BenchOptions, elapsedMs, interleaved, type Row, row } from './measure.ts'

export const about =
  'The table of calls over 100 million of them, beside the bare engine’s best query; a method’s page, comparisons, sizes.'

const dayMs = 86_400_000
const days = 30
const methods = 200
const releases = 20
/** One insert holds as many rows in memory, besides what its views make of them. */
const rowsPerInsert = 1_000_000
const insertMsMax = 600_000
const environment = 'production'
const sizes = { whole: { few: 1_000_000, many: 100_000_000 }, quick: { few: 1_000_000, many: 3_000_000 } }

type World = { readonly house: CallHouse; readonly columns: Columns; readonly from: number; readonly now: number }

export async function rows({ rounds, quick, note }: BenchOptions): Promise<Row[]> {
  const { few, many } = quick ? sizes.quick : sizes.whole
  const said = (count: number) => `${count / 1_000_000} million calls`
  const small = await inWorld(few, note, (world) => measure(world, said(few), rounds, note))
  return inWorld(many, note, async (world) => {
    const large = await measure(world, said(many), rounds, note)
    const stored = await world.columns.sizes('calls')
    const bytes = (tables: readonly (typeof stored)[number][]) => tables.reduce((sum, it) => sum + it.bytes, 0) / many
    const unit = 'ms'
    const asked = (name: string, key: Exclude<keyof typeof large, 'bare' | 'table'>) => row({ name, unit, ours: large[key] })
    return [
      row({
        name: `the table, 30 days, ${said(many)}`,
        unit,
        ours: large.table,
        peer: { name: 'the bare engine’s best query', value: large.bare },
        goal: { of: 'ratio', atMost: 1.3 },
      }),
      row({
        name: `the table, 30 days, ${said(many)}`,
        unit,
        ours: large.table,
        peer: { name: said(few), value: small.table },
        goal: { of: 'ratio', atMost: 3 },
      }),
      asked('the table, 30 days, without robots', 'filtered'),
      asked('the table, 7 days', 'week'),
      asked('the table, 24 hours', 'day'),
      asked('the table, 24 hours, one variant', 'variant'),
      asked('the table, 24 hours, beside the release before', 'compared'),
      asked('the page of the busiest method, 24 hours', 'method'),
      asked('the page of the busiest method, 30 days', 'methodMonth'),
      asked('its trend, 30 days', 'trend'),
      asked('what can be filtered by', 'facets'),
      asked('the cost of all flags, 7 days', 'flags'),
      row({ name: 'bytes on disk per call, raw', unit: 'B', ours: bytes(stored.filter(({ table }) => table === 'calls')) }),
      row({ name: 'bytes on disk per call, with all rollups', unit: 'B', ours: bytes(stored) }),
    ]
  })
}

async function inWorld<T>(count: number, note: BenchOptions['note'], work: (world: World) => Promise<T>): Promise<T> {
  await using folder = await temporaryFolder()
  const store = await openStore({ file: join(folder.path, 'state.db') })
  const clock = systemClock
  const log = (line: string) => note(line)
  const columns = openColumns({ folder: join(folder.path, 'columns'), clock, log })
  try {
    await store.migrate([ledgerMigrations, ...callHouseMigrations])
    const house = await openCallHouse({
      store,
      ledger: openLedger({ store, clock }),
      columns,
      clock,
      environments: async () => [{ name: environment, kind: 'production' }],
      folder: join(folder.path, 'calls'),
      name: 'bench',
      spec: () => cloudFileSchema.shape.calls.parse({}),
      log,
    })
    await house.tables.facets({ environment }) // The tables are made when they are asked for.
    // Calls end an hour ago: what is younger is nobody's, also while this goes on.
    const now = Date.now()
    const from = now - days * dayMs + 3_600_000
    await fill(columns, { from, until: now - 3_600_000, count, note })
    const answer = await work({ house, columns, from, now })
    await house.close()
    return answer
  } finally {
    await columns.close()
    await store.close()
  }
}

async function measure({ house, columns, from, now }: World, said: string, rounds: number, note: BenchOptions['note']) {
  const { tables, changes } = house
  const all = { environment, external: 'with' as const }
  const month = { ...all, from: now - days * dayMs, to: now }
  const week = { ...all, from: now - 7 * dayMs, to: now }
  const day = { ...all, from: now - dayMs, to: now }
  const table = (asked: Parameters<typeof tables.table>[0] | typeof month, more = {}) =>
    elapsedMs(() => tables.table({ rank: 'mix', limit: 5_000, ...asked, ...more }))
  const method = { service: 'api', method: 'Method1.call' }
  const newest = Math.floor(((now - from) / (days * dayMs)) * releases)
  const contenders = {
    bare: () => elapsedMs(() => columns.query(bestQuery(Math.floor(month.from / dayMs)))),
    table: () => table(month),
    filtered: () => table(month, { audience: ['!robot'] }),
    week: () => table(week),
    day: () => table(day),
    variant: () => table(day, { variant: ['comments=on'] }),
    compared: () => table(day, { compare: `release:v${newest - 2}` }),
    method: () => elapsedMs(() => tables.show({ ...day, ...method })),
    methodMonth: () => elapsedMs(() => tables.show({ ...month, ...method })),
    trend: () => elapsedMs(() => tables.trend({ ...month, ...method, measure: 'real' })),
    facets: () => elapsedMs(() => tables.facets({ environment })),
    flags: () => elapsedMs(() => changes.flagCosts({ environment, from: week.from, to: week.to })),
  }
  note(`asking, ${said}`)
  for (const contender of Object.values(contenders)) await contender() // Files are read from the disk once.
  return interleaved(Math.max(3, rounds), contenders)
}

/** The figures of the table, by somebody who writes for this engine alone: one query, in which points come along as arrays. */
function bestQuery(since: number) {
  const stems = ['real', 'cpu', 'dbt', 'stc', 'txc']
  const sums = ['n', 'errors', 'cpu_n', 'ext_sum', 'ext_n', ...stems.map((stem) => `${stem}_sum`)]
  const where = sql`c.environment = ${environment} AND c.t >= toDate(${since})`
  const inner = [...sums.map((name) => `sum(c.${name}) AS ${name}`), ...stems.map((stem) => `max(c.${stem}_max) AS ${stem}_max`)]
  const outer = [
    ...sums.map((name) => `toFloat64(sum(d.${name})) AS ${name}`),
    ...stems.map((stem) => `max(d.${stem}_max) AS ${stem}_max`),
    'groupArray(toUInt16(d.t)) AS spark_days',
    'groupArray(d.real_sum / d.n) AS spark',
  ]
  const quantiles = stems.map((stem) => `quantilesBFloat16Merge(0.5, 0.95, 0.99)(c.${stem}_q) AS ${stem}_q`)
  return sql`SELECT * FROM (
      SELECT d.service AS service, d.method AS method, ${raw(outer.join(', '))} FROM (
        SELECT c.service AS service, c.method AS method, c.t AS t, ${raw(inner.join(', '))} FROM calls_day AS c WHERE ${where} GROUP BY service, method, t
      ) AS d GROUP BY service, method
    ) AS sums LEFT JOIN (
      SELECT c.service AS service, c.method AS method, ${raw(quantiles.join(', '))} FROM calls_day_q AS c WHERE ${where} GROUP BY service, method
    ) AS states USING (service, method) LEFT JOIN (
      SELECT c.service AS service, c.method AS method, max(c.rep_max) AS most, argMax(c.repeated, c.rep_max) AS statement
      FROM calls_hour_repeat AS c WHERE c.environment = ${environment} AND c.t >= toDateTime(${since * 86_400}, 'UTC') GROUP BY service, method
    ) AS repeats USING (service, method)`
}

async function fill(columns: Columns, it: { from: number; until: number; count: number; note: BenchOptions['note'] }): Promise<void> {
  const stepMs = (it.until - it.from) / it.count
  for (let done = 0; done < it.count; done += rowsPerInsert) {
    const count = Math.min(rowsPerInsert, it.count - done)
    await columns.command(insertOf(it.from, stepMs, done, count, it.until - it.from), { timeoutMs: insertMsMax })
    if ((done / rowsPerInsert) % 10 === 9) it.note(`${(done + count) / 1_000_000} of ${it.count / 1_000_000} million calls`)
  }
  // Measured is what a store at rest answers; parts are merged for a while after an insert.
  for (;;) {
    const [merging] = await columns.query<{ n: string }>(sql`SELECT count() AS n FROM system.merges`)
    if (Number(merging?.n ?? 0) === 0) return
    await sleep(500)
  }
}

/** `number` counts from the beginning of all, so that time goes on from insert to insert. */
function insertOf(from: number, stepMs: number, done: number, count: number, spanMs: number) {
  // Tags keep the engine from computing the same chance once.
  const uniform = (tag: number) => raw(`(rand64(${tag}) / 18446744073709551615.)`)
  const logNormal = (median: number, sigma: number, tag: number) => raw(`toUInt32(${median} * exp(randNormal(0, ${sigma}, ${tag})))`)
  const ageMs = sql`toInt64(number * ${stepMs})`
  const busy = sql`(1 + (nth % 7))`
  return sql`INSERT INTO calls (ts, service, environment, release, lane, host, method, audience, account, variants, status, failed, n, real_us, cpu_us,
      cpu_n, dbt_us, dbw_us, ext_us, ext, loop_us, stc, txc, rows, rep, repeated, in_bytes, out_bytes, trace, span, origin, marks)
    SELECT fromUnixTimestamp64Milli(${from} + ${ageMs}, 'UTC') AS at, if(nth % 3 = 2, 'web', 'api'), ${environment},
      concat('v', toString(intDiv(${ageMs} * ${releases}, ${spanMs}))), if(${uniform(1)} < 0.05, 'candidate', 'stable'), concat('host', toString(rand(2) % 8)),
      concat('Method', toString(nth), '.call'), ['customer', 'customer', 'customer', 'staff', 'robot', 'external'][1 + cityHash64(account) % 6],
      concat('account-', toString(account)),
      [if(rand(5) % 2 = 0, 'comments=on', 'comments=off'), if(rand(6) % 10 = 0, 'search=new', 'search=old')],
      if(bad, 500, 200), bad AS failed, 1, dbt + cpu + ${logNormal(800, 0.8, 7)}, cpu, 1, dbt, dbt, external, if(external > 0, 1, 0), ${logNormal(40, 1, 8)},
      toUInt16(nth % 7 + rand(9) % 3) AS statements, toUInt16(statements > 0), statements * 3, repeats, if(repeats > 1, 'SELECT name FROM item WHERE id = ?', ''),
      ${logNormal(300, 1, 10)}, ${logNormal(4000, 1.2, 11)}, randomFixedString(16), rand64(12), 'recorder', 0
    FROM (
      SELECT number, toUInt32(exp(${uniform(4)} * log(3000))) AS account, toUInt32(exp(${uniform(13)} * log(${methods}))) AS nth, ${logNormal(300, 0.6, 14)} * ${busy} AS cpu, ${logNormal(900, 0.9, 15)} * ${busy} AS dbt,
        if(rand(16) % 10 = 0, ${logNormal(5000, 0.7, 17)}, 0) AS external, rand(18) % 100 = 0 AS bad, if(nth % 20 = 5, 1 + rand(19) % 20, 1) AS repeats
      FROM numbers(${done}, ${count})
    )`
}
