/** One TCP session: its record, its story, its segments, and the calls that travelled in it. */
import { Readable } from 'node:stream'
import { sayCount } from '@belay/base'
import { endpointText } from '@belay/call-record'
import { sql } from '@belay/columns'
import type { NetworkSessionWire } from '@belay/protocol'
import { type SessionRecord, storyOf } from '@belay/tcp'
import { carriedCalls, turnsOfSession, turnWireOf } from './carried.ts'
import { type Ground, sessionId, sessionParts } from './ground.ts'
import { toleranceMs } from './model.ts'
import { networkProblem } from './problems.ts'

/** More nobody reads; a page shows the slowest. */
const [turnsMax, callsMax, othersMax] = [500, 2_000, 50]

type Stored = {
  readonly environment: string
  readonly host: string
  readonly label: string
  readonly record: string
  readonly series: string
}

export async function readSession(ground: Ground, id: string): Promise<NetworkSessionWire> {
  const { columns } = ground
  const { capture, number } = sessionParts(id)
  const [stored] = await columns.query<Stored>(
    sql`SELECT s.environment AS environment, s.host AS host, s.label AS label, s.record AS record, s.series AS series
      FROM tcp_sessions AS s WHERE s.capture = ${capture} AND s.number = ${number} LIMIT 1`,
  )
  if (stored === undefined) throw networkProblem('network-session-unknown', { session: id })
  const { environment } = stored
  const record = { ...JSON.parse(stored.record), series: JSON.parse(stored.series) } as NetworkSessionWire['record']
  const { client, server, startedMs, duration } = record
  const endedMs = startedMs + duration * 1_000
  const peer = endpointText(client.address, client.port)
  const window = { peer, from: Math.floor(startedMs) - toleranceMs - 1, to: Math.ceil(endedMs) + toleranceMs }
  const [turns, calls, others, traces] = await Promise.all([
    turnsOfSession(ground, { environment, capture, number, limit: turnsMax }),
    ground.calls.carried({ environment, from: window.from, to: window.to + 1, windows: [window], limit: callsMax }),
    columns.query<{ capture: string; number: number; name: string; host: string; started_ms: number }>(
      sql`SELECT s.capture AS capture, s.number AS number, s.name AS name, s.host AS host, s.started_ms AS started_ms FROM tcp_sessions AS s
        WHERE s.environment = ${environment} AND s.client = ${client.address} AND s.client_port = ${client.port} AND s.server = ${server.address}
        AND s.server_port = ${server.port} AND s.ts <= ${new Date(endedMs + toleranceMs)} AND s.ended >= ${new Date(startedMs - toleranceMs)}
        AND NOT (s.capture = ${capture} AND s.number = ${number}) ORDER BY s.ts LIMIT ${othersMax}`,
    ),
    chunksOf(ground, environment, capture, number),
  ])
  const local = endpointText(server.address, server.port)
  const exact = calls.filter((it) => it.local === local)
  // Only where no call names this very server may its address have been translated on the way.
  const own = exact.length === 0 ? calls : [...exact, ...calls.filter((it) => it.local === '')]
  const judged = await carriedCalls(ground, environment, own)
  return {
    id,
    environment,
    host: stored.host,
    label: stored.label,
    captureId: capture,
    record,
    story: [...storyOf(record as SessionRecord)],
    traced: traces > 0,
    turns: turns.map(turnWireOf),
    calls: judged.sort((a, b) => Math.max(b.realMs, b.wholeMs ?? 0) - Math.max(a.realMs, a.wholeMs ?? 0)),
    others: others.map((it) => ({
      id: sessionId(it.capture, it.number),
      captureName: it.name,
      host: it.host,
      startedMs: it.started_ms,
    })),
    notes: [
      ...(turns.length > 0 && record.turns.count > turns.length
        ? [`The ${sayCount(turns.length, 'slowest turn')} of ${record.turns.count} are listed.`]
        : []),
      ...(calls.length >= callsMax ? [`Only ${sayCount(callsMax, 'call')} of this session were looked at.`] : []),
    ],
  }
}

/** How many chunks its trace has; 0: none, or not all of them came. */
async function chunksOf({ columns }: Pick<Ground, 'columns'>, environment: string, capture: string, number: number): Promise<number> {
  const [row] = await columns.query<{ there: number; chunks: number }>(
    sql`SELECT toUInt32(uniqExact(t.chunk)) AS there, toUInt32(max(t.chunks)) AS chunks FROM tcp_traces AS t
      WHERE t.environment = ${environment} AND t.capture = ${capture} AND t.number = ${number}`,
  )
  return row !== undefined && row.there === row.chunks ? row.chunks : 0
}

/** Chunk after chunk: a long session has a hundred megabytes. @throws Problem `network-session-unknown`, `network-not-traced` */
export async function readSegments(ground: Ground, id: string): Promise<Readable> {
  const { columns } = ground
  const { capture, number } = sessionParts(id)
  const [found] = await columns.query<{ environment: string }>(
    sql`SELECT s.environment AS environment FROM tcp_sessions AS s WHERE s.capture = ${capture} AND s.number = ${number} LIMIT 1`,
  )
  if (found === undefined) throw networkProblem('network-session-unknown', { session: id })
  const { environment } = found
  const chunks = await chunksOf(ground, environment, capture, number)
  if (chunks === 0) throw networkProblem('network-not-traced', { session: id })
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let chunk = 0; chunk < chunks; chunk++) {
      const [row] = await columns.query<{ data: string }>(
        sql`SELECT t.data AS data FROM tcp_traces AS t WHERE t.environment = ${environment} AND t.capture = ${capture}
          AND t.number = ${number} AND t.chunk = ${chunk} LIMIT 1`,
      )
      yield Buffer.from(row?.data ?? '', 'base64')
    }
  }
  return Readable.from(pieces(), { objectMode: false })
}
