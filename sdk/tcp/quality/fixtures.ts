/** Sessions as an analysis tells them, for tests: one of each sort that people meet, with figures that agree with one another. */
import {
  type CaptureQuality,
  type Direction,
  type DirectionSeries,
  type Distribution,
  type Handshake,
  type Limit,
  limits,
  type Retransmissions,
  type SessionRecord,
  type Turns,
  type Verdict,
} from '../types.ts'
import { scoreOf } from './score.ts'

/** A distribution of a few figures; the mean is the median's. */
export function distribution(samples: number, minMs: number, p50Ms: number, p95Ms: number, maxMs = p95Ms * 1.1): Distribution {
  return { samples, minMs, meanMs: p50Ms, p50Ms, p95Ms, p99Ms: (p95Ms + maxMs) / 2, maxMs, deviationMs: (p95Ms - minMs) / 4 }
}

type Resent = Partial<Omit<Retransmissions, 'segments' | 'share' | 'bytes'>>

/** What a direction is made of; the rest follows. */
export type DirectionFacts = Partial<Omit<Direction, 'retransmissions'>> & { readonly resent?: Resent }

const headerBytes = 66

export function direction(facts: DirectionFacts, seconds: number): Direction {
  const { resent, ...given } = facts
  const sent = { fast: 0, timeout: 0, tail: 0, spurious: 0, ...resent }
  const segments = sent.fast + sent.timeout + sent.tail + sent.spurious
  const goodBytes = given.goodBytes ?? 0
  const segmentBytesMax = Math.min(given.mss ?? 1448, goodBytes)
  const dataPackets = given.dataPackets ?? (goodBytes > 0 ? Math.ceil(goodBytes / segmentBytesMax) + segments : 0)
  const bytes = goodBytes + segments * segmentBytesMax
  const pureAcks = given.pureAcks ?? 0
  const packets = given.packets ?? dataPackets + pureAcks + 2
  const rate = (of: number) => (seconds > 0 ? (of * 8) / seconds : 0)
  return {
    packets,
    dataPackets,
    pureAcks,
    bytes,
    goodBytes,
    wireBytes: bytes + packets * headerBytes,
    throughputBps: rate(bytes),
    throughputPeakBps: rate(bytes) * 1.4,
    goodputBps: rate(goodBytes),
    goodputPeakBps: rate(goodBytes) * 1.4,
    rtt: { karn: null, timestamps: null },
    retransmissions: { ...sent, segments, bytes: segments * segmentBytesMax, share: dataPackets > 0 ? segments / dataPackets : 0 },
    reordered: 0,
    lostBefore: 0,
    duplicates: 0,
    lostSegments: 0,
    ackedUnseen: { segments: 0, bytes: 0 },
    dupAcks: 0,
    sack: { acks: 0, blocks: 0, duplicates: 0 },
    zeroWindows: { count: 0, timeMs: 0, probes: 0 },
    windowFull: 0,
    keepAlives: 0,
    bytesInFlight: { max: Math.min(goodBytes, 300_000), mean: Math.min(goodBytes, 120_000) },
    receiveWindow: { minBytes: 64_240, maxBytes: 3_145_728, lastBytes: 3_145_728 },
    mss: 1460,
    windowScale: 7,
    segmentBytesMax,
    ecn: { capable: 0, congestionExperienced: 0, echoes: 0 },
    initialWindowBytes: Math.min(goodBytes, 14_480),
    labels: segments > 0 ? { retransmission: segments } : {},
    ...given,
  }
}

/** What a session is made of; the rest follows. `limits` in milliseconds: their sum is the session's life. */
export type SessionFacts = {
  readonly number?: number
  readonly capture?: string
  readonly port?: number
  readonly clientPort?: number
  readonly startedMs?: number
  readonly opener?: SessionRecord['opener']
  readonly limits: Partial<Record<Limit, number>>
  readonly verdict: Verdict
  readonly handshake?: Partial<Handshake>
  readonly close?: SessionRecord['close']
  readonly idle?: SessionRecord['idle']
  readonly turns?: Turns
  readonly client: DirectionFacts
  readonly server: DirectionFacts
  readonly ceilings?: Partial<SessionRecord['ceilings']>
  readonly quality?: Partial<CaptureQuality>
}

