import { doubled, zero } from '../double.ts'

/** The most acknowledgements that are on their way at once; 8,192 of them are 24 MB of data on the shorter half of a path. */
const heldMax = 8192
/** When it takes effect, what it acknowledges, up to where it lets the sender send, its timestamp. */
const stride = 4
const DUE = 0
const UNA = 1
const EDGE = 2
const STAMP = 3
/** A ring that has grown beyond 32 of them is not kept for another session. */
const keptMax = 32 * stride
/** Doubles, so that the array is one of doubles for ever; four places, since many sessions are short and far from their sender. */
const blank: readonly number[] = Array.from({ length: 4 * stride }, () => 0.5)

/**
 * Acknowledgements that a capture far from the sender has seen and the sender has not: each takes effect when it has
 * reached the sender and what that sent in answer has come back to the capture. Oldest first.
 */
export class Delayed {
  #ring = blank.slice()
  #mask = 3
  #first = 0
  #count = 0
  #lastDue = zero
  /** When the oldest takes effect; Infinity: there is none. */
  next = Number.POSITIVE_INFINITY

  /** @param stamp its timestamp, which the sender will echo. @returns false when it was full: take the oldest now and put this one again */
  put(due: number, una: number, edge: number, stamp: number): boolean {
    if (this.#count > this.#mask && !this.#grow()) return false
    // They arrive in the order in which they were sent, also while the estimate of the way falls.
    const at = ((this.#first + this.#count++) & this.#mask) * stride
    this.#lastDue = due > this.#lastDue ? due : this.#lastDue
    const ring = this.#ring
    ring[at + DUE] = this.#lastDue
    ring[at + UNA] = una
    ring[at + EDGE] = edge
    ring[at + STAMP] = stamp
    if (this.#count === 1) this.next = this.#lastDue
    return true
  }

  /** Of the oldest: what it acknowledges, and up to where it lets the sender send. */
  get una(): number {
    return (this.#ring[this.#first * stride + UNA] as number) | 0
  }
  get edge(): number {
    return (this.#ring[this.#first * stride + EDGE] as number) | 0
  }

  get stamp(): number {
    return (this.#ring[this.#first * stride + STAMP] as number) | 0
  }

  drop(): void {
    this.#first = (this.#first + 1) & this.#mask
    this.next = --this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#ring[this.#first * stride + DUE] as number)
  }

  #grow(): boolean {
    const size = this.#mask + 1
    if (size >= heldMax) return false
    if (this.#ring.length < size * 2 * stride) this.#ring = doubled(this.#ring)
    // What had come round to the beginning follows the end now.
    this.#ring.copyWithin(size * stride, 0, this.#first * stride)
    this.#mask = size * 2 - 1
    return true
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    if (this.#ring.length > keptMax) this.#ring = blank.slice()
    this.#mask = 3
    this.#first = 0
    this.#count = 0
    this.#lastDue = 0
    this.next = Number.POSITIVE_INFINITY
  }
}
