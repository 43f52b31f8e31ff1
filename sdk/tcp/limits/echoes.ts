import { doubled, zero } from '../double.ts'

/** Timestamps on their way at once: one a millisecond, or fewer, of which every one that finds room is a sample. */
const heldMax = 64
/** Value and time of each. Doubles, so that the array is one of doubles for ever; few sessions have many on their way. */
const blank: readonly number[] = Array.from({ length: 4 * 2 }, () => 0.5)

/**
 * The way from the capture to a sender and back, by the timestamps that acknowledgements carry to it and its segments
 * echo: it needs neither a handshake nor data both ways (K. Nichols' pping).
 */
export class Echoes {
  #ring = blank.slice()
  #mask = 3
  #first = 0
  #count = 0
  #newest = zero
  #any = false

  /** An acknowledgement went to the sender. */
  went(t: number, value: number): void {
    // Of those with the same value the first counts.
    if (this.#any && value === this.#newest) return
    this.#any = true
    this.#newest = value
    if (this.#count === heldMax) return
    if (this.#count > this.#mask) this.#grow()
    const at = ((this.#first + this.#count++) & this.#mask) * 2
    this.#ring[at] = value
    this.#ring[at + 1] = t
  }

  #grow(): void {
    const size = this.#mask + 1
    if (this.#ring.length < size * 2 * 2) this.#ring = doubled(this.#ring)
    // What had come round to the beginning follows the end now.
    this.#ring.copyWithin(size * 2, 0, this.#first * 2)
    this.#mask = size * 2 - 1
  }

  /** A segment of the sender echoes a value. @returns how long that took, ns; -1: it tells nothing */
  came(t: number, value: number): number {
    while (this.#count > 0) {
      const later = (value - (this.#ring[this.#first * 2] as number)) | 0
      if (later < 0) return -1
      const took = t - (this.#ring[this.#first * 2 + 1] as number)
      this.#first = (this.#first + 1) & this.#mask
      this.#count--
      if (later === 0) return took
    }
    return -1
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.#mask = 3
    this.#first = 0
    this.#count = 0
    this.#newest = 0
    this.#any = false
  }
}
