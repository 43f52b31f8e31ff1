/** Lists of TCP sessions. */
import { raw, type Sql, sql } from '@belay/columns'
import type { NetworkFilter, NetworkRank, SessionListWire, SessionRowWire } from '@belay/protocol'
import { all, environmentOf, type Ground, rangeOf, sessionId } from './ground.ts'

export type SessionsAsk = NetworkFilter & { readonly rank: NetworkRank; readonly offset: number; readonly limit: number }

type Row = {
  readonly environment: string
  readonly capture: string
  readonly number: number
  readonly name: string
  readonly client: string
  readonly client_port: number
  readonly server: string
  readonly server_port: number
  readonly started_ms: number
  readonly duration: number
  readonly score: number
  readonly grade: SessionRowWire['grade']
  readonly limited: SessionRowWire['limit']
  readonly limited_share: number
  readonly because: string
  readonly handshake_ms: number | null
  readonly rtt_ms: number | null
  readonly rtt95_ms: number | null
  readonly server_ms: number | null
  readonly out_bps: number
  readonly in_bps: number
  readonly out_bytes: number
  readonly in_bytes: number
  readonly packets: number
  readonly resent: number
  readonly resent_share: number
  readonly turns: number
  readonly close: SessionRowWire['close']
  readonly spark: readonly number[]
  readonly spark_rtt: readonly (number | null)[]
  readonly traced: number
}
const shown = [
  ...['environment', 'capture', 'number', 'name', 'client', 'client_port', 'server', 'server_port', 'started_ms', 'duration', 'score'],
  ...['grade', 'limited', 'limited_share', 'because', 'handshake_ms', 'rtt_ms', 'rtt95_ms', 'server_ms', 'out_bps', 'in_bps'],
  ...['out_bytes', 'in_bytes', 'packets', 'resent', 'resent_share', 'turns', 'close', 'spark', 'spark_rtt'],
]

/** The worst, largest or newest first; what is not known stands last. */
const orders: Readonly<Record<NetworkRank, string>> = {
  score: 's.score ASC, s.out_bytes + s.in_bytes DESC',
  started: 's.ts DESC',
  duration: 's.duration DESC',
  bytes: 's.out_bytes + s.in_bytes DESC',
  rtt: 's.rtt_ms DESC NULLS LAST',
  goodput: 'greatest(s.out_bps, s.in_bps) DESC',
  resent: 's.resent_share DESC, s.resent DESC',
  server: 's.server_ms DESC NULLS LAST',
}

/** Conditions on `s`, a row of `tcp_sessions`. @throws Problem `network-environment-unknown`, `network-range-unclear` */
export async function conditionsOf(ground: Ground, ask: NetworkFilter): Promise<Sql[]> {
  const { host, port, text } = ask
  const conditions: Sql[] = []
  if (ask.environment !== undefined) conditions.push(sql`s.environment = ${await environmentOf(ground, ask.environment)}`)
  const captures = ask.capture?.split(',').filter((it) => it !== '') ?? []
  if (captures.length > 0) conditions.push(sql`s.capture IN ${captures}`)
  if (ask.from !== undefined || ask.to !== undefined) {
    const { from, to } = rangeOf({ from: ask.from ?? 0, to: ask.to }, ground.clock.now())
    conditions.push(sql`s.ended >= ${new Date(from)} AND s.ts < ${new Date(to)}`)
  }
  if (host !== undefined && host !== '')
    conditions.push(
      /[.:]$/.test(host)
        ? sql`(startsWith(s.client, ${host}) OR startsWith(s.server, ${host}))`
        : sql`(s.client = ${host} OR s.server = ${host})`,
    )
  if (port !== undefined) conditions.push(sql`(s.client_port = ${port} OR s.server_port = ${port})`)
  if (ask.limited !== undefined) conditions.push(sql`s.limited = ${ask.limited}`)
  if (ask.grade !== undefined) conditions.push(sql`s.grade = ${ask.grade}`)
  if (text !== undefined && text !== '')
    conditions.push(
      sql`positionCaseInsensitiveUTF8(concat(s.client, ':', toString(s.client_port), ' ', s.server, ':', toString(s.server_port), ' ', s.name, ' ', s.label, ' ', s.host, ' ', s.because), ${text}) > 0`,
    )
  return conditions
}

