/** Time during which at least one of several things ran: parallel statements' times add up to more than the call took. */

/** The length of the union of `[start, end]`, in the unit of its numbers. An interval that ends before it starts is empty. */
export function unionOfIntervals(intervals: readonly (readonly [start: number, end: number])[]): number {
  const sorted = intervals.toSorted(([a], [b]) => a - b)
  let total = 0
  let reached = Number.NEGATIVE_INFINITY
  for (const [start, end] of sorted) {
    if (!(end > reached)) continue
    total += Math.max(0, end - Math.max(start, reached))
    reached = Math.max(reached, end)
  }
  return total
}

/** The same while it happens, without keeping intervals: for who is told of each beginning and each end. */
export type IntervalUnion = {
  begin(now: number): void
  end(now: number): void
  /** Up to `now`, what still runs included. */
  total(now: number): number
}

export function createIntervalUnion(): IntervalUnion {
  return new Union()
}

class Union implements IntervalUnion {
  #running = 0
  #since = 0
  #total = 0

  begin(now: number): void {
    if (this.#running++ === 0) this.#since = now
  }

  end(now: number): void {
    if (this.#running === 0) return
    if (--this.#running === 0) this.#total += Math.max(0, now - this.#since)
  }

  total(now: number): number {
    return this.#total + (this.#running > 0 ? Math.max(0, now - this.#since) : 0)
  }
}
