/** Which repeated statement came with a change: the one that more calls repeat than before. */
import { type Columns, type Sql, sql } from '@belay/columns'

/** Above one call in ten; statements that seldom repeat are no reason for a mean that moved. */
const shareMin = 0.1

/**
 * @param it.where rows of `calls_hour_repeat` and `calls_hour` on both sides, @param it.isAfter tells the side.
 * @returns undefined when no statement is repeated clearly more often.
 */
export async function repeatSince(
  columns: Pick<Columns, 'query'>,
  { environment, service, method, where, isAfter }: { environment: string; service: string; method: string; where: Sql; isAfter: Sql },
): Promise<string | undefined> {
  const of = sql`environment = ${environment} AND service = ${service} AND method = ${method} AND ${where}`
  const rows = await columns.query<{ repeated: string }>(
    sql`WITH (SELECT (toFloat64(sumIf(n, NOT (${isAfter}))), toFloat64(sumIf(n, ${isAfter}))) FROM calls_hour WHERE ${of}) AS calls
      SELECT repeated, sumIf(n, ${isAfter}) / greatest(calls.2, 1) - sumIf(n, NOT (${isAfter})) / greatest(calls.1, 1) AS more
      FROM calls_hour_repeat WHERE ${of} GROUP BY repeated HAVING more > ${shareMin} ORDER BY more * max(rep_max) DESC LIMIT 1`,
  )
  return rows[0]?.repeated
}

/** The same for a flag's variant, from single calls: rollups do not keep both. */
export async function repeatWith(
  columns: Pick<Columns, 'query'>,
  it: { environment: string; service: string; method: string; from: number; to: number; variant: string; against: string },
): Promise<string | undefined> {
  const has = (name: string) => sql`has(variants, ${name})`
  const rows = await columns.query<{ text: string }>(
    sql`WITH (SELECT (toFloat64(countIf(${has(it.against)})), toFloat64(countIf(${has(it.variant)}))) FROM calls WHERE ${ofMethod(it)}) AS calls
      SELECT repeated AS text, countIf(${has(it.variant)}) / greatest(calls.2, 1) - countIf(${has(it.against)}) / greatest(calls.1, 1) AS more
      FROM calls WHERE ${ofMethod(it)} AND rep > 1 AND repeated != '' GROUP BY repeated HAVING more > ${shareMin}
      ORDER BY more * max(rep) DESC LIMIT 1`,
  )
  return rows[0]?.text
}
const ofMethod = (it: { environment: string; service: string; method: string; from: number; to: number }): Sql =>
  sql`environment = ${it.environment} AND service = ${it.service} AND method = ${it.method} AND ts >= ${new Date(it.from)} AND ts < ${new Date(it.to)}`
