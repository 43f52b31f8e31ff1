/**
 * A set of strings that keeps 64 bits of each: open addressing with linear probing in one Uint32Array, two numbers a
 * place, at most three quarters full. A million keys take about 16 MB outside of the heap, which the collector of
 * garbage never walks.
 *
 * It may say yes to a stranger whose 64 bits are those of a member: a chance of n / 2^64 a question, 5.4e-14 with a
 * million members. A server that asks one full list 10,000 times a second meets one wrong yes in 58 years, and whoever
 * can choose a key at will gains nothing by searching for one: they could as well send a member's.
 */
import { hashKey } from './key-hash.ts'

/** One question at a time runs on a thread, so all sets share it. */
const scratch = new Uint32Array(2)
const placesMin = 8

export class KeySet {
  #slots: Uint32Array
  #size = 0

  /** `expected` keys fit without growing. */
  constructor(expected = 0) {
    this.#slots = new Uint32Array(2 * placesFor(expected))
  }

  get size(): number {
    return this.#size
  }
  get bytes(): number {
    return this.#slots.byteLength
  }

  has(key: string): boolean {
    hashKey(key, scratch)
    return this.hasHash(scratch[0] as number, scratch[1] as number)
  }

  /** `has` for who hashed the key already. */
  hasHash(first: number, second: number): boolean {
    const slots = this.#slots
    const place = placeOf(slots, first, second)
    return slots[place] === first && slots[place + 1] === second
  }

  /** False: it was there already. */
  add(key: string): boolean {
    hashKey(key, scratch)
    return this.addHash(scratch[0] as number, scratch[1] as number)
  }

  addHash(first: number, second: number): boolean {
    const place = placeOf(this.#slots, first, second)
    if (((this.#slots[place] as number) | (this.#slots[place + 1] as number)) !== 0) return false
    this.#slots[place] = first
    this.#slots[place + 1] = second
    this.#size++
    if (this.#size * 8 > this.#slots.length * 3) this.#grow()
    return true
  }

  #grow(): void {
    const old = this.#slots
    const slots = new Uint32Array(old.length * 2)
    for (let at = 0; at < old.length; at += 2) {
      const first = old[at] as number
      const second = old[at + 1] as number
      if ((first | second) === 0) continue
      const place = placeOf(slots, first, second)
      slots[place] = first
      slots[place + 1] = second
    }
    this.#slots = slots
  }
}

/** Where the pair stands, or the empty place where it would. The second number leads there: the first one chose the chunk. */
function placeOf(slots: Uint32Array, first: number, second: number): number {
  const mask = slots.length - 2
  for (let place = (second << 1) & mask; ; place = (place + 2) & mask) {
    const there = slots[place] as number
    const beside = slots[place + 1] as number
    if ((there === first && beside === second) || (there | beside) === 0) return place
  }
}

/** A power of two that holds so many at three quarters. */
function placesFor(keys: number): number {
  let places = placesMin
  while (places * 3 < keys * 4) places *= 2
  return places
}
