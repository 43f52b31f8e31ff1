/** Parts of captures as a sender makes them. */
import type { CapturePartInput } from '@belay/protocol'

type Sent = NonNullable<CapturePartInput['sessions']>[number]
type SentTurn = NonNullable<CapturePartInput['turns']>[number]

const spread = (samples: number, ms: number) => ({
  samples,
  minMs: ms,
  meanMs: ms,
  p50Ms: ms,
  p95Ms: ms * 2,
  p99Ms: ms * 2,
  maxMs: ms * 2,
  deviationMs: 0,
})

function direction(rttMs: number | null, resent: number): Sent['directions'][number] {
  return {
    ...{ packets: 60, dataPackets: 50, pureAcks: 10, bytes: 70_000, goodBytes: 68_000, wireBytes: 75_000 },
    ...{ throughputBps: 560_000, throughputPeakBps: 900_000, goodputBps: 544_000, goodputPeakBps: 880_000 },
    rtt: { karn: rttMs === null ? null : spread(20, rttMs), timestamps: null },
    retransmissions: { segments: resent, bytes: resent * 1_448, fast: resent, timeout: 0, tail: 0, spurious: 0, share: resent / 50 },
    ...{ reordered: 0, lostBefore: 0, duplicates: 0, lostSegments: 0, ackedUnseen: { segments: 0, bytes: 0 }, dupAcks: 0 },
    sack: { acks: 0, blocks: 0, duplicates: 0 },
    zeroWindows: { count: 0, timeMs: 0, probes: 0 },
    ...{ windowFull: 0, keepAlives: 0, bytesInFlight: { max: 20_000, mean: 9_000 } },
    receiveWindow: { minBytes: 64_000, maxBytes: 64_000, lastBytes: 64_000 },
    ...{ mss: 1_460, windowScale: 7, segmentBytesMax: 1_448, initialWindowBytes: 14_480 },
    ecn: { capable: 0, congestionExperienced: 0, echoes: 0 },
    labels: resent === 0 ? {} : { retransmission: resent },
  }
}

export type SessionFacts = {
  readonly number: number
  readonly client: string
  readonly clientPort: number
  readonly server?: string
  readonly startedMs: number
  readonly seconds?: number
  readonly score?: number
  readonly resent?: number
  readonly rttMs?: number
  readonly point?: Sent['quality']['point']
}

export function sessionOf(it: SessionFacts): Sent {
  const {
    number,
    client,
    clientPort,
    server = '10.0.0.1',
    startedMs,
    seconds = 1,
    score = 90,
    resent = 0,
    rttMs = 40,
    point = 'server',
  } = it
  const steps = { bytes: [100, 200], goodBytes: [100, 200], resent: [0, resent], rttMs: [rttMs, null], inFlight: [100, 200] }
  return {
    number,
    capture: 'lo.pcap',
    client: { address: client, port: clientPort },
    server: { address: server, port: 80 },
    opener: 'syn',
    vlan: null,
    firstFrame: 1,
    lastFrame: 120,
    started: new Date(startedMs).toISOString(),
    startedMs,
    duration: seconds,
    score: {
      value: score,
      grade: score >= 80 ? 'good' : score >= 50 ? 'fair' : 'poor',
      parts: [],
      confidence: 'high',
      confidenceBecause: 'it was captured at an end, whole.',
    },
    verdict: { limit: resent > 0 ? 'loss' : 'application', share: 0.7, because: `Session ${number} is as it is.` },
    limits: { handshake: rttMs, slowStart: 0, application: 0, receiver: 0, loss: resent * 10, bandwidth: 100, idle: 0 },
    ceilings: { receiverBps: null, lossBps: null, linkBps: 8e6 },
    handshake: {
      ...{ state: 'complete', serverMs: 0.1, clientMs: rttMs, rttMs, synRetries: 0, synAckRetries: 0 },
      ...{ sack: true, timestamps: true, ecn: false, windowScaling: true, fastOpen: false },
    },
    close: 'fin',
    idle: { longestMs: 0, totalMs: 0 },
    turns: { count: 1, requestMs: spread(1, 0.2), serverMs: spread(1, 12), responseMs: spread(1, 300) },
    directions: [direction(null, 0), direction(rttMs, resent)],
    series: { stepMs: 500, directions: [steps, steps] },
    quality: { point, oneSided: false, missedBytes: 0, duplicates: 0, offloaded: 0, sentences: [] },
  }
}

export function turnOf(session: Sent, it: Partial<SentTurn> = {}): SentTurn {
  const { number, client, server, startedMs } = session
  return {
    ...{ session: number, client, server, sessionStartedMs: startedMs },
    ...{ startedMs: 0, requestMs: 0, serverMs: 10, responseMs: 0, ackMs: 0, requestBytes: 300, responseBytes: 2_000, lost: 0 },
    ...it,
  }
}

export function partOf(it: Partial<CapturePartInput> & Pick<CapturePartInput, 'id'>): CapturePartInput {
  return {
    ...{ part: 1, last: true, environment: 'production', host: 'web1', label: '' },
    capture: {
      ...{ name: 'lo.pcap', format: 'pcap', bytes: 1_000, packets: 100, tcpPackets: 90, sessions: it.sessions?.length ?? 0 },
      ...{ firstMs: 1, lastMs: 2, notUnderstood: { 'no TCP': 10 }, warnings: [] },
    },
    ...it,
  }
}
