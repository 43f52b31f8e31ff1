/** What came over the wire, as rows of the tables. */
import { endpointText } from '@belay/call-record'
import type { CapturePartWire } from '@belay/protocol'
import type { Distribution, SessionRecord } from '@belay/tcp'

type Row = Readonly<Record<string, unknown>>
/** Of all rows of a part. */
export type Place = { readonly sent: number; readonly part: CapturePartWire }

/** DateTime64 ends at 2299; what a damaged capture claims is put at the nearest end of a sensible time. */
const timeMax = 4_102_444_800_000

/** As ClickHouse reads a DateTime64(3) of UTC. */
const timeOf = (ms: number): string =>
  new Date(Math.max(0, Math.min(timeMax, Math.floor(ms)))).toISOString().replace('T', ' ').replace('Z', '')

const placed = ({ sent, part }: Place): Row => ({ sent: timeOf(sent), environment: part.environment, capture: part.id })

export function sessionRow(place: Place, record: CapturePartWire['sessions'][number]): Row {
  const { series, ...rest } = record
  const [out, back] = record.directions
  const rtt = pathRtt(record)
  const resent = ({ retransmissions, lostBefore }: typeof out) => retransmissions.segments + lostBefore
  const share = (it: typeof out) => (it.dataPackets === 0 ? 0 : Math.min(1, resent(it) / it.dataPackets))
  const { application, receiver, loss, bandwidth, slowStart } = record.limits
  const { requestMs, serverMs, responseMs } = record.turns
  const network = loss + bandwidth + slowStart
  // Waiting for the first byte of an answer is told by the turns, and between them nobody waits for anything: what is left is
  // data that was written slowly, and cannot be more than the time in which data went.
  const slowly = Math.min(application - total(serverMs), total(requestMs) + total(responseMs) - network - receiver)
  return {
    ...placed(place),
    number: record.number,
    name: place.part.capture.name,
    host: place.part.host,
    label: place.part.label,
    grade: record.score.grade,
    limited: record.verdict.limit,
    point: record.quality.point,
    close: record.close,
    ts: timeOf(record.startedMs),
    ended: timeOf(record.startedMs + record.duration * 1_000),
    client: record.client.address,
    server: record.server.address,
    client_port: record.client.port,
    server_port: record.server.port,
    started_ms: record.startedMs,
    duration: record.duration,
    score: record.score.value,
    limited_share: record.verdict.share,
    out_bps: out.goodputBps,
    in_bps: back.goodputBps,
    out_bytes: out.bytes,
    in_bytes: back.bytes,
    handshake_ms: record.handshake.rttMs,
    rtt_ms: rtt?.p50 ?? null,
    rtt95_ms: rtt?.p95 ?? null,
    server_ms: serverMs?.p50Ms ?? null,
    resent_share: Math.max(share(out), share(back)),
    application_ms: Math.max(0, slowly),
    receiver_ms: receiver,
    network_ms: network,
    initial_bytes: back.initialWindowBytes,
    packets: out.packets + back.packets,
    resent: resent(out) + resent(back),
    turns: record.turns.count,
    because: record.verdict.because,
    spark: series.directions[0].bytes.map((bytes, step) => bytes + (series.directions[1].bytes[step] ?? 0)),
    spark_rtt: series.directions[out.bytes >= back.bytes ? 0 : 1].rttMs,
    record: JSON.stringify(rest),
    series: JSON.stringify(series),
  }
}

const total = (it: Distribution | null): number => (it === null ? 0 : it.meanMs * it.samples)

/**
 * Round trip of the whole path, ms. What a direction sent is acknowledged from the far end of its way, so each direction measures
 * its own side of the capture point: at an end the other side is that host's kernel, in between the two add up.
 */
export function pathRtt(record: Pick<SessionRecord, 'directions' | 'handshake' | 'quality'>): { p50: number; p95: number } | null {
  const [out, back] = record.directions.map(({ rtt: { karn, timestamps } }) =>
    (timestamps?.samples ?? 0) > (karn?.samples ?? 0) ? timestamps : karn,
  ) as [Distribution | null, Distribution | null]
  const of = (it: Distribution | null) => (it === null ? null : { p50: it.p50Ms, p95: it.p95Ms })
  const { rttMs } = record.handshake
  const handshake = rttMs === null ? null : { p50: rttMs, p95: rttMs }
  switch (record.quality.point) {
    case 'client':
      return of(out) ?? handshake
    case 'server':
      return of(back) ?? handshake
    case 'between':
      return out !== null && back !== null ? { p50: out.p50Ms + back.p50Ms, p95: out.p95Ms + back.p95Ms } : handshake
    case 'unknown':
      return of(out !== null && (back === null || out.p50Ms > back.p50Ms) ? out : back) ?? handshake
  }
}

export function turnRow(place: Place, turn: CapturePartWire['turns'][number]): Row {
  const { startedMs, requestMs, serverMs, responseMs, ackMs } = turn
  const at = turn.sessionStartedMs + startedMs
  const whole = requestMs + serverMs + responseMs + ackMs
  return {
    ...placed(place),
    number: turn.session,
    peer: endpointText(turn.client.address, turn.client.port),
    local: endpointText(turn.server.address, turn.server.port),
    ts: timeOf(at),
    answered: timeOf(at + requestMs + serverMs),
    ended: timeOf(at + whole),
    at_ms: at,
    started_ms: startedMs,
    request_ms: requestMs,
    server_ms: serverMs,
    response_ms: responseMs,
    ack_ms: ackMs,
    whole_ms: whole,
    request_bytes: turn.requestBytes,
    response_bytes: turn.responseBytes,
    lost: turn.lost,
  }
}

export const traceRow = (place: Place, { session, chunk, chunks, data }: CapturePartWire['traces'][number]): Row => ({
  ...placed(place),
  number: session,
  chunk,
  chunks,
  data,
})
