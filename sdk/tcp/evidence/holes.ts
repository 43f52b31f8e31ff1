/** Sequence numbers that were passed over: not seen yet. In their order, so that the ones acknowledged come first. */
import type { Packet } from '../packet.ts'

/** What is known of a hole since the packet beyond it showed that it is there. */
export type Hole = {
  start: number
  end: number
  /** When the packet beyond it came, its TSval (-1: none) and its IP-ID; `counts`: IP-IDs grow from packet to packet there. */
  readonly at: number
  readonly tsval: number
  readonly id: number
  readonly counts: boolean
  /** Unique bytes of the side at that time: tells how far behind it lies, also when sequence numbers have wrapped since. */
  readonly goodBytes: number
  /** The receiver has what the capture has not. */
  acked: boolean
}

/** A tenth of the largest flight may be missing at once. Beyond it the lowest hole is forgotten: what fills it looks sent again. */
const holesMax = 1024
/** Holes of the capture itself stay until then, since what fills them may come late from another interface. */
const ackedMax = 32
/** Sequence numbers compare over 2^31; half of it is far enough behind. */
const staleBytes = 2 ** 30

export class Holes {
  readonly list: Hole[] = []
  /** How many of them, from the first, are acknowledged. */
  #acked = 0
  forgotten = 0
  /** What the last `fill` found. */
  found: Hole | null = null

  add(hole: Hole): void {
    if (this.list.length >= holesMax) {
      this.forgotten++
      this.#drop()
    }
    this.list.push(hole)
    if (hole.acked) this.#settle()
  }

  /** Below all others. */
  addFirst(hole: Hole): void {
    if (this.list.length < holesMax) this.list.unshift(hole)
    else this.forgotten++
    this.#acked = 0
    while (this.list[this.#acked]?.acked) this.#acked++
  }

  clear(): void {
    this.list.length = 0
    this.#acked = 0
  }

  #drop(): void {
    this.list.shift()
    if (this.#acked > 0) this.#acked--
  }

  #settle(): void {
    while (this.list[this.#acked]?.acked) this.#acked++
    while (this.#acked > ackedMax) this.#drop()
  }

  get unacknowledged(): boolean {
    return this.#acked < this.list.length
  }

  /** @param each called with the bytes of every hole that `ack` covers now and did not before */
  acknowledge(ack: number, each: (bytes: number) => void): void {
    for (let at = this.#acked; at < this.list.length; at++) {
      const hole = this.list[at] as Hole
      if (((ack - hole.end) | 0) < 0) break
      hole.acked = true
      each((hole.end - hole.start) | 0)
    }
    this.#settle()
  }

  /** Forgets holes so far behind that their numbers mean something else. */
  expire(goodBytes: number): void {
    while (this.list.length > 0 && goodBytes - (this.list[0] as Hole).goodBytes > staleBytes) this.#drop()
  }

  has(seq: number): boolean {
    return this.list.some((hole) => ((seq - hole.start) | 0) >= 0 && ((hole.end - seq) | 0) > 0)
  }

  /**
   * Takes [start, end) out of the holes.
   * @param each called with every stretch that was missing
   * @returns how much of it was missing; `found` is the first hole that it met
   */
  fill(start: number, end: number, each: (start: number, end: number, hole: Hole) => void): number {
    let filled = 0
    this.found = null
    for (let at = this.#firstAbove(start); at < this.list.length; ) {
      const hole = this.list[at] as Hole
      if (((hole.start - end) | 0) >= 0) break
      this.found ??= hole
      const from = ((start - hole.start) | 0) > 0 ? start : hole.start
      const to = ((end - hole.end) | 0) < 0 ? end : hole.end
      filled += (to - from) | 0
      each(from, to, hole)
      const below = from !== hole.start
      if (to !== hole.end) {
        if (below) {
          if (this.list.length < holesMax) this.list.splice(at, 0, { ...hole, end: from })
          else this.forgotten++
          if (hole.acked) this.#acked++
        }
        hole.start = to
        break
      }
      if (below) {
        hole.end = from
        at++
      } else {
        this.list.splice(at, 1)
        if (hole.acked) this.#acked--
      }
    }
    return filled
  }

  /** The first hole that ends after `seq`. */
  #firstAbove(seq: number): number {
    let low = 0
    let high = this.list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((((this.list[middle] as Hole).end - seq) | 0) > 0) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** So much may a sender's IP-IDs grow between two packets of one session: they are counted for all its sessions together. */
const idStepMax = 4096

export function idsCount(before: number, after: number): boolean {
  const step = (after - before) & 0xffff
  return before > 0 && after > 0 && step > 0 && step <= idStepMax
}

/**
 * Whether `p`, which fills `hole`, was sent after the packet beyond it, so that what should have been there was lost; else
 * it was only late. By the sender's clock, its count of packets, or the hole's age; the first that can tell.
 * @param nearNs younger holes are of packets that passed each other
 */
export function wasLost(p: Packet, t: number, hole: Hole, nearNs: number): boolean {
  if (p.hasTimestamps && hole.tsval >= 0) {
    const later = (p.tsval - hole.tsval) | 0
    if (later !== 0) return later > 0
  }
  if (p.ipId > 0 && hole.counts) {
    const later = ((p.ipId - hole.id) << 16) >> 16
    if (later !== 0) return later > 0
  }
  return t - hole.at >= nearNs
}
