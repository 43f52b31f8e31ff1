/**
 * Which spans came in the last minute or two, and what became of each: as numbers in flat arrays, because a busy server
 * remembers a million of them and a collector of garbage should not have to look at each.
 *
 * Two generations: what was remembered in the present one and in the one before is known; the older one is thrown away
 * whole. A generation that is full ends early, so memory is bounded and what is forgotten is the oldest.
 */

/** What became of a span. */
export const fates = {
  /** It moved what it knows of to its parent, whose key stands with it. */
  passed: 1,
  /** The same, and it was counted as a statement. */
  statement: 2,
  /** The same, and it was counted as a call of another service. */
  external: 3,
  /** It was counted as a call, whose identity's number stands with it. */
  call: 4,
  /** A trace of which something was forgotten for want of room. */
  cut: 5,
} as const

/** A key of 64 bits: with a million of them, two are alike by chance once in 10^7 generations. */
export type Key = { low: number; high: number }

const stride = 6
const [lowAt, highAt, fateAt, valueAt, moreAt, indexAt] = [0, 1, 2, 3, 4, 5]

export class Recent {
  readonly #max: number
  readonly #keptMs: number
  #now: Uint32Array
  #before: Uint32Array
  #size = 0
  #since: number
  /** Of the entry that `find` found. */
  fate = 0
  value = 0
  more = 0
  index = 0

  /** @param max entries of one generation, a power of two: 24 bytes each, half of them used at most. */
  constructor(max: number, keptMs: number, now: number) {
    this.#max = max
    this.#keptMs = keptMs
    this.#since = now
    this.#now = new Uint32Array(stride * Math.min(max, 4_096))
    this.#before = new Uint32Array(stride * 2)
  }

  /**
   * Makes room for what is coming. @returns whether a generation ended: what was remembered before the last one is gone.
   */
  turn(now: number, coming: number): boolean {
    if (now - this.#since < this.#keptMs && this.#size + coming < this.#max / 2) return false
    this.#before = this.#now
    // As large as the last one became, so that it need not grow again.
    const slots = Math.max(4_096, 2 ** Math.ceil(Math.log2(this.#size * 2 + 1)))
    this.#now = new Uint32Array(stride * Math.min(this.#max, slots))
    this.#size = 0
    this.#since = now
    return true
  }

  /** Whether the key is known; then `fate`, `value`, `more` and `index` are what was remembered. */
  find(low: number, high: number): boolean {
    return this.#findIn(this.#now, low, high) || this.#findIn(this.#before, low, high)
  }

  /** Remembers, or changes what was remembered. A full generation remembers no more until it is turned. */
  set(low: number, high: number, fate: number, value: number, more: number, index: number): void {
    let table = this.#now
    let at = slotOf(table, low, high)
    if (table[at + fateAt] === 0) {
      if (this.#size * 2 * stride >= table.length) {
        if (table.length >= this.#max * stride) return
        table = this.#grow()
        at = slotOf(table, low, high)
      }
      this.#size++
    }
    table[at + lowAt] = low
    table[at + highAt] = high
    table[at + fateAt] = fate
    table[at + valueAt] = value
    table[at + moreAt] = more
    table[at + indexAt] = index
  }

  get size(): number {
    return this.#size
  }

  #findIn(table: Uint32Array, low: number, high: number): boolean {
    const at = slotOf(table, low, high)
    const fate = table[at + fateAt] as number
    if (fate === 0) return false
    this.fate = fate
    this.value = table[at + valueAt] as number
    this.more = table[at + moreAt] as number
    this.index = table[at + indexAt] as number
    return true
  }

  #grow(): Uint32Array {
    const old = this.#now
    const table = new Uint32Array(old.length * 2)
    for (let at = 0; at < old.length; at += stride)
      if (old[at + fateAt] !== 0)
        table.set(old.subarray(at, at + stride), slotOf(table, old[at + lowAt] as number, old[at + highAt] as number))
    this.#now = table
    return table
  }
}

/** Where the key is, or where it would be. */
function slotOf(table: Uint32Array, low: number, high: number): number {
  const mask = table.length / stride - 1
  let slot = low & mask
  for (;;) {
    const at = slot * stride
    if (table[at + fateAt] === 0 || (table[at + lowAt] === low && table[at + highAt] === high)) return at
    slot = (slot + 1) & mask
  }
}

/** Two words of an id into a key, as murmur3 mixes. A seed keeps environments apart, and strangers from guessing. */
export function mixInto(into: Key, first: number, second: number, low: number, high: number): void {
  let a = Math.imul(first ^ low, 0x85eb_ca6b)
  let b = Math.imul(second ^ high, 0xc2b2_ae35)
  a = Math.imul(a ^ (a >>> 15) ^ b, 0xcc9e_2d51)
  b = Math.imul(b ^ (b >>> 13) ^ a, 0x1b87_3593)
  into.low = (a ^ (b >>> 16)) >>> 0
  into.high = (b ^ (a >>> 14)) >>> 0
}
