/** A session's numbers, put into the words of `SessionRecord`. */
import type { Flows } from './flows.ts'
import { scoreOf } from './quality/score.ts'
import type { Session } from './session.ts'
import type { Side } from './side.ts'
import { type CaptureQuality, type Direction, type Handshake, type Label, labels, type Score, type SessionRecord } from './types.ts'

export function recordOf(session: Session, flows: Flows, capture: string): SessionRecord {
  const endNs = session.lastNs
  const { aIsClient } = session
  const client = aIsClient ? session.a : session.b
  const server = aIsClient ? session.b : session.a
  const startedMs = session.sec * 1e3 + session.nsec / 1e6
  const series = session.series.series(endNs, aIsClient)
  const [ofClient, ofServer] = series.directions
  const limited = session.limits.summary(session, endNs)
  const { limits, verdict, ceilings, idle } = limited
  const record: Omit<SessionRecord, 'score'> & { score: Score } = {
    number: session.number,
    capture,
    client: flows.endpointOf(session, aIsClient),
    server: flows.endpointOf(session, !aIsClient),
    opener: session.opener,
    vlan: session.vlan < 0 ? null : session.vlan,
    firstFrame: session.firstFrame,
    lastFrame: session.lastFrame,
    started: isoTime(session.sec, session.nsec),
    startedMs,
    duration: endNs / 1e9,
    verdict,
    limits,
    ceilings,
    handshake: handshakeOf(session, client, server),
    close: closeOf(session, client, server),
    idle,
    turns: session.turns.summary(),
    directions: [
      directionOf(client, endNs, series.stepMs, ofClient.bytes, ofClient.goodBytes),
      directionOf(server, endNs, series.stepMs, ofServer.bytes, ofServer.goodBytes),
    ],
    series,
    quality: qualityOf(session, client, server),
    score: unscored,
  }
  record.score = scoreOf(record)
  return record
}

/** In the score's place while it is made of all the rest. */
const unscored: Score = { value: 0, grade: 'poor', parts: [], confidence: 'low', confidenceBecause: '' }

/** The second that was told last: many sessions begin in each. */
let [toldSec, toldText] = [0, '1970-01-01T00:00:00']

/** ISO 8601 with nanoseconds. */
function isoTime(sec: number, nsec: number): string {
  if (sec !== toldSec) {
    const time = new Date(sec * 1e3)
    // Times that no calendar holds come from damaged captures.
    if (Number.isNaN(time.getTime())) return new Date(0).toISOString()
    toldText = time.toISOString().slice(0, -5)
    toldSec = sec
  }
  return `${toldText}.${String(nsec).padStart(9, '0')}Z`
}

function handshakeOf(session: Session, client: Side, server: Side): Handshake {
  const { synAt, synAckAt, openAt } = session
  const refused = session.reset === 2 && server.dataPackets === 0 && synAckAt < 0 && synAt >= 0
  const state = refused
    ? 'refused'
    : openAt >= 0
      ? 'complete'
      : synAt < 0 && synAckAt < 0
        ? 'none'
        : session.reset !== 0
          ? 'reset'
          : 'halfOpen'
  const serverNs = synAt >= 0 && synAckAt >= 0 ? synAckAt - synAt : -1
  const clientNs = synAckAt >= 0 && openAt >= 0 ? openAt - synAckAt : -1
  const ms = (ns: number) => (ns < 0 ? null : ns / 1e6)
  return {
    state,
    serverMs: ms(serverNs),
    clientMs: ms(clientNs),
    rttMs: serverNs >= 0 && clientNs >= 0 ? (serverNs + clientNs) / 1e6 : null,
    synRetries: client.synRetries,
    synAckRetries: server.synRetries,
    sack: client.sackPermitted && server.sackPermitted,
    timestamps: client.offersTimestamps && server.offersTimestamps,
    ecn: client.ecnSetup && server.ecnSetup,
    windowScaling: client.scale >= 0 && server.scale >= 0,
    fastOpen: session.fastOpen,
  }
}

function closeOf(session: Session, client: Side, server: Side): SessionRecord['close'] {
  if (session.reset !== 0) return session.reset === 1 ? 'resetByClient' : 'resetByServer'
  if (client.finSeen && server.finSeen) return 'fin'
  return client.finSeen || server.finSeen ? 'halfClosed' : 'open'
}

