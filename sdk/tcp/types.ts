/** What an analysis says. Names are the field's; units stand in the names; times are of the capture's clock. */

export type Endpoint = { readonly address: string; readonly port: number }

/** Where a session's time went. Together they are its life. */
export const limits = ['handshake', 'slowStart', 'application', 'receiver', 'loss', 'bandwidth', 'idle'] as const
export type Limit = (typeof limits)[number]

/** Belay's own name for each segment that carries data, SYN or FIN. */
export const kinds = [
  'new', // bytes never seen before, in order
  'fast', // sent again: fast retransmission or SACK recovery
  'timeout', // sent again: the retransmission timer ran out
  'tail', // sent again: tail-loss probe
  'spurious', // sent again though the first had arrived (DSACK or Eifel said so)
  'reordered', // late on the network, not lost
  'lostBefore', // fills a hole: the first sending was lost before the capture point, this is the retransmission
  'duplicate', // the capture saw one packet twice
  'probe', // zero-window probe
  'keepAlive',
] as const
export type Kind = (typeof kinds)[number]

/** tshark 4.0.17's labels, in the order of the bits of a segment's `labels`. `retransmission` is set on fast and spurious ones too. */
export const labels = [
  'retransmission',
  'fastRetransmission',
  'spuriousRetransmission',
  'outOfOrder',
  'duplicateAck',
  'lostSegment',
  'ackLostSegment',
  'zeroWindow',
  'zeroWindowProbe',
  'zeroWindowProbeAck',
  'keepAlive',
  'keepAliveAck',
  'windowUpdate',
  'windowFull',
  'reusedPorts',
] as const
export type Label = (typeof labels)[number]

/** What else tshark says of a session: to hold Belay against it, for nothing else (its round trips know no Karn). */
export type LabelFigures = {
  /** `tcp.analysis.initial_rtt`; 0: unknown. */
  readonly handshakeNs: number
  /** Client to server, server to client: how many `ack_rtt` and their sum, the highest `bytes_in_flight`. */
  readonly directions: readonly [LabelSide, LabelSide]
}
type LabelSide = { readonly ackRtts: number; readonly ackRttNs: number; readonly inFlightMax: number }

export type Distribution = {
  readonly samples: number
  readonly minMs: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Standard deviation. */
  readonly deviationMs: number
}

export type Handshake = {
  /** `none`: the capture begins in mid-session. `halfOpen`: SYN without answer. `refused`: SYN answered by RST. */
  readonly state: 'complete' | 'none' | 'halfOpen' | 'refused' | 'reset'
  /** SYN to SYN+ACK, SYN+ACK to ACK, and both: the path's two parts as the capture point divides it. Null: not seen. */
  readonly serverMs: number | null
  readonly clientMs: number | null
  readonly rttMs: number | null
  readonly synRetries: number
  readonly synAckRetries: number
  /** What both offered. */
  readonly sack: boolean
  readonly timestamps: boolean
  readonly ecn: boolean
  readonly windowScaling: boolean
  /** Data in the SYN. */
  readonly fastOpen: boolean
}

/** Segments sent again, by why; `segments` is their sum (`spurious` ones are counted there and nowhere else). */
export type Retransmissions = {
  readonly segments: number
  readonly bytes: number
  readonly fast: number
  readonly timeout: number
  readonly tail: number
  readonly spurious: number
  /** Of the segments that carried data. 0.1 and more is poor whatever else is good. */
  readonly share: number
}

export type Direction = {
  readonly packets: number
  readonly dataPackets: number
  readonly pureAcks: number
  /** Payload with and without what was sent again; whole frames. */
  readonly bytes: number
  readonly goodBytes: number
  readonly wireBytes: number
  /** Over the session's life; the peak is of the best of its intervals (`series`). Bits a second. */
  readonly throughputBps: number
  readonly throughputPeakBps: number
  readonly goodputBps: number
  readonly goodputPeakBps: number
  /** Of what this direction sent: Karn's rule, and TCP timestamps. */
  readonly rtt: { readonly karn: Distribution | null; readonly timestamps: Distribution | null }
  readonly retransmissions: Retransmissions
  /** Segments late on the network: not lost. */
  readonly reordered: number
  /** First sendings that were lost before the capture point; their retransmissions are told here, not in `retransmissions`. */
  readonly lostBefore: number
  /** Segments that the capture shows twice. */
  readonly duplicates: number
  /** Holes in the sequence; bytes that were acknowledged and never seen: missed by the capture. */
  readonly lostSegments: number
  readonly ackedUnseen: { readonly segments: number; readonly bytes: number }
  /** Acknowledgements that this direction sent: repeated ones, with SACK blocks, with DSACK. */
  readonly dupAcks: number
  readonly sack: { readonly acks: number; readonly blocks: number; readonly duplicates: number }
  /** Times that this direction closed its window, for how long in all, and how often the peer probed. */
  readonly zeroWindows: { readonly count: number; readonly timeMs: number; readonly probes: number }
  /** Segments of this direction that filled the peer's window. */
  readonly windowFull: number
  readonly keepAlives: number
  /** Of this direction, unacknowledged: at most, and on average over the time in which there were any. */
  readonly bytesInFlight: { readonly max: number; readonly mean: number }
  /** What this direction offered, scaled. Null: it never acknowledged anything. */
  readonly receiveWindow: { readonly minBytes: number; readonly maxBytes: number; readonly lastBytes: number } | null
  /** Said in its SYN; null: no SYN seen or not said. */
  readonly mss: number | null
  readonly windowScale: number | null
  /** The largest payload of one packet. */
  readonly segmentBytesMax: number
  readonly ecn: { readonly capable: number; readonly congestionExperienced: number; readonly echoes: number }
  /** Bytes before the first acknowledgement of data. */
  readonly initialWindowBytes: number
  /** Frames with each of tshark's labels; those that occurred. */
  readonly labels: Readonly<Partial<Record<Label, number>>>
}

