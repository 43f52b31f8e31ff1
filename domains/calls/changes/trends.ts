/**
 * Slow and unannounced changes: change points in the daily means of each method and measure, over a quarter. Days of
 * hours, not hours: hourly means follow the day's load, and would give an alarm for every morning.
 */
import { type Columns, raw, sql } from '@belay/columns'
import { type CallMeasure, callMeasures } from '@belay/protocol'
import { addStrata, type ChangePoint, changePoints, concludeStrata, type Moments, stratum, trendBreaks } from '@belay/stats'
import { columnsOf, isLarge, type MethodKey } from './verdict.ts'

const dayMs = 86_400_000
/** A quarter: what began before it is no news. */
export const trendDays = 90
/** Fewer days have no trend; and of a day with fewer calls the mean says little. */
const daysMin = 10
const callsOfDayMin = 10
/** A new level is told when it has lasted so long: one odd day is no level. */
const levelDaysMin = 2
/**
 * By how many standard errors the calls of both levels must differ, whatever their days say: a few days of few calls lie
 * apart by chance, and every night is another chance for it.
 */
const callsT = 4
/** Methods that are read at once: 90 days of 4 audiences are 36,000 rows. */
const methodsAtOnce = 100

export type Trend = MethodKey & {
  readonly measure: CallMeasure
  readonly point: ChangePoint
  /** The first day of the new level. */
  readonly at: number
  /** The days before and after go up or down evenly: nothing happened on that day. */
  readonly drifts: boolean
  /** Calls of the days before it and from it on, as far as the neighbouring changes. */
  readonly calls: { readonly before: number; readonly after: number }
}

/** Of one audience on one day; by measure the sum and on how many calls it stands. */
export type AudienceDay = {
  readonly audience: string
  readonly day: number
  readonly sums: Readonly<Record<CallMeasure, Moments>>
}

/**
 * Daily means at a mix of audiences that never changes (that of the whole time): more robots on one day are no change.
 * An audience that is missing on a day counts with what it cost last.
 */
export function dailyMeans(days: readonly AudienceDay[], measure: CallMeasure, first: number, length: number): (number | null)[] {
  const calls = new Array<number>(length).fill(0)
  const audiences = new Map<string, { n: number; means: (number | null)[] }>()
  for (const { audience, day, sums } of days) {
    const { n, sum } = sums[measure]
    const at = day - first
    if (n === 0 || at < 0 || at >= length) continue
    const it = audiences.get(audience) ?? { n: 0, means: new Array<number | null>(length).fill(null) }
    it.n += n
    it.means[at] = sum / n
    audiences.set(audience, it)
    calls[at] = (calls[at] as number) + n
  }
  const filled = [...audiences.values()].map(({ n, means }) => ({ n, means: fillGaps(means) }))
  const total = filled.reduce((sum, { n }) => sum + n, 0)
  return calls.map((n, at) => (n < callsOfDayMin ? null : filled.reduce((sum, it) => sum + (it.n / total) * (it.means[at] as number), 0)))
}
function fillGaps(means: readonly (number | null)[]): number[] {
  let last = means.find((it) => it !== null) ?? 0
  return means.map((it) => (last = it ?? last))
}

/** Changes of one method. */
export function trendsOf(key: MethodKey, days: readonly AudienceDay[], first: number, length: number): Trend[] {
  return callMeasures.flatMap((measure) => {
    const means = dailyMeans(days, measure, first, length)
    const begin = means.findIndex((it) => it !== null)
    if (begin < 0 || means.filter((it) => it !== null).length < daysMin) return []
    const series = means.slice(begin)
    const points = changePoints(series, { window: 50, pMax: 0.001, magnitudeMin: 0.05 })
    const breaks = points.length === 0 ? [] : trendBreaks(series, { lengthMin: pieceDays })
    return points.flatMap((point, nth): Trend[] => {
      if (series.length - point.index < levelDaysMin) return []
      const difference = point.after - point.before
      if (!isLarge(measure, { difference, relative: point.before === 0 ? Number.POSITIVE_INFINITY : difference / point.before })) return []
      const [from, to] = [points[nth - 1]?.index ?? 0, points[nth + 1]?.index ?? series.length].map((index) => first + begin + index) as [
        number,
        number,
      ]
      const compared = compareDays(days, measure, from, first + begin + point.index, to)
      if (!(compared.t * Math.sign(difference) > callsT)) return []
      const at = (first + begin + point.index) * dayMs
      const drifts = isDrift(breaks, point.index, series.length)
      return [{ ...key, measure, point, at, drifts, calls: { before: compared.before.n, after: compared.after.n } }]
    })
  })
}

