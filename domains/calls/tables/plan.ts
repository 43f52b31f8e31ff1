/**
 * Which tables answer a range. Every table holds the same sums, so a range may be cut into parts, each read from the
 * coarsest table that has it exactly, and put together again:
 *
 *   14 days and more   whole days: the range begins (and ends, when it is over) with a day of UTC
 *   2 to 14 days       whole hours: whole days from `calls_day`, their edges from raw rows, or from `calls_hour` when
 *                      raw rows are gone or too many
 *   less than 2 days   to the millisecond, while raw rows last; whole hours after that
 *
 * Quantiles are had of raw rows, and kept by day without release and lane; not of hours. Where the edges of a range are
 * hours they are those of all days that it touches, and below a day there are none. A filter that rollups do not know (a
 * host, several variants) leaves raw rows alone. What was answered stands in the plan, so that a page can say it.
 */
import { hourDays, rawDays } from './schema.ts'
import { dayMs, type Dimension, hourMs, type Range, type Selection, type Table } from './selection.ts'

/** `gives`: what the table is asked for; together the parts give all of it once. */
export type Part = Range & { readonly table: Table; readonly gives: 'all' | 'sums' | 'quantiles' }
export type Grain = 'raw' | 'hour' | 'day'
export type Plan = Range & {
  /** What most of it is read from. */
  readonly grain: Grain
  readonly parts: readonly Part[]
  /** Whether the parts give them. */
  readonly quantiles: boolean
  /** In sentences. */
  readonly notes: readonly string[]
}
export type Filtered = Pick<Selection, 'names' | 'real'>

/** Of raw rows that one page reads: about a second of two cores, with the quantiles of five measures. */
export const rawRowsMax = 10_000_000
const wholeDaysFrom = 14 * dayMs
const wholeHoursFrom = 2 * dayMs

type Rollups = { readonly hour: Table | null; readonly day: Table | null; readonly quantiles: Table | null }

/** The rollups that know all that the selection filters by, what is divided `by`, and squares when those are asked for; null: none does. */
export function rollupsOf(
  { names, real }: Filtered,
  it: { readonly by?: Dimension | 'status'; readonly squares?: boolean } = {},
): Rollups | null {
  if (it.by === 'status') return null
  const used = [...(Object.keys(names) as Dimension[]).filter((name) => names[name] !== undefined), ...(it.by === undefined ? [] : [it.by])]
  const knows = (...dimensions: Dimension[]) => used.every((name) => dimensions.includes(name))
  if (knows('service', 'method', 'audience', 'release', 'lane')) {
    const quantiles =
      real === 'own'
        ? null
        : knows('service', 'method')
          ? 'calls_day_q'
          : knows('service', 'method', 'audience')
            ? 'calls_day_audience_q'
            : null
    return { hour: 'calls_hour', day: 'calls_day', quantiles }
  }
  // Of several variants a call may have more than one, and would be counted as often.
  const oneVariant = names.variant === undefined || (names.variant.only.length === 1 && names.variant.not.length === 0)
  if (oneVariant && knows('service', 'method', 'audience', 'release', 'variant'))
    return { hour: 'calls_hour_variant', day: null, quantiles: null }
  // It lacks squares, real time without external calls, and calls of nobody known.
  const ofSome = names.account === undefined || (names.account.only.length > 0 && !names.account.only.includes(''))
  if (ofSome && real === 'real' && it.squares !== true && knows('service', 'method', 'audience', 'account'))
    return { hour: null, day: 'calls_day_account', quantiles: null }
  return null
}

