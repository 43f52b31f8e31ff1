/** Calls laid beside the turns and sessions that carried them: what is read for it, in few questions whose size is bounded. */
import { sql } from '@belay/columns'
import type { NetworkCallWire } from '@belay/protocol'
import { all, either, type Ground, sessionId, type Window } from './ground.ts'
import { type CarriedCall, type CarryingTurn, judgeCall, matchSession, matchTurns, type SessionFacts, toleranceMs } from './model.ts'

/** A question lists that many moments; more calls are asked for in several. */
const together = 200
/** Of several captures, some turns fit one call. */
const turnsPerCall = 8
/** Sessions that one end had in a time; ports are used again after minutes. */
const sessionsMax = 5_000

type TurnRow = {
  readonly capture: string
  readonly number: number
  readonly peer: string
  readonly local: string
  readonly at_ms: number
  readonly started_ms: number
  readonly request_ms: number
  readonly server_ms: number
  readonly response_ms: number
  readonly ack_ms: number
  readonly request_bytes: number
  readonly response_bytes: number
  readonly lost: number
}
const turnColumns = sql`t.capture AS capture, t.number AS number, t.peer AS peer, t.local AS local, t.at_ms AS at_ms, t.started_ms AS started_ms,
  t.request_ms AS request_ms, t.server_ms AS server_ms, t.response_ms AS response_ms, t.ack_ms AS ack_ms,
  t.request_bytes AS request_bytes, t.response_bytes AS response_bytes, t.lost AS lost`

export const turnOf = (it: TurnRow): CarryingTurn => ({
  session: sessionId(it.capture, it.number),
  peer: it.peer,
  local: it.local,
  atMs: it.at_ms,
  startedMs: it.started_ms,
  requestMs: it.request_ms,
  serverMs: it.server_ms,
  responseMs: it.response_ms,
  ackMs: it.ack_ms,
  requestBytes: it.request_bytes,
  responseBytes: it.response_bytes,
  lost: it.lost,
})

/** The turns of a range that took longest. */
export async function slowestTurns(
  { columns }: Pick<Ground, 'columns'>,
  it: { environment: string; from: number; to: number; slowerMs: number; limit: number },
): Promise<CarryingTurn[]> {
  const rows = await columns.query<TurnRow>(
    sql`SELECT ${turnColumns} FROM tcp_turns AS t WHERE t.environment = ${it.environment} AND t.ts >= ${new Date(it.from)}
      AND t.ts < ${new Date(it.to)} AND t.whole_ms >= ${it.slowerMs} ORDER BY t.whole_ms DESC LIMIT ${it.limit}`,
  )
  return rows.map(turnOf)
}

export async function turnsOfSession(
  { columns }: Pick<Ground, 'columns'>,
  it: { environment: string; capture: string; number: number; limit: number },
): Promise<CarryingTurn[]> {
  const rows = await columns.query<TurnRow>(
    sql`SELECT ${turnColumns} FROM tcp_turns AS t WHERE t.environment = ${it.environment} AND t.capture = ${it.capture}
      AND t.number = ${it.number} ORDER BY t.whole_ms DESC LIMIT ${it.limit}`,
  )
  return rows.map(turnOf)
}

/** When a call that a turn carried may have begun. */
export const windowOf = (it: CarryingTurn): Window => ({
  peer: it.peer,
  from: Math.floor(it.atMs) - toleranceMs - 1,
  to: Math.ceil(it.atMs + it.requestMs + it.serverMs) + toleranceMs,
})

async function turnsAround(
  { columns }: Pick<Ground, 'columns'>,
  environment: string,
  calls: readonly CarriedCall[],
): Promise<CarryingTurn[]> {
  const found: CarryingTurn[] = []
  for (let from = 0; from < calls.length; from += together) {
    const some = calls.slice(from, from + together)
    const moments = some.map(
      ({ peer, at }) =>
        sql`(t.peer = ${peer} AND t.ts <= ${new Date(at + 1 + toleranceMs)} AND t.answered >= ${new Date(at - toleranceMs - 1)})`,
    )
    const rows = await columns.query<TurnRow>(
      sql`SELECT ${turnColumns} FROM tcp_turns AS t PREWHERE t.environment = ${environment} AND t.peer IN ${[...new Set(some.map(({ peer }) => peer))]}
        WHERE ${either(moments)} LIMIT ${turnsPerCall * together}`,
    )
    found.push(...rows.map(turnOf))
  }
  return found
}

