/**
 * What travels about TCP sessions: captures that were analysed where they were taken, their sessions and turns, comparisons,
 * and the calls that travelled in them. Times of day as in wire.ts (ms since the epoch); durations in ms (`Ms`), rates in bits
 * a second (`Bps`), unless a name says otherwise. The shapes of an analysis are those of `@belay/tcp`.
 */
import type { CaptureSummary, Comparison, Direction, Distribution, Sentence, SessionRecord, Turn } from '@belay/tcp'
import { labels, limits, seriesMax } from '@belay/tcp'
import { z } from 'zod'

/** What may be left out may be undefined: JSON knows no difference. */
type Loose<T> = { readonly [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K] }

const at = z.number().int()
const count = z.number().int().nonnegative()
const amount = z.number().nonnegative()
/** Sentences that the analysis writes have one to three lines. */
const sentence = z.string().max(2_000)
/** An IPv6 address with a zone has up to 60 characters. */
const address = z.string().min(1).max(64)
const port = z.number().int().min(0).max(65_535)

export const networkGrades = ['good', 'fair', 'poor'] as const
/** Made by the sender; no dot, for a session is named `CAPTURE.NUMBER`. */
export const captureIdPattern = /^[A-Za-z0-9_-]{8,40}$/
export const captureId = z.string().regex(captureIdPattern, 'is 8 to 40 letters, digits, _ and -')
export const sessionIdPattern = /^[A-Za-z0-9_-]{8,40}\.\d{1,9}$/

export const endpointWire = z.object({ address, port })
export type EndpointWire = z.infer<typeof endpointWire>

export const distributionWire = z.object({
  samples: count,
  minMs: z.number(),
  meanMs: z.number(),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  deviationMs: z.number(),
}) satisfies z.ZodType<Distribution>

const series = <T extends z.ZodType>(of: T) => z.array(of).max(seriesMax)
const directionSeries = z.object({
  bytes: series(amount),
  goodBytes: series(amount),
  resent: series(amount),
  rttMs: series(z.number().nullable()),
  inFlight: series(amount),
})

export const directionWire = z.object({
  packets: count,
  dataPackets: count,
  pureAcks: count,
  bytes: amount,
  goodBytes: amount,
  wireBytes: amount,
  throughputBps: amount,
  throughputPeakBps: amount,
  goodputBps: amount,
  goodputPeakBps: amount,
  rtt: z.object({ karn: distributionWire.nullable(), timestamps: distributionWire.nullable() }),
  retransmissions: z.object({
    segments: count,
    bytes: amount,
    fast: count,
    timeout: count,
    tail: count,
    spurious: count,
    share: amount,
  }),
  reordered: count,
  lostBefore: count,
  duplicates: count,
  lostSegments: count,
  ackedUnseen: z.object({ segments: count, bytes: amount }),
  dupAcks: count,
  sack: z.object({ acks: count, blocks: count, duplicates: count }),
  zeroWindows: z.object({ count, timeMs: amount, probes: count }),
  windowFull: count,
  keepAlives: count,
  bytesInFlight: z.object({ max: amount, mean: amount }),
  receiveWindow: z.object({ minBytes: amount, maxBytes: amount, lastBytes: amount }).nullable(),
  mss: z.number().nullable(),
  windowScale: z.number().nullable(),
  segmentBytesMax: amount,
  ecn: z.object({ capable: count, congestionExperienced: count, echoes: count }),
  initialWindowBytes: amount,
  labels: z.partialRecord(z.enum(labels), count),
}) satisfies z.ZodType<Direction>

export const turnWire = z.object({
  startedMs: amount,
  requestMs: amount,
  serverMs: amount,
  responseMs: amount,
  ackMs: amount,
  requestBytes: amount,
  responseBytes: amount,
  lost: count,
}) satisfies z.ZodType<Turn>
export type TurnWire = z.infer<typeof turnWire>

const limitTimes = z.object(Object.fromEntries(limits.map((it) => [it, amount])) as Record<(typeof limits)[number], typeof amount>)

