/** What is remembered of a live session: one object, with two sides and the clocks that run while it lives. */
import { LabelSession } from './labels.ts'
import { LimitClock } from './limits/clock.ts'
import { TurnClock } from './limits/turns.ts'
import { SeriesClock } from './series.ts'
import { type Conversation, Side } from './side.ts'

/** One TCP connection. `a` sent the first packet that was seen; who the client is may be known only later. */
export class Session implements Conversation {
  /** As tshark's tcp.stream. */
  number = 0
  readonly a = new Side()
  readonly b = new Side()
  readonly limits = new LimitClock()
  readonly turns = new TurnClock()
  readonly labels = new LabelSession()
  readonly series = new SeriesClock()
  /** Its place in `Flows`. */
  slot = -1
  opener: 'syn' | 'guessed' = 'guessed'
  vlan = -1
  firstFrame = 0
  lastFrame = 0
  frames = 0
  /** Segments of which fewer bytes were captured than sent; that could not be read; seen twice; ACKs above what was seen. */
  truncated = 0
  unread = 0
  duplicates = 0
  ackedAhead = 0
  fastOpen = false
  closedAt = -1
  /** It waits for late packets; it was told and has left. */
  lingers = false
  isTold = false
  /** Of the first packet. */
  sec = 0
  nsec = 0
  /** Whether `a` is the client. */
  aIsClient = true
  synAt = -1
  synAckAt = -1
  /** The handshake's end, by the first ACK after the SYN+ACK. */
  openAt = -1
  lastNs = 0
  /** By whom: 1 the client, 2 the server. */
  reset: 0 | 1 | 2 = 0
}
