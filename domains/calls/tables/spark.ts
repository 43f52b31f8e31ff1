/** A measure of many methods at once, evenly over a range: the small lines of the table. */
import { type Columns, raw, sql } from '@belay/columns'
import type { callRanks } from '@belay/protocol'
import { keyOf, stemOf } from './measures.ts'
import { type Filtered, type Part, rawRowsMax, rollupsOf } from './plan.ts'
import { rawDays } from './schema.ts'
import { dayMs, hourMs, type Range, type Selection, type Table } from './selection.ts'
import { countOf, key, type Key, unionOf } from './sums.ts'

type Rank = (typeof callRanks)[number]
/** As wide as a column of the table can show. */
const pointsWanted = 30

export type SparkPlan = Range & { readonly stepMs: number; readonly points: number; readonly part: Part }

/**
 * Of raw rows when the range is short, else of hours or days: a step is a whole number of them, so that there are 15 to
 * 30 points; the last may lie partly behind the range's end.
 */
export function sparkPlanOf(selection: Filtered, range: Range, it: { readonly now: number; readonly rowsPerDay: number }): SparkPlan {
  const rollups = rollupsOf(selection)
  const span = range.to - range.from
  const isRecent = range.from >= it.now - rawDays * dayMs
  const made = (table: Table, unit: number): SparkPlan => {
    const from = Math.floor(range.from / unit) * unit
    const stepMs = Math.ceil((range.to - from) / pointsWanted / unit) * unit
    const points = Math.ceil((range.to - from) / stepMs)
    return { from, to: range.to, stepMs, points, part: { table, from, to: Math.ceil(range.to / unit) * unit, gives: 'sums' } }
  }
  if (rollups === null || (isRecent && span < 15 * hourMs && (span / dayMs) * it.rowsPerDay <= rawRowsMax)) return made('calls', 1)
  if (rollups.day !== null && (rollups.hour === null || span >= pointsWanted * dayMs)) return made(rollups.day, dayMs)
  return made(rollups.hour as Table, hourMs)
}

/** The position of a row in a series of even steps. */
export const stepKey = ({ from, stepMs }: { readonly from: number; readonly stepMs: number }): Key => ({
  name: 'step',
  of: (table) => {
    const at =
      table === 'calls'
        ? raw('toUnixTimestamp64Milli(c.ts)')
        : raw(table.startsWith('calls_day') ? `toInt64(toUInt16(c.t)) * ${dayMs}` : 'toInt64(toUnixTimestamp(c.t)) * 1000')
    return sql`intDiv(${at} - ${from}, ${stepMs})`
  },
})

/** By `keyOf`. The mean of what is ranked by (of real time for `mix` and `name`), or how many calls or errors; null where no call was. */
export async function readSparks(
  columns: Pick<Columns, 'query'>,
  selection: Selection,
  plan: SparkPlan,
  rank: Rank,
): Promise<ReadonlyMap<string, (number | null)[]>> {
  const stem = stemOf(rank === 'cpu' || rank === 'db' || rank === 'statements' || rank === 'transactions' ? rank : 'real', selection)
  const counts = rank === 'count' || rank === 'errors'
  const [above, below] = counts ? [rank === 'count' ? 'n' : 'errors', 'n'] : [`${stem}_sum`, countOf(stem)]
  const union = unionOf({
    selection,
    parts: [plan.part],
    keys: [key('service'), key('method'), stepKey(plan)],
    sums: [...new Set([above, below])],
  })
  const rows = await columns.query<{ service: string; method: string; steps: number[]; above: number[]; below: number[] }>(
    sql`SELECT toString(u.service) AS service, toString(u.method) AS method, groupArray(toInt32(u.step)) AS steps,
      groupArray(toFloat64(u.${raw(above)})) AS above, groupArray(toFloat64(u.${raw(below)})) AS below
      FROM (${union}) AS u GROUP BY u.service, u.method`,
  )
  return new Map(
    rows.map((row) => {
      const points = new Array<number | null>(plan.points).fill(null)
      for (const [nth, step] of row.steps.entries()) {
        const n = row.below[nth] as number
        if (n > 0 && step >= 0 && step < plan.points) points[step] = counts ? (row.above[nth] as number) : (row.above[nth] as number) / n
      }
      return [keyOf(row.service, row.method), points]
    }),
  )
}
