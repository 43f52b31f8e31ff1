/** The most acknowledgements that are on their way at once; 8,192 of them are 24 MB of data on the shorter half of a path. */
const heldMax = 8192
const heldFirst = 64

/**
 * Acknowledgements that a capture far from the sender has seen and the sender has not: each takes effect when it has
 * reached the sender and what that sent in answer has come back to the capture. Oldest first.
 */
export class Delayed {
  #due = new Float64Array(heldFirst)
  #una = new Int32Array(heldFirst)
  #edge = new Int32Array(heldFirst)
  #stamp = new Int32Array(heldFirst)
  #first = 0
  #count = 0
  #lastDue = 0
  /** When the oldest takes effect; Infinity: there is none. */
  next = Number.POSITIVE_INFINITY

  /** @param stamp its timestamp, which the sender will echo. @returns false when it was full: take the oldest now and put this one again */
  put(due: number, una: number, edge: number, stamp: number): boolean {
    if (this.#count === this.#due.length && !this.#grow()) return false
    // They arrive in the order in which they were sent, also while the estimate of the way falls.
    const at = (this.#first + this.#count++) & (this.#due.length - 1)
    this.#lastDue = due > this.#lastDue ? due : this.#lastDue
    this.#due[at] = this.#lastDue
    this.#una[at] = una
    this.#edge[at] = edge
    this.#stamp[at] = stamp
    if (this.#count === 1) this.next = this.#lastDue
    return true
  }

  /** Of the oldest: what it acknowledges, and up to where it lets the sender send. */
  get una(): number {
    return this.#una[this.#first] as number
  }
  get edge(): number {
    return this.#edge[this.#first] as number
  }

  get stamp(): number {
    return this.#stamp[this.#first] as number
  }

  drop(): void {
    this.#first = (this.#first + 1) & (this.#due.length - 1)
    this.next = --this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#due[this.#first] as number)
  }

  #grow(): boolean {
    const size = this.#due.length
    if (size >= heldMax) return false
    const turned = <Column extends Float64Array | Int32Array>(from: Column, to: Column): Column => {
      to.set(from.subarray(this.#first))
      to.set(from.subarray(0, this.#first), size - this.#first)
      return to
    }
    this.#due = turned(this.#due, new Float64Array(size * 2))
    this.#una = turned(this.#una, new Int32Array(size * 2))
    this.#edge = turned(this.#edge, new Int32Array(size * 2))
    this.#stamp = turned(this.#stamp, new Int32Array(size * 2))
    this.#first = 0
    return true
  }
}
