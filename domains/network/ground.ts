/** What all questions about TCP sessions stand on, and what the rest of the house must bring. */
import type { Clock } from '@belay/base'
import { type Columns, join, type Sql, sql } from '@belay/columns'
import type { Captures } from './captures.ts'
import type { CarriedCall } from './model.ts'
import { networkProblem } from './problems.ts'

export type Window = {
  /** `address:port` of the far end of the service's socket. */
  readonly peer: string
  /** Ms since the epoch; a call that began in between. */
  readonly from: number
  readonly to: number
}
export type CallAsk = {
  readonly environment: string
  readonly from: number
  readonly to: number
  readonly service?: string | undefined
  readonly method?: string | undefined
  readonly limit: number
}
/** Where calls come from: whoever keeps them. @throws Problem of the column store. */
export type CallSource = {
  /** The slowest first. */
  slowest(ask: CallAsk & { readonly slowerMs: number }): Promise<CarriedCall[]>
  /** Those that travelled on one of these connections, in the order of time; all windows lie between `from` and `to`. */
  carried(ask: CallAsk & { readonly windows: readonly Window[] }): Promise<CarriedCall[]>
}

export type Ground = {
  readonly columns: Pick<Columns, 'query' | 'state'>
  readonly captures: Captures
  readonly calls: CallSource
  readonly clock: Pick<Clock, 'now'>
  /** Those of belay.yaml and the sandboxes. */
  environments(): Promise<readonly { readonly name: string; readonly kind: string }[]>
}

/** The environment that was asked for; else the only one for production; else the only one. @throws Problem `network-environment-unknown`, `network-environment-needed` */
export async function environmentOf(ground: Ground, asked: string | undefined): Promise<string> {
  const known = await ground.environments()
  const names = known.map(({ name }) => name)
  if (asked !== undefined) {
    // A sandbox is gone sooner than its sessions.
    if (names.includes(asked) || (await environmentsWithSessions(ground)).includes(asked)) return asked
    throw networkProblem('network-environment-unknown', { environment: asked, known: names })
  }
  const production = known.filter(({ kind }) => kind === 'production')
  const only = production.length === 1 ? production : known
  if (only.length !== 1) throw networkProblem('network-environment-needed', { known: names })
  return (only[0] as { name: string }).name
}

export async function environmentsWithSessions({ columns }: Pick<Ground, 'columns'>): Promise<string[]> {
  const rows = await columns.query<{ environment: string }>(
    sql`SELECT DISTINCT toString(s.environment) AS environment FROM tcp_sessions AS s ORDER BY environment LIMIT 1000`,
  )
  return rows.map(({ environment }) => environment)
}

const dayMs = 86_400_000
/** By default the 24 hours until now. @throws Problem `network-range-unclear` */
export function rangeOf(asked: { from?: number | undefined; to?: number | undefined }, now: number): { from: number; to: number } {
  const to = asked.to ?? Math.max(now, asked.from ?? 0)
  const from = asked.from ?? to - dayMs
  if (from < 0 || to > 4_102_444_800_000) throw networkProblem('network-range-unclear', { because: 'it lies outside 1970 to 2100' })
  if (from >= to) throw networkProblem('network-range-unclear', { because: 'it ends before it begins' })
  return { from, to }
}

export const all = (conditions: readonly Sql[]): Sql => (conditions.length === 0 ? sql`1` : join(conditions, ' AND '))
export const either = (conditions: readonly Sql[]): Sql => (conditions.length === 0 ? sql`0` : sql`(${join(conditions, ' OR ')})`)
/** `CAPTURE.NUMBER`; the route has checked its shape. */
export function sessionParts(id: string): { capture: string; number: number } {
  const dot = id.lastIndexOf('.')
  return { capture: id.slice(0, dot), number: Number(id.slice(dot + 1)) }
}
export const sessionId = (capture: string, number: number): string => `${capture}.${number}`
