/**
 * Divides a session's life into what limited it. Each interval between two packets is charged by what the data's sender
 * knew in between, in the order of a root-cause analysis of captures: its receiver's window first (a closed window looks
 * like an idle program), then whether it had anything to send, then recovery from loss, then the path. See M. Siekkinen,
 * G. Urvoy-Keller, E. W. Biersack, D. Collange, "A root cause analysis toolkit for TCP", Computer Networks 52(9), 2008,
 * and for the kernel's own division into limits of the receiver's window, of the congestion window and of the sender RFC
 * 4898 (Web100: tcpEStatsPerfSndLimTime*). The path's time is divided further, a round trip at a time: into slow start, a
 * full link (even the shortest round trip of the round has waited in a queue) and a window that a loss has made small.
 */
import { zero } from '../double.ts'
import { DUPLICATE, FAST, LOST_BEFORE, TAIL, TIMEOUT } from '../evidence/kinds.ts'
import { ACK, type Packet, RST, SYN } from '../packet.ts'
import type { Conversation, Side } from '../side.ts'
import type { Limit, SessionRecord } from '../types.ts'
import { empty, more, Stream } from './stream.ts'
import { type Judging, verdictOf } from './verdict.ts'

/** Shorter silences belong to a program at work; a person, or a pool that keeps a connection, waits longer. */
export const idleNsMin = 1e9
/** The shortest retransmission timer of common systems: a sender with more to send is not silent for longer by its own will. */
const stallNs = 200e6

export type Limited = Pick<SessionRecord, 'limits' | 'verdict' | 'ceilings' | 'idle'>

export class LimitClock {
  /** Of each end, once it has sent data. */
  a: Stream | undefined = undefined
  b: Stream | undefined = undefined
  /** Of the session that was remembered here before. */
  #spareA: Stream | undefined = undefined
  #spareB: Stream | undefined = undefined
  handshakeNs = zero
  idleNs = zero
  idleLongestNs = zero
  #opened = false
  /** The capture is far from the sender of one direction, or of both. */
  #far = false
  /** Up to here all time is charged. */
  #last = zero
  /** Silence that is charged when it is known who ends it. */
  #waitingNs = zero
  /** Who sent the last data. */
  #speaker: Stream | undefined = undefined
  /** The server has answered the client at all. */
  #answers = false

  /**
   * Called with every packet before it is counted: the interval since the last one is charged by the state in between.
   * @param kind position in `kinds`; -1 for a packet without data, SYN or FIN
   */
  packet(session: Conversation, mine: Side, theirs: Side, p: Packet, t: number, kind: number): void {
    const fromA = mine === session.a
    const data = p.length > 0 && kind >= 0 && kind < DUPLICATE
    const again = kind >= FAST && (kind <= TAIL || kind === LOST_BEFORE)
    const own = fromA ? this.a : this.b
    // A clock that steps back gives nothing and takes nothing.
    if (t > this.#last) this.#until(session, t, again && kind !== FAST ? own : undefined)
    const { flags } = p
    if (!this.#opened) {
      if ((flags & (SYN | RST)) !== 0) return
      this.#opened = true
    }
    const other = fromA ? this.b : this.a
    if (other !== undefined && (flags & ACK) !== 0 && (flags & RST) === 0) {
      const scaled = (flags & SYN) === 0 && mine.scale > 0 && theirs.scale >= 0 ? p.window << mine.scale : p.window
      other.acknowledged(t, theirs, p, scaled)
      if (p.hasTimestamps && (other.delayed !== undefined || !other.located)) other.stamp(t, p.tsval)
    }
    if (own !== undefined && p.hasTimestamps && (own.delayed !== undefined || !own.located)) {
      const rtt = p.length > 0 ? own.echo(t, p.tsecr, mine) : -1
      if (rtt > 0 && !own.located && own.locate(rtt, mine.evidence.minRttNs, mine, theirs)) this.#far = true
    }
    if (data) this.#data(session, mine, theirs, p, t, kind, again)
  }

  #data(session: Conversation, mine: Side, theirs: Side, p: Packet, t: number, kind: number, again: boolean): void {
    const fromA = mine === session.a
    let own = fromA ? this.a : this.b
    if (own === undefined) {
      own = (fromA ? this.#spareA : this.#spareB) ?? new Stream()
      if (fromA) this.a = own
      else this.b = own
      this.#place(session, own, fromA === session.aIsClient, t, mine, theirs)
    }
    if (this.#waitingNs > 0) this.#settle(own, mine, theirs, fromA === session.aIsClient, p.length, t, again)
    if (again) own.lost(t, mine, theirs, (p.seq + p.length) | 0, kind === TIMEOUT)
    else {
      own.sent(t, mine, theirs, p)
      this.#speaker = own
    }
  }

  /** By the handshake: SYN to SYN+ACK is the way from the capture to the server and back, SYN+ACK to ACK to the client. */
  #place(session: Conversation, own: Stream, ofClient: boolean, t: number, mine: Side, theirs: Side): void {
    const { synAt, synAckAt, openAt } = session
    if (synAt < 0 || synAckAt < 0 || mine.synRetries + theirs.synRetries > 0) return
    const server = synAckAt - synAt
    const client = (openAt >= 0 ? openAt : t) - synAckAt
    if (own.locate(ofClient ? client : server, ofClient ? server : client, mine, theirs)) this.#far = true
  }

  /** @param recovers whose loss ended this interval: what looked like silence was the wait for its timer */
  #until(session: Conversation, t: number, recovers: Stream | undefined): void {
    while (this.#far) {
      const dueA = this.a?.delayed?.next ?? Number.POSITIVE_INFINITY
      const dueB = this.b?.delayed?.next ?? Number.POSITIVE_INFINITY
      const due = dueA < dueB ? dueA : dueB
      if (due > t) break
      if (due > this.#last) this.#charge(session, due, undefined)
      if (dueA < dueB) this.a?.take(due)
      else this.b?.take(due)
    }
    this.#charge(session, t, recovers)
  }

  #charge(session: Conversation, t: number, recovers: Stream | undefined): void {
    const ns = t - this.#last
    this.#last = t
    if (!this.#opened) {
      this.handshakeNs += ns
      return
    }
    const flightA = this.a === undefined ? 0 : this.a.flight(session.a)
    const flightB = this.b === undefined ? 0 : this.b.flight(session.b)
    const outstanding = flightA > 0 || flightB > 0
    const stream = outstanding ? (flightA >= flightB ? this.a : this.b) : this.#speaker
    if (stream === undefined) {
      this.#waitingNs += ns
      return
    }
    const mine = stream === this.a ? session.a : session.b
    const theirs = stream === this.a ? session.b : session.a
    if (!mine.finSeen && stream.windowClosed(mine, theirs)) {
      stream.receiver(ns, t, mine, theirs)
    } else if (recovers !== undefined) recovers.stall(ns)
    else if (!outstanding) {
      this.#waitingNs += ns
    } else if (stream.recovering) {
      if (ns >= stallNs) stream.stall(ns)
      else {
        stream.lossNs += ns
        stream.held = 'loss'
      }
    } else if (stream.after === empty) this.#waitingNs += ns
    else {
      stream.path(ns, t, mine, theirs)
      stream.held = 'path'
    }
  }