export function planOf(
  selection: Filtered,
  asked: Range,
  it: {
    readonly now: number
    /** How many raw rows a day of this environment has. */
    readonly rowsPerDay: number
    /** By default true. */
    readonly quantiles?: boolean
    readonly by?: Dimension | 'status'
    readonly squares?: boolean
  },
): Plan {
  const { now } = it
  const rawSince = now - rawDays * dayMs
  const wantsQuantiles = it.quantiles !== false
  const isOpen = asked.to >= now
  const rollups = rollupsOf(selection, it)
  const rowsIn = (ms: number) => (it.rowsPerDay * ms) / dayMs
  const made = (range: Range, parts: readonly Part[], quantiles: boolean, notes: readonly string[] = []): Plan => {
    const to = isOpen ? asked.to : range.to
    return { from: range.from, to, grain: grainOf(parts, to), parts, quantiles, notes: wantsQuantiles ? notes : [] }
  }

  if (rollups === null) {
    const from = Math.min(Math.max(asked.from, rawSince), asked.to)
    const parts = split({ from, to: asked.to }, [['calls', 1]])
    const left = `Single calls are kept for ${rawDays} days, and these filters need them: what is older is left out.`
    return { ...made({ from, to: asked.to }, parts, wantsQuantiles), notes: from > asked.from ? [left] : [] }
  }
  const { hour, day } = rollups
  const span = asked.to - asked.from
  // What is still coming belongs to a range that has not ended.
  const end = (unit: number) => (isOpen ? ceil(Math.max(asked.to, now) + 1, day === null ? hourMs : dayMs) : ceil(asked.to, unit))
  const snapped = (unit: number): Range => ({ from: floor(asked.from, unit), to: end(unit) })
  const unknown =
    rollups.quantiles === null
      ? 'p50, p95 and p99 are not known under these filters over so many calls.'
      : 'p50, p95 and p99 are not known of parts of a day that are this old or have this many calls.'
  const quantilesOf = (range: Range): Part[] =>
    wantsQuantiles && rollups.quantiles !== null ? [{ ...range, table: rollups.quantiles, gives: 'quantiles' }] : []
  const hasRaw = asked.from >= rawSince
  const rawTable: Units = hasRaw ? [['calls', 1]] : []
  const days: Units = day === null ? [] : [[day, dayMs]]
  const hours: Units = hour === null ? [] : [[hour, hourMs]]

  // Only raw rows have their quantiles; when they are not too many, everything comes of them.
  if (wantsQuantiles && rollups.quantiles === null && hasRaw && rowsIn(span) <= rawRowsMax)
    return made({ from: asked.from, to: end(1) }, split({ from: asked.from, to: end(1) }, rawTable), true)

  const byDay = (): Plan => {
    const range = snapped(dayMs)
    const quantiles = quantilesOf(range)
    return made(range, [...split(range, days), ...quantiles], quantiles.length > 0, quantiles.length > 0 ? [] : [unknown])
  }
  const isWhole = asked.from % dayMs === 0 && (isOpen || asked.to % dayMs === 0)
  if (day !== null && (isWhole || span >= wholeDaysFrom || asked.from < now - hourDays * dayMs)) return byDay()

  // Exactly, or to the hour where that is all there is.
  const range: Range = (span >= wholeHoursFrom || !hasRaw) && hour !== null ? snapped(hourMs) : { from: asked.from, to: end(1) }
  const byDays = split(range, [...days, ...rawTable])
  const cost = rowsIn(byDays.reduce((sum, part) => sum + (part.table === 'calls' ? part.to - part.from : 0), 0))
  if (wantsQuantiles && rollups.quantiles !== null) {
    if (hasRaw && cost <= rawRowsMax)
      return made(range, [...byDays, ...byDays.filter(({ table }) => table === day).flatMap(quantilesOf)], true)
    const sums = split(range, [...days, ...hours, ...rawTable]).map(sumsOnly)
    if (span < dayMs) return made(range, sums, false, [unknown])
    const said = 'p50, p95 and p99 are those of the whole days (UTC) that this range touches.'
    return made(range, [...sums, ...quantilesOf(snapped(dayMs))], true, [said])
  }
  // A rollup by day alone, and edges that raw rows cannot give.
  if (hour === null && (!hasRaw || cost > rawRowsMax)) return byDay()
  return made(range, split(range, [...days, ...hours, ...rawTable]).map(sumsOnly), false, [unknown])
}

type Units = readonly (readonly [table: Table, unitMs: number])[]
const sumsOnly = (part: Part): Part => ({ ...part, gives: 'sums' })
const floor = (ms: number, unit: number) => Math.floor(ms / unit) * unit
const ceil = (ms: number, unit: number) => Math.ceil(ms / unit) * unit

/** The table that most of the range is read from. */
function grainOf(parts: readonly Part[], to: number): Grain {
  const ms = { raw: 0, hour: 0, day: 0 }
  for (const part of parts) {
    if (part.gives === 'quantiles') continue
    const grain = part.table === 'calls' ? 'raw' : part.table.startsWith('calls_day') ? 'day' : 'hour'
    ms[grain] += Math.max(0, Math.min(part.to, to) - part.from)
  }
  return ms.day > Math.max(ms.hour, ms.raw) ? 'day' : ms.hour > ms.raw ? 'hour' : 'raw'
}

/** The range in parts, each from the first table whose whole units lie in it. */
export function split({ from, to }: Range, tables: Units): Part[] {
  const [first, ...rest] = tables
  if (first === undefined || from >= to) return []
  const [table, unit] = first
  const [begin, end] = [ceil(from, unit), floor(to, unit)]
  if (begin >= end) return split({ from, to }, rest)
  const gives = table === 'calls' ? 'all' : 'sums'
  return [...split({ from, to: begin }, rest), { table, from: begin, to: end, gives }, ...split({ from: end, to }, rest)]
}
