/** What is remembered of a live session. One object per session and two sides; what few sessions need is made when they need it. */
import { Evidence } from './evidence/evidence.ts'
import { LabelState } from './labels.ts'
import { LimitClock } from './limits/clock.ts'
import { TurnClock } from './limits/turns.ts'

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
  packets = 0
  dataPackets = 0
  pureAcks = 0
  bytes = 0
  goodBytes = 0
  wireBytes = 0
  segmentMax = 0
  windowMin = -1
  windowMax = -1
  zeroWindows = 0
  zeroSince = -1
  zeroNs = 0
  probes = 0
  keepAlives = 0
  windowFulls = 0
  dupAcks = 0
  sackAcks = 0
  sackBlocks = 0
  offloaded = 0
  ecnCapable = 0
  ecnMarked = 0
  ecnEchoes = 0
  flightMax = 0
  /** Integral of bytes in flight over time, and the time in which there were any. */
  flightArea = 0
  flightNs = 0
  initialWindow = 0
  lastNs = 0
}

/** One TCP connection. `a` sent the first packet that was seen; who the client is may be known only later. */
export class Session {
  /** As tshark's tcp.stream. */
  number = 0
  readonly a = new Side()
  readonly b = new Side()
  readonly limits = new LimitClock()
  readonly turns = new TurnClock()
  /** Of the first packet. */
  sec = 0
  nsec = 0
  /** Whether `a` is the client. */
  aIsClient = true
  synAt = -1
  synAckAt = -1
  /** The handshake's end, by the first ACK after the SYN+ACK. */
  openAt = -1
  /** SYN to that ACK, ns; -1 unknown. */
  rttNs = -1
  lastNs = 0
  reset: 0 | 1 | 2 = 0
}
