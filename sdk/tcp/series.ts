/** How a session went over time, in few equal intervals: their width doubles whenever the session outgrows them. */
import { doubled, zero } from './double.ts'
import { type DirectionSeries, type Series, seriesMax } from './types.ts'

const fields = 6
const bytesAt = 0
const goodAt = 1
const resentAt = 2
const rttSumAt = 3
const rttCountAt = 4
const flightAt = 5

/** Width of the first intervals, ns. Shorter ones would tell of single packets. */
const firstStepNs = 1e6
/** Intervals of a session that has just begun to send: most sessions are short, and there may be many at once. */
const firstBins = 4
/** A session is shown finer when each interval has so many segments to tell of, on average. */
const eventsPerBin = 4
/** A plain array and no typed one, which costs 200 bytes and a call of the system's allocator before it holds anything. */
const room: readonly number[] = Array.from({ length: firstBins * 2 * fields }, () => 0.5)
/** What has grown to more intervals is not kept for another session. */
const keptMax = 16 * 2 * fields

export class SeriesClock {
  stepNs = firstStepNs + zero
  /** Interval by interval: the fields of `a`, then those of `b`. Doubles, so that the array is one of doubles for ever. */
  #bins = room.slice()
  /** So much of it is in use: nothing before the first data. */
  #length = 0
  #events = 0

  /** Data of one side: all its bytes, those never seen before, what is in flight with it, and whether it was sent again. */
  data(ofA: boolean, t: number, bytes: number, good: number, flight: number, resent: boolean): void {
    this.#events++
    const at = this.#at(ofA, t)
    const bins = this.#bins
    bins[at + bytesAt] = (bins[at + bytesAt] as number) + bytes
    bins[at + goodAt] = (bins[at + goodAt] as number) + good
    if (resent) bins[at + resentAt] = (bins[at + resentAt] as number) + 1
    if (flight > (bins[at + flightAt] as number)) bins[at + flightAt] = flight
  }

  rtt(ofA: boolean, t: number, ns: number): void {
    const at = this.#at(ofA, t)
    const bins = this.#bins
    bins[at + rttSumAt] = (bins[at + rttSumAt] as number) + ns
    bins[at + rttCountAt] = (bins[at + rttCountAt] as number) + 1
  }

  #at(ofA: boolean, t: number): number {
    const bin = t <= 0 ? 0 : Math.floor(t / this.stepNs)
    const at = bin * 2 * fields
    if (at >= this.#length) return this.#room(ofA, t)
    return ofA ? at : at + fields
  }

  #room(ofA: boolean, t: number): number {
    if (this.#length === 0) this.#widen(room.length)
    while (Math.floor(t / this.stepNs) * 2 * fields >= this.#length) {
      const count = this.#length / (2 * fields)
      if (count < seriesMax && count * eventsPerBin <= this.#events) this.#widen(this.#length * 2)
      else {
        fold(this.#bins, this.#length)
        this.stepNs *= 2
      }
    }
    return this.#at(ofA, t)
  }

  /** More intervals, blank ones. */
  #widen(length: number): void {
    if (this.#bins.length < length) this.#bins = doubled(this.#bins)
    this.#bins.fill(0, this.#length, length)
    this.#length = length
  }

  /** @param endNs of the session: intervals after it are left out */
  series(endNs: number, aIsClient: boolean): Series {
    return { stepMs: this.stepNs / 1e6, directions: [this.#direction(endNs, aIsClient), this.#direction(endNs, !aIsClient)] }
  }

  #direction(endNs: number, ofA: boolean): DirectionSeries {
    const bins = this.#bins
    const length = Math.min(this.#length / (2 * fields), Math.floor(endNs / this.stepNs) + 1)
    const bytes: number[] = []
    const goodBytes: number[] = []
    const resent: number[] = []
    const rttMs: (number | null)[] = []
    const inFlight: number[] = []
    for (let i = 0; i < length; i++) {
      const at = (i * 2 + (ofA ? 0 : 1)) * fields
      const samples = bins[at + rttCountAt] as number
      bytes.push(bins[at + bytesAt] as number)
      goodBytes.push(bins[at + goodAt] as number)
      resent.push(bins[at + resentAt] as number)
      rttMs.push(samples === 0 ? null : (bins[at + rttSumAt] as number) / samples / 1e6)
      inFlight.push(bins[at + flightAt] as number)
    }
    return { bytes, goodBytes, resent, rttMs, inFlight }
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.stepNs = firstStepNs
    if (this.#bins.length > keptMax) this.#bins = room.slice()
    this.#length = 0
    this.#events = 0
  }
}

/** Two neighbours become one; the upper half is free again. */
function fold(bins: number[], length: number): void {
  const count = length / fields
  // Rows alternate a, b: the neighbour of a row is two on.
  for (let row = 0; row < count; row++) {
    const half = count / 2
    if (row < half) {
      const first = ((row >> 1) * 4 + (row & 1)) * fields
      const second = first + 2 * fields
      for (let field = 0; field < fields; field++) {
        const a = bins[first + field] as number
        const b = bins[second + field] as number
        bins[row * fields + field] = field === flightAt ? Math.max(a, b) : a + b
      }
    } else for (let field = 0; field < fields; field++) bins[row * fields + field] = 0
  }
}
