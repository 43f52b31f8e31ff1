/** What there is: captures with their sessions, and what sessions can be filtered by. */
import { sql } from '@belay/columns'
import type { CaptureRowWire, NetworkFacetsWire } from '@belay/protocol'
import type { CaptureQuery } from './captures.ts'
import { environmentOf, environmentsWithSessions, type Ground } from './ground.ts'

export async function readCaptures(ground: Ground, ask: CaptureQuery): Promise<{ captures: CaptureRowWire[]; more: boolean }> {
  const { captures, more } = await ground.captures.list(ask)
  const ids = captures.map(({ id }) => id)
  const rows = await ground.columns.query<{ capture: string; n: number; score: number; poor: number }>(
    sql`SELECT s.capture AS capture, toUInt32(count()) AS n, avg(s.score) AS score, toUInt32(countIf(s.grade = 'poor')) AS poor
      FROM tcp_sessions AS s WHERE s.capture IN ${ids} GROUP BY s.capture`,
  )
  const kept = new Map(rows.map((row) => [row.capture, row]))
  return {
    captures: captures.map(({ summary, ...it }) => {
      const of = kept.get(it.id)
      return { ...it, capture: summary, sessions: of?.n ?? 0, score: of?.score ?? null, poor: of?.poor ?? 0 }
    }),
    more,
  }
}

/** A list to choose from. */
const [capturesMax, serversMax] = [100, 50]

export async function readFacets(ground: Ground, ask: { environment?: string | undefined }): Promise<NetworkFacetsWire> {
  const { columns } = ground
  const environment = ask.environment === undefined ? undefined : await environmentOf(ground, ask.environment)
  const here = environment === undefined ? sql`1` : sql`s.environment = ${environment}`
  const [[edges], servers, withSessions, known, { captures }] = await Promise.all([
    columns.query<{ n: number; first: number; last: number }>(
      sql`SELECT toFloat64(count()) AS n, min(s.started_ms) AS first, max(s.started_ms + s.duration * 1000) AS last FROM tcp_sessions AS s WHERE ${here}`,
    ),
    columns.query<{ address: string; port: number; sessions: number }>(
      sql`SELECT s.server AS address, s.server_port AS port, toUInt32(count()) AS sessions FROM tcp_sessions AS s WHERE ${here}
        GROUP BY address, port ORDER BY sessions DESC, address, port LIMIT ${serversMax}`,
    ),
    environmentsWithSessions(ground),
    ground.environments(),
    ground.captures.list({ environment, offset: 0, limit: capturesMax }),
  ])
  const { state, because } = columns.state()
  const any = edges !== undefined && edges.n > 0
  return {
    firstAt: any ? Math.floor(edges.first) : null,
    lastAt: any ? Math.ceil(edges.last) : null,
    environments: [...new Set([...known.map(({ name }) => name), ...withSessions])],
    captures: captures.map(({ id, summary, label, sentAt }) => ({ id, name: summary.name, label, at: sentAt })),
    servers: [...servers],
    store: { state, because },
  }
}
