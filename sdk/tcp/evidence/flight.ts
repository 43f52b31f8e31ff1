/**
 * Segments on their way: those that were sent and not yet acknowledged, in the order of their sequence numbers, with
 * what is needed to time their acknowledgements. A ring of plain doubles that grows when it must; the places behind it
 * still hold the segments that were acknowledged last, which tells a packet that was captured twice.
 */
import { doubled, never } from '../double.ts'
import type { Packet } from '../packet.ts'

/** start, end, sent (ns), TSval (-1: none), mark (IP-ID and the flags below). */
const stride = 5
const START = 0
const END = 1
const SENT = 2
const TSVAL = 3
const MARK = 4
/** It was sent more than once: its acknowledgement may be of either (Karn). */
const RESENT = 0x10000
/** Something below it was sent later: its acknowledgement was held up by that. */
const HELD_UP = 0x20000
/** 12 MB of full segments, beyond what most systems buffer; 330 kB. The oldest is forgotten then, and gives no sample. */
const flightMax = 8192
/** While nobody acknowledges, as when one direction alone was captured, only the latest are of use: 10 kB. */
const unheardMax = 256
/** So many of the acknowledged ones are looked at for a copy. */
const backMax = 8

/** A ring that has grown beyond 32 segments is not kept for another session: most are small. */
const keptMax = 32 * stride

/** Doubles, so that the array is one of doubles for ever. */
const blank: readonly number[] = Array.from({ length: 4 * stride }, () => 0.5)

export class Flight {
  #ring = blank.slice()
  #mask = 3
  #head = 0
  #tail = 0
  /** All in [#heldFrom, #heldTo) are known to be marked as held up. */
  #heldFrom = 0
  #heldTo = 0
  /** Of the last `acknowledge`, ns; -1: none. By Karn's rule; by the timestamp that was echoed. */
  karnNs = never
  stampNs = never
  #echoed = never
  /** Segments that were forgotten because the ring was full. */
  forgotten = 0

  get count(): number {
    return this.#tail - this.#head
  }

