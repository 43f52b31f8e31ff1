/** What limits one direction while it carries data. Made when its first data is seen. */
import { never, zero } from '../double.ts'
import { FIN, type Packet, PSH } from '../packet.ts'
import type { Side } from '../side.ts'
import { Delayed } from './delayed.ts'
import { Echoes } from './echoes.ts'

/** What the last data segment says of the sender's buffer. */
export const unknown = 0
/** A full segment without PSH: there was more to send. */
export const more = 1
/** A segment that was not full, with PSH: everything was sent. */
export const empty = 2

/** Full segments in a row, from which on PSH on one means nothing. */
const fullRunMin = 8
/** The option, padded. */
const timestampBytes = 12

/** A round trip that is longer than the shortest by a quarter, and by this, has waited in a queue. */
const queueNsMin = 1e6
const queueShare = 0.25
/** A queue that runs over was filled for some rounds before; one long round trip is chance. */
const queuedRounds = 2
/** Rounds without a larger flight before the sender's own buffer is taken for the reason; congestion control grows by a segment a round. */
const flatRounds = 16
/** After a loss cubic stays below its old top for some seconds. */
const flatRoundsAfterLoss = 128
/** Growth that counts, in segments. */
const growthSegments = 2
/** Segments that a flight may lack and is still as large as the window. */
const nearWindow = 3
/** Of the segments of flat rounds, the share that no acknowledgement released, from which on something else than TCP spaces them. */
const unclockedShare = 0.3
const unclockedShareIfEven = 0.1
const shapedSegmentsMin = 16
/** Segments that come evenly: so many in a round trip, with no longer gap between them than this part of it. */
const evenSegmentsMin = 6
const evenGapShare = 1 / 3
/** Of such segments, growth by less than this part is chance; slow start adds half, or all. */
const spacedGrowth = 0.25
/** A capture that sees a fifth of the round trip on the sender's side is far from it. */
const farShare = 0.2
/** On shorter ways the two ends see the same. */
const farNsMin = 0.3e6
/** An echo that takes longer than this multiple of the last ones, and this, is no measure of the way. */
const echoFactor = 3
const echoNsMax = 20e6
/** Of the way to the sender and back. */
const jitterShare = 0.5
/** A kernel that may send again does so within this time, on a busy machine too. */
const refillNs = 1e6
/** A sender that has more to send is given this multiple of the way until its echo is missed. */
const echoPatience = 1.5
/** A round without any measure of the round trip. */
const roundNsDefault = 100e6
const roundNsMin = 0.2e6
/** A kernel answers an acknowledgement within microseconds; a program that has to be woken does not. */
const clockNsMin = 0.2e6
const clockNsMax = 1e6

/** Why time on the path passes: what the last loss was, if there was any. */
const noLoss = 0
const randomLoss = 1
const congestionLoss = 2

export type PathLimit = 'slowStart' | 'application' | 'receiver' | 'bandwidth' | 'loss'

export class Stream {
  // --- Charged time, ns
  slowStartNs = zero
  receiverNs = zero
  lossNs = zero
  bandwidthNs = zero
  /** Of `lossNs`: silence, until a timer ended it. */
  stallNs = zero
  /** The other end, or the path, waited for this end's program. */
  applicationNs = zero

  /** What held the sender back last, short of silence. */
  held: 'path' | 'receiver' | 'loss' = 'path'
  /** Time after a full window in which it seemed open: it was, or the way to the sender is known too roughly. */
  doubtNs = zero

  // --- The sender's buffer and recovery
  after: 0 | 1 | 2 = unknown
  recovering = false
  recoverUntil = 0
  /** Segments lost or sent again, and periods of recovery; those that began with a timer. */
  resent = 0
  recoveries = 0
  timeouts = 0
  #lastLoss: 0 | 1 | 2 = noLoss
  #lossFlight = 0

  // --- Where the capture is
  located = false
  /** The capture is nearer to the receiver: what the sender knew is `delayed` by the way to it and back. */
  delayed: Delayed | undefined = undefined
  /** Of the session that was remembered here before. */
  #spareDelayed: Delayed | undefined = undefined
  /** The way to the sender and back: the shortest, and as it is now. */
  #wayNs = zero
  #wayNow = zero
  /** What the sender knows; live from the sides when the capture is near it. */
  #una = 0
  #edge = 0
  #echoes: Echoes | undefined = undefined