/** Lines through fewer days are no lines; and a break may be seen some days beside the step. */
const pieceDays = 10
const besideDays = 5
const isDrift = (breaks: readonly number[], index: number, length: number): boolean =>
  index >= pieceDays && length - index >= pieceDays && breaks.every((at) => Math.abs(at - index) > besideDays)

/** The calls of the days from `from` on against those from `index` to before `to`, audience by audience. */
function compareDays(days: readonly AudienceDay[], measure: CallMeasure, from: number, index: number, to: number) {
  const byAudience = Map.groupBy(
    days.filter(({ day }) => day >= from && day < to),
    ({ audience }) => audience,
  )
  const momentsOf = (some: readonly AudienceDay[]): Moments =>
    some.reduce(
      (all, { sums }) => ({
        n: all.n + sums[measure].n,
        sum: all.sum + sums[measure].sum,
        sumSquares: all.sumSquares + sums[measure].sumSquares,
      }),
      { n: 0, sum: 0, sumSquares: 0 },
    )
  const strata = [...byAudience.values()].map((some) =>
    stratum(momentsOf(some.filter(({ day }) => day < index)), momentsOf(some.filter(({ day }) => day >= index))),
  )
  return concludeStrata(addStrata(strata))
}

/** All methods of an environment, a hundred at a time. `today` is left out: it is not over. */
export async function findTrends(columns: Pick<Columns, 'query'>, environment: string, now: number): Promise<Trend[]> {
  const today = Math.floor(now / dayMs)
  const first = today - trendDays
  const within = sql`environment = ${environment} AND t >= toDate(${first}) AND t < toDate(${today})`
  const methods = await columns.query<MethodKey>(
    sql`SELECT service, method FROM calls_day WHERE ${within} GROUP BY service, method HAVING uniqExact(t) >= ${daysMin} ORDER BY service, method`,
  )
  const found: Trend[] = []
  for (let from = 0; from < methods.length; from += methodsAtOnce) {
    const some = methods.slice(from, from + methodsAtOnce)
    const values = callMeasures.map((measure) => columnsOf[measure].stem)
    const rows = await columns.query<Record<string, string | number>>(
      sql`SELECT service, method, audience, toUInt32(t) AS day, ${raw(
        ['n', 'cpu_n', ...values.flatMap((stem) => [`${stem}_sum`, `${stem}_sq`])]
          .map((name) => `toFloat64(sum(${name})) AS s_${name}`)
          .join(', '),
      )} FROM calls_day WHERE ${within} AND service IN ${[...new Set(some.map((it) => it.service))]} AND method IN ${[...new Set(some.map((it) => it.method))]}
        GROUP BY service, method, audience, day`,
    )
    const byMethod = Map.groupBy(rows, (row) => `${row['service']}\0${row['method']}`)
    for (const { service, method } of some) {
      const days = (byMethod.get(`${service}\0${method}`) ?? []).map((row) => ({
        audience: String(row['audience']),
        day: Number(row['day']),
        sums: Object.fromEntries(
          callMeasures.map((measure) => {
            const { stem, count } = columnsOf[measure]
            return [measure, { n: Number(row[`s_${count}`]), sum: Number(row[`s_${stem}_sum`]), sumSquares: Number(row[`s_${stem}_sq`]) }]
          }),
        ) as AudienceDay['sums'],
      }))
      found.push(...trendsOf({ service, method }, days, first, trendDays))
    }
  }
  return found
}
