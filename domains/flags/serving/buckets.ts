/** How often a key or an address may ask: a token bucket each, in memory that does not grow with who asks. */

export type Rate = {
  /** What may go on for ever. */
  readonly perSecond: number
  /** What may come at once after a pause. */
  readonly burst: number
}

export type Buckets = {
  /** Takes one token; 0, or how many milliseconds to wait until there is one. */
  take(key: string, nowMs: number): number
}

/** Names that are remembered at least; 100 bytes each. Twice as many are held at most. */
const namesMax = 20_000

/**
 * A bucket is one number, the time at which it will be full again (GCRA, ATM Forum Traffic Management 4.0 §4.4.2).
 * Names are kept in two generations: when the young one is full it becomes the old one, and what is asked for again is
 * taken over. Whoever is forgotten has not asked for as long as it took that many others to come, and starts anew.
 */
export function openBuckets({ perSecond, burst }: Rate, max = namesMax): Buckets {
  const everyMs = 1_000 / perSecond
  const ahead = burst * everyMs
  let young = new Map<string, number>()
  let old = new Map<string, number>()
  return {
    take(key, nowMs) {
      const known = young.get(key) ?? old.get(key) ?? 0
      // A clock that was set back finds buckets that are full only in its future: nobody may owe more than a burst.
      const owes = Math.min(Math.max(known, nowMs), nowMs + ahead)
      const waitMs = owes + everyMs - nowMs - ahead
      // A millionth of a millisecond is what adding such numbers loses.
      const goesOn = waitMs <= 1e-6
      if (young.size >= max && !young.has(key)) {
        old = young
        young = new Map()
      }
      young.set(key, goesOn ? owes + everyMs : owes)
      return goesOn ? 0 : waitMs
    },
  }
}
