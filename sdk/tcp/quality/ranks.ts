/**
 * Two groups by ranks alone, within strata of like with like, so that neither outliers nor the shape of a distribution decides.
 *
 * Groups: van Elteren's stratified form of the rank-sum test (Bull. Inst. Int. Stat. 37, 1960), in one stratum Mann and Whitney's.
 * Pairs: Wilcoxon's signed ranks (1945). The probability is that of the permutations themselves, so that ties, of which measures such as
 * "timeouts" are full, and small groups need no approximation. Estimates and intervals are Hodges and Lehmann's (1963): the shifts that
 * the test would not refuse, found by counting.
 */

/** Values of one stratum on both sides. */
export type Stratum = { readonly a: readonly number[]; readonly b: readonly number[] }

export type Shift = { readonly estimate: number; readonly low: number; readonly high: number }

/** Pseudo-random numbers in [0, 1) from a seed: Chris Doty-Humphrey's sfc32. */
export function randomFrom(seed: number): () => number {
  let [a, b, c, counter] = [seed | 0, Math.floor(seed / 2 ** 32) | 0, 0x9e3779b9 | 0, 1]
  const next = () => {
    const out = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + out) | 0
    return (out >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

/** Ranks from 1; equal values share the mean of theirs. */
export function ranksOf(values: readonly number[]): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((i, j) => (values[i] ?? 0) - (values[j] ?? 0))
  const ranks = new Float64Array(values.length)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to++
    for (let k = from; k < to; k++) ranks[order[k] ?? 0] = (from + to + 1) / 2
    from = to
  }
  return ranks
}

/** One more chance in 5,000 is as fine as a decision at 5 % over a few dozen measures needs. */
const permutationsMax = 4999
/** At the least: 1 in 1,000, which is still below 5 % of twenty measures. */
const permutationsMin = 999
/** Values moved about for one measure, some tenths of a second. */
const movesMax = 1e7
/** A chance that came up so often is far from 5 %: no need to go on (Besag and Clifford, Biometrika 78, 1991). */
const hitsEnough = 50

function chanceOf(observed: number, size: number, draw: () => number): number {
  const bound = Math.abs(observed) * (1 - 1e-9) - 1e-12
  const permutations = Math.max(permutationsMin, Math.min(permutationsMax, Math.floor(movesMax / Math.max(1, size))))
  let hits = 0
  for (let drawn = 1; drawn <= permutations; drawn++) {
    if (Math.abs(draw()) >= bound && ++hits === hitsEnough) return hits / drawn
  }
  return (hits + 1) / (permutations + 1)
}

/** Probability that labels given at random within each stratum lie as far apart as A and B do, two-sided. */
export function chanceOfGroups(strata: readonly Stratum[], random: () => number): number {
  let observed = 0
  const scored = strata.map(({ a, b }) => {
    const ranks = ranksOf([...a, ...b])
    const middle = (ranks.length + 1) / 2
    const scores = ranks.map((rank) => (rank - middle) / (ranks.length + 1))
    for (let i = a.length; i < scores.length; i++) observed += scores[i] ?? 0
    return { scores, smaller: Math.min(a.length, b.length), sign: a.length < b.length ? -1 : 1 }
  })
  return chanceOf(
    observed,
    scored.reduce((sum, { scores }) => sum + scores.length, 0),
    () => {
      let sum = 0
      for (const { scores, smaller, sign } of scored) {
        // The scores of a stratum sum to 0, so the smaller side's sum is the other's but for the sign.
        for (let i = 0; i < smaller; i++) {
          const at = i + Math.floor(random() * (scores.length - i))
          const score = scores[at] ?? 0
          scores[at] = scores[i] ?? 0
          scores[i] = score
          sum += sign * score
        }
      }
      return sum
    },
  )
}

/** Probability that differences whose signs are given at random lie as far from 0. Pairs without a difference say nothing. */
export function chanceOfPairs(differences: readonly number[], random: () => number): number {
  const some = differences.filter((difference) => difference !== 0)
  const ranks = ranksOf(some.map(Math.abs))
  let observed = 0
  for (let i = 0; i < some.length; i++) observed += (some[i] ?? 0) > 0 ? (ranks[i] ?? 0) : -(ranks[i] ?? 0)
  return chanceOf(observed, some.length, () => {
    let sum = 0
    for (const rank of ranks) sum += random() < 0.5 ? rank : -rank
    return sum
  })
}

/** Of the standard normal distribution, for an interval of 95 %. */
const z95 = 1.959964