export const sessionRecordWire = z.object({
  number: count,
  capture: z.string().max(500),
  client: endpointWire,
  server: endpointWire,
  opener: z.enum(['syn', 'guessed']),
  vlan: z.number().int().nullable(),
  firstFrame: count,
  lastFrame: count,
  started: z.string().max(40),
  startedMs: z.number(),
  duration: amount,
  score: z.object({
    value: z.number().min(0).max(100),
    grade: z.enum(networkGrades),
    parts: z.array(z.object({ name: z.string().max(100), penalty: z.number(), because: sentence })).max(50),
    confidence: z.enum(['high', 'medium', 'low']),
    confidenceBecause: sentence,
  }),
  verdict: z.object({ limit: z.enum([...limits, 'none']), share: amount, because: sentence }),
  limits: limitTimes,
  ceilings: z.object({ receiverBps: amount.nullable(), lossBps: amount.nullable(), linkBps: amount.nullable() }),
  handshake: z.object({
    state: z.enum(['complete', 'none', 'halfOpen', 'refused', 'reset']),
    serverMs: z.number().nullable(),
    clientMs: z.number().nullable(),
    rttMs: z.number().nullable(),
    synRetries: count,
    synAckRetries: count,
    sack: z.boolean(),
    timestamps: z.boolean(),
    ecn: z.boolean(),
    windowScaling: z.boolean(),
    fastOpen: z.boolean(),
  }),
  close: z.enum(['open', 'fin', 'halfClosed', 'resetByClient', 'resetByServer']),
  idle: z.object({ longestMs: amount, totalMs: amount }),
  turns: z.object({
    count,
    requestMs: distributionWire.nullable(),
    serverMs: distributionWire.nullable(),
    responseMs: distributionWire.nullable(),
  }),
  directions: z.tuple([directionWire, directionWire]),
  series: z.object({ stepMs: amount, directions: z.tuple([directionSeries, directionSeries]) }),
  quality: z.object({
    point: z.enum(['client', 'server', 'between', 'unknown']),
    oneSided: z.boolean(),
    missedBytes: amount,
    duplicates: count,
    offloaded: count,
    sentences: z.array(sentence).max(50),
  }),
}) satisfies z.ZodType<SessionRecord>

export const captureSummaryWire = z.object({
  name: z.string().max(500),
  format: z.string().max(100),
  bytes: amount,
  packets: count,
  tcpPackets: count,
  sessions: count,
  firstMs: z.number().nullable(),
  lastMs: z.number().nullable(),
  notUnderstood: z.record(z.string().max(100), count),
  warnings: z.array(sentence).max(100),
}) satisfies z.ZodType<CaptureSummary>

/** What a solution used while its capture was taken, when somebody measured that: for comparisons. */
export const resourcesWire = z.object({ cpuMs: amount.nullable(), memoryBytes: amount.nullable() })

/**
 * Of one request. A record takes 4 to 10 kB of JSON, so that 200 make about what a server parses without holding others up; a
 * turn takes about 150 bytes. A sender divides what it has into parts.
 */
export const networkPartMax = {
  bytes: 4 * 1_024 * 1_024,
  sessions: 200,
  turns: 5_000,
  traces: 16,
  /** In base64, of one trace's chunk. */
  traceChunk: 2 * 1_024 * 1_024,
} as const
/** 96 MiB unpacked from base64, at 13 bytes a segment: seven million segments of one session. */
export const traceChunksMax = 64
/** Of one capture: 200 sessions each, two million sessions. */
export const networkPartsMax = 10_000

/**
 * One part of a capture. The first has number 1; each is kept once, however often it is sent, and may be sent again after any
 * failure. The summary is what is known until then (a live capture grows); the one of the highest part holds.
 */
export const capturePartWire = z.object({
  id: captureId,
  part: z.number().int().min(1).max(networkPartsMax),
  /** Nothing comes after it; the capture is noted in the ledger. */
  last: z.boolean(),
  environment: z.string().min(1).max(100),
  /** Where it was taken: a host's name. */
  host: z.string().max(200).default(''),
  /** What is compared by: `wireguard`, `before the new router`. */
  label: z.string().max(200).default(''),
  resources: resourcesWire.nullable().default(null),
  capture: captureSummaryWire,
  sessions: z.array(sessionRecordWire).max(networkPartMax.sessions).default([]),
  /** `session` is the number of the session, which may come with another part; `client`, `server` and `sessionStartedMs` are its own. */
  turns: z
    .array(turnWire.extend({ session: count, client: endpointWire, server: endpointWire, sessionStartedMs: z.number() }))
    .max(networkPartMax.turns)
    .default([]),
  /** Every segment of a session, packed by `@belay/tcp` and cut into chunks: base64, in order, `chunk` from 0. */
  traces: z
    .array(
      z.object({
        session: count,
        chunk: z
          .number()
          .int()
          .min(0)
          .max(traceChunksMax - 1),
        chunks: z.number().int().min(1).max(traceChunksMax),
        data: z.base64().max(networkPartMax.traceChunk),
      }),
    )
    .max(networkPartMax.traces)
    .default([]),
})
export type CapturePartWire = z.infer<typeof capturePartWire>
export type CapturePartInput = z.input<typeof capturePartWire>

