/**
 * A release against the one before it, method by method. Calls are compared within their audience, and with the fairest
 * neighbour that has enough of them: calls of the old release in the same hour (old instances beside the new), else at
 * the same hour of the day during the week before, else in the hour before.
 */
import { type Columns, type Sql, sql } from '@belay/columns'
import { callMeasures } from '@belay/protocol'
import { hourMs, hourOf, type Seen } from './arrivals.ts'
import type { Arrival } from './store.ts'
import { compareSides } from './sums.ts'
import { callsMin, judge, type Judged, type MethodSums } from './verdict.ts'

const dayMs = 24 * hourMs
/** A release is watched for so long: every hour of the day has come twice by then. */
export const watchedMs = 2 * dayMs
/** How far back the old release is looked at: one day of each kind. */
const beforeMs = 7 * dayMs
/** Releases whose last call is older than this are of the past. */
export const seenMs = watchedMs + beforeMs

/** Column `t` of the rollups takes seconds. */
export const hourTime = (at: number): Sql => sql`toDateTime(${Math.floor(hourOf(at) / 1_000)}, 'UTC')`

type Matching = 'beside' | 'sameHours' | 'next'

function sidesOf({ release, before, service, at }: Arrival, matching: Matching): { where: Sql; isAfter: Sql; strata: Sql[] } {
  const of = sql`service = ${service} AND release IN ${[release, before]} AND t < ${hourTime(at + watchedMs + hourMs)}`
  const isAfter = sql`release = ${release}`
  const since = (from: number) => sql`t >= ${hourTime(from)}`
  switch (matching) {
    case 'beside':
      return { where: sql`${of} AND ${since(at)}`, isAfter, strata: [sql`t`] }
    case 'sameHours':
      // The new release may have been here before, and was no news then.
      return { where: sql`${of} AND ${since(at - beforeMs)} AND (release = ${before} OR ${since(at)})`, isAfter, strata: [sql`toHour(t)`] }
    case 'next':
      return {
        where: sql`${of} AND ${since(at - hourMs)} AND t <= ${hourTime(at + hourMs)} AND (release = ${before} OR ${since(at)})`,
        isAfter,
        strata: [],
      }
  }
}

/** Every method that has calls on both sides, judged together. */
export async function judgeRelease(columns: Pick<Columns, 'query'>, arrival: Arrival): Promise<Judged[]> {
  const byMatching = await Promise.all(
    (['beside', 'sameHours', 'next'] as const).map((matching) =>
      compareSides(columns, { table: 'calls_hour', environment: arrival.environment, ...sidesOf(arrival, matching) }),
    ),
  )
  return judge(fairest(byMatching as [MethodSums[], MethodSums[], MethodSums[]]))
}

/**
 * Of each method and measure the first matching with enough calls, and of the first two rather the second when it rests
 * on more than twice as much: the one hour in which a quick deployment happened shall not be all that is ever looked at.
 */
function fairest([beside, sameHours, next]: readonly [MethodSums[], MethodSums[], MethodSums[]]): MethodSums[] {
  const byKey = (them: readonly MethodSums[]) => new Map(them.map((it) => [`${it.service}\0${it.method}`, it]))
  const maps = [beside, sameHours, next].map(byKey)
  const keys = new Set(maps.flatMap((map) => [...map.keys()]))
  return [...keys].map((key) => {
    const three = maps.map((map) => map.get(key))
    const some = three.find((it) => it !== undefined) as MethodSums
    const sums = Object.fromEntries(
      callMeasures.map((measure) => {
        const all = three.flatMap((it) => (it === undefined ? [] : [it.sums[measure]]))
        const enough = all.filter((it) => it.nBefore >= callsMin && it.nAfter >= callsMin)
        const [first, second] = enough
        if (first === undefined) return [measure, all[0]]
        const isBeside = three[0]?.sums[measure] === first && three[1]?.sums[measure] === second
        return [measure, isBeside && second !== undefined && second.weight > 2 * first.weight ? second : first]
      }),
    ) as MethodSums['sums']
    return { service: some.service, method: some.method, sums }
  })
}

/** Which releases calls name, by service, with the hours of the first and the last. */
export async function releasesSeen(columns: Pick<Columns, 'query'>, since: number): Promise<Seen[]> {
  const rows = await columns.query<{
    environment: string
    service: string
    release: string
    first: number | string
    last: number | string
  }>(
    sql`SELECT environment, service, release, toUnixTimestamp(min(t)) AS first, toUnixTimestamp(max(t)) AS last
      FROM calls_hour WHERE t >= ${hourTime(since)} GROUP BY environment, service, release ORDER BY last DESC LIMIT 10000`,
  )
  return rows.map(({ environment, service, release, first, last }) => ({
    environment,
    service,
    release,
    firstHour: Number(first) * 1_000,
    lastHour: Number(last) * 1_000,
  }))
}

/** When the releases of a service made their first calls, from a little before `since` on. */
export async function firstCalls(
  columns: Pick<Columns, 'query'>,
  { environment, service, since }: { environment: string; service: string; since: number },
): Promise<Map<string, number>> {
  const from = since - hourMs
  const rows = await columns.query<{ release: string; first: number | string }>(
    sql`SELECT release, toUnixTimestamp64Milli(min(ts)) AS first FROM calls
      WHERE environment = ${environment} AND service = ${service} AND ts >= ${new Date(from)} AND ts < ${new Date(since + 2 * hourMs)}
      GROUP BY release`,
  )
  return new Map(rows.map(({ release, first }) => [release, Number(first)]))
}
