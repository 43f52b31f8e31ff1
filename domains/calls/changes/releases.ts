/**
 * A release against the one before it, method by method: calls are compared within their audience, and with the fairest
 * neighbour that has enough of them (matching.ts).
 */
import { type Columns, type Sql, sql } from '@belay/columns'
import { hourMs, hourOf, type Seen } from './arrivals.ts'
import { beforeMs, fairest, type Matching, watchedMs } from './matching.ts'
import type { Arrival } from './store.ts'
import { compareSides } from './sums.ts'
import { judge, type Judged } from './verdict.ts'
import { withWeather } from './weather.ts'

/** Releases whose last call is older than this are of the past. */
export const seenMs = watchedMs + beforeMs

/** Column `t` of the rollups takes seconds. */
export const hourTime = (at: number): Sql => sql`toDateTime(${Math.floor(hourOf(at) / 1_000)}, 'UTC')`

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
export async function judgeRelease(columns: Pick<Columns, 'query'>, arrival: Arrival, now: number): Promise<Judged[]> {
  const compare = (matching: Matching) =>
    compareSides(columns, { table: 'calls_hour', environment: arrival.environment, ...sidesOf(arrival, matching) })
  const [beside, sameHours, next] = await Promise.all([compare('beside'), compare('sameHours'), compare('next')])
  return withWeather(columns, arrival, judge(fairest({ beside, sameHours, next })), now)
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