export const captureTakenWire = z.object({
  id: z.string(),
  part: count,
  /** False: this part was kept before, and nothing was counted twice. */
  counted: z.boolean(),
})

export const captureRowWire = z.object({
  id: z.string(),
  environment: z.string(),
  host: z.string(),
  label: z.string(),
  /** Who sent it, and when. */
  actor: z.string(),
  sentAt: at,
  /** All parts came. */
  complete: z.boolean(),
  resources: resourcesWire.nullable(),
  capture: captureSummaryWire,
  /** Of its sessions that are kept. */
  sessions: count,
  score: z.number().nullable(),
  poor: count,
})
export type CaptureRowWire = z.infer<typeof captureRowWire>

/** What sessions can be ranked by; the worst, largest or newest first. */
export const networkRanks = ['score', 'started', 'duration', 'bytes', 'rtt', 'goodput', 'resent', 'server'] as const
export type NetworkRank = (typeof networkRanks)[number]

export const sessionRowWire = z.object({
  /** `CAPTURE.NUMBER` */
  id: z.string(),
  capture: z.string(),
  captureName: z.string(),
  number: count,
  environment: z.string(),
  client: endpointWire,
  server: endpointWire,
  startedMs: z.number(),
  /** Seconds. */
  duration: z.number(),
  score: z.number(),
  grade: z.enum(networkGrades),
  limit: z.enum([...limits, 'none']),
  limitShare: z.number(),
  because: z.string(),
  handshakeMs: z.number().nullable(),
  /** Median of the direction that has more samples; the handshake's where there is none. */
  rttMs: z.number().nullable(),
  rttP95Ms: z.number().nullable(),
  /** Client to server, server to client. */
  goodputBps: z.tuple([z.number(), z.number()]),
  bytes: z.tuple([z.number(), z.number()]),
  packets: count,
  /** The worse direction's share of data segments that were lost or sent again, 0 to 1. */
  resentShare: z.number(),
  resent: count,
  turns: count,
  /** Median of its turns. */
  serverMs: z.number().nullable(),
  close: sessionRecordWire.shape.close,
  /** All of its segments are kept. */
  traced: z.boolean(),
  /** Bytes of both directions, in equal intervals of its life. */
  spark: z.array(z.number()),
  /** Mean round trip of the direction that sent more, ms, in the same intervals; null: none was measured. */
  sparkRtt: z.array(z.number().nullable()),
})
export type SessionRowWire = z.infer<typeof sessionRowWire>

export const networkFilter = z.object({
  environment: z.string().optional(),
  /** Several are parted by commas. */
  capture: z.string().max(1_000).optional(),
  from: z.coerce.number().int().optional(),
  to: z.coerce.number().int().optional(),
  /** Address of either end, or the beginning of one that ends with a dot or a colon: `10.0.`. */
  host: z.string().max(64).optional(),
  /** Of either end. */
  port: z.coerce.number().int().min(0).max(65_535).optional(),
  /** What limits it. */
  limited: z.enum([...limits, 'none']).optional(),
  grade: z.enum(networkGrades).optional(),
  /** In an address with port, the capture's name or the verdict's sentence, either case. */
  text: z.string().max(200).optional(),
})
export type NetworkFilter = z.output<typeof networkFilter>

export const sessionListWire = z.object({
  sessions: z.array(sessionRowWire),
  /** Of the filter, also beyond this page. */
  total: count,
  grades: z.object({ good: count, fair: count, poor: count }),
  limits: z.array(z.object({ limit: z.enum([...limits, 'none']), sessions: count })),
  from: at,
  to: at,
  notes: z.array(z.string()),
})
export type SessionListWire = z.infer<typeof sessionListWire>

export const networkFacetsWire = z.object({
  /** Null: no session was ever kept in this environment. */
  firstAt: at.nullable(),
  lastAt: at.nullable(),
  environments: z.array(z.string()),
  captures: z.array(z.object({ id: z.string(), name: z.string(), label: z.string(), at })),
  /** Servers that most sessions went to. */
  servers: z.array(endpointWire.extend({ sessions: count })),
  store: z.object({ state: z.enum(['asleep', 'starting', 'ready', 'down']), because: z.string().nullable() }),
})
export type NetworkFacetsWire = z.infer<typeof networkFacetsWire>

export const slowReasons = ['network', 'server', 'unknown'] as const

