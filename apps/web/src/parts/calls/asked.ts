/** What an address asks the server, and how it is said in words. Pure. */
import { sayFromTo } from '../../time.ts'
import { type CallsFilter, dimensions, type Range } from './search.ts'

const hourMs = 3_600_000
const dayMs = 86_400_000

/**
 * `stepMs`: the beginning of a moving range stays where it is for so long. Every look would otherwise ask a question
 * that nobody asked before; and what begins with an hour or a day is answered from the rollups.
 */
export const ranges = {
  '1h': { says: 'last hour', ms: hourMs, stepMs: 60_000 },
  '24h': { says: 'last 24 hours', ms: dayMs, stepMs: 300_000 },
  '7d': { says: 'last 7 days', ms: 7 * dayMs, stepMs: hourMs },
  '30d': { says: 'last 30 days', ms: 30 * dayMs, stepMs: dayMs },
} as const satisfies Record<Range, { says: string; ms: number; stepMs: number }>

/** What the server is asked, when the present is `nowAt`. */
export function queryOf(filter: CallsFilter, nowAt: number) {
  const { environment, audience, service, release, lane, host, account, variant, external, compare } = filter
  return { environment, audience, service, release, lane, host, account, variant, external, compare, ...rangeQuery(filter, nowAt) }
}

export function rangeQuery(filter: CallsFilter, nowAt: number): { from?: number; to?: number; day?: string } {
  if (filter.day !== undefined) return { day: filter.day }
  if (filter.from !== undefined && filter.to !== undefined) return { from: Date.parse(filter.from), to: Date.parse(filter.to) }
  const { ms, stepMs } = ranges[filter.range ?? '24h']
  return { from: Math.floor((nowAt - ms) / stepMs) * stepMs }
}

/** Begins and ends where the server was asked to; what ends in the present ends at `nowAt`. */
export function boundsOf(filter: CallsFilter, nowAt: number): { from: number; to: number } {
  const { from, to, day: its } = rangeQuery(filter, nowAt)
  if (its !== undefined) return { from: Date.parse(its), to: Date.parse(its) + dayMs }
  return { from: from ?? nowAt - dayMs, to: to ?? nowAt }
}

/** Does the range go on? Then the view looks again by itself. */
export const isMovingRange = (filter: CallsFilter, nowAt: number): boolean => boundsOf(filter, nowAt).to >= nowAt - 60_000

/** Some names: only these, or all but these. */
type Names = { readonly without: boolean; readonly names: readonly string[] }
export function readNames(raw: string | undefined): Names {
  const all = (raw ?? '').split(',').filter((it) => it !== '' && it !== '!')
  const without = all.length > 0 && all.every((it) => it.startsWith('!'))
  return { without, names: without ? all.map((it) => it.slice(1)) : all }
}
export const writeNames = ({ without, names }: Names): string | undefined =>
  names.length === 0 ? undefined : names.map((it) => (without ? `!${it}` : it)).join(',')

/** "all but robot and staff", "v3 and v4"; undefined: nothing is left out. */
export function sayNames(raw: string | undefined): string | undefined {
  const { without, names } = readNames(raw)
  if (names.length === 0) return undefined
  const shown = names.slice(0, 3).map((it) => (it.startsWith('!') ? `not ${it.slice(1)}` : it))
  const more = names.length - shown.length
  const said =
    more > 0 ? `${shown.join(', ')} and ${more} more` : shown.length < 2 ? shown[0] : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
  return without ? `all but ${said}` : said
}

/** Without it the table of every method is shown: environment, range and comparison only change what is looked at. */
const narrowing = [...dimensions, 'external'] as const
export const isNarrowed = (filter: CallsFilter): boolean => narrowing.some((it) => filter[it] !== undefined)
export const everything: CallsFilter = Object.fromEntries(narrowing.map((it) => [it, undefined]))

const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' })

/** "last 24 hours", "Fri 15 Aug (UTC)", "14 Aug 10:00 to 15 Aug 12:00". */
export function sayRange(filter: CallsFilter): string {
  if (filter.day !== undefined) return `${weekday.format(Date.parse(filter.day)).replace(',', '')} (UTC)`
  if (filter.from !== undefined && filter.to !== undefined) return sayFromTo(Date.parse(filter.from), Date.parse(filter.to))
  return ranges[filter.range ?? '24h'].says
}

/** "v3", "the lane stable", "the time before". */
export function sayCompared(compare: string): string {
  if (compare === 'previous') return 'the time before'
  const [kind, ...rest] = compare.split(':')
  const name = rest.join(':')
  if (kind === 'release') return name
  if (kind === 'lane') return `the lane ${name}`
  const [from, to] = name.split('-').map(Number)
  return sayFromTo(from, to)
}
