/** Which sessions a view is about, as its address says it. Pure, and small: every view of the page loads it. */
import { networkGrades, networkRanks } from '@belay/protocol'
import { limits } from '@belay/tcp'
import { oneOf, text, whole } from '../../search.ts'

export const spans = ['1h', '24h', '7d', '30d'] as const
export type Span = (typeof spans)[number]
export const limitNames = [...limits, 'none'] as const

export type TimeSearch = {
  /** Absent: any time, unless `from` and `to` say which. */
  readonly range?: Span | undefined
  /** `2026-08-15T10:00Z`: means the same to everybody to whom the link is sent. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}
export type NetworkSearch = TimeSearch & {
  readonly environment?: string | undefined
  /** Names of captures, parted by commas; those of files in this tab begin with `file-`. */
  readonly capture?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly limited?: (typeof limitNames)[number] | undefined
  readonly grade?: (typeof networkGrades)[number] | undefined
  readonly text?: string | undefined
  /** Absent: score. */
  readonly rank?: (typeof networkRanks)[number] | undefined
}

type Raw = Record<string, unknown>
const moment = (raw: unknown): string | undefined =>
  typeof raw === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/.test(raw) && !Number.isNaN(Date.parse(raw)) ? raw : undefined

function parseTime(raw: Raw): TimeSearch {
  const [from, to] = [moment(raw['from']), moment(raw['to'])]
  // A range that ends before it begins is none.
  const custom = from !== undefined && to !== undefined && from < to
  return { range: oneOf(raw['range'], spans), from: custom ? from : undefined, to: custom ? to : undefined }
}

export function parseSessions(raw: Raw): NetworkSearch {
  const rank = oneOf(raw['rank'], networkRanks)
  const port = whole(raw['port'])
  return {
    ...parseTime(raw),
    environment: text(raw['environment']),
    capture: text(raw['capture']),
    host: text(raw['host']),
    port: port !== undefined && port <= 65_535 ? port : undefined,
    limited: oneOf(raw['limited'], limitNames),
    grade: oneOf(raw['grade'], networkGrades),
    text: text(raw['text']),
    rank: rank === 'score' ? undefined : rank,
  }
}

/** `way`: whose data the graphs show; absent: that of the side that sent more. `numbers`: as in the packets. */
export type SessionSearch = { readonly way?: 'client' | 'server' | undefined; readonly numbers?: 'absolute' | undefined }
export const parseSession = (raw: Raw): SessionSearch => ({
  way: oneOf(raw['way'], ['client', 'server']),
  numbers: oneOf(raw['numbers'], ['absolute']),
})

/** A capture's name (of the server or of this tab), or `environment:NAME`. */
export type CompareSearch = { readonly a?: string | undefined; readonly b?: string | undefined }
export const parseCompare = (raw: Raw): CompareSearch => ({ a: text(raw['a']), b: text(raw['b']) })

export const reasons = ['network', 'server', 'unknown'] as const
export type SlowSearch = TimeSearch & {
  readonly environment?: string | undefined
  readonly service?: string | undefined
  readonly method?: string | undefined
  readonly because?: (typeof reasons)[number] | undefined
  /** Milliseconds. */
  readonly slower?: number | undefined
}
export const parseSlow = (raw: Raw): SlowSearch => ({
  ...parseTime(raw),
  environment: text(raw['environment']),
  service: text(raw['service']),
  method: text(raw['method']),
  because: oneOf(raw['because'], reasons),
  slower: whole(raw['slower']),
})