const flat = (direction: Direction, steps: number): DirectionSeries => {
  const each = (total: number) =>
    Array.from({ length: steps }, (_, i) => Math.floor(((i + 1) * total) / steps) - Math.floor((i * total) / steps))
  const rtt = direction.rtt.karn ?? direction.rtt.timestamps
  return {
    bytes: each(direction.bytes),
    goodBytes: each(direction.goodBytes),
    resent: each(direction.retransmissions.segments),
    rttMs: Array.from({ length: steps }, () => rtt?.p50Ms ?? null),
    inFlight: Array.from({ length: steps }, () => direction.bytesInFlight.max),
  }
}

const complete: Handshake = {
  state: 'complete',
  serverMs: 20,
  clientMs: 0.1,
  rttMs: 20.1,
  synRetries: 0,
  synAckRetries: 0,
  sack: true,
  timestamps: true,
  ecn: false,
  windowScaling: true,
  fastOpen: false,
}

export function session(facts: SessionFacts): SessionRecord {
  const life = Object.fromEntries(limits.map((limit) => [limit, facts.limits[limit] ?? 0])) as Record<Limit, number>
  const durationMs = limits.reduce((sum, limit) => sum + life[limit], 0)
  const startedMs = facts.startedMs ?? Date.UTC(2026, 2, 3, 9, 30)
  const directions = [direction(facts.client, durationMs / 1000), direction(facts.server, durationMs / 1000)] as const
  const packets = directions[0].packets + directions[1].packets
  const steps = durationMs > 0 ? 8 : 0
  const unscored = {
    number: facts.number ?? 0,
    capture: facts.capture ?? 'sample.pcap',
    client: { address: '10.0.0.1', port: facts.clientPort ?? 40_000 + (facts.number ?? 0) },
    server: { address: '10.0.0.2', port: facts.port ?? 443 },
    opener: facts.opener ?? 'syn',
    vlan: null,
    firstFrame: 1,
    lastFrame: Math.max(1, packets),
    started: new Date(startedMs).toISOString().replace('Z', '000000Z'),
    startedMs,
    duration: durationMs / 1000,
    verdict: facts.verdict,
    limits: life,
    ceilings: { receiverBps: null, lossBps: null, linkBps: null, ...facts.ceilings },
    handshake: { ...complete, ...facts.handshake },
    close: facts.close ?? 'fin',
    idle: facts.idle ?? { longestMs: 0, totalMs: life.idle },
    turns: facts.turns ?? { count: 0, requestMs: null, serverMs: null, responseMs: null },
    directions,
    series: { stepMs: steps > 0 ? durationMs / steps : 1, directions: [flat(directions[0], steps), flat(directions[1], steps)] },
    quality: { point: 'client', oneSided: false, missedBytes: 0, duplicates: 0, offloaded: 0, sentences: [], ...facts.quality },
  } as const satisfies Omit<SessionRecord, 'score'>
  return { ...unscored, score: scoreOf(unscored) }
}

