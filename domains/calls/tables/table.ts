/** The table: what each method costs. */
import { sayCount } from '@belay/base'
import { sql } from '@belay/columns'
import type { CallFilter, CallRowWire, CallTableWire, callRanks } from '@belay/protocol'
import { overflowMethod } from '@belay/call-record'
import { beforeOf, type Before } from './before.ts'
import { differences, type Sides } from './compare.ts'
import type { Ground } from './ground.ts'
import { foundChanges } from './marks.ts'
import { type Estimates, figuresOf, keyOf, stemOf, type Totals, totalsOf } from './measures.ts'
import { processNotes } from './processes.ts'
import { checkServices, environmentOf } from './places.ts'
import type { Plan } from './plan.ts'
import { repeatsOf } from './repeats.ts'
import { dayMs, type Range, rangeOf, type Selection, selectionOf, stemsOf } from './selection.ts'
import { readSparks, type SparkPlan, sparkPlanOf } from './spark.ts'
import { key, momentsOf, momentSums, readSums, type SumRow } from './sums.ts'

export type TableAsk = CallFilter & {
  readonly rank: (typeof callRanks)[number]
  readonly compare?: string | undefined
  readonly text?: string | undefined
  readonly limit: number
}
/** Of services times methods: ten services with as many methods as each may have. */
const methodsMax = 20_000
/** From so many on an equal statement in one call is called a repeat. */
const repeatsFrom = 5
/** Newer than this, calls on their way are the normal course. */
const behindMs = 15_000

export async function readTable(ground: Ground, ask: TableAsk): Promise<CallTableWire> {
  const startedMs = performance.now()
  const environment = await environmentOf(ground, ask.environment)
  const selection = selectionOf(ask, environment)
  await checkServices(ground, selection)
  const asked = rangeOf(ask, ground.clock.now())
  const before = ask.compare === undefined ? undefined : await beforeOf(ground, ask.compare, selection, asked)
  const it = await readRows(ground, before?.after ?? selection, asked, { rank: ask.rank, before })

  const text = ask.text?.toLowerCase() ?? ''
  const rows = it.rows.filter(({ method }) => method.toLowerCase().includes(text)).sort(rankings[ask.rank])
  return {
    from: it.plan.from,
    to: it.plan.to,
    environment,
    grain: it.plan.grain,
    rank: ask.rank,
    rows: rows.slice(0, ask.limit),
    total: {
      methods: it.rows.length,
      count: it.rows.reduce((sum, { count }) => sum + count, 0),
      errors: it.rows.reduce((sum, { errors }) => sum + errors, 0),
      realUs: it.totals.real,
      cpuUs: it.totals.cpu,
      dbUs: it.totals.db,
    },
    comparedWith: before?.says ?? null,
    notes: [
      ...it.notes,
      ...(rows.length > ask.limit
        ? [`${sayCount(rows.length - ask.limit, 'more method')} in this range; say a limit or a part of the name.`]
        : []),
    ],
    tookMs: Math.round((performance.now() - startedMs) * 10) / 10,
  }
}

/** All methods of a selection, unsorted; the page of one method asks for one. */
export async function readRows(
  ground: Ground,
  selection: Selection,
  asked: Range,
  it: { readonly rank: TableAsk['rank']; readonly before: Before | undefined; readonly totals?: Totals },
): Promise<{ rows: CallRowWire[]; plan: Plan; totals: Totals; notes: string[] }> {
  const { columns } = ground
  const { environment } = selection
  const plan = await ground.plan(selection, asked, { squares: it.before !== undefined })
  const stems = stemsOf(selection)
  // A cloud of yesterday is drawn as wide as one of last year.
  const drawn = { from: Math.min(Math.max(plan.from, (await ground.firstAt(environment)) ?? plan.from), plan.to - 1), to: plan.to }
  const spark = sparkPlanOf(selection, drawn, { now: ground.clock.now(), rowsPerDay: await ground.rowsPerDay(environment) })
  const keys = [key('service'), key('method')]
  const sums = [
    ...new Set([
      'n',
      'errors',
      'cpu_n',
      'ext_sum',
      'ext_n',
      ...stems.flatMap((stem) => [`${stem}_sum`, `${stem}_max`]),
      ...(it.before === undefined ? [] : momentSums(stems)),
    ]),
  ]
  const [all, sparks, estimates, repeats, found, processes, sides] = await Promise.all([
    readSums(columns, { selection, parts: plan.parts, keys, sums, quantiles: plan.quantiles ? stems : [], limit: methodsMax }),
    readSparks(columns, selection, spark, it.rank),
    readEstimates(ground, environment, plan),
    repeatsOf(ground, selection, plan, repeatsFrom),
    foundChanges(ground, { ...plan, environment }),
    processNotes(ground, selection, plan),
    it.before === undefined
      ? null
      : readSums(columns, {
          selection: it.before.selection,
          parts: it.before.plan.parts,
          keys,
          sums: momentSums(stems),
          limit: methodsMax,
        }),
  ])
  const totals = it.totals ?? totalsOf(all, selection, estimates)
  const byKey = (rows: readonly SumRow[] | null) =>
    new Map((rows ?? []).map((row) => [keyOf(row.keys[0] as string, row.keys[1] as string), row]))
  const before = byKey(sides)
  const compared =
    it.before === undefined
      ? null
      : differences(all.map((row) => sidesOf(before.get(keyOf(row.keys[0] as string, row.keys[1] as string)), row, selection)))

  const rows = all.map((row, nth): CallRowWire => {
    const [service, method] = row.keys as [string, string]
    const name = keyOf(service, method)
    const n = row.sum('n')
    return {
      service,
      method,
      count: n,
      errors: row.sum('errors'),
      ...figuresOf(row, { selection, totals, estimates, quantiles: plan.quantiles }),
      external: { mean: n === 0 ? 0 : row.sum('ext_sum') / n, count: row.sum('ext_n') },
      repeats: repeats.get(name) ?? null,
      spark: sparks.get(name) ?? new Array<null>(spark.points).fill(null),
      changedAt: changedAt(found, service, method, it.rank, spark),
      compared: compared?.[nth] ?? null,
    }
  })
  return { rows, plan, totals, notes: [...plan.notes, ...notesOf(ground, rows, totals), ...processes] }
}