/** A call and the turn of a TCP session that carried it, when one is known. */
export const networkCallWire = z.object({
  at,
  service: z.string(),
  method: z.string(),
  release: z.string(),
  host: z.string(),
  status: count,
  failed: z.boolean(),
  /** By the service's own clock. */
  realMs: z.number(),
  dbMs: z.number(),
  externalMs: z.number(),
  trace: z.string(),
  span: z.string(),
  /** Of the socket that carried it: `address:port`, IPv6 in brackets; '' unknown. */
  peer: z.string(),
  local: z.string(),
  /** `CAPTURE.NUMBER` of the session; null: no capture has it. */
  session: z.string().nullable(),
  /** `startedMs`: of the day. */
  turn: turnWire.nullable(),
  rttMs: z.number().nullable(),
  /** From the first byte of the request to the last of the response and one way back, as the capture saw it. */
  wholeMs: z.number().nullable(),
  /** Of it, what the network took. */
  networkMs: z.number().nullable(),
  slowBecause: z.enum(slowReasons),
  because: z.string(),
})
export type NetworkCallWire = z.infer<typeof networkCallWire>

export const networkCallsWire = z.object({
  from: at,
  to: at,
  environment: z.string(),
  calls: z.array(networkCallWire),
  /** Of the calls that were looked at. */
  reasons: z.object({ network: count, server: count, unknown: count }),
  says: z.string(),
  notes: z.array(z.string()),
})
export type NetworkCallsWire = z.infer<typeof networkCallsWire>

const sentenceWire = z.object({
  at: z.number().optional(),
  kind: z.enum(['happened', 'limits', 'try', 'trust']),
  text: z.string(),
}) satisfies z.ZodType<Loose<Sentence>>

export const networkSessionWire = z.object({
  id: z.string(),
  environment: z.string(),
  host: z.string(),
  label: z.string(),
  captureId: z.string(),
  record: sessionRecordWire,
  /** The session in words: what happened when, what limits it, what to try. */
  story: z.array(sentenceWire),
  traced: z.boolean(),
  /** The slowest first. */
  turns: z.array(turnWire),
  /** Calls that travelled in it, the slowest first. */
  calls: z.array(networkCallWire),
  /** The same connection as other captures saw it: the other end, or an earlier hour. */
  others: z.array(z.object({ id: z.string(), captureName: z.string(), host: z.string(), startedMs: z.number() })),
  notes: z.array(z.string()),
})
export type NetworkSessionWire = z.infer<typeof networkSessionWire>

export const networkSideWire = z.object({
  /** As it was asked for. */
  asked: z.string(),
  name: z.string(),
  sessions: count,
  /** Not all sessions of the side were compared: so many were drawn evenly. */
  of: count,
  resources: resourcesWire.nullable(),
})

const outcome = z.enum(['better in A', 'better in B', 'no difference shown'])
const spread = z.object({
  sessions: count,
  p25: z.number().nullable(),
  median: z.number().nullable(),
  p75: z.number().nullable(),
  mean: z.number().nullable(),
})
const costs = z.object({
  goodBytes: amount,
  wireBytes: amount,
  wireBytesPerGoodByte: z.number().nullable(),
  packetsPerMegabyte: z.number().nullable(),
  cpuMs: z.number().nullable(),
  cpuMsPerMegabyte: z.number().nullable(),
  memoryBytes: z.number().nullable(),
})

export const comparisonWire = z.object({
  outcome: z.enum([...outcome.options, 'each better in something']),
  sentences: z.array(z.string()),
  sessions: z.object({ a: count, b: count }),
  unmatched: z.object({ a: count, b: count }),
  by: z.enum(['pairs', 'purposes']),
  method: z.string(),
  purposes: z.array(z.object({ port, size: z.string(), a: count, b: count })),
  measures: z.array(
    z.object({
      measure: z.string(),
      label: z.string(),
      unit: z.enum(['ms', 'bit/s', 'share', 'points', 'count', 'ratio']),
      better: z.enum(['lower', 'higher']),
      a: spread,
      b: spread,
      change: z.object({ as: z.enum(['ratio', 'difference']), estimate: z.number(), low: z.number(), high: z.number() }).nullable(),
      effect: z.number().nullable(),
      effectSize: z.enum(['negligible', 'small', 'medium', 'large']).nullable(),
      p: z.number().nullable(),
      pAdjusted: z.number().nullable(),
      outcome,
      because: z.string(),
    }),
  ),
  costs: z.object({ a: costs, b: costs }),
}) satisfies z.ZodType<Comparison>
export type ComparisonWire = z.infer<typeof comparisonWire>
