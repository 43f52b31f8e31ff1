/**
 * How often these looks are wrong, and how soon they are right: methods made of chance run through the very verdicts that
 * judge real ones, an hour's sums at a time. Calls follow the day (four times as many at its height as at night), take
 * longer when many come (15 % up and down), and scatter log-normally (σ 0.6); every 36 hours a release replaces the last one
 * at once, which is the hardest case: no hour has both.
 */
import type { Random } from '@belay/base'
import { callMeasures } from '@belay/protocol'
import { addStrata, type Moments, stratum, type StrataSums } from '@belay/stats'
import { beforeMs, fairest, type Matching, matchings, watchedMs } from './matching.ts'
import { type AudienceDay, trendsOf } from './trends.ts'
import { judge, type MethodSums } from './verdict.ts'

const hoursOfRelease = 36
const watchedHours = watchedMs / 3_600_000
const hoursBefore = beforeMs / 3_600_000
/** A release is looked at when it has been there for so long: as often as `look` does while it matters. */
const looksAtHours = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 30, 36]
const sigma = 0.6
const meanUs = 20_000

export type Simulated = {
  /** Over all quiet methods: changes told at a release, and by the trends of every night. */
  readonly alarms: { readonly release: number; readonly trend: number }
  /** Releases that were compared with another, times methods. */
  readonly comparisons: number
  /** Of the shifted method: hours from its release to the verdict, days from its first day to the night that told; null: not found. */
  readonly foundAfterHours: number | null
  readonly foundAfterDays: number | null
}

/**
 * One cloud of methods for some days, without any change or with one.
 * @param it.callsPerHour of each method, on average.
 * @param it.shift by how much one method gets dearer in the middle: 0.1 for 10 %.
 */
export function simulateCloud(it: {
  readonly methods: number
  readonly days: number
  readonly callsPerHour: number
  readonly shift?: number
  readonly random: Random
}): Simulated {
  const { methods, days, callsPerHour, shift = 0, random } = it
  const draw = samplerFrom(random)
  const hours = days * 24
  const releases = Math.ceil(hours / hoursOfRelease)
  const shiftedAt = Math.floor(releases / 2) * hoursOfRelease
  const series = Array.from({ length: methods }, (_, method) =>
    Array.from({ length: hours }, (_hour, hour) => {
      const swing = Math.sin(((hour % 24) / 24) * 2 * Math.PI)
      const mean = meanUs * (1 + 0.15 * swing) * (method === 0 && hour >= shiftedAt ? 1 + shift : 1)
      return draw(callsPerHour * (1 + 0.6 * swing), mean)
    }),
  )

  let release = 0
  let foundAfterHours: number | null = null
  for (let at = hoursOfRelease; at < hours; at += hoursOfRelease) {
    const alarmed = new Set<number>()
    for (const after of looksAtHours) {
      if (at + after > hours) break
      for (const { method, shown, it: found } of judgeAt(series, at, after)) {
        if (!shown) continue
        const nth = Number(method)
        if (nth === 0 && at === shiftedAt && shift !== 0) {
          if (found.difference > 0) foundAfterHours ??= after
        } else alarmed.add(nth)
      }
    }
    release += alarmed.size
  }

  let trend = 0
  let foundAfterDays: number | null = null
  const shiftDay = shiftedAt / 24
  for (const [nth, hoursOf] of series.entries()) {
    const all = daysOf(hoursOf)
    const told: number[] = []
    for (let night = 10; night <= days; night++)
      for (const { measure, point } of trendsOf({ service: '', method: String(nth) }, all.slice(0, night), 0, night)) {
        if (measure !== 'real' || told.some((day) => Math.abs(day - point.index) <= 3)) continue
        told.push(point.index)
        const isShift = nth === 0 && shift !== 0 && Math.abs(point.index - shiftDay) <= 3
        if (isShift) foundAfterDays ??= night - Math.floor(shiftDay)
        else trend++
      }
  }
  return { alarms: { release, trend }, comparisons: (releases - 1) * methods, foundAfterHours, foundAfterDays }
}

