/**
 * Belay's own reading of every segment, from all evidence at hand. One for each side: of what that side sent.
 *
 * 1. Bytes seen before in this direction were sent again: that is what the sender's kernel counts. The same packet twice
 *    (same IP identification at once) is a copy that the capture made.
 * 2. Bytes never seen that fill a hole were late on the network, or lost before the capture point and sent again: the
 *    sender's clock, its count of packets and the hole's age tell which (`holes.ts`).
 * 3. A hole that is acknowledged and never filled was missed by the capture.
 * 4. Why something was sent again, told by what had been heard (`timers.ts`), and whether it was needed (`resent.ts`).
 * 5. What has the shape of a keep-alive is a probe while the other side's window is closed.
 * 6. Round trips by Karn's rule, and by TCP timestamps (`flight.ts`).
 *
 * A segment in order and an acknowledgement of it take a few comparisons; the rest is made when a session needs it.
 */
import { never, zero } from '../double.ts'
import { FIN, type Packet, RST, SYN } from '../packet.ts'
import type { Direction } from '../types.ts'
import { Flight } from './flight.ts'
import { idsCount, wasLost } from './holes.ts'
import { DUPLICATE, KEEP_ALIVE, LOST_BEFORE, NEW, NONE, PROBE, REORDERED, SPURIOUS } from './kinds.ts'
import { Samples } from './samples.ts'
import { whyResent } from './timers.ts'
import { Trouble } from './trouble.ts'

/** Packets that pass each other on the network do so within milliseconds. */
const passingNs = 3e6
/** Copies of one packet by the capture are at most so far apart. */
const copyNs = 1e6
/** The largest window that TCP can offer: numbers further off belong to something else. */
const farBytes = 2 ** 30
/** Of Ethernet, where no SYN said it: larger payloads were put together by the sender's or receiver's card. */
const usualMss = 1460
/** A byte below the next one, sent again within this time of its sending, is data; keep-alives wait longer. */
const keepAliveMinNs = 1e9

/** What it asks of the two ends, as they are before the packet is counted. */
type End = {
  readonly evidence: Evidence
  readonly synSeen: boolean
  readonly sackPermitted: boolean
  readonly mss: number
  readonly una: number
  readonly window: number
  readonly windowKnown: boolean
}

export class Evidence {
  /** Bytes of payload that were never seen before. */
  goodBytes = 0
  /** Round trips of what this side sent, ns; -1 before the first sample. Smoothed as in RFC 6298. */
  lastRttNs = never
  minRttNs = never
  srttNs = never
  rttVarNs = zero
  /** Whether the last `acknowledged` took a sample. */
  sampled = false

  /** Something was seen of this side's stream; the numbers below hold then. */
  #started = false
  /** It begins before the first byte that was seen. */
  #open = false
  /** Lowest number seen; highest end. */
  #low = 0
  next = 0
  /** What the other side acknowledged, when it `acked` at all; its acknowledgements without news, and when it last had news. */
  acked = false
  una = 0
  dupAcks = 0
  heardAt = zero
  /** Of its last acknowledgement. */
  #window = -1
  #id = -1
  /** Segments beyond the number of packets: what cards divide. */
  #extraSegments = 0
  #flight: Flight | null = null
  /** Of the session that was remembered here before. */
  #spareFlight: Flight | null = null
  #karn: Samples | null = null
  #stamps: Samples | null = null
  #trouble: Trouble | null = null

  /**
   * Asked before the packet is counted in `mine`, for segments with data, SYN or FIN and those of a keep-alive's shape.
   * @returns the position in `kinds`; -1: it was none of these after all
   */
  segment(p: Packet, t: number, mine: End, theirs: End): number {
    const start = p.seq
    const flags = p.flags
    const length = p.length
    const end = (start + length + (flags & FIN) + ((flags & SYN) >> 1)) | 0
    if (start === this.next && this.#started && length > 1 && (flags & RST) === 0) {
      this.goodBytes += length
      if (length > usualMss) this.#extraSegments += segmentsOf(length, mssOf(p, theirs)) - 1
      this.#send(p, start, end, t)
      return NEW
    }
    return this.#unusual(p, t, start, end, mine, theirs)
  }

