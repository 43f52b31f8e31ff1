/** What is remembered of a live session: one object, with two sides and the clocks that run while it lives. */
import { never, zero } from './double.ts'
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
  /** Segments that could not be read; that were seen twice. */
  unread = 0
  duplicates = 0
  fastOpen = false
  closedAt = never
  /** It waits for late packets; it was told and has left. */
  lingers = false
  isTold = false
  /** Of the first packet. */
  sec = 0
  nsec = 0
  /** Whether `a` is the client. */
  aIsClient = true
  synAt = never
  synAckAt = never
  /** The handshake's end, by the first ACK after the SYN+ACK. */
  openAt = never
  lastNs = zero
  /** By whom: 1 the client, 2 the server. */
  reset: 0 | 1 | 2 = 0

  /** All as in a new one, so that sessions which were told can be used again: what many short ones cost most is their making. */
  renew(): void {
    this.number = 0
    this.a.renew()
    this.b.renew()
    this.limits.renew()
    this.turns.renew()
    this.labels.renew()
    this.series.renew()
    this.slot = -1
    this.opener = 'guessed'
    this.vlan = -1
    this.firstFrame = 0
    this.lastFrame = 0
    this.unread = 0
    this.duplicates = 0
    this.fastOpen = false
    this.closedAt = -1
    this.lingers = false
    this.isTold = false
    this.sec = 0
    this.nsec = 0
    this.aIsClient = true
    this.synAt = -1
    this.synAckAt = -1
    this.openAt = -1
    this.lastNs = 0
    this.reset = 0
  }
}