export async function readSessions(ground: Ground, ask: SessionsAsk): Promise<SessionListWire> {
  const { columns } = ground
  const conditions = await conditionsOf(ground, ask)
  const [sessions, groups] = await Promise.all([
    readRows(ground, conditions, { order: orders[ask.rank], offset: ask.offset, limit: ask.limit }),
    columns.query<{ grade: SessionRowWire['grade']; limited: SessionRowWire['limit']; n: number; first: number; last: number }>(
      sql`SELECT toString(s.grade) AS grade, toString(s.limited) AS limited, toFloat64(count()) AS n,
        min(s.started_ms) AS first, max(s.started_ms + s.duration * 1000) AS last
        FROM tcp_sessions AS s WHERE ${all(conditions)} GROUP BY s.grade, s.limited`,
    ),
  ])
  const count = (of: (it: (typeof groups)[number]) => boolean) => groups.filter(of).reduce((sum, { n }) => sum + n, 0)
  const total = count(() => true)
  const { state, because } = columns.state()
  return {
    sessions,
    total,
    grades: {
      good: count((it) => it.grade === 'good'),
      fair: count((it) => it.grade === 'fair'),
      poor: count((it) => it.grade === 'poor'),
    },
    limits: [...new Set(groups.map(({ limited }) => limited))]
      .map((limit) => ({ limit, sessions: count((it) => it.limited === limit) }))
      .sort((a, b) => b.sessions - a.sessions),
    from: Math.floor(groups.reduce((least, { first }) => Math.min(least, first), total === 0 ? 0 : Number.POSITIVE_INFINITY)),
    to: Math.ceil(groups.reduce((most, { last }) => Math.max(most, last), 0)),
    notes: state === 'down' ? [`The column store is down: ${because}`] : [],
  }
}

/** Rows that are wide are read of those alone that are shown: a sort looks at every session. GLOBAL: on a cluster the lists are made once. */
export async function readRows(
  { columns }: Pick<Ground, 'columns'>,
  conditions: readonly Sql[],
  it: { readonly order: string; readonly offset: number; readonly limit: number },
): Promise<SessionRowWire[]> {
  const order = raw(`${it.order}, s.capture, s.number`)
  const rows = await columns.query<Row>(
    sql`SELECT ${raw(shown.map((name) => `s.${name} AS ${name}`).join(', '))},
      (s.capture, s.number) GLOBAL IN (SELECT t.capture, t.number FROM tcp_traces AS t WHERE t.chunk = 0) AS traced
      FROM tcp_sessions AS s WHERE (s.environment, s.capture, s.number) GLOBAL IN (
        SELECT s.environment, s.capture, s.number FROM tcp_sessions AS s WHERE ${all(conditions)}
        ORDER BY ${order} LIMIT ${it.limit} OFFSET ${it.offset})
      ORDER BY ${order}`,
  )
  return rows.map(rowOf)
}

const rowOf = (it: Row): SessionRowWire => ({
  id: sessionId(it.capture, it.number),
  capture: it.capture,
  captureName: it.name,
  number: it.number,
  environment: it.environment,
  client: { address: it.client, port: it.client_port },
  server: { address: it.server, port: it.server_port },
  startedMs: it.started_ms,
  duration: it.duration,
  score: it.score,
  grade: it.grade,
  limit: it.limited,
  limitShare: it.limited_share,
  because: it.because,
  handshakeMs: it.handshake_ms,
  rttMs: it.rtt_ms,
  rttP95Ms: it.rtt95_ms,
  goodputBps: [it.out_bps, it.in_bps],
  bytes: [it.out_bytes, it.in_bytes],
  packets: it.packets,
  resentShare: it.resent_share,
  resent: it.resent,
  turns: it.turns,
  serverMs: it.server_ms,
  close: it.close,
  traced: it.traced === 1,
  spark: [...it.spark],
  sparkRtt: [...it.spark_rtt],
})