/** By how much B lies above A: the weighted median of the differences within strata, with its 95 % interval. */
export function shiftOfGroups(strata: readonly Stratum[]): Shift {
  const sorted = strata.map(({ a, b }) => ({ a: a.toSorted(ascending), b: b.toSorted(ascending), weight: 1 / (a.length + b.length + 1) }))
  let [total, variance, least, most] = [0, 0, Infinity, -Infinity]
  for (const { a, b, weight } of sorted) {
    if (a.length === 0 || b.length === 0) continue
    total += weight * a.length * b.length
    variance += (weight * a.length * b.length) / 12
    least = Math.min(least, (b[0] ?? 0) - (a.at(-1) ?? 0))
    most = Math.max(most, (b.at(-1) ?? 0) - (a[0] ?? 0))
  }
  const above = (shift: number) => sorted.reduce((sum, { a, b, weight }) => sum + weight * pairsAbove(a, b, shift), 0)
  return shiftBy(above, total, Math.sqrt(variance), least, most)
}

/** By how much the second of a pair lies above the first: the median of the means of two differences (Walsh averages), with its 95 % interval. */
export function shiftOfPairs(differences: readonly number[]): Shift {
  const sorted = differences.toSorted(ascending)
  const n = sorted.length
  const above = (shift: number) => {
    // Pairs i <= j whose mean is above the shift, and half of those that are equal to it, from both ends.
    let [more, notLess, high, highOrSame] = [0, 0, n - 1, n - 1]
    for (let i = 0; i < n; i++) {
      while (high >= 0 && (sorted[high] ?? 0) + (sorted[i] ?? 0) > 2 * shift) high--
      while (highOrSame >= 0 && (sorted[highOrSame] ?? 0) + (sorted[i] ?? 0) >= 2 * shift) highOrSame--
      more += n - Math.max(i, high + 1)
      notLess += n - Math.max(i, highOrSame + 1)
    }
    return (more + notLess) / 2
  }
  return shiftBy(above, (n * (n + 1)) / 2, Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24), sorted[0] ?? 0, sorted.at(-1) ?? 0)
}

/** Where the weight of what lies above a shift falls to half of all, and to what chance would leave of it at either end. */
function shiftBy(above: (shift: number) => number, total: number, deviation: number, least: number, most: number): Shift {
  const at = (target: number) => {
    let [low, high] = [least, most]
    if (above(low) <= target) return low
    if (above(high) > target) return high
    // 60 halvings leave nothing of a double's 53 bits.
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2
      if (above(middle) > target) low = middle
      else high = middle
    }
    // Of the two neighbours between which the weight falls, 0 is meant where it is one.
    return Math.abs(high) <= 1e-12 * Math.max(Math.abs(least), Math.abs(most)) ? 0 : high
  }
  return { estimate: at(total / 2), low: at(total / 2 + z95 * deviation), high: at(total / 2 - z95 * deviation) }
}

/** How many pairs (i, j) have b[j] - a[i] above a shift, equal ones counted half; both sorted. */
function pairsAbove(a: readonly number[], b: readonly number[], shift: number): number {
  let [twice, notAbove, below] = [0, 0, 0]
  for (const x of a) {
    while (notAbove < b.length && (b[notAbove] ?? 0) - x <= shift) notAbove++
    while (below < b.length && (b[below] ?? 0) - x < shift) below++
    twice += 2 * b.length - notAbove - below
  }
  return twice / 2
}

/** Cliff's delta within strata: how much more often B lies above A than below it, -1 to 1. */
export function effectOfGroups(strata: readonly Stratum[]): number {
  let [sum, total] = [0, 0]
  for (const { a, b } of strata) {
    const weight = 1 / (a.length + b.length + 1)
    total += weight * a.length * b.length
    sum += weight * (2 * pairsAbove(a.toSorted(ascending), b.toSorted(ascending), 0) - a.length * b.length)
  }
  return total > 0 ? sum / total : 0
}

/** The same of pairs: the share of those that rose less the share of those that fell. */
export function effectOfPairs(differences: readonly number[]): number {
  return differences.length > 0 ? differences.reduce((sum, difference) => sum + Math.sign(difference), 0) / differences.length : 0
}

/** Holm's step-down correction (Scand. J. Stat. 6, 1979): holds the chance of even one false alarm, whatever depends on what. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((i, j) => (ps[i] ?? 1) - (ps[j] ?? 1))
  const adjusted = new Array<number>(ps.length).fill(1)
  let highest = 0
  order.forEach((i, rank) => {
    highest = Math.max(highest, Math.min(1, (ps.length - rank) * (ps[i] ?? 1)))
    adjusted[i] = highest
  })
  return adjusted
}

const ascending = (x: number, y: number) => x - y
