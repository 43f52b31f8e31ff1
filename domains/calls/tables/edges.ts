/** From when to when there are calls. */
import { type Columns, join, raw, sql } from '@belay/columns'
import { dayMs, within } from './selection.ts'

/** The first or the last call: to the ms while its raw row is there, else its day's beginning. */
export async function edgeOf(columns: Pick<Columns, 'query'>, environment: string, which: 'min' | 'max'): Promise<number | null> {
  const [day] = await columns.query<{ n: number; at: number }>(
    sql`SELECT toFloat64(count()) AS n, toFloat64(${raw(which)}(toUInt16(c.t))) AS at FROM calls_day AS c WHERE c.environment = ${environment}`,
  )
  if (day === undefined || day.n === 0) return null
  const begin = day.at * dayMs
  const conditions = [sql`c.environment = ${environment}`, within('calls', { from: begin, to: begin + dayMs })]
  const [exact] = await columns.query<{ n: number; at: number }>(
    sql`SELECT toFloat64(count()) AS n, toFloat64(toUnixTimestamp64Milli(${raw(which)}(c.ts))) AS at FROM calls AS c WHERE ${join(conditions, ' AND ')}`,
  )
  return exact !== undefined && exact.n > 0 ? exact.at : begin
}
