/**
 * Which tables answer a range. Every table holds the same sums, so a range may be cut into parts, each read from the
 * coarsest table that has it exactly, and put together again:
 *
 *   14 days and more   whole days: the range begins (and ends, when it is over) with a day of UTC
 *   2 to 14 days       whole hours: whole days from `calls_day`, their edges from raw rows, or from `calls_hour` when
 *                      raw rows are gone or too many
 *   less than 2 days   to the millisecond, while raw rows last; whole hours after that
 *
 * Quantiles are kept by day and can be had of raw rows, not of hours: where the edges are hours they are those of all
 * days that the range touches, and below a day there are none. A filter that rollups do not know (a host, several
 * variants) leaves raw rows alone. What was answered stands in the plan, so that a page can say it.
 */
import { hourDays, rawDays } from './schema.ts'
import { dayMs, type Dimension, hourMs, type Range, type Selection, type Table } from './selection.ts'

export type Part = Range & { readonly table: Table }
export type Grain = 'raw' | 'hour' | 'day'
export type Plan = Range & {
  /** What most of it is read from. */
  readonly grain: Grain
  readonly sums: readonly Part[]
  /** Null: there are none. The same array as `sums` when one query answers both. */
  readonly quantiles: readonly Part[] | null
  /** In sentences. */
  readonly notes: readonly string[]
}

/** Of raw rows that one page reads: about a second of two cores, with the quantiles of five measures. */
export const rawRowsMax = 10_000_000
const wholeDaysFrom = 14 * dayMs
const wholeHoursFrom = 2 * dayMs

type Rollups = { readonly hour: Table | null; readonly day: Table | null; readonly quantiles: boolean }

/** The rollups that know all that the selection filters by, and what is divided `by`; null: none does. */
export function rollupsOf(names: Selection['names'], by?: Dimension | 'status'): Rollups | null {
  if (by === 'status') return null
  const used = [...(Object.keys(names) as Dimension[]).filter((it) => names[it] !== undefined), ...(by === undefined ? [] : [by])]
  const knows = (...dimensions: Dimension[]) => used.every((it) => dimensions.includes(it))
  if (knows('service', 'method', 'audience', 'release', 'lane')) return { hour: 'calls_hour', day: 'calls_day', quantiles: true }
  // Of several variants a call may have more than one, and would be counted as often.
  const oneVariant = names.variant === undefined || (names.variant.only.length === 1 && names.variant.not.length === 0)
  if (oneVariant && knows('service', 'method', 'audience', 'release', 'variant'))
    return { hour: 'calls_hour_variant', day: null, quantiles: false }
  if (knows('service', 'method', 'audience', 'account')) return { hour: null, day: 'calls_day_account', quantiles: false }
  return null
}