type SessionRow = {
  readonly capture: string
  readonly number: number
  readonly peer: string
  readonly local: string
  readonly started_ms: number
  readonly duration: number
  readonly point: SessionFacts['point']
  readonly rtt_ms: number | null
  readonly application_ms: number
  readonly receiver_ms: number
  readonly network_ms: number
  readonly initial_bytes: number
}
/** As endpointText spells an end. */
const endOf = (side: 'client' | 'server') =>
  side === 'client'
    ? sql`concat(if(position(s.client, ':') > 0, concat('[', s.client, ']'), s.client), ':', toString(s.client_port))`
    : sql`concat(if(position(s.server, ':') > 0, concat('[', s.server, ']'), s.server), ':', toString(s.server_port))`

export async function sessionsAround(
  { columns }: Pick<Ground, 'columns'>,
  it: { environment: string; peers: readonly string[]; from: number; to: number },
): Promise<Map<string, SessionFacts>> {
  if (it.peers.length === 0) return new Map()
  const conditions = [
    sql`s.environment = ${it.environment}`,
    sql`s.ts <= ${new Date(it.to + toleranceMs)} AND s.ended >= ${new Date(it.from - toleranceMs - 1)}`,
    sql`peer IN ${it.peers}`,
  ]
  const rows = await columns.query<SessionRow>(
    sql`SELECT s.capture AS capture, s.number AS number, ${endOf('client')} AS peer, ${endOf('server')} AS local, s.started_ms AS started_ms,
      s.duration AS duration, s.point AS point, s.rtt_ms AS rtt_ms, s.application_ms AS application_ms, s.receiver_ms AS receiver_ms,
      s.network_ms AS network_ms, s.initial_bytes AS initial_bytes
      FROM tcp_sessions AS s WHERE ${all(conditions)} ORDER BY s.ts DESC LIMIT ${sessionsMax}`,
  )
  return new Map(rows.map((row) => [sessionId(row.capture, row.number), factsOf(row)]))
}

const factsOf = (it: SessionRow): SessionFacts => ({
  id: sessionId(it.capture, it.number),
  peer: it.peer,
  local: it.local,
  startedMs: it.started_ms,
  endedMs: it.started_ms + it.duration * 1_000,
  point: it.point,
  rttMs: it.rtt_ms,
  applicationMs: it.application_ms,
  receiverMs: it.receiver_ms,
  networkMs: it.network_ms,
  initialBytes: it.initial_bytes,
})

/** Each of the calls with its turn and why it was slow, in their order. */
export async function carriedCalls(ground: Ground, environment: string, calls: readonly CarriedCall[]): Promise<NetworkCallWire[]> {
  const known = calls.filter(({ peer }) => peer !== '')
  const at = known.map((it) => it.at)
  const [turns, sessions] = await Promise.all([
    turnsAround(ground, environment, known),
    sessionsAround(ground, {
      environment,
      peers: [...new Set(known.map(({ peer }) => peer))],
      from: at.reduce((least, it) => Math.min(least, it), Number.POSITIVE_INFINITY),
      to: at.reduce((most, it) => Math.max(most, it), 0),
    }),
  ])
  const found = matchTurns(calls, turns, sessions)
  return calls.map((call, nth) => {
    const turn = found[nth]
    const session = turn === undefined ? matchSession(call, sessions.values()) : sessions.get(turn.session)
    const { at: began, service, method, release, host, status, failed, realMs, dbMs, externalMs, trace, span, peer, local } = call
    return {
      ...{ at: began, service, method, release, host, status, failed, realMs, dbMs, externalMs, trace, span, peer, local },
      session: turn?.session ?? session?.id ?? null,
      turn: turn === undefined ? null : turnWireOf(turn),
      rttMs: session?.rttMs ?? null,
      ...judgeCall(call, session, turn),
    }
  })
}

export const turnWireOf = ({ session: _, peer: __, local: ___, atMs: ____, ...turn }: CarryingTurn): NonNullable<NetworkCallWire['turn']> =>
  turn