  /** A segment above all others. */
  add(p: Packet, start: number, end: number, t: number, heard: boolean): void {
    if (this.#tail - this.#head > this.#mask || (!heard && this.#tail - this.#head >= unheardMax)) this.#makeRoom(heard)
    const ring = this.#ring
    const at = (this.#tail++ & this.#mask) * stride
    ring[at + START] = start
    ring[at + END] = end
    ring[at + SENT] = t
    ring[at + TSVAL] = p.hasTimestamps ? p.tsval : -1
    ring[at + MARK] = p.ipId & 0xffff
  }

  #makeRoom(heard: boolean): void {
    const size = this.#mask + 1
    if (size >= flightMax || (!heard && size >= unheardMax)) {
      if (heard) this.forgotten++
      this.#head++
      return
    }
    if (this.#ring.length < size * 2 * stride) this.#ring = doubled(this.#ring)
    const ring = this.#ring
    const mask = size * 2 - 1
    // Half of the places stay, and the others move up by as many as there were.
    for (let place = this.#tail - size; place < this.#tail; place++) {
      const from = (place & this.#mask) * stride
      const to = (place & mask) * stride
      if (from !== to) for (let field = 0; field < stride; field++) ring[to + field] = ring[from + field] as number
    }
    this.#mask = mask
  }

  /**
   * Takes off what `ack` covers, and times it: `karnNs`, `stampNs`.
   * @param echo the acknowledgement's TSecr; -1: none
   */
  acknowledge(ack: number, t: number, echo: number): void {
    const ring = this.#ring
    let head = this.#head
    let karn = -1
    let stamp = -1
    if (echo === this.#echoed) echo = -1
    while (head < this.#tail) {
      const at = (head & this.#mask) * stride
      const left = (ack - (ring[at + END] as number)) | 0
      if (left < 0) break
      // The first that carried it is what the receiver echoes (RFC 7323, 4.3); only its first echo is told, as pping does.
      if (echo !== -1 && ring[at + TSVAL] === echo) {
        stamp = t - (ring[at + SENT] as number)
        this.#echoed = echo
        echo = -1
      }
      if (left === 0 && (ring[at + MARK] as number) < RESENT) karn = t - (ring[at + SENT] as number)
      head++
    }
    this.#head = head
    this.karnNs = karn
    this.stampNs = stamp
  }

  /** The first place whose segment ends after `seq`. */
  #find(seq: number): number {
    let low = this.#head
    let high = this.#tail
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((((this.#ring[(middle & this.#mask) * stride + END] as number) - seq) | 0) > 0) high = middle
      else low = middle + 1
    }
    return low
  }

  /** When the segment that holds `seq` was last sent; -1: it is not on its way. */
  sentAt(seq: number): number {
    const place = this.#find(seq)
    if (place === this.#tail) return -1
    const at = (place & this.#mask) * stride
    return ((seq - (this.#ring[at + START] as number)) | 0) >= 0 ? (this.#ring[at + SENT] as number) : -1
  }

  /** [start, end) is sent again. */
  resent(p: Packet, start: number, end: number, t: number): void {
    const ring = this.#ring
    let place = this.#find(start)
    while (place < this.#tail) {
      const at = (place & this.#mask) * stride
      if ((((ring[at + START] as number) - end) | 0) >= 0) break
      const tsval = p.hasTimestamps ? p.tsval : -1
      // Both sendings in one tick of its clock: an echo would not say which it is of.
      ring[at + TSVAL] = ring[at + TSVAL] === tsval ? -1 : tsval
      ring[at + SENT] = t
      ring[at + MARK] = (p.ipId & 0xffff) | RESENT
      place++
    }
    this.#holdUp(place)
  }

  /** [start, end), until now a gap, is sent after what lies above it. */
  fill(p: Packet, start: number, end: number, t: number): void {
    if (this.#tail - this.#head > this.#mask) this.#makeRoom(true)
    const ring = this.#ring
    let place = this.#tail++
    while (place > this.#head) {
      const from = ((place - 1) & this.#mask) * stride
      if ((((ring[from + START] as number) - start) | 0) < 0) break
      const to = (place & this.#mask) * stride
      for (let field = 0; field < stride; field++) ring[to + field] = ring[from + field] as number
      place--
    }
    const at = (place & this.#mask) * stride
    ring[at + START] = start
    ring[at + END] = end
    ring[at + SENT] = t
    ring[at + TSVAL] = p.hasTimestamps ? p.tsval : -1
    ring[at + MARK] = p.ipId & 0xffff
    // What was moved up took its mark along, but not its place.
    this.#heldTo = this.#heldFrom = this.#tail
    this.#holdUp(place + 1)
  }

  /** Marks all from `place` on. What is marked already is passed over, so that recovery of many holes stays cheap. */
  #holdUp(place: number): void {
    if (place < this.#head) place = this.#head
    if (place >= this.#tail) return
    if (place > this.#heldTo || this.#heldFrom === this.#heldTo) {
      this.#mark(place, this.#tail)
      this.#heldFrom = place
    } else {
      this.#mark(this.#heldTo, this.#tail)
      if (place < this.#heldFrom) {
        this.#mark(place, this.#heldFrom)
        this.#heldFrom = place
      }
    }
    this.#heldTo = this.#tail
  }

  #mark(from: number, to: number): void {
    const ring = this.#ring
    for (let place = from < this.#head ? this.#head : from; place < to; place++) {
      const at = (place & this.#mask) * stride + MARK
      ring[at] = (ring[at] as number) | HELD_UP
    }
  }

  /** Whether this very packet was captured less than `nearNs` ago. @param heardAt when the other side last had news */
  isCopy(p: Packet, start: number, end: number, t: number, heardAt: number, nearNs: number): boolean {
    const first = Math.max(0, this.#tail - this.#mask - 1, this.#head - backMax)
    const found = this.#find(start)
    if (found < this.#tail && this.#copyAt(found, p, start, end, t, heardAt, nearNs)) return true
    for (let place = this.#head - 1; place >= first; place--) if (this.#copyAt(place, p, start, end, t, heardAt, nearNs)) return true
    return false
  }

  #copyAt(place: number, p: Packet, start: number, end: number, t: number, heardAt: number, nearNs: number): boolean {
    const ring = this.#ring
    const at = (place & this.#mask) * stride
    if (ring[at + START] !== start || ring[at + END] !== end) return false
    const sent = ring[at + SENT] as number
    if (t - sent > nearNs) return false
    const id = (ring[at + MARK] as number) & 0xffff
    const tsval = p.hasTimestamps ? p.tsval : -1
    if (p.ipId > 0) return id === p.ipId
    // Without identification: nobody sends again within a millisecond when nothing was heard in between.
    return ring[at + TSVAL] === tsval && heardAt < sent
  }

  /** IP-ID of the highest segment, acknowledged or not; 0: none. */
  newestId(): number {
    if (this.#tail === 0) return 0
    return (this.#ring[((this.#tail - 1) & this.#mask) * stride + MARK] as number) & 0xffff
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    if (this.#ring.length > keptMax) this.#ring = blank.slice()
    this.#mask = 3
    this.#head = 0
    this.#tail = 0
    this.#heldFrom = 0
    this.#heldTo = 0
    this.karnNs = -1
    this.stampNs = -1
    this.#echoed = -1
    this.forgotten = 0
  }
}
