/**
 * A distribution of durations in bounded memory: the first few as they are, then a histogram whose buckets grow with the
 * value. Count, least, greatest, mean and deviation stay exact.
 */
import { doubled } from '../double.ts'
import type { Distribution } from '../types.ts'

/** Kept as they are: most sessions have no more, and then every figure is exact. 512 bytes. */
const rawMax = 64

export class Samples {
  /** Always of doubles, never of small integers: one kind of array is fast to write to. */
  #raw: number[] = blank.slice()
  #rest: Histogram | null = null
  count = 0

  /** @param ns a duration; negative ones, by a clock that stepped back, are no samples */
  add(ns: number): void {
    if (!(ns >= 0)) return
    const at = this.count++
    if (at >= rawMax) this.#more(ns)
    else {
      if (at === this.#raw.length) this.#raw = doubled(this.#raw)
      this.#raw[at] = ns
    }
  }

  #more(ns: number): void {
    if (this.#rest === null) {
      this.#rest = new Histogram(this.#raw[0] as number)
      for (const one of this.#raw) this.#rest.add(one)
      this.#raw = []
    }
    this.#rest.add(ns)
  }

  /** Null: no sample. Percentiles are by nearest rank; of more than 64 samples they are within 0.8 %. */
  distribution(): Distribution | null {
    if (this.count === 0) return null
    if (this.#rest !== null) return this.#rest.distribution()
    const { count } = this
    this.#sort()
    let sum = 0
    for (let at = 0; at < count; at++) sum += sorted[at] as number
    const mean = sum / count
    let squares = 0
    for (let at = 0; at < count; at++) squares += ((sorted[at] as number) - mean) ** 2
    return {
      samples: count,
      minMs: (sorted[0] as number) / 1e6,
      meanMs: mean / 1e6,
      p50Ms: (sorted[rank(0.5, count)] as number) / 1e6,
      p95Ms: (sorted[rank(0.95, count)] as number) / 1e6,
      p99Ms: (sorted[rank(0.99, count)] as number) / 1e6,
      maxMs: (sorted[count - 1] as number) / 1e6,
      deviationMs: deviation(squares, count) / 1e6,
    }
  }

  /** Into `sorted`, by insertion: of so few, which often are nearly in order, nothing else is as fast. */
  #sort(): void {
    const raw = this.#raw
    for (let count = 0; count < this.count; count++) {
      const one = raw[count] as number
      let at = count
      while (at > 0 && (sorted[at - 1] as number) > one) {
        sorted[at] = sorted[at - 1] as number
        at--
      }
      sorted[at] = one
    }
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    if (this.#rest !== null) this.#raw = blank.slice()
    this.#rest = null
    this.count = 0
  }
}

/** Of a sample, with one degree of freedom spent on the mean. */
const deviation = (squares: number, count: number): number => (count > 1 ? Math.sqrt(Math.max(0, squares) / (count - 1)) : 0)

const sorted = new Float64Array(rawMax)

/** Room for those of a short session. */
const blank: readonly number[] = [0.5, 0.5, 0.5, 0.5]

/** Nearest rank: the smallest sample that `share` of all do not exceed. */
const rank = (share: number, count: number): number => Math.max(0, Math.ceil(share * count) - 1)

const double = new Float64Array(1)
const halves = new Uint32Array(double.buffer)
/** Where the upper half of a double is: second on every machine with the little end first. */
const upper = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

/** The buckets are the doubles themselves, cut after their exponent and these bits: each octave has 64 equal ones. */
const bits = 6
const shift = 20 - bits
/** Below 1 µs clocks say nothing; above 2.4 hours (2^43 ns) a round trip is none. All beyond share the outermost buckets. */
const lowest = bucketOf(1024)
const highest = bucketOf(2 ** 43)

class Histogram {
  #count = 0
  #min: number
  #max: number
  /** Sums of the differences to the first sample, and of their squares: figures far from 0 would drown the deviation. */
  readonly #first: number
  #sum = 0
  #squares = 0
  /** The bucket of `#counts[0]`. Only the stretch that occurs is kept: some 250 bytes for each doubling of the round trip. */
  #from: number
  #counts: Uint32Array

  constructor(first: number) {
    this.#first = first
    this.#min = first
    this.#max = first
    this.#from = clamp(bucketOf(first)) - 32
    this.#counts = new Uint32Array(128)
  }

  add(ns: number): void {
    this.#count++
    if (ns < this.#min) this.#min = ns
    else if (ns > this.#max) this.#max = ns
    const off = ns - this.#first
    this.#sum += off
    this.#squares += off * off
    let at = clamp(bucketOf(ns)) - this.#from
    if (at < 0 || at >= this.#counts.length) at = this.#reach(at)
    const counts = this.#counts
    counts[at] = (counts[at] as number) + 1
  }

  /** Makes room for a bucket outside, and some beyond it. @returns its place then */
  #reach(at: number): number {
    const before = at < 0 ? -at + 32 : 0
    const length = Math.max(this.#counts.length, at + 33) + before
    const counts = new Uint32Array(length)
    counts.set(this.#counts, before)
    this.#counts = counts
    this.#from -= before
    return at + before
  }

  #at(share: number): number {
    let left = rank(share, this.#count)
    for (const [at, count] of this.#counts.entries()) {
      if (left < count) {
        // Spread evenly within the bucket.
        const from = this.#from + at === lowest ? 0 : edgeOf(this.#from + at)
        const to = edgeOf(this.#from + at + 1)
        return Math.min(this.#max, Math.max(this.#min, from + ((to - from) * (left + 0.5)) / count))
      }
      left -= count
    }
    return this.#max
  }

  distribution(): Distribution {
    const off = this.#sum / this.#count
    return {
      samples: this.#count,
      minMs: this.#min / 1e6,
      meanMs: (this.#first + off) / 1e6,
      p50Ms: this.#at(0.5) / 1e6,
      p95Ms: this.#at(0.95) / 1e6,
      p99Ms: this.#at(0.99) / 1e6,
      maxMs: this.#max / 1e6,
      deviationMs: deviation(this.#squares - this.#count * off * off, this.#count) / 1e6,
    }
  }
}

function clamp(bucket: number): number {
  return bucket < lowest ? lowest : bucket > highest ? highest : bucket
}

/** The upper half of a double that is not negative grows with its value: sign, exponent, first bits of the fraction. */
function bucketOf(ns: number): number {
  double[0] = ns
  return (halves[upper] as number) >>> shift
}

function edgeOf(bucket: number): number {
  halves[upper] = bucket << shift
  halves[1 - upper] = 0
  return double[0] as number
}
