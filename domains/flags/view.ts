/** Flags as lists and pages show them. */
import type { Clock } from '@belay/base'
import type { FlagPageWire, FlagSummaryWire, ProposalWire } from '@belay/protocol'
import type { Book } from './book.ts'
import type { Flag } from './model/flag.ts'
import { type FlagQuery, matches } from './model/query.ts'
import { staleOf, standingsOf } from './model/standing.ts'
import type { Reports } from './reports/types.ts'
import { isProduction, unknownFlag } from './writer.ts'

export type FlagList = { flags: FlagSummaryWire[]; total: number; more: boolean; tags: string[]; owners: string[] }

export function openView({ book, clock, reports }: { book: Book; clock: Clock; reports: Pick<Reports, 'lastEvaluatedAt'> }) {
  /** How many changes of each flag wait for a second person. */
  let waiting = new Map<string, number>()

  function summaryOf(flag: Flag): FlagSummaryWire {
    const standings = standingsOf(flag, book.environments, book.ladder)
    const lastEvaluatedAt = reports.lastEvaluatedAt(flag.key)
    const production = book.environments.filter(isProduction).map(({ name }) => name)
    const { key, kind, description, owner, tags, expiresAt, type, version, changedAt, changedBy, archivedAt } = flag
    return {
      ...{ key, kind, description, owner, tags, expiresAt, type, version, changedAt, changedBy, archivedAt },
      variants: Object.keys(flag.variants),
      standings,
      stale: staleOf(flag, { standings, production, lastEvaluatedAt, nowMs: clock.now() }),
      proposals: waiting.get(key) ?? 0,
      lastEvaluatedAt,
    }
  }

  /** What can only be told from a flag's standings. */
  function stands(flag: Flag, { state, environment, stale }: FlagQuery): boolean {
    if (state === undefined && !stale) return true
    const summary = summaryOf(flag)
    if (stale && summary.stale.length === 0) return false
    return (
      state === undefined ||
      summary.standings.some((it) => it.state === state && (environment === undefined || it.environment === environment))
    )
  }

  function find(key: string): Flag {
    const flag = book.flags.get(key)
    if (!flag) throw unknownFlag(key, book)
    return flag
  }

  return {
    find,
    note(proposals: readonly ProposalWire[]): void {
      waiting = new Map()
      for (const { flag } of proposals) waiting.set(flag, (waiting.get(flag) ?? 0) + 1)
    },
    list(query: FlagQuery): FlagList {
      const living = [...book.flags.values()].filter(({ archivedAt }) => archivedAt === null)
      const found = [...book.flags.values()]
        .filter((flag) => matches(flag, query) && stands(flag, query))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
      const ahead = query.after === undefined ? found : found.filter(({ key }) => key > (query.after as string))
      return {
        flags: ahead.slice(0, query.limit).map(summaryOf),
        total: found.length,
        more: ahead.length > query.limit,
        tags: [...new Set(living.flatMap(({ tags }) => tags))].sort(),
        owners: [...new Set(living.flatMap(({ owner }) => (owner === null ? [] : [owner])))].sort(),
      }
    },
    show(key: string): Omit<FlagPageWire, 'proposals' | 'scheduled'> {
      const flag = find(key)
      const { standings, stale, lastEvaluatedAt } = summaryOf(flag)
      const neededBy = [...book.flags.values()]
        .filter((other) => other.prerequisites.some((need) => need.flag === key))
        .map((other) => other.key)
      return { flag, standings, stale, lastEvaluatedAt, neededBy }
    },
  }
}