  // --- The present round, a round trip long
  /** Time in it in which nothing but the path held the sender back. */
  roundNs = zero
  #roundAt = never
  #roundEnd = zero
  #roundUna = 0
  #roundFlight = 0
  #roundSegments = 0
  #gapTop = zero
  #ackRtt = zero
  #wayRtt = zero
  #queued = false
  #queuedFor = 0
  /** Rounds since the flight grew, their time that is not charged yet, and the flight then. */
  #flat = 0
  flatNs = zero
  #flatTop = 0
  #segmentTop = 0
  #optionBytes = timestampBytes
  #fullRun = 0
  #segments = 0
  #unclocked = 0
  #evenRounds = 0
  #ackAt = never
  #dataAt = never

  // --- For the ceilings
  linkBytes = 0
  linkNs = zero
  /** Sum over rounds in which a queue stood, of the shortest round trip of each, for a mean. */
  queueRttNs = zero
  queueRounds = 0
  windowTop = 0

  /** Bytes that the sender believes to be on their way. */
  flight(mine: Side): number {
    if (this.delayed !== undefined) return (mine.next - this.#una) | 0
    return mine.acked ? (mine.next - mine.una) | 0 : 0
  }

  /** The sender has no room for a segment (or half the window, where that is less: RFC 1122, 4.2.3.4). */
  windowClosed(mine: Side, theirs: Side): boolean {
    if (!theirs.windowKnown) return false
    const una = this.delayed === undefined ? mine.una : this.#una
    const edge = this.delayed === undefined ? (mine.una + theirs.window) | 0 : this.#edge
    // Without its SYN nobody knows how the window is scaled, but nothing is nothing.
    if (theirs.scale === -1) return edge === una
    const half = theirs.windowMax >>> 1
    const segment = this.segment(mine, theirs)
    return ((edge - mine.next) | 0) < (half > 0 && half < segment ? half : segment)
  }

  /** The payload of a full segment, as far as it is known. */
  segment(mine: Side, theirs: Side): number {
    const most = theirs.mss > 0 ? theirs.mss : 1460
    return mine.segmentMax >= 536 && mine.segmentMax < most ? mine.segmentMax : most - this.#optionBytes
  }

  // --- Rounds

  /** Another piece of time in which nothing but the path held the sender back. */
  path(ns: number, t: number, mine: Side, theirs: Side): void {
    // A clock that stepped back may put the beginning before the session's; below 0 there is no round.
    if (this.#roundAt < 0) this.#begin(t > ns ? t - ns : 0, mine)
    this.roundNs += ns
    if (t >= this.#roundEnd) this.#end(t, mine, theirs)
  }

  #begin(t: number, mine: Side): void {
    const { srttNs } = mine.evidence
    const rtt = (srttNs > 0 ? srttNs : 0) + this.#wayNs
    this.#roundAt = t
    this.#roundEnd = t + (rtt > roundNsMin ? rtt : rtt > 0 ? roundNsMin : roundNsDefault)
    this.#roundUna = this.delayed === undefined ? mine.una : this.#una
    this.#roundFlight = 0
    this.#roundSegments = 0
    this.#gapTop = 0
    this.#ackRtt = 0
    this.#wayRtt = 0
    this.roundNs = 0
  }

  #end(t: number, mine: Side, theirs: Side): void {
    const took = t - this.#roundAt
    const measured = this.#ackRtt > 0 || this.#wayRtt > 0
    // What a few first samples of a round that was cut short say is chance.
    if (measured && this.#isHalf(t)) {
      this.#queued = this.#inQueue(mine)
      this.#queuedFor = this.#queued ? this.#queuedFor + 1 : 0
    }
    const beyond = this.#roundFlight - this.#flatTop
    const grown = beyond > growthSegments * this.segment(mine, theirs) && (!this.#isSpaced() || beyond > spacedGrowth * this.#flatTop)
    if (this.#queued || grown) {
      this.#commitFlat()
      if (grown) this.#flatTop = this.#roundFlight
      this.#segments = 0
      this.#unclocked = 0
      this.#evenRounds = 0
    } else this.#flat++
    if (this.#roundSegments >= evenSegmentsMin && this.#gapTop < evenGapShare * took) this.#evenRounds++
    const limit = this.pathLimit()
    if (!this.#queued && this.#flat > 0 && !this.#isFlat()) this.flatNs += this.roundNs
    else {
      // What was held back until the flight was seen to be flat goes the same way.
      this.#charge(limit, this.roundNs + this.flatNs)
      this.flatNs = 0
    }
    if (limit === 'bandwidth' && this.roundNs > 0.8 * took) {
      const una = this.delayed === undefined ? mine.una : this.#una
      this.linkBytes += Math.max(0, (una - this.#roundUna) | 0)
      this.linkNs += took
      if (measured && this.#queued) {
        this.queueRttNs += Math.max(this.#ackRtt, 0) + Math.max(this.#wayRtt, this.#wayNs)
        this.queueRounds++
      }
    }
    this.roundNs = 0
    this.#roundAt = -1
  }

  /** What the present round's time is to be charged to, as far as can be said now. */
  pathLimit(): PathLimit {
    if (this.#queued) return 'bandwidth'
    // Flights of nearly a window: T-RAT's rule for the receiver (Zhang et al., SIGCOMM 2002).
    if (this.#isFlat() && this.#flatTop + nearWindow * this.#segmentTop > this.windowTop) return 'receiver'
    if (this.#isFlat()) return this.#isSpaced() ? 'bandwidth' : 'application'
    return this.flatLimit()
  }

  /** What the time is charged to that waits for the flight to be seen flat. */
  flatLimit(): PathLimit {
    if (this.#lastLoss === noLoss) return 'slowStart'
    // A queue that ran over leaves half a flight, or more, and fills again; less than that is what the loss left.
    return this.#lastLoss === congestionLoss && this.#roundFlight * 2 > this.#lossFlight ? 'bandwidth' : 'loss'
  }

  #isFlat(): boolean {
    return this.#flat >= (this.#lastLoss === noLoss ? flatRounds : flatRoundsAfterLoss)
  }

  /** Since the flight grew, something else than acknowledgements let the segments go. */
  #isSpaced(): boolean {
    const even = this.#evenRounds * 2 > this.#flat
    // Far from the sender nobody sees what released a segment; but a flight that acknowledgements let go comes together.
    if (this.delayed !== undefined) return even
    return this.#unclocked > (even ? unclockedShareIfEven : unclockedShare) * this.#segments
  }

  #commitFlat(): void {
    if (!this.#isFlat()) this.#charge(this.flatLimit(), this.flatNs)
    this.flatNs = 0
    this.#flat = 0
  }

  /** At least half of the present round is over. */
  #isHalf(t: number): boolean {
    return t - this.#roundAt > this.#roundEnd - t
  }

  #charge(limit: PathLimit, ns: number): void {
    if (limit === 'slowStart') this.slowStartNs += ns
    else if (limit === 'loss') this.lossNs += ns
    else if (limit === 'bandwidth') this.bandwidthNs += ns
    else if (limit === 'receiver') this.receiverNs += ns
    else this.applicationNs += ns
  }

  /** Even the shortest of the round's round trips was longer than the path is. */
  #inQueue(mine: Side): boolean {
    const ackMin = mine.evidence.minRttNs > 0 ? mine.evidence.minRttNs : 0
    // A queue that was there goes on until the round trip is clearly short again.
    const wait = Math.max(queueNsMin, queueShare * (ackMin + this.#wayNs)) * (this.#queued ? 0.5 : 1)
    return (this.#ackRtt > 0 && this.#ackRtt - ackMin > wait) || (this.#wayRtt > 0 && this.#wayRtt - this.#wayNs > wait)
  }

  // --- What packets tell

  /** A data segment left (or passed by the capture). */
  sent(t: number, mine: Side, theirs: Side, p: Packet): void {
    const { length } = p
    this.#optionBytes = p.hasTimestamps ? timestampBytes : 0
    const segment = this.segment(mine, theirs)
    this.#segmentTop = segment
    const pushed = (p.flags & (PSH | FIN)) !== 0
    // What a card will divide, or has put together, is full when all its segments are.
    if (length < segment || (length > segment && length % segment !== 0)) {
      this.after = pushed ? empty : unknown
      this.#fullRun = 0
    } else {
      // Nobody writes in multiples of a segment, so it is more than one write that goes on.
      this.after = pushed && ++this.#fullRun < fullRunMin ? unknown : more
    }
    const flight = this.flight(mine) + length
    if (flight > this.#roundFlight) this.#roundFlight = flight
    this.#segments++
    const gap = t - this.#dataAt
    this.#dataAt = t
    this.#roundSegments++
    if (gap > this.#gapTop) this.#gapTop = gap
    if (gap > clockNsMin && gap > this.#clockNs(mine) && !this.isClocked(t, mine)) this.#unclocked++
  }

  /** An acknowledgement has just reached the sender: what it sends now, that released. */
  isClocked(t: number, mine: Side): boolean {
    return t - this.#ackAt <= this.#clockNs(mine)
  }

  #clockNs(mine: Side): number {
    const part = Math.max(clockNsMin, (mine.evidence.minRttNs + this.#wayNs) / 16)
    // Near the sender an acknowledgement is seen when it arrives; far from it, that is a guess.
    return this.delayed === undefined && part > clockNsMax ? clockNsMax : part
  }

  /** The other end's acknowledgement reached the capture. */
  acknowledged(t: number, mine: Side, p: Packet, window: number): void {
    if (window > this.windowTop) this.windowTop = window
    const { evidence } = mine
    if (evidence.sampled && !this.recovering && (this.#wayNs === 0 || evidence.minRttNs > farShare * (evidence.minRttNs + this.#wayNs))) {
      const rtt = evidence.lastRttNs
      if (rtt > 0 && (this.#ackRtt === 0 || rtt < this.#ackRtt)) this.#ackRtt = rtt
    }
    const delayed = this.delayed
    if (delayed === undefined) {
      this.#learn(t, p.ack)
      return
    }
    // Whoever echoes a timestamp says by it when the acknowledgement came; the estimate is for those who have nothing to send.
    const due = t + this.#wayNow * (p.hasTimestamps ? echoPatience : 1)
    while (!delayed.put(due, p.ack, (p.ack + window) | 0, p.tsval)) this.take(t)
  }

  /** The oldest of the delayed acknowledgements reaches the sender. */
  take(t: number): void {
    const delayed = this.delayed as Delayed
    if (((delayed.una - this.#una) | 0) >= 0) {
      this.#una = delayed.una
      this.#edge = delayed.edge
    }
    delayed.drop()
    this.#learn(t, this.#una)
  }

  #learn(t: number, una: number): void {
    this.#ackAt = t
    if (this.recovering && ((una - this.recoverUntil) | 0) >= 0) this.recovering = false
  }

  /** A segment was lost, or sent again: until all that was on its way then is acknowledged, the sender recovers. */
  lost(t: number, mine: Side, theirs: Side, end: number, byTimer: boolean): void {
    this.resent++
    if (byTimer) this.timeouts++
    if (this.recovering) return
    this.recoveries++
    if (this.#roundAt >= 0) this.#end(t, mine, theirs)
    // A shaper's queue may lie before the capture: then segments leave at its pace, whatever is acknowledged.
    const shaped = this.#isSpaced() && (this.delayed === undefined ? this.#segments >= shapedSegmentsMin : this.#isFlat())
    this.#commitFlat()
    this.#lossFlight = this.flight(mine)
    this.#flatTop = 0
    this.#lastLoss = shaped || this.#queuedFor >= queuedRounds ? congestionLoss : randomLoss
    this.#queued = false
    this.#queuedFor = 0
    this.recovering = true
    this.recoverUntil = ((end - mine.next) | 0) > 0 ? end : mine.next
  }

  // --- Where the capture is

  /**
   * @param wayNs from the capture to this direction's sender and back
   * @param restNs from the capture to its receiver and back; -1 unknown
   * @returns whether it is far from the sender
   */
  locate(wayNs: number, restNs: number, mine: Side, theirs: Side): boolean {
    this.located = true
    const far = wayNs > farNsMin && wayNs > farShare * (wayNs + (restNs > 0 ? restNs : 0))
    if (!far) return false
    this.#wayNs = wayNs
    this.#wayNow = wayNs
    if (this.delayed === undefined) {
      this.delayed = this.#spareDelayed ?? new Delayed()
      this.#una = mine.una
      this.#edge = (mine.una + theirs.window) | 0
    }
    return true
  }

  get wayNs(): number {
    return this.#wayNs
  }

  /** A silence that the capture's distance may have made, because the way is known to a part of it; or a full window, before it is full again. */
  isJitter(ns: number): boolean {
    return this.delayed === undefined ? this.held === 'receiver' && ns < refillNs : ns < jitterShare * this.#wayNow
  }

  /** Silence that a timer ended, or ends. */
  stall(ns: number): void {
    this.lossNs += ns
    this.stallNs += ns
    this.held = 'loss'
  }

  /** Charges such a silence to what held the sender back before it. */
  goOn(ns: number, t: number, mine: Side, theirs: Side): void {
    if (this.held === 'receiver') this.doubtNs += ns
    else if (this.held === 'loss') this.lossNs += ns
    else this.path(ns, t, mine, theirs)
  }

  /** The window is full, or closed. */
  receiver(ns: number, t: number, mine: Side, theirs: Side): void {
    if (this.doubtNs > 0) this.#settleDoubt(t - ns, mine, theirs)
    this.receiverNs += ns
    this.held = 'receiver'
  }

  /** Nothing but the path holds the sender back. */
  open(ns: number, t: number, mine: Side, theirs: Side): void {
    if (this.held === 'receiver' && this.delayed !== undefined) {
      this.doubtNs += ns
      if (this.isJitter(this.doubtNs)) return
      this.held = 'path'
      this.#settleDoubt(t, mine, theirs)
      return
    }
    this.path(ns, t, mine, theirs)
    this.held = 'path'
  }

  #settleDoubt(t: number, mine: Side, theirs: Side): void {
    const ns = this.doubtNs
    this.doubtNs = 0
    if (this.held === 'receiver') this.receiverNs += ns
    else this.path(ns, t, mine, theirs)
  }

  /** The other end said a timestamp: when this direction echoes it, the way to its sender and back is known. */
  stamp(t: number, value: number): void {
    this.#echoes ??= new Echoes()
    this.#echoes.went(t, value)
  }

  /** @returns the way's length when this segment answers a stamp at once, else -1 */
  echo(t: number, value: number, mine: Side): number {
    const { delayed } = this
    if (delayed !== undefined) while (delayed.next < Number.POSITIVE_INFINITY && ((value - delayed.stamp) | 0) >= 0) this.take(t)
    const rtt = this.#echoes === undefined ? -1 : this.#echoes.came(t, value)
    // A sender that had nothing to send echoes when it speaks again.
    if (rtt < 0 || this.after === empty) return -1
    if (this.delayed === undefined) {
      if (this.flight(mine) <= 0) return -1
    } else {
      // Beyond what a queue adds within a round trip: the sender waited for something.
      if (rtt > echoFactor * this.#wayNow + echoNsMax) return -1
      // Single echoes come too early as well, when the capture stamps what it sends late; so the way follows slowly.
      this.#wayNow += (rtt - this.#wayNow) / 4
      if (this.#wayNow < this.#wayNs) this.#wayNs = this.#wayNow
      if (!this.recovering && (this.#wayRtt === 0 || rtt < this.#wayRtt)) this.#wayRtt = rtt
    }
    return rtt
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.slowStartNs = 0
    this.receiverNs = 0
    this.lossNs = 0
    this.bandwidthNs = 0
    this.stallNs = 0
    this.applicationNs = 0
    this.held = 'path'
    this.doubtNs = 0
    this.after = unknown
    this.recovering = false
    this.recoverUntil = 0
    this.resent = 0
    this.recoveries = 0
    this.timeouts = 0
    this.#lastLoss = noLoss
    this.#lossFlight = 0
    this.located = false
    if (this.delayed !== undefined) {
      this.delayed.renew()
      this.#spareDelayed = this.delayed
      this.delayed = undefined
    }
    this.#wayNs = 0
    this.#wayNow = 0
    this.#una = 0
    this.#edge = 0
    this.#echoes?.renew()
    this.roundNs = 0
    this.#roundAt = -1
    this.#roundEnd = 0
    this.#roundUna = 0
    this.#roundFlight = 0
    this.#roundSegments = 0
    this.#gapTop = 0
    this.#ackRtt = 0
    this.#wayRtt = 0
    this.#queued = false
    this.#queuedFor = 0
    this.#flat = 0
    this.flatNs = 0
    this.#flatTop = 0
    this.#segmentTop = 0
    this.#optionBytes = timestampBytes
    this.#fullRun = 0
    this.#segments = 0
    this.#unclocked = 0
    this.#evenRounds = 0
    this.#ackAt = -1
    this.#dataAt = -1
    this.linkBytes = 0
    this.linkNs = 0
    this.queueRttNs = 0
    this.queueRounds = 0
    this.windowTop = 0
  }
}