export function planOf(
  names: Selection['names'],
  asked: Range,
  it: {
    readonly now: number
    /** How many raw rows a day of this environment has. */
    readonly rowsPerDay: number
    /** By default true. */
    readonly quantiles?: boolean
    readonly by?: Dimension | 'status'
  },
): Plan {
  const { now } = it
  const rawSince = now - rawDays * dayMs
  const wantsQuantiles = it.quantiles !== false
  const isOpen = asked.to >= now
  const rollups = rollupsOf(names, it.by)
  const rowsIn = (ms: number) => (it.rowsPerDay * ms) / dayMs
  const made = (range: Range, sums: readonly Part[], quantiles: readonly Part[] | null, notes: readonly string[] = []): Plan => {
    const to = isOpen ? asked.to : range.to
    return {
      from: range.from,
      to,
      grain: grainOf(sums, to),
      sums,
      quantiles: wantsQuantiles ? quantiles : null,
      notes: wantsQuantiles ? notes : [],
    }
  }

  if (rollups === null) {
    const from = Math.min(Math.max(asked.from, rawSince), asked.to)
    const parts = from < asked.to ? [{ table: 'calls' as const, from, to: asked.to }] : []
    const notes =
      from > asked.from ? [`Single calls are kept for ${rawDays} days, and these filters need them: what is older is left out.`] : []
    return { ...made({ from, to: asked.to }, parts, parts), notes }
  }
  const { hour, day } = rollups
  const span = asked.to - asked.from
  // What is still coming belongs to a range that has not ended.
  const end = (unit: number) => (isOpen ? ceil(Math.max(asked.to, now) + 1, day === null ? hourMs : dayMs) : ceil(asked.to, unit))
  const snapped = (unit: number): Range => ({ from: floor(asked.from, unit), to: end(unit) })
  const noQuantiles = rollups.quantiles
    ? 'p50, p95 and p99 are not known of parts of a day that are this old or have this many calls.'
    : 'p50, p95 and p99 are not known under these filters over so many calls.'

  const byDay = (): Plan => {
    const range = snapped(dayMs)
    const parts = split(range, [[day as Table, dayMs]])
    return made(range, parts, rollups.quantiles ? parts : null, rollups.quantiles ? [] : [noQuantiles])
  }
  const isWhole = (unit: number) => asked.from % unit === 0 && (isOpen || asked.to % unit === 0)
  const hasRaw = asked.from >= rawSince
  if (day !== null && rollups.quantiles && isWhole(dayMs)) return byDay()
  if (day !== null && (span >= wholeDaysFrom || asked.from < now - hourDays * dayMs)) {
    if (rollups.quantiles || !hasRaw || rowsIn(span) > rawRowsMax) return byDay()
  }

  // Exactly, or to the hour where that is all there is.
  const range: Range = (span >= wholeHoursFrom || !hasRaw) && hour !== null ? snapped(hourMs) : { from: asked.from, to: end(1) }
  const rawTable: readonly [Table, number][] = hasRaw ? [['calls', 1]] : []
  const rolled: [Table, number][] = day === null ? [] : [[day, dayMs]]
  const hours: [Table, number][] = hour === null ? [] : [[hour, hourMs]]

  if (wantsQuantiles && rollups.quantiles) {
    const parts = split(range, [...rolled, ...rawTable])
    if (hasRaw && rowsIn(rawMsOf(parts)) <= rawRowsMax) return made(range, parts, parts)
    const sums = split(range, [...rolled, ...hours, ...rawTable])
    if (span < dayMs) return made(range, sums, null, [noQuantiles])
    return made(range, sums, split(snapped(dayMs), rolled), ['p50, p95 and p99 are those of the whole days (UTC) that this range touches.'])
  }
  if (wantsQuantiles && hasRaw && rowsIn(span) <= rawRowsMax) {
    const parts = split(range, rawTable)
    return made(range, parts, parts)
  }
  const sums = split(range, [...rolled, ...hours, ...rawTable])
  // A rollup by day alone, and edges that raw rows cannot give.
  if (hour === null && (!hasRaw || rowsIn(rawMsOf(sums)) > rawRowsMax)) return byDay()
  return made(range, sums, null, [noQuantiles])
}

const floor = (ms: number, unit: number) => Math.floor(ms / unit) * unit
const ceil = (ms: number, unit: number) => Math.ceil(ms / unit) * unit

/** The table that most of the range is read from. */
function grainOf(parts: readonly Part[], to: number): Grain {
  const ms = { raw: 0, hour: 0, day: 0 }
  for (const part of parts) {
    const grain = part.table === 'calls' ? 'raw' : part.table.startsWith('calls_day') ? 'day' : 'hour'
    ms[grain] += Math.max(0, Math.min(part.to, to) - part.from)
  }
  return ms.day > Math.max(ms.hour, ms.raw) ? 'day' : ms.hour > ms.raw ? 'hour' : 'raw'
}

const rawMsOf = (parts: readonly Part[]) => parts.reduce((sum, it) => sum + (it.table === 'calls' ? it.to - it.from : 0), 0)

/** The range in parts, each from the first table whose whole units lie in it. */
export function split({ from, to }: Range, tables: readonly (readonly [table: Table, unitMs: number])[]): Part[] {
  const [first, ...rest] = tables
  if (first === undefined || from >= to) return []
  const [table, unit] = first
  const [begin, end] = [ceil(from, unit), floor(to, unit)]
  if (begin >= end) return split({ from, to }, rest)
  return [...split({ from, to: begin }, rest), { table, from: begin, to: end }, ...split({ from: end, to }, rest)]
}
