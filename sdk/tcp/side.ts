/** What is remembered of one end of a live session; what few sessions need is made when they need it. */
import { never, zero } from './double.ts'
import { Evidence } from './evidence/evidence.ts'
import { LabelState } from './labels.ts'
import { labels } from './types.ts'

/** One direction: what this end sent. Sequence numbers are int32, times ns since the session's first packet. */
export class Side {
  readonly labels = new LabelState()
  readonly evidence = new Evidence()
  /** Any packet of this end was seen; `next` and `base` hold when `known`. */
  known = false
  /** First sequence number (of the SYN, or of the first segment). */
  base = 0
  /** Highest end of data, SYN and FIN that was seen. */
  next = 0
  /** Highest acknowledgement that the other end sent of it; holds when `acked`. */
  acked = false
  una = 0
  /** The window that this end last offered, bytes (scaled). */
  window = 0
  /** Of its SYN; -1 unknown, -2 not offered by both. */
  scale = -1
  mss = 0
  synSeen = false
  finSeen = false
  synRetries = 0
  sackPermitted = false
  offersTimestamps = false
  ecnSetup = false
  packets = 0
  dataPackets = 0
  pureAcks = 0
  bytes = 0
  wireBytes = 0
  segmentMax = 0
  windowMin = -1
  windowMax = -1
  zeroWindows = 0
  zeroSince = never
  zeroNs = zero
  probes = 0
  keepAlives = 0
  windowFulls = 0
  /** It has offered a window at all. */
  windowKnown = false
  dupAcks = 0
  sackAcks = 0
  sackBlocks = 0
  offloaded = 0
  ecnCapable = 0
  ecnMarked = 0
  ecnEchoes = 0
  /** Unacknowledged bytes now, and since when. */
  flight = 0
  flightSince = zero
  flightMax = 0
  /** Integral of bytes in flight over time, and the time in which there were any. */
  flightArea = zero
  flightNs = zero
  initialWindow = 0
  initialDone = false
  /** Frames with each label; made when the first one has any. */
  labelCounts: Uint32Array | undefined = undefined

  countLabels(found: number): void {
    this.labelCounts ??= new Uint32Array(labels.length)
    for (let at = 0, rest = found; rest !== 0; at++, rest >>>= 1) {
      if ((rest & 1) !== 0) this.labelCounts[at] = (this.labelCounts[at] as number) + 1
    }
  }

  /** Charges the time until `t` to the bytes that were in flight. */
  flightUntil(t: number): void {
    const ns = t - this.flightSince
    // A clock that steps back gives nothing and takes nothing.
    if (ns > 0) {
      this.flightArea += this.flight * ns
      this.flightNs += ns
    }
    this.flightSince = t
  }

  /** Takes the present bytes in flight. */
  inFlight(t: number): void {
    const flight = (this.next - this.una) | 0
    this.flight = flight > 0 ? flight : 0
    this.flightSince = t
    if (flight > this.flightMax) this.flightMax = flight
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.labels.renew()
    this.evidence.renew()
    this.known = false
    this.base = 0
    this.next = 0
    this.acked = false
    this.una = 0
    this.window = 0
    this.scale = -1
    this.mss = 0
    this.synSeen = false
    this.finSeen = false

    this.synRetries = 0
    this.sackPermitted = false
    this.offersTimestamps = false
    this.ecnSetup = false
    this.packets = 0
    this.dataPackets = 0
    this.pureAcks = 0
    this.bytes = 0
    this.wireBytes = 0
    this.segmentMax = 0
    this.windowMin = -1
    this.windowMax = -1
    this.zeroWindows = 0
    this.zeroSince = -1
    this.zeroNs = 0
    this.probes = 0
    this.keepAlives = 0
    this.windowFulls = 0
    this.windowKnown = false
    this.dupAcks = 0
    this.sackAcks = 0
    this.sackBlocks = 0
    this.offloaded = 0
    this.ecnCapable = 0
    this.ecnMarked = 0
    this.ecnEchoes = 0
    this.flight = 0
    this.flightSince = 0
    this.flightMax = 0
    this.flightArea = 0
    this.flightNs = 0
    this.initialWindow = 0
    this.initialDone = false
    this.labelCounts?.fill(0)
  }
}

/** What a session's own clocks may know of it. */
export type Conversation = {
  readonly a: Side
  readonly b: Side
  readonly aIsClient: boolean
  /** Times of the handshake, ns; -1: not seen. */
  readonly synAt: number
  readonly synAckAt: number
  readonly openAt: number
}
