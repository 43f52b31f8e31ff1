/** Equal statements that ran several times within one call. */
import { raw, type Sql, sql } from '@belay/columns'
import type { Ground } from './ground.ts'
import { keyOf } from './measures.ts'
import { rollupsOf } from './plan.ts'
import { conditions, hourMs, type Range, type Selection } from './selection.ts'

/** The rows that know of repeats under this selection: of raw calls when the rollup does not know what is filtered by. */
function source(selection: Selection, range: Range): { from: Sql; n: Sql; max: Sql } {
  if (rollupsOf(selection)?.hour !== 'calls_hour') {
    const where = conditions(selection, 'calls', range)
    return { from: sql`calls AS c WHERE ${where} AND c.rep > 1 AND c.repeated != ''`, n: raw('sum(c.n)'), max: raw('c.rep') }
  }
  // Its columns are those of calls_hour; whole hours, so the edges of a range may show a repeat from just outside.
  const hours = { from: Math.floor(range.from / hourMs) * hourMs, to: Math.ceil(range.to / hourMs) * hourMs }
  return {
    from: sql`calls_hour_repeat AS c WHERE ${conditions(selection, 'calls_hour', hours)}`,
    n: raw('sum(c.n)'),
    max: raw('c.rep_max'),
  }
}

/** Of each method the statement that one call ran most often, when it ran at least `from` times. By `keyOf`. */
export async function repeatsOf(
  { columns }: Pick<Ground, 'columns'>,
  selection: Selection,
  range: Range,
  from: number,
): Promise<ReadonlyMap<string, { max: number; statement: string }>> {
  const it = source(selection, range)
  const rows = await columns.query<{ service: string; method: string; most: number; statement: string }>(
    sql`SELECT toString(c.service) AS service, toString(c.method) AS method, toUInt32(max(${it.max})) AS most,
      toString(argMax(c.repeated, ${it.max})) AS statement FROM ${it.from} AND ${it.max} >= ${from} GROUP BY c.service, c.method`,
  )
  return new Map(rows.map((row) => [keyOf(row.service, row.method), { max: row.most, statement: row.statement }]))
}

/** A page shows the worst; a method with more different ones has another problem. */
const statementsMax = 20

/** All statements that a method's calls repeated, the worst first. */
export async function repeatedStatements(
  { columns }: Pick<Ground, 'columns'>,
  selection: Selection,
  range: Range,
): Promise<{ statement: string; calls: number; max: number }[]> {
  const it = source(selection, range)
  const rows = await columns.query<{ statement: string; calls: number; most: number }>(
    sql`SELECT toString(c.repeated) AS statement, toFloat64(${it.n}) AS calls, toUInt32(max(${it.max})) AS most
      FROM ${it.from} GROUP BY c.repeated ORDER BY most DESC, calls DESC LIMIT ${statementsMax}`,
  )
  return rows.map(({ statement, calls, most }) => ({ statement, calls, max: most }))
}