const none: Moments = { n: 0, sum: 0, sumSquares: 0 }
const plus = (a: Moments, b: Moments): Moments => ({ n: a.n + b.n, sum: a.sum + b.sum, sumSquares: a.sumSquares + b.sumSquares })
const nothing = addStrata([])

/** All methods' hours around the release that came at hour `at`, `after` hours later. */
function judgeAt(series: readonly (readonly Moments[])[], at: number, after: number) {
  const end = at + Math.min(after, watchedHours)
  const methodsBy = (matching: Matching): MethodSums[] =>
    series.map((hours, nth) => ({ service: '', method: String(nth), sums: onlyReal(sumsBy(matching, hours, at, end)) }))
  return judge(fairest(Object.fromEntries(matchings.map((matching) => [matching, methodsBy(matching)])) as Record<Matching, MethodSums[]>))
}
const onlyReal = (real: StrataSums): MethodSums['sums'] =>
  Object.fromEntries(callMeasures.map((measure) => [measure, measure === 'real' ? real : nothing])) as unknown as MethodSums['sums']

function sumsBy(matching: Matching, hours: readonly Moments[], at: number, end: number): StrataSums {
  if (matching === 'beside') return nothing
  // Only the release before this one is compared with.
  const from = matching === 'next' ? at - 1 : Math.max(0, at - Math.min(hoursOfRelease, hoursBefore))
  const to = matching === 'next' ? Math.min(end, at + 2) : end
  const strata = new Map<number, { before: Moments; after: Moments }>()
  for (let hour = from; hour < to; hour++) {
    const key = matching === 'next' ? 0 : hour % 24
    const { before, after } = strata.get(key) ?? { before: none, after: none }
    const moments = hours[hour] as Moments
    strata.set(key, hour < at ? { before: plus(before, moments), after } : { before, after: plus(after, moments) })
  }
  return addStrata([...strata.values()].map(({ before, after }) => stratum(before, after)))
}

function daysOf(hours: readonly Moments[]): AudienceDay[] {
  return Array.from({ length: Math.floor(hours.length / 24) }, (_, day) => {
    const moments = hours.slice(day * 24, day * 24 + 24).reduce(plus, none)
    const sums = Object.fromEntries(callMeasures.map((measure) => [measure, measure === 'real' ? moments : none])) as AudienceDay['sums']
    return { audience: '', day, sums }
  })
}

/** Above this an hour's sums are drawn as what they nearly are, two normal variables that go together. */
const drawnMax = 60

/** The sums of an hour's calls: their number by Poisson, their values log-normal with this mean. */
function samplerFrom(random: Random): (calls: number, mean: number) => Moments {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const location = (mean: number) => Math.log(mean) - sigma ** 2 / 2
  const poisson = (lambda: number) => {
    if (lambda > drawnMax) return Math.max(0, Math.round(lambda + Math.sqrt(lambda) * normal()))
    const end = Math.exp(-lambda)
    let n = 0
    for (let product = random(); product > end; product *= random()) n++
    return n
  }
  return (calls, mean) => {
    const n = poisson(calls)
    const m = location(mean)
    if (n <= drawnMax) {
      let sum = 0
      let sumSquares = 0
      for (let nth = 0; nth < n; nth++) {
        const value = Math.exp(m + sigma * normal())
        sum += value
        sumSquares += value ** 2
      }
      return { n, sum, sumSquares }
    }
    // E x^k of a log-normal variable is exp(k·m + k²σ²/2).
    const moment = (k: number) => Math.exp(k * m + (k * sigma) ** 2 / 2)
    const [variance, varianceOfSquares, together] = [
      moment(2) - moment(1) ** 2,
      moment(4) - moment(2) ** 2,
      moment(3) - moment(1) * moment(2),
    ]
    const [first, second] = [normal(), normal()]
    const correlation = together / Math.sqrt(variance * varianceOfSquares)
    const of = (mean_: number, spread: number, z: number) => n * mean_ + Math.sqrt(n * spread) * z
    return {
      n,
      sum: of(moment(1), variance, first),
      sumSquares: of(moment(2), varianceOfSquares, correlation * first + Math.sqrt(1 - correlation ** 2) * second),
    }
  }
}