function sidesOf(before: SumRow | undefined, after: SumRow, selection: Selection): Sides {
  const side = (measure: keyof Sides) => ({
    before: momentsOf(before, stemOf(measure, selection)),
    after: momentsOf(after, stemOf(measure, selection)),
  })
  return { real: side('real'), cpu: side('cpu'), db: side('db'), statements: side('statements'), transactions: side('transactions') }
}

/** The last change of the measure that is ranked by, of any measure when that is none. */
function changedAt(
  found: Awaited<ReturnType<typeof foundChanges>>,
  service: string,
  method: string,
  rank: TableAsk['rank'],
  spark: SparkPlan,
): number | null {
  const any = rank === 'mix' || rank === 'name' || rank === 'count' || rank === 'errors'
  const last = found.reduce(
    (latest, it) => (it.service === service && it.method === method && (any || it.measure === rank) ? Math.max(latest, it.at) : latest),
    -1,
  )
  const step = Math.floor((last - spark.from) / spark.stepMs)
  return last < 0 || step < 0 || step >= spark.points ? null : step
}

/** Regression speaks of a service that reports no CPU time; of several estimates the newest counts. */
export async function readEstimates({ columns }: Pick<Ground, 'columns'>, environment: string, range: Range): Promise<Estimates> {
  // Made every few minutes at the most; one of the day before is better than none.
  const from = Math.floor((range.from - dayMs) / 1_000)
  const rows = await columns.query<{ service: string; method: string; cpu: number }>(
    sql`SELECT toString(c.service) AS service, toString(c.method) AS method, argMax(c.cpu_us, c.ts) AS cpu FROM call_cpu_estimates AS c
      WHERE c.environment = ${environment} AND c.ts >= toDateTime(${Math.max(0, from)}, 'UTC') AND c.ts < toDateTime(${Math.ceil(range.to / 1_000) + 1}, 'UTC')
      GROUP BY c.service, c.method LIMIT ${methodsMax}`,
  )
  return new Map(rows.map(({ service, method, cpu }) => [keyOf(service, method), Number(cpu)]))
}

function notesOf(ground: Ground, rows: readonly CallRowWire[], totals: Totals): string[] {
  const notes: string[] = []
  const estimated = rows.filter((row) => row.cpuEstimated).length
  if (estimated > 0) notes.push(`CPU time of ${sayCount(estimated, 'method')} is estimated by regression: their services report none.`)
  const missing = (['real', 'cpu', 'db'] as const).filter((it) => totals[it] === 0)
  const named = { real: 'real time', cpu: 'CPU time', db: 'DB time' }
  if (rows.length > 0 && missing.length > 0 && missing.length < 3)
    notes.push(`No ${missing.map((it) => named[it]).join(' and no ')} was measured, so Mix is the mean of the other shares.`)
  const over = rows.filter(({ method }) => method === overflowMethod).reduce((sum, { count }) => sum + count, 0)
  if (over > 0) notes.push(`${sayCount(over, 'call')} of methods beyond the bound are counted under ${overflowMethod}.`)
  if (rows.length >= methodsMax) notes.push(`Only ${methodsMax.toLocaleString('en')} methods are summed up; say a service.`)
  const { waitingRows, oldestAt } = ground.intake.state()
  if (oldestAt !== null && ground.clock.now() - oldestAt > behindMs)
    notes.push(`${sayCount(waitingRows, 'call')} wait for the column store and are not in these figures yet.`)
  return notes
}

const byName = (a: CallRowWire, b: CallRowWire) => a.method.localeCompare(b.method) || a.service.localeCompare(b.service)
const falling = (of: (row: CallRowWire) => number) => (a: CallRowWire, b: CallRowWire) => of(b) - of(a) || byName(a, b)
/** By totals: what costs the cloud most stands first, whether by many calls or by dear ones. */
const rankings: Readonly<Record<TableAsk['rank'], (a: CallRowWire, b: CallRowWire) => number>> = {
  mix: falling(({ mix }) => mix),
  real: falling(({ real }) => real.total),
  cpu: falling(({ cpu }) => cpu.total),
  db: falling(({ db }) => db.total),
  statements: falling(({ statements }) => statements.total),
  transactions: falling(({ transactions }) => transactions.total),
  count: falling(({ count }) => count),
  errors: falling(({ errors }) => errors),
  name: byName,
}
