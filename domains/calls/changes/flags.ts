/**
 * What the variants of a flag cost: calls that met one variant against calls that met another, in the same hour, by the
 * same release, for the same audience. Who meets which variant is not always chance (rings come one after the other), so
 * what differs within an audience may still be who is in it; Belay's notes say so.
 */
import { type Columns, sql } from '@belay/columns'
import { hourMs } from './arrivals.ts'
import { hourTime } from './releases.ts'
import { compareSides } from './sums.ts'
import type { MethodSums } from './verdict.ts'

/** Of one flag in one environment: a variant, and the one that it is compared with. */
export type Pair = {
  readonly environment: string
  readonly flag: string
  readonly variant: string
  readonly against: string
  /** The first and last hour in which both were seen. */
  readonly firstAt: number
  readonly calls: number
}

/** More than are moving at once anywhere; those with the most calls first. */
const pairsMax = 200

type VariantHours = { environment: string; variant: string; n: number | string; hours: readonly (number | string)[] }

/** Flags of which two variants were seen within the same hour. */
export async function pairsSeen(
  columns: Pick<Columns, 'query'>,
  it: { from: number; to: number; environment?: string | undefined; flag?: string | undefined },
): Promise<Pair[]> {
  const environment = it.environment === undefined ? sql`1` : sql`environment = ${it.environment}`
  const flag = it.flag === undefined ? sql`1` : sql`startsWith(variant, ${`${it.flag}=`})`
  const rows = await columns.query<VariantHours>(
    sql`SELECT environment, variant, sum(n) AS n, arraySort(groupUniqArray(800)(toUnixTimestamp(t))) AS hours FROM calls_hour_variant
      WHERE t >= ${hourTime(it.from)} AND t < ${hourTime(it.to + hourMs)} AND ${environment} AND ${flag}
      GROUP BY environment, variant HAVING n > 0 ORDER BY environment, n DESC, variant LIMIT 20000`,
  )
  return pairsOf(
    rows.map((row) => ({ environment: row.environment, variant: row.variant, n: Number(row.n), hours: row.hours.map(Number) })),
  )
}

/** Of each flag the variant to compare with is `off` where there is one, else the one that most calls met. */
export function pairsOf(seen: readonly { environment: string; variant: string; n: number; hours: readonly number[] }[]): Pair[] {
  const flags = new Map<string, { name: string; n: number; hours: readonly number[] }[]>()
  for (const { environment, variant, n, hours } of seen) {
    const equals = variant.indexOf('=')
    if (equals < 0) continue
    const key = `${environment}\0${variant.slice(0, equals)}`
    flags.set(key, [...(flags.get(key) ?? []), { name: variant.slice(equals + 1), n, hours }])
  }
  return [...flags]
    .flatMap(([key, variants]) => {
      const [environment, flag] = key.split('\0') as [string, string]
      const base = variants.find(({ name }) => name === 'off') ?? variants.reduce((most, one) => (one.n > most.n ? one : most))
      const there = new Set(base.hours)
      return variants.flatMap((one): Pair[] => {
        const shared = one === base ? [] : one.hours.filter((hour) => there.has(hour))
        if (shared.length === 0) return []
        const firstAt = Math.min(...shared) * 1_000
        return [{ environment, flag, variant: one.name, against: base.name, firstAt, calls: Math.min(one.n, base.n) }]
      })
    })
    .sort((a, b) => b.calls - a.calls)
    .slice(0, pairsMax)
}

export function comparePair(columns: Pick<Columns, 'query'>, pair: Pair, it: { from: number; to: number }): Promise<MethodSums[]> {
  const [variant, against] = [`${pair.flag}=${pair.variant}`, `${pair.flag}=${pair.against}`]
  return compareSides(columns, {
    table: 'calls_hour_variant',
    environment: pair.environment,
    where: sql`variant IN ${[variant, against]} AND t >= ${hourTime(it.from)} AND t < ${hourTime(it.to + hourMs)}`,
    isAfter: sql`variant = ${variant}`,
    strata: [sql`release`, sql`t`],
  })
}
