/**
 * Whether a difference outlasts the weather. Calls of one moment are slow together: a burst of load, a restart beside, a
 * cold cache. Tests of single calls take a thousand of them for a thousand witnesses, where there is one moment; so what
 * a release is said to have changed must also hold between moments, each with one mean (batch means; Law and Kelton,
 * Simulation Modeling and Analysis, chapter 9).
 */
import { type Columns, join, raw, type Sql, sql } from '@belay/columns'
import { callMeasures } from '@belay/protocol'
import { type Moments, welch } from '@belay/stats'
import { hourMs } from './arrivals.ts'
import type { Arrival } from './store.ts'
import { columnsOf, type Judged } from './verdict.ts'

/** So many moments of each side: enough for a test, few enough to be long against the bursts. */
const moments = 12
const spanMs = { min: 5_000, max: 4 * 3_600_000 }
/** A moment with fewer calls is a moment of single calls; it goes together with the next. */
const callsMin = 3
/** Two means that agree say nothing of how far moments differ. */
const momentsMin = 3
/** Variants that are met side by side share their weather: more and shorter moments do, as long as both are in them. */
const pairs = { moments: 48, spanMs: { min: 1_000, max: 3_600_000 } }
const pMax = 0.01

/** How long a moment is when the new release has been there for so long. */
export const momentMs = (sinceMs: number): number => Math.round(Math.min(spanMs.max, Math.max(spanMs.min, sinceMs / moments)))

/**
 * @param before means of the moments of one side. A measure that never varies, such as a count of statements, needs no
 *   number of moments.
 */
export function outlasts(before: readonly number[], after: readonly number[]): boolean {
  const [b, a] = [momentsOf(before), momentsOf(after)]
  if (b.n === 0 || a.n === 0) return false
  const isConstant = [...before].every((mean) => mean === before[0]) && [...after].every((mean) => mean === after[0])
  if (isConstant) return before[0] !== after[0]
  if (b.n < momentsMin || a.n < momentsMin) return false
  return welch(b, a).p < pMax
}

/**
 * The same for two variants that are met side by side: of each moment in which both were, one difference. A flag that
 * climbs is met by few at first and by all in the end, so without pairs a calm afternoon would speak for its variant.
 * @param differences after less before, one for each moment.
 */
export function outlastsInPairs(differences: readonly number[]): boolean {
  const [first] = differences
  if (first === undefined) return false
  if (differences.every((it) => it === first)) return first !== 0
  if (differences.length < momentsMin) return false
  // Against a side that never varies Welch's test is Student's of one sample.
  return welch({ n: 2, sum: 0, sumSquares: 0 }, momentsOf(differences)).p < pMax
}

function momentsOf(means: readonly number[]): Moments {
  return {
    n: means.length,
    sum: means.reduce((sum, mean) => sum + mean, 0),
    sumSquares: means.reduce((sum, mean) => sum + mean ** 2, 0),
  }
}

/** Calls of one side in one moment. */
type Some = { readonly n: number; readonly sum: number }
/** One moment of a method: what was before, or of the variant that is compared with; and what came after. */
type Moment = { readonly before: Some; readonly after: Some }

const plus = (one: Some, other: Some): Some => ({ n: one.n + other.n, sum: one.sum + other.sum })
const meanOf = ({ n, sum }: Some): number => sum / n

/** Moments in their order, put together until each is one: `isOne` says when it has calls enough. What is left at the end joins the last. */
export function together<T>(all: readonly T[], add: (one: T, other: T) => T, isOne: (it: T) => boolean): T[] {
  const whole: T[] = []
  let open: T | undefined
  for (const it of all) {
    open = open === undefined ? it : add(open, it)
    if (!isOne(open)) continue
    whole.push(open)
    open = undefined
  }
  const last = whole.pop()
  if (last === undefined) return []
  return [...whole, open === undefined ? last : add(last, open)]
}

const meansOf = (side: readonly Some[]): number[] => together(side, plus, (it) => it.n >= callsMin).map(meanOf)

const differencesOf = (all: readonly Moment[]): number[] =>
  together<Moment>(
    all,
    (one, other) => ({ before: plus(one.before, other.before), after: plus(one.after, other.after) }),
    ({ before, after }) => before.n >= callsMin && after.n >= callsMin,
  ).map(({ before, after }) => meanOf(after) - meanOf(before))