  /** A segment above all others. */
  #send(p: Packet, start: number, end: number, t: number): void {
    this.#flight ??= this.#spareFlight ?? new Flight()
    this.#flight.add(p, start, end, t, this.acked)
    this.next = end
  }

  #unusual(p: Packet, t: number, start: number, end: number, mine: End, theirs: End): number {
    const { flags, length } = p
    // What an RST carries is a reason in words, no part of the stream (RFC 1122, 4.2.2.12).
    if ((flags & RST) !== 0) return length > 0 ? NEW : NONE
    if (!this.#started) {
      if (start === end) return NONE
      this.#begin(p, start)
    }
    const syn = (flags & SYN) !== 0
    if (syn && start !== this.#low && !(this.#open && ((this.#low - start) | 0) === ((end - start) | 0))) this.#begin(p, start)
    const gap = (start - this.next) | 0
    if (gap > farBytes || gap < -farBytes) {
      if (!this.#isNewStart(start, end)) return NEW
      this.#begin(p, start)
    }
    if (length <= 1 && (flags & (SYN | FIN)) === 0) {
      const kind = this.#probe(t, start, length, theirs)
      if (kind !== NEW) return kind
      if (length === 0) return NONE
    }
    if (((start - this.next) | 0) < 0) return this.#behind(p, t, start, end, mine, theirs)
    if (start !== this.next) this.#gap(p, t, start)
    this.goodBytes += length
    if (length > usualMss) this.#extraSegments += segmentsOf(length, mssOf(p, theirs)) - 1
    this.#send(p, start, end, t)
    return NEW
  }

  /** The stream begins at `start`, or begins anew: a SYN with another number, or numbers that have nothing to do with the former. */
  #begin(p: Packet, start: number): void {
    if (this.#started) {
      this.#flight = null
      this.#spareFlight = null
      this.#troubled().restart()
    }
    this.#started = true
    this.#open = (p.flags & SYN) === 0
    this.#low = start
    this.next = start
    this.una = start
    this.acked = false
    this.dupAcks = 0
  }

  #troubled(): Trouble {
    this.#trouble ??= new Trouble()
    return this.#trouble
  }

  /** One segment from nowhere is passed over; when the next one follows it, the stream is there now. */
  #isNewStart(start: number, end: number): boolean {
    const trouble = this.#troubled()
    const follows = trouble.stray && start === trouble.strayEnd
    trouble.stray = !follows
    trouble.strayEnd = end
    return follows
  }

  /** An empty segment, or one byte. @returns NEW: neither probe nor keep-alive */
  #probe(t: number, start: number, length: number, theirs: End): number {
    const closed = theirs.windowKnown && theirs.window === 0
    const below = (this.next - start) | 0
    // Some probe with the byte that comes next; it may be refused, so it is not entered as sent.
    if (below === 0 && length === 1 && closed) {
      this.#troubled().probed = true
      return PROBE
    }
    if (below !== 1) return NEW
    if (closed) return PROBE
    if (!this.acked) return length === 0 ? KEEP_ALIVE : NEW
    // Keep-alives are sent when nothing is on its way; then an acknowledgement that came late is all it can be.
    if (this.una !== this.next) return NEW
    if (length === 0) return KEEP_ALIVE
    return t - this.heardAt >= keepAliveMinNs ? KEEP_ALIVE : NEW
  }

  /** Numbers up to `start` were passed over. */
  #gap(p: Packet, t: number, start: number): void {
    const trouble = this.#troubled()
    const before = this.#flight === null ? 0 : this.#flight.newestId()
    const hole = { start: this.next, end: start, at: t, tsval: p.hasTimestamps ? p.tsval : -1, id: p.ipId }
    trouble.holes.expire(this.goodBytes)
    trouble.holes.add({ ...hole, counts: idsCount(before, p.ipId), goodBytes: this.goodBytes, acked: false })
    trouble.holesSeen++
  }

  /** A segment that begins below what was seen already: sent again, filling holes, or both. */
  #behind(p: Packet, t: number, start: number, end: number, mine: End, theirs: End): number {
    const trouble = this.#troubled()
    const { holes } = trouble
    const mss = mssOf(p, theirs)
    const next = this.next
    holes.expire(this.goodBytes)
    const synFresh = (p.flags & SYN) !== 0 && !this.#seen(start)
    const finFresh = (p.flags & FIN) !== 0 && !this.#seen((end - 1) | 0)
    let fresh = this.#below(trouble, start, end, mss)
    const before = fresh > 0
    let missed = 0
    fresh += holes.fill(start, end, (from, to, hole) => {
      if (hole.acked) missed += (to - from) | 0
      else if (((to - this.una) | 0) > 0) this.#flight?.fill(p, from, to, t)
    })
    const found = holes.found
    if (((end - next) | 0) > 0) fresh += (end - next) | 0
    const seen = ((end - start) | 0) - fresh
    const freshBytes = fresh - (synFresh ? 1 : 0) - (finFresh ? 1 : 0)
    const seenBytes = p.length - freshBytes
    this.goodBytes += freshBytes
    if (p.length > mss) this.#extraSegments += segmentsOf(p.length, mss) - 1
    let kind: number
    if (seen === 0) {
      const nearNs = Math.max(passingNs, (Math.max(0, this.minRttNs) + Math.max(0, theirs.evidence.minRttNs)) / 2)
      // Before the first that was seen nothing is known but the session's age.
      const lost = found !== null ? wasLost(p, t, found, nearNs) : before && t >= nearNs
      if (found?.acked) kind = lost ? SPURIOUS : NEW
      else kind = lost ? LOST_BEFORE : REORDERED
      const segments = segmentsOf(freshBytes, mss)
      // Sent again after all: then the capture did miss the first.
      if (kind === NEW) trouble.seenAfterAll(missed, mss)
      if (kind === SPURIOUS) trouble.resent.add(p, t, start, end, SPURIOUS, segments, freshBytes)
      else if (kind === LOST_BEFORE) trouble.lostBefore += segments
      else if (kind === REORDERED) trouble.reordered += segments
    } else if (fresh === 0 && this.#isCopy(trouble, p, start, end, t)) {
      trouble.duplicates++
      return DUPLICATE
    } else {
      const sentAt = this.#flight === null ? -1 : this.#flight.sentAt(start)
      const selective = !(mine.synSeen && !mine.sackPermitted) && !(theirs.synSeen && !theirs.sackPermitted)
      kind = whyResent(this, theirs.evidence, trouble, p, t, start, end, sentAt, selective)
      trouble.resent.add(p, t, start, end, kind, segmentsOf(seenBytes, mss), seenBytes)
      this.#flight?.resent(p, start, end, t)
    }
    if (((end - next) | 0) > 0) this.#send(p, next, end, t)
    return kind
  }

  /** Takes in what lies before the first byte that was seen. @returns how much of it is new */
  #below(trouble: Trouble, start: number, end: number, mss: number): number {
    // A stream so long has come round to the same numbers.
    if (this.goodBytes + trouble.unseenBytes > farBytes) this.#open = false
    const under = (this.#low - start) | 0
    if (!this.#open || under <= 0) return 0
    const to = ((end - this.#low) | 0) < 0 ? end : this.#low
    if (to !== this.#low) {
      const hole = { start: to, end: this.#low, at: 0, tsval: -1, id: -1, counts: false, goodBytes: this.goodBytes }
      const acked = this.acked && ((this.una - this.#low) | 0) >= 0
      trouble.holes.addFirst({ ...hole, acked })
      if (acked) trouble.missed((this.#low - to) | 0, mss)
    }
    this.#low = start
    return (to - start) | 0
  }

  #seen(seq: number): boolean {
    if (((seq - this.next) | 0) >= 0 || (this.#open && ((seq - this.#low) | 0) < 0)) return false
    return this.#trouble === null || !this.#trouble.holes.has(seq)
  }

  #isCopy(trouble: Trouble, p: Packet, start: number, end: number, t: number): boolean {
    if (this.#flight?.isCopy(p, start, end, t, this.heardAt, copyNs)) return true
    return trouble.resent.isCopy(p, start, end, t, copyNs)
  }

  /** `acker` acknowledges what `mine` (whose evidence this is) sent; before `mine.una` moves. Samples round trips, learns of DSACKs. */
  acknowledged(p: Packet, t: number, _mine: End, acker: End): void {
    this.sampled = false
    if (!this.#started) return
    if ((p.flags & RST) !== 0) {
      this.#refused(p, t)
      return
    }
    const ack = p.ack
    const moved = (ack - this.una) | 0
    if (moved > 0) {
      if (((ack - this.next) | 0) > 0 && !this.#unseen(p, t, acker)) return
      const echo = p.hasTimestamps ? p.tsecr : -1
      if (this.#trouble !== null) this.#recovers(this.#trouble, p, echo, acker)
      this.acked = true
      this.una = ack
      this.dupAcks = 0
      this.heardAt = t
      this.#time(ack, t, echo)
    } else if (moved === 0) {
      this.acked = true
      const again = p.length === 0 && (p.flags & (SYN | FIN)) === 0 && this.next !== ack && p.window === this.#window
      // The capture may have seen one acknowledgement twice.
      if (again && !(p.ipId > 0 && p.ipId === this.#id)) {
        this.dupAcks++
        this.heardAt = t
      }
    }
    if (p.sacks > 0) this.#selective(p, t, acker)
    this.#window = p.window
    this.#id = p.ipId
  }

  /** Times the acknowledgement of what is on its way. */
  #time(ack: number, t: number, echo: number): void {
    const flight = this.#flight
    if (flight === null) return
    flight.acknowledge(ack, t, echo)
    if (flight.karnNs >= 0) this.#sample(flight.karnNs)
    if (flight.stampNs >= 0) {
      this.#stamps ??= new Samples()
      this.#stamps.add(flight.stampNs)
    }
  }

  /** An RST that answers takes a round trip too, but its number is often 0 or made up: nothing else is believed of it. */
  #refused(p: Packet, t: number): void {
    if (((p.ack - this.una) | 0) > 0 && ((this.next - p.ack) | 0) >= 0) this.#time(p.ack, t, -1)
  }

  #sample(ns: number): void {
    this.#karn ??= new Samples()
    this.#karn.add(ns)
    this.sampled = true
    this.lastRttNs = ns
    if (this.minRttNs < 0) {
      this.minRttNs = ns
      this.srttNs = ns
      this.rttVarNs = ns / 2
      return
    }
    if (ns < this.minRttNs) this.minRttNs = ns
    const off = ns - this.srttNs
    this.srttNs += off / 8
    this.rttVarNs += ((off < 0 ? -off : off) - this.rttVarNs) / 4
  }

  /** An acknowledgement of what was not seen. @returns false: it is of something else, and not to be believed */
  #unseen(p: Packet, t: number, acker: End): boolean {
    const over = (p.ack - this.next) | 0
    if (over > farBytes) return false
    const trouble = this.#troubled()
    if (over === 1 && trouble.probed) this.goodBytes++
    else {
      const hole = { start: this.next, end: p.ack, at: t, tsval: -1, id: -1, counts: false, goodBytes: this.goodBytes }
      trouble.holes.expire(this.goodBytes)
      trouble.holes.add({ ...hole, acked: true })
      trouble.holesSeen++
      trouble.missed(over, mssOf(p, acker))
    }
    trouble.probed = false
    this.next = p.ack
    return true
  }

  /** More is acknowledged: what is over now, which holes the capture made, what was sent again in vain. */
  #recovers(trouble: Trouble, p: Packet, echo: number, acker: End): void {
    if (echo !== -1) trouble.resent.echoed(this.una, echo)
    if (trouble.holes.unacknowledged) trouble.holes.acknowledge(p.ack, (bytes) => trouble.missed(bytes, mssOf(p, acker)))
    trouble.moved(p.ack)
  }

  #selective(p: Packet, t: number, acker: End): void {
    const trouble = this.#troubled()
    const { sack, sacks } = p
    const left = sack[0] as number
    const right = sack[1] as number
    // RFC 2883: the first block, when it lies below the acknowledgement or within the second block.
    const within = sacks > 1 && ((left - (sack[2] as number)) | 0) >= 0 && (((sack[3] as number) - right) | 0) >= 0
    const twice = ((right - p.ack) | 0) <= 0 || within
    if (twice) {
      acker.evidence.#troubled().dsacksSent++
      trouble.resent.twice(left, right, mssOf(p, acker))
    }
    if (p.length === 0) this.heardAt = t
    for (let block = twice ? 1 : 0; block < sacks; block++) {
      const edge = sack[2 * block + 1] as number
      if (((edge - this.una) | 0) <= 0 || ((edge - this.next) | 0) > 0) continue
      if (trouble.sacked && ((edge - trouble.sackHigh) | 0) <= 0) continue
      trouble.sacked = true
      trouble.sackHigh = edge
      this.heardAt = t
    }
  }

  /** Bytes that were acknowledged and never seen. */
  get missedBytes(): number {
    return this.#trouble?.unseenBytes ?? 0
  }

  /** Segments on their way and holes that were too many to remember: 0, but for captures of extremes. */
  get forgotten(): number {
    return (this.#flight?.forgotten ?? 0) + (this.#trouble?.holes.forgotten ?? 0)
  }

  /** What it found, in the words of `Direction`. @param dataPackets packets of this side that carried data */
  summary(dataPackets: number): Summary {
    const trouble = this.#trouble
    const resent = trouble?.resent
    const segments = dataPackets + this.#extraSegments
    return {
      rtt: { karn: this.#karn?.distribution() ?? null, timestamps: this.#stamps?.distribution() ?? null },
      retransmissions: {
        segments: resent?.segments ?? 0,
        bytes: resent?.bytes ?? 0,
        fast: resent?.fast ?? 0,
        timeout: resent?.timeout ?? 0,
        tail: resent?.tail ?? 0,
        spurious: resent?.spurious ?? 0,
        share: resent !== undefined && segments > 0 ? resent.dataSegments / segments : 0,
      },
      reordered: trouble?.reordered ?? 0,
      lostBefore: trouble?.lostBefore ?? 0,
      duplicates: trouble?.duplicates ?? 0,
      lostSegments: trouble?.holesSeen ?? 0,
      ackedUnseen: { segments: trouble?.unseenSegments ?? 0, bytes: trouble?.unseenBytes ?? 0 },
      sackDuplicates: trouble?.dsacksSent ?? 0,
    }
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.goodBytes = 0
    this.lastRttNs = -1
    this.minRttNs = -1
    this.srttNs = -1
    this.rttVarNs = 0
    this.sampled = false
    this.#started = false
    this.#open = false
    this.#low = 0
    this.next = 0
    this.acked = false
    this.una = 0
    this.dupAcks = 0
    this.heardAt = 0
    this.#window = -1
    this.#id = -1
    this.#extraSegments = 0
    if (this.#flight !== null) {
      this.#flight.renew()
      this.#spareFlight = this.#flight
      this.#flight = null
    }
    this.#karn?.renew()
    this.#stamps?.renew()
    this.#trouble = null
  }
}

type Summary = Pick<Direction, 'rtt' | 'retransmissions' | 'reordered' | 'lostBefore' | 'duplicates' | 'lostSegments' | 'ackedUnseen'> & {
  readonly sackDuplicates: number
}

/** Payload of a full segment. Timestamps take 12 bytes of what the other side's SYN allowed (RFC 6691). */
function mssOf(p: Packet, theirs: End): number {
  const mss = theirs.mss > 0 ? theirs.mss : usualMss
  return p.hasTimestamps && mss > 12 ? mss - 12 : mss
}

/** As the sender's kernel counts; SYN and FIN alone are a segment too. */
function segmentsOf(bytes: number, mss: number): number {
  return bytes <= mss ? 1 : Math.ceil(bytes / mss)
}
