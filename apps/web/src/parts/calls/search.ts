/**
 * Which calls a view is about, as its address says it, and as the server is asked. Pure; the address is written by
 * people too, so it is short: a range by its name, names parted by commas, `!` before what is left out.
 */
import { callMeasures, type callRanks, trendMeasures } from '@belay/protocol'
import { oneOf, text } from '../../search.ts'

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
} as const
export type Range = keyof typeof ranges
export const rangeNames = Object.keys(ranges) as Range[]

/** What calls are told apart by; each is a list of names in the address. */
export const dimensions = ['audience', 'service', 'release', 'lane', 'host', 'account', 'variant'] as const
export type Dimension = (typeof dimensions)[number]

export type CallsFilter = { readonly [D in Dimension]?: string | undefined } & {
  readonly environment?: string | undefined
  /** Absent: the last 24 hours, unless `day`, or `from` and `to`, say which. */
  readonly range?: Range | undefined
  /** YYYY-MM-DD, UTC. */
  readonly day?: string | undefined
  /** `2026-08-15T10:00Z`: means the same to everybody to whom the link is sent. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly external?: 'without' | undefined
  readonly compare?: string | undefined
}
export const ranks = ['mix', 'cpu', 'real', 'db', 'statements', 'transactions'] as const satisfies readonly (typeof callRanks)[number][]
export type Rank = (typeof ranks)[number]

type Raw = Record<string, unknown>

const day = (raw: unknown): string | undefined =>
  typeof raw === 'string' && /^\d{4}-\d\d-\d\d$/.test(raw) && !Number.isNaN(Date.parse(raw)) ? raw : undefined
const moment = (raw: unknown): string | undefined =>
  typeof raw === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/.test(raw) && !Number.isNaN(Date.parse(raw)) ? raw : undefined

export function parseFilter(raw: Raw): CallsFilter {
  const range = oneOf(raw['range'], rangeNames)
  const [from, to] = [moment(raw['from']), moment(raw['to'])]
  // A range that ends before it begins is none.
  const custom = from !== undefined && to !== undefined && from < to
  return {
    environment: text(raw['environment']),
    range: range === '24h' ? undefined : range,
    day: day(raw['day']),
    from: custom ? from : undefined,
    to: custom ? to : undefined,
    audience: text(raw['audience']),
    service: text(raw['service']),
    release: text(raw['release']),
    lane: text(raw['lane']),
    host: text(raw['host']),
    account: text(raw['account']),
    variant: text(raw['variant']),
    external: oneOf(raw['external'], ['without']),
    compare:
      typeof raw['compare'] === 'string' && /^(release:.+|lane:.+|range:\d+-\d+|previous)$/.test(raw['compare'])
        ? raw['compare']
        : undefined,
  }
}

export type TableSearch = CallsFilter & {
  /** The tab; absent: mix. */
  readonly rank?: Rank | undefined
  /** A column's key; absent: what the tab ranks by. */
  readonly sort?: string | undefined
  /** Absent: the largest first; for names the first of the alphabet. */
  readonly order?: 'turned' | undefined
  readonly text?: string | undefined
}
export function parseTable(raw: Raw): TableSearch {
  const rank = oneOf(raw['rank'], ranks)
  return {
    ...parseFilter(raw),
    rank: rank === 'mix' ? undefined : rank,
    sort: text(raw['sort']),
    order: oneOf(raw['order'], ['turned']),
    text: text(raw['text']),
  }
}

/** `service` is the method's own here; `measure` of the trend; `trace` the exemplar that is shown. */
export type MethodSearch = CallsFilter & {
  readonly method?: string | undefined
  readonly measure?: (typeof trendMeasures)[number] | undefined
  readonly trace?: string | undefined
}
export function parseMethod(raw: Raw): MethodSearch {
  return {
    ...parseFilter(raw),
    method: text(raw['method']),
    measure: oneOf(raw['measure'], trendMeasures),
    trace: text(raw['trace']),
  }
}

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
export type Names = { readonly without: boolean; readonly names: readonly string[] }
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
export const narrowing = [...dimensions, 'external'] as const
export const isNarrowed = (filter: CallsFilter): boolean => narrowing.some((it) => filter[it] !== undefined)
export const everything: CallsFilter = Object.fromEntries(narrowing.map((it) => [it, undefined]))

const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' })
const minute = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })

/** "last 24 hours", "Fri 15 Aug (UTC)", "14 Aug 10:00 to 15 Aug 12:00". */
export function sayRange(filter: CallsFilter): string {
  if (filter.day !== undefined) return `${weekday.format(Date.parse(filter.day)).replace(',', '')} (UTC)`
  if (filter.from !== undefined && filter.to !== undefined)
    return `${minute.format(Date.parse(filter.from)).replace(',', '')} to ${minute.format(Date.parse(filter.to)).replace(',', '')}`
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
  return `${minute.format(from).replace(',', '')} to ${minute.format(to).replace(',', '')}`
}

export const changeKinds = ['release', 'trend', 'flag'] as const
export const changeDirections = ['dearer', 'cheaper'] as const
export type ChangesSearch = {
  readonly environment?: string | undefined
  readonly kind?: (typeof changeKinds)[number] | undefined
  readonly service?: string | undefined
  /** Part of a name. */
  readonly method?: string | undefined
  /** `release:v4`, `flag:inline-comments`. */
  readonly cause?: string | undefined
  readonly measure?: (typeof callMeasures)[number] | undefined
  readonly way?: (typeof changeDirections)[number] | undefined
  /** Not only the latest. */
  readonly all?: 'yes' | undefined
}
export function parseChanges(raw: Raw): ChangesSearch {
  return {
    environment: text(raw['environment']),
    kind: oneOf(raw['kind'], changeKinds),
    service: text(raw['service']),
    method: text(raw['method']),
    cause: text(raw['cause']),
    measure: oneOf(raw['measure'], callMeasures),
    way: oneOf(raw['way'], changeDirections),
    all: oneOf(raw['all'], ['yes']),
  }
}

export type FlagCostSearch = Pick<CallsFilter, 'environment' | 'range' | 'day' | 'from' | 'to'> & { readonly flag?: string | undefined }
export function parseFlagCosts(raw: Raw): FlagCostSearch {
  const { environment, range, day: its, from, to } = parseFilter(raw)
  return { environment, range, day: its, from, to, flag: text(raw['flag']) }
}
