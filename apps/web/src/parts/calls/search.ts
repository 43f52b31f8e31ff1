/**
 * Which calls a view is about, as its address says it. The address is written by people too, so it is short: a range by
 * its name, names parted by commas, `!` before what is left out. Pure, and small: every view of the page loads it.
 */
import { callMeasures, type callRanks, trendMeasures } from '@belay/protocol'
import { oneOf, text } from '../../search.ts'

export const rangeNames = ['1h', '24h', '7d', '30d'] as const
export type Range = (typeof rangeNames)[number]

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