/** A question and its answer: data of the client until data of the server, until the client speaks again. */
export type Turn = {
  /** From the session's first packet. */
  readonly startedMs: number
  /** From the first byte of the request to its last; to the first byte of the response; to the last byte of it; to its acknowledgement. */
  readonly requestMs: number
  readonly serverMs: number
  readonly responseMs: number
  readonly ackMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Segments of it that were lost or sent again. */
  readonly lost: number
}

export type Turns = {
  readonly count: number
  readonly requestMs: Distribution | null
  readonly serverMs: Distribution | null
  readonly responseMs: Distribution | null
}

/** Equal intervals from the session's first packet; at most `seriesMax` of them, so their length grows with the session. */
export type Series = {
  readonly stepMs: number
  /** One for each direction. */
  readonly directions: readonly [DirectionSeries, DirectionSeries]
}
export type DirectionSeries = {
  readonly bytes: readonly number[]
  readonly goodBytes: readonly number[]
  readonly resent: readonly number[]
  /** Mean of the interval's samples; null without. */
  readonly rttMs: readonly (number | null)[]
  /** Highest of the interval. */
  readonly inFlight: readonly number[]
}
export const seriesMax = 64

export type Verdict = {
  /** What limited it most; `none`: too little was sent to be limited by anything. */
  readonly limit: Limit | 'none'
  readonly share: number
  /** One sentence with its figures. */
  readonly because: string
}

export type ScorePart = {
  readonly name: string
  /** Taken off 100. */
  readonly penalty: number
  readonly because: string
}
export type Score = {
  /** 0 to 100. */
  readonly value: number
  readonly grade: 'good' | 'fair' | 'poor'
  /** Those that take something off; 100 less their penalties is the value. */
  readonly parts: readonly ScorePart[]
  /** How far the score can be trusted, by what the capture shows of the session, and why not further. */
  readonly confidence: 'high' | 'medium' | 'low'
  readonly confidenceBecause: string
}

/** How far the capture itself can be trusted. */
export type CaptureQuality = {
  /** Where it was taken, by the round trips on both sides of it. */
  readonly point: 'client' | 'server' | 'between' | 'unknown'
  readonly oneSided: boolean
  readonly missedBytes: number
  readonly duplicates: number
  /** Packets larger than the MSS: captured before the card divided them. */
  readonly offloaded: number
  readonly sentences: readonly string[]
}

export type SessionRecord = {
  /** As tshark's tcp.stream. */
  readonly number: number
  readonly capture: string
  readonly client: Endpoint
  readonly server: Endpoint
  /** Whether the roles are known by a SYN, or guessed by ports. */
  readonly opener: 'syn' | 'guessed'
  readonly vlan: number | null
  readonly firstFrame: number
  readonly lastFrame: number
  /** ISO 8601 with nanoseconds, UTC. */
  readonly started: string
  readonly startedMs: number
  /** Seconds. */
  readonly duration: number
  readonly score: Score
  readonly verdict: Verdict
  /** Milliseconds each; their sum is `duration`. */
  readonly limits: Readonly<Record<Limit, number>>
  /** What each would allow, in bits a second, where it can be said: window / RTT, Mathis' loss ceiling, the link's. */
  readonly ceilings: { readonly receiverBps: number | null; readonly lossBps: number | null; readonly linkBps: number | null }
  readonly handshake: Handshake
  readonly close: 'open' | 'fin' | 'halfClosed' | 'resetByClient' | 'resetByServer'
  readonly idle: { readonly longestMs: number; readonly totalMs: number }
  readonly turns: Turns
  /** Client to server, server to client. */
  readonly directions: readonly [Direction, Direction]
  readonly series: Series
  readonly quality: CaptureQuality
}

export type CaptureSummary = {
  readonly name: string
  readonly format: string
  readonly bytes: number
  readonly packets: number
  readonly tcpPackets: number
  readonly sessions: number
  readonly firstMs: number | null
  readonly lastMs: number | null
  /** What was not understood, by why, in packets. */
  readonly notUnderstood: Readonly<Record<string, number>>
  /** Of the capture as a whole: cut off at its end, kernel drops told by the file. */
  readonly warnings: readonly string[]
}