  /** Whose silence it was is known: the end that speaks now. */
  #settle(own: Stream, mine: Side, theirs: Side, ofClient: boolean, length: number, t: number, again: boolean): void {
    const ns = this.#waitingNs
    this.#waitingNs = 0
    const before = this.#speaker
    if (before === own) {
      // What looked like silence was the wait for a timer.
      if (again) {
        own.stall(ns)
        return
      }
      // It had sent all, and had more as soon as an acknowledgement made room: a buffer, not a program, was empty. From afar
      // only a window that was full says so, because when an acknowledgement arrives there is a guess.
      const told = own.delayed === undefined || own.after !== empty || own.held === 'receiver'
      if (told && (own.isJitter(ns) || own.isClocked(t, mine))) {
        own.goOn(ns, t, mine, theirs)
        return
      }
      if (own.after === more) {
        // It had more to send, a window to send into, and nothing was on its way.
        if (ns < stallNs) {
          own.bandwidthNs += ns
          own.linkBytes += length
          own.linkNs += ns
          return
        }
        if (own.delayed !== undefined) {
          own.stall(ns)
          return
        }
      }
    }
    const answered = !ofClient && before !== undefined && before !== own
    if (answered) this.#answers = true
    if (!answered && ns >= idleNsMin) this.#idle(ns)
    else own.applicationNs += ns
  }

  #idle(ns: number): void {
    this.idleNs += ns
    if (ns > this.idleLongestNs) this.idleLongestNs = ns
  }

  /** As if the session ended now; nothing changes. @param endNs not before the last packet */
  summary(session: Judging, endNs: number): Limited {
    const rest = endNs > this.#last ? endNs - this.#last : 0
    const client = session.aIsClient ? this.a : this.b
    const waiting = this.#waitingNs + (this.#opened ? rest : 0)
    // A session that used to get answers ended, or is, without one: that is the server's time, however long.
    const unanswered = this.#answers && this.#speaker === client
    const idle = waiting >= idleNsMin && !unanswered
    const ns: Record<Limit, number> = {
      handshake: this.handshakeNs + (this.#opened ? 0 : rest),
      slowStart: 0,
      application: idle ? 0 : waiting,
      receiver: 0,
      loss: 0,
      bandwidth: 0,
      idle: this.idleNs + (idle ? waiting : 0),
    }
    if (this.a !== undefined) add(ns, this.a)
    if (this.b !== undefined) add(ns, this.b)
    const longest = idle ? Math.max(this.idleLongestNs, waiting) : this.idleLongestNs
    const { verdict, ceilings } = verdictOf(session, ns, endNs)
    return {
      limits: {
        handshake: ns.handshake / 1e6,
        slowStart: ns.slowStart / 1e6,
        application: ns.application / 1e6,
        receiver: ns.receiver / 1e6,
        loss: ns.loss / 1e6,
        bandwidth: ns.bandwidth / 1e6,
        idle: ns.idle / 1e6,
      },
      verdict,
      ceilings,
      idle: { longestMs: longest / 1e6, totalMs: ns.idle / 1e6 },
    }
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.a?.renew()
    this.b?.renew()
    this.#spareA = this.a ?? this.#spareA
    this.#spareB = this.b ?? this.#spareB
    this.a = undefined
    this.b = undefined
    this.handshakeNs = 0
    this.idleNs = 0
    this.idleLongestNs = 0
    this.#opened = false
    this.#far = false
    this.#last = 0
    this.#waitingNs = 0
    this.#speaker = undefined
    this.#answers = false
  }
}

/** What has been charged to a direction, and what its present round is to be charged to. */
function add(ns: Record<Limit, number>, stream: Stream): void {
  ns.slowStart += stream.slowStartNs
  ns.application += stream.applicationNs
  ns.receiver += stream.receiverNs + stream.doubtNs
  ns.loss += stream.lossNs
  ns.bandwidth += stream.bandwidthNs
  if (stream.roundNs > 0) ns[stream.pathLimit()] += stream.roundNs
  if (stream.flatNs > 0) ns[stream.flatLimit()] += stream.flatNs
}