function directionOf(side: Side, endNs: number, stepMs: number, bytes: readonly number[], goodBytes: readonly number[]): Direction {
  const seconds = endNs / 1e9
  const evidence = side.evidence.summary(side.dataPackets)
  const good = side.evidence.goodBytes
  const throughputBps = seconds > 0 ? (side.bytes * 8) / seconds : 0
  const goodputBps = seconds > 0 ? (good * 8) / seconds : 0
  // A session shorter than an interval has no better peak than its mean.
  const isShort = endNs / 1e6 < stepMs
  const zeroNs = side.zeroNs + (side.zeroSince >= 0 ? Math.max(0, endNs - side.zeroSince) : 0)
  return {
    packets: side.packets,
    dataPackets: side.dataPackets,
    pureAcks: side.pureAcks,
    bytes: side.bytes,
    goodBytes: good,
    wireBytes: side.wireBytes,
    throughputBps,
    throughputPeakBps: isShort ? throughputBps : (most(bytes) * 8e3) / stepMs,
    goodputBps,
    goodputPeakBps: isShort ? goodputBps : (most(goodBytes) * 8e3) / stepMs,
    rtt: evidence.rtt,
    retransmissions: evidence.retransmissions,
    reordered: evidence.reordered,
    lostBefore: evidence.lostBefore,
    duplicates: evidence.duplicates,
    lostSegments: evidence.lostSegments,
    ackedUnseen: evidence.ackedUnseen,
    dupAcks: side.dupAcks,
    sack: { acks: side.sackAcks, blocks: side.sackBlocks, duplicates: evidence.sackDuplicates },
    zeroWindows: { count: side.zeroWindows, timeMs: zeroNs / 1e6, probes: side.probes },
    windowFull: side.windowFulls,
    keepAlives: side.keepAlives,
    bytesInFlight: { max: side.flightMax, mean: side.flightNs > 0 ? side.flightArea / side.flightNs : 0 },
    receiveWindow: side.windowMax < 0 ? null : { minBytes: side.windowMin, maxBytes: side.windowMax, lastBytes: side.window },
    mss: side.mss > 0 ? side.mss : null,
    windowScale: side.scale >= 0 ? side.scale : null,
    segmentBytesMax: side.segmentMax,
    ecn: { capable: side.ecnCapable, congestionExperienced: side.ecnMarked, echoes: side.ecnEchoes },
    initialWindowBytes: side.initialWindow,
    labels: labelsOf(side),
  }
}

function most(column: readonly number[]): number {
  let top = 0
  for (let at = 0; at < column.length; at++) if ((column[at] as number) > top) top = column[at] as number
  return top
}

function labelsOf(side: Side): Partial<Record<Label, number>> {
  const counts: Partial<Record<Label, number>> = {}
  if (side.labelCounts === undefined) return counts
  for (let at = 0; at < labels.length; at++) {
    const times = side.labelCounts[at] as number
    if (times > 0) counts[labels[at] as Label] = times
  }
  return counts
}

/** Beyond this multiple of the other part a round trip lies wholly on one side of the capture point. */
const nearFactor = 4

function qualityOf(session: Session, client: Side, server: Side): CaptureQuality {
  const { synAt, synAckAt, openAt } = session
  const far = synAt >= 0 && synAckAt >= 0 ? synAckAt - synAt : -1
  const near = synAckAt >= 0 && openAt >= 0 ? openAt - synAckAt : -1
  const point = far < 0 || near < 0 ? 'unknown' : far > near * nearFactor ? 'client' : near > far * nearFactor ? 'server' : 'between'
  // A SYN that nobody answers is no sign of a capture that sees one side alone; an acknowledgement of what was never seen is.
  const oneSided = (client.packets === 0 && client.acked) || (server.packets === 0 && server.acked)
  const missed = client.evidence.missedBytes + server.evidence.missedBytes
  const offloaded = client.offloaded + server.offloaded
  const sentences: string[] = []
  if (session.opener === 'guessed')
    sentences.push('The capture begins in mid-session: who called is guessed by the ports, and windows may be scaled more than they say.')
  if (oneSided) sentences.push('Only one direction was captured: round trips, windows and limits are known in part.')
  if (missed > 0) sentences.push(`The capture missed ${missed} bytes that were acknowledged: figures of loss are not to be trusted.`)
  if (offloaded > 0)
    sentences.push(`${offloaded} packets are larger than the MSS: the capture was taken before the network card divided them.`)
  if (session.duplicates > 0) sentences.push(`${session.duplicates} packets were captured twice; each is counted once.`)
  const forgotten = client.evidence.forgotten + server.evidence.forgotten
  if (forgotten > 0)
    sentences.push(
      `It was in too much trouble at once for all of it to be remembered: ${forgotten} segments were classified by less than all evidence.`,
    )
  if (session.unread > 0) sentences.push(`${session.unread} segments could not be read whole (cut headers, or quoted in ICMP errors).`)
  return { point, oneSided, missedBytes: missed, duplicates: session.duplicates, offloaded, sentences }
}