/** Eight sessions, by the name of what ails them. */
export function samples() {
  const request: DirectionFacts = {
    goodBytes: 420,
    pureAcks: 300,
    bytesInFlight: { max: 420, mean: 420 },
    rtt: { karn: distribution(1, 20, 20.2, 20.2), timestamps: null },
  }
  return {
    clean: session({
      number: 0,
      limits: { handshake: 20.1, slowStart: 110, bandwidth: 250, application: 20 },
      verdict: { limit: 'bandwidth', share: 0.62, because: 'For 62 % of its life data filled the path: 10.0 Mbit/s with no loss.' },
      client: request,
      server: {
        goodBytes: 500_000,
        pureAcks: 2,
        rtt: { karn: distribution(180, 20, 21.4, 26), timestamps: distribution(340, 20, 21.3, 26.5) },
      },
      turns: {
        count: 1,
        requestMs: distribution(1, 0, 0, 0),
        serverMs: distribution(1, 12, 12, 12),
        responseMs: distribution(1, 340, 340, 340),
      },
      ceilings: { receiverBps: 1.2e9, linkBps: 1.05e7 },
    }),
    lossy: session({
      number: 1,
      limits: { handshake: 60.4, slowStart: 200, loss: 5200, bandwidth: 2300, application: 240 },
      verdict: {
        limit: 'loss',
        share: 0.65,
        because: 'Lost segments were being sent again for 65 % of its life: 12.1 % of what carried data.',
      },
      handshake: { serverMs: 60.2, clientMs: 0.2, rttMs: 60.4, synRetries: 1 },
      client: { ...request, pureAcks: 700, dupAcks: 310, sack: { acks: 290, blocks: 410, duplicates: 6 } },
      server: {
        goodBytes: 1_200_000,
        resent: { fast: 88, timeout: 20, tail: 3, spurious: 3 },
        rtt: { karn: distribution(500, 60, 64, 140), timestamps: distribution(640, 60, 66, 190) },
        bytesInFlight: { max: 46_000, mean: 17_000 },
      },
      ceilings: { receiverBps: 4e8, lossBps: 6.6e5, linkBps: 8e6 },
    }),
    receiver: session({
      number: 2,
      port: 9000,
      limits: { handshake: 40.2, slowStart: 82, receiver: 8900, application: 180, bandwidth: 98 },
      verdict: {
        limit: 'receiver',
        share: 0.96,
        because: "The receiver's window was closed or full for 96 % of its life, 6.1 s of it at zero.",
      },
      handshake: { serverMs: 40.1, clientMs: 0.1, rttMs: 40.2 },
      client: {
        goodBytes: 2_000_000,
        windowFull: 60,
        rtt: { karn: distribution(620, 40, 41, 45), timestamps: null },
        bytesInFlight: { max: 32_000, mean: 28_500 },
      },
      server: {
        goodBytes: 0,
        pureAcks: 700,
        receiveWindow: { minBytes: 0, maxBytes: 32_768, lastBytes: 30_000 },
        windowScale: 0,
        zeroWindows: { count: 2, timeMs: 6100, probes: 5 },
        labels: { zeroWindow: 7, windowUpdate: 2 },
      },
      ceilings: { receiverBps: 6.4e6 },
    }),
    idle: session({
      number: 3,
      port: 5432,
      limits: { handshake: 1.2, application: 830, bandwidth: 12, idle: 119_156.8 },
      verdict: { limit: 'idle', share: 0.99, because: 'Neither end had anything to say for 99 % of its life.' },
      handshake: { serverMs: 1.1, clientMs: 0.1, rttMs: 1.2 },
      idle: { longestMs: 60_000, totalMs: 119_156.8 },
      client: {
        goodBytes: 6_400,
        dataPackets: 40,
        pureAcks: 42,
        keepAlives: 2,
        rtt: { karn: distribution(40, 1, 1.3, 2.1), timestamps: null },
        bytesInFlight: { max: 190, mean: 160 },
      },
      server: {
        goodBytes: 22_000,
        dataPackets: 44,
        pureAcks: 3,
        rtt: { karn: distribution(20, 0.04, 0.05, 0.08), timestamps: null },
        bytesInFlight: { max: 1448, mean: 500 },
      },
      turns: {
        count: 40,
        requestMs: distribution(40, 0, 0, 0.1),
        serverMs: distribution(40, 2, 14, 61),
        responseMs: distribution(40, 0, 0.2, 1.4),
      },
    }),
    refused: session({
      number: 4,
      port: 8443,
      limits: { handshake: 31.5 },
      verdict: { limit: 'handshake', share: 1, because: 'The server refused the connection 31.5 ms after the SYN.' },
      handshake: { state: 'refused', serverMs: 31.5, clientMs: null, rttMs: null, sack: false, timestamps: false, windowScaling: false },
      close: 'resetByServer',
      client: { packets: 1, receiveWindow: null },
      server: { packets: 1, receiveWindow: null, mss: null, windowScale: null },
    }),
    unanswered: session({
      number: 5,
      port: 8443,
      limits: { handshake: 7_040 },
      verdict: { limit: 'handshake', share: 1, because: 'Nothing answered the SYN, sent 4 times in 7.0 s.' },
      handshake: {
        state: 'halfOpen',
        serverMs: null,
        clientMs: null,
        rttMs: null,
        synRetries: 3,
        sack: false,
        timestamps: false,
        windowScaling: false,
      },
      close: 'open',
      client: { packets: 4, receiveWindow: null },
      server: { packets: 0, receiveWindow: null, mss: null, windowScale: null },
    }),
    midStream: session({
      number: 6,
      port: 22,
      opener: 'guessed',
      limits: { application: 2900, bandwidth: 1400 },
      verdict: { limit: 'application', share: 0.67, because: 'The sender had nothing to send for 67 % of its life.' },
      handshake: { state: 'none', serverMs: null, clientMs: null, rttMs: null, sack: false, timestamps: true, windowScaling: false },
      close: 'open',
      client: { goodBytes: 9_000, dataPackets: 90, pureAcks: 0, mss: null, windowScale: null, ackedUnseen: { segments: 3, bytes: 4_344 } },
      server: { packets: 0, receiveWindow: null, mss: null, windowScale: null },
      quality: { point: 'unknown', oneSided: true, missedBytes: 4_344, sentences: ["Only the client's packets were captured."] },
    }),
    longFat: session({
      number: 7,
      limits: { handshake: 200.3, slowStart: 1_900, bandwidth: 2_300, receiver: 150, application: 60 },
      verdict: { limit: 'bandwidth', share: 0.5, because: 'For 50 % of its life data filled the path: 47 Mbit/s at 200 ms.' },
      handshake: { serverMs: 200.1, clientMs: 0.2, rttMs: 200.3 },
      client: { ...request, pureAcks: 7_000 },
      server: {
        goodBytes: 20_000_000,
        rtt: { karn: distribution(6_800, 200, 214, 690), timestamps: distribution(13_000, 200, 216, 700) },
        bytesInFlight: { max: 4_900_000, mean: 2_100_000 },
      },
      ceilings: { receiverBps: 2.4e8, linkBps: 4.8e7 },
    }),
  } as const
}