/** Takes back what does not outlast the weather; asks the column store only about what was to be shown. */
export async function withWeather(
  columns: Pick<Columns, 'query'>,
  arrival: Arrival,
  judged: readonly Judged[],
  now: number,
): Promise<Judged[]> {
  const { environment, service, release, before, at } = arrival
  const eachMs = momentMs(now - at)
  const span = moments * eachMs
  return checked(columns, judged, {
    environment,
    seconds: Math.max(1, Math.round(eachMs / 1_000)),
    where: sql`c.service = ${service} AND c.ts >= ${new Date(at - span)} AND c.ts < ${new Date(at + span)}
      AND (c.release = ${before} OR (c.release = ${release} AND c.ts >= ${new Date(at)}))`,
    isAfter: sql`c.release = ${release}`,
    holds: (all) => {
      const sides = { before: meansOf(all.map((it) => it.before)), after: meansOf(all.map((it) => it.after)) }
      // Nobody called shortly before it came: the same hours of the week before are all there is, and were compared.
      return sides.before.length === 0 || outlasts(sides.before, sides.after)
    },
  })
}

/** What was to be shown of a flag's variants and does not hold between moments is taken back. */
export async function withPairedWeather(
  columns: Pick<Columns, 'query'>,
  pair: {
    readonly environment: string
    readonly flag: string
    readonly variant: string
    readonly against: string
    readonly firstAt: number
  },
  judged: readonly Judged[],
  range: { readonly from: number; readonly to: number },
): Promise<Judged[]> {
  const from = Math.max(range.from, pair.firstAt)
  const eachMs = Math.min(pairs.spanMs.max, Math.max(pairs.spanMs.min, (range.to - from) / pairs.moments))
  const [variant, against] = [`${pair.flag}=${pair.variant}`, `${pair.flag}=${pair.against}`]
  return checked(columns, judged, {
    environment: pair.environment,
    seconds: Math.round(eachMs / 1_000),
    // The end is the hour's, as it is of the rollups: a clock ahead of ours by seconds loses nothing.
    where: sql`c.ts >= ${new Date(from)} AND c.ts < ${new Date(range.to + hourMs)} AND has(c.variants, ${variant}) != has(c.variants, ${against})`,
    isAfter: sql`has(c.variants, ${variant})`,
    holds: (all) => outlastsInPairs(differencesOf(all)),
  })
}

async function checked(
  columns: Pick<Columns, 'query'>,
  judged: readonly Judged[],
  it: {
    readonly environment: string
    readonly seconds: number
    readonly where: Sql
    readonly isAfter: Sql
    holds(all: readonly Moment[]): boolean
  },
): Promise<Judged[]> {
  const methods = [...new Set(judged.filter(({ shown }) => shown).map(({ method }) => method))]
  if (methods.length === 0) return [...judged]
  const sums = callMeasures.flatMap((measure) => {
    const { counts, value } = partsOf(measure)
    return (['before', 'after'] as const).flatMap((side) => {
      const rows = sql`${counts} AND ${side === 'after' ? it.isAfter : sql`NOT (${it.isAfter})`}`
      const name = `${measure}_${side}`
      return [sql`toFloat64(countIf(${rows})) AS ${raw(`${name}_n`)}`, sql`toFloat64(sumIf(${value}, ${rows})) AS ${raw(`${name}_sum`)}`]
    })
  })
  const rows = await columns.query<{ service: string; method: string } & Record<string, number | string>>(
    sql`SELECT c.service AS service, c.method AS method, intDiv(toUnixTimestamp(c.ts), ${it.seconds}) AS moment, ${join(sums, ', ')}
      FROM calls AS c
      WHERE c.environment = ${it.environment} AND c.method IN ${methods} AND c.n = 1 AND ${it.where}
      GROUP BY service, method, moment ORDER BY service, method, moment`,
  )
  const byMethod = Map.groupBy(rows, (row) => `${row.service}\0${row.method}`)
  return judged.map((one) => {
    if (!one.shown) return one
    const side = (row: Record<string, number | string>, name: 'before' | 'after'): Some => ({
      n: Number(row[`${one.measure}_${name}_n`]),
      sum: Number(row[`${one.measure}_${name}_sum`]),
    })
    const all = (byMethod.get(`${one.service}\0${one.method}`) ?? []).map((row) => ({
      before: side(row, 'before'),
      after: side(row, 'after'),
    }))
    return { ...one, shown: it.holds(all) }
  })
}

/** Which raw rows a measure stands on, and its column. */
function partsOf(measure: (typeof callMeasures)[number]): { counts: Sql; value: Sql } {
  const { stem, count } = columnsOf[measure]
  return {
    counts: count === 'cpu_n' ? sql`c.cpu_n = 1` : sql`1`,
    value: raw(stem === 'stc' || stem === 'txc' ? `c.${stem}` : `c.${stem}_us`),
  }
}
