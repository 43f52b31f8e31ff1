/** One measure of one method over time, with what happened meanwhile. */
import { sql } from '@belay/columns'
import type { TrendWire, trendMeasures } from '@belay/protocol'
import type { Ground } from './ground.ts'
import { marksOf } from './marks.ts'
import { stemOf } from './measures.ts'
import { type MethodFilter, ofMethod } from './method.ts'
import { type Part, rawRowsMax, rollupsOf } from './plan.ts'
import { rawDays } from './schema.ts'
import { conditions, dayMs, hourMs, type Range, type Selection, type Table } from './selection.ts'
import { stepKey } from './spark.ts'
import { countOf, readSums } from './sums.ts'

export type TrendAsk = MethodFilter & { readonly measure: (typeof trendMeasures)[number] }
type Grain = TrendWire['grain']

const minuteMs = 60_000
const unitOf: Readonly<Record<Grain, number>> = { minute: minuteMs, hour: hourMs, day: dayMs }
/** As many points as are told apart: 360 minutes, 336 hours. */
const minutesUpTo = 6 * hourMs
const hoursUpTo = 14 * dayMs
/** One method's rows lie together, so more of all rows may be asked than for a table. */
const trendRowsMax = 5 * rawRowsMax

/**
 * By minute when the calls of the range lie within six hours (then only from the first to the last), by hour up to two
 * weeks, else by day. Quantiles come with raw rows and with days. For `count` and `errors` the mean is the number.
 */
export async function readTrend(ground: Ground, ask: TrendAsk): Promise<TrendWire> {
  const { environment, selection, range: asked } = await ofMethod(ground, ask)
  const now = ground.clock.now()
  const range = { from: asked.from, to: Math.max(asked.from + 1, Math.min(asked.to, now + 1)) }
  const isRecent = range.from >= now - rawDays * dayMs
  const seen = isRecent && range.to - range.from <= hoursUpTo ? await seenOf(ground, selection, range) : null
  const shown = seen !== null && seen.to - seen.from <= minutesUpTo ? seen : range
  const rows = (await ground.rowsPerDay(environment)) * ((shown.to - shown.from) / dayMs)
  const { grain, table } = choose(selection, shown, isRecent ? rows : Number.POSITIVE_INFINITY)
  const unit = unitOf[grain]
  const from = Math.floor(shown.from / unit) * unit
  const count = Math.ceil((shown.to - from) / unit)
  const part: Part = {
    table,
    from: table === 'calls' ? Math.max(from, shown.from) : from,
    to: table === 'calls' ? shown.to : from + count * unit,
    gives: table === 'calls' ? 'all' : 'sums',
  }
  const isCount = ask.measure === 'count' || ask.measure === 'errors'
  const stem = stemOf(ask.measure === 'count' || ask.measure === 'errors' ? 'real' : ask.measure, selection)
  const states = table === 'calls_day' ? (rollupsOf(selection)?.quantiles ?? null) : null
  const hasQuantiles = !isCount && (table === 'calls' || states !== null)
  const steps = { from, stepMs: unit }
  const [sums, marks, estimates] = await Promise.all([
    readSums(ground.columns, {
      selection,
      parts: states === null ? [part] : [part, { ...part, table: states, gives: 'quantiles' }],
      keys: [stepKey(steps)],
      sums: ['n', 'errors', 'cpu_n', `${stem}_sum`, `${stem}_max`],
      quantiles: hasQuantiles ? [stem] : [],
    }),
    marksOf(ground, { ...asked, environment, service: ask.service, method: ask.method }),
    ask.measure === 'cpu' ? estimatesOf(ground, ask, environment, part, steps) : null,
  ])
  const byStep = new Map(sums.map((row) => [Number(row.keys[0]), row]))
  const isMeasured = sums.some((row) => row.sum('cpu_n') > 0)
  const points = Array.from({ length: count }, (_, step): TrendWire['points'][number] => {
    const at = from + step * unit
    const row = byStep.get(step)
    const calls = row?.sum('n') ?? 0
    if (row === undefined || calls === 0) return { at, n: 0, mean: null, p50: null, p95: null, max: null }
    if (isCount) {
      const number = ask.measure === 'count' ? calls : row.sum('errors')
      return { at, n: calls, mean: number, p50: null, p95: null, max: number }
    }
    if (ask.measure === 'cpu' && !isMeasured) return { at, n: calls, mean: estimates?.(step) ?? null, p50: null, p95: null, max: null }
    const n = row.sum(countOf(stem))
    if (n === 0) return { at, n: 0, mean: null, p50: null, p95: null, max: null }
    const max = row.sum(`${stem}_max`)
    const [p50, p95] = row.quantiles(stem)?.map((value) => Math.min(value, max)) ?? []
    return { at, n, mean: Math.max(0, row.sum(`${stem}_sum`)) / n, p50: p50 ?? null, p95: p95 ?? null, max }
  })
  return { measure: ask.measure, grain, points, marks }
}

function choose(selection: Selection, range: Range, rawRows: number): { grain: Grain; table: Table } {
  const rollups = rollupsOf(selection)
  const span = range.to - range.from
  const canRaw = rawRows <= trendRowsMax
  if (rollups === null) return { grain: span <= minutesUpTo ? 'minute' : span <= hoursUpTo ? 'hour' : 'day', table: 'calls' }
  if (span <= minutesUpTo && canRaw) return { grain: 'minute', table: 'calls' }
  if (span <= hoursUpTo && (canRaw || rollups.hour !== null)) return { grain: 'hour', table: canRaw ? 'calls' : (rollups.hour as Table) }
  return { grain: 'day', table: rollups.day ?? (canRaw ? 'calls' : (rollups.hour as Table)) }
}

/** From the first to the last call of a range. */
async function seenOf({ columns }: Ground, selection: Selection, range: Range): Promise<Range | null> {
  const [row] = await columns.query<{ n: number; first: number; last: number }>(
    sql`SELECT toFloat64(count()) AS n, toFloat64(toUnixTimestamp64Milli(min(c.ts))) AS first, toFloat64(toUnixTimestamp64Milli(max(c.ts))) AS last
      FROM calls AS c WHERE ${conditions(selection, 'calls', range)}`,
  )
  return row === undefined || row.n === 0 ? null : { from: row.first, to: row.last + 1 }
}

/** The newest estimate at each step: they are made every some minutes. */
async function estimatesOf(
  { columns }: Ground,
  { service, method }: TrendAsk,
  environment: string,
  range: Range,
  { from, stepMs }: { from: number; stepMs: number },
): Promise<(step: number) => number | null> {
  const since = Math.max(0, Math.floor((range.from - dayMs) / 1_000))
  const rows = await columns.query<{ at: number; cpu: number }>(
    sql`SELECT toFloat64(toUnixTimestamp(max(c.ts))) * 1000 AS at, argMax(c.cpu_us, c.ts) AS cpu
      FROM call_cpu_estimates AS c WHERE c.environment = ${environment} AND c.service = ${service} AND c.method = ${method}
      AND c.ts >= toDateTime(${since}, 'UTC') AND c.ts < toDateTime(${Math.ceil(range.to / 1_000)}, 'UTC')
      GROUP BY intDiv(toInt64(toUnixTimestamp(c.ts)) * 1000, ${stepMs}) ORDER BY at`,
  )
  return (step) => rows.findLast(({ at }) => at < from + (step + 1) * stepMs)?.cpu ?? rows[0]?.cpu ?? null
}