export function sampleSessions(): SessionRecord[] {
  return Object.values(samples())
}

/** Traits of a network, for sessions by the hundred. */
export type Network = { readonly rttMs: number; readonly loss: number; readonly mbps: number; readonly refuses?: number }

/** A session as a network of these traits might carry it, with the spread of real ones; `random` gives numbers from 0 to 1. */
export function carriedBy(network: Network, random: () => number, number: number, bytes?: number): SessionRecord {
  const spread = () => Math.exp((random() + random() + random() - 1.5) * 0.5)
  if (random() < (network.refuses ?? 0)) {
    const { limits, verdict, handshake, close, client, server } = refusedFacts
    return session({ number, limits, verdict, handshake, close, client, server })
  }
  const rttMs = network.rttMs * spread()
  const goodBytes = bytes ?? Math.round(120_000 * spread())
  const segments = Math.ceil(goodBytes / 1448)
  let lost = 0
  for (let i = 0; i < segments; i++) if (random() < network.loss) lost++
  const timeout = lost > 0 && random() < 0.2 ? 1 : 0
  const sendMs = (goodBytes * 8) / (network.mbps * 1000 * spread()) + 2 * rttMs
  return session({
    number,
    startedMs: 1_700_000_000_000 + number * 1000,
    limits: {
      handshake: rttMs,
      bandwidth: sendMs,
      loss: lost * rttMs + timeout * 220,
      application: 5 * spread(),
      idle: random() < 0.3 ? 500 : 0,
    },
    verdict: { limit: 'bandwidth', share: 0.7, because: '' },
    handshake: { rttMs },
    client: { goodBytes: 400, pureAcks: Math.ceil(segments / 2), rtt: { karn: distribution(1, rttMs, rttMs, rttMs), timestamps: null } },
    server: {
      goodBytes,
      resent: { fast: lost - timeout, timeout },
      rtt: { karn: distribution(segments, rttMs, rttMs * 1.1, rttMs * (1.2 + random())), timestamps: null },
    },
  })
}
const refusedFacts = {
  limits: { handshake: 20 },
  verdict: { limit: 'handshake', share: 1, because: '' },
  handshake: { state: 'refused', rttMs: null },
  close: 'resetByServer',
  client: { packets: 1 },
  server: { packets: 1 },
} as const
