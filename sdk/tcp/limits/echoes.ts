/** Timestamps on their way at once: one a millisecond, or fewer, of which every one that finds room is a sample. */
const heldMax = 64

/**
 * The way from the capture to a sender and back, by the timestamps that acknowledgements carry to it and its segments
 * echo: it needs neither a handshake nor data both ways (K. Nichols' pping).
 */
export class Echoes {
  readonly #values = new Int32Array(heldMax)
  readonly #times = new Float64Array(heldMax)
  #first = 0
  #count = 0
  #newest = 0
  #any = false

  /** An acknowledgement went to the sender. */
  went(t: number, value: number): void {
    // Of those with the same value the first counts.
    if (this.#any && value === this.#newest) return
    this.#any = true
    this.#newest = value
    if (this.#count === heldMax) return
    const at = (this.#first + this.#count++) % heldMax
    this.#values[at] = value
    this.#times[at] = t
  }

  /** A segment of the sender echoes a value. @returns how long that took, ns; -1: it tells nothing */
  came(t: number, value: number): number {
    while (this.#count > 0) {
      const later = (value - (this.#values[this.#first] as number)) | 0
      if (later < 0) return -1
      const took = t - (this.#times[this.#first] as number)
      this.#first = (this.#first + 1) % heldMax
      this.#count--
      if (later === 0) return took
    }
    return -1
  }
}
