/**
 * Where a stretch of a series divides into the two parts that differ most, by the distance of Matteson and James, "A
 * nonparametric approach for multiple change point analysis of multivariate data", J. Am. Statist. Assoc. 109 (2014):
 *
 *   Q(X, Y) = 2/(n+m)·Σ|x−y| − 2m/((n+m)(n−1))·Σ|x−x'| − 2n/((n+m)(m−1))·Σ|y−y'|
 *
 * with X = z[start, τ) and Y = z[τ, κ), both not empty, over all τ < κ ≤ end. A part of one value has no inner distance.
 */
export type Division = { readonly index: number; readonly q: number }

/** The best division of z[start, end), the earliest of equals; undefined when there are fewer than two values. O((end − start)²). */
export function bestDivision(z: readonly number[], start: number, end: number): Division | undefined {
  const length = end - start
  if (length < 2) return undefined
  /** within[k]: Σ|x−x'| of the k values from start on. */
  const within = new Float64Array(length + 1)
  for (let k = 1; k < length; k++) {
    let sum = within[k] as number
    for (let i = 0; i < k; i++) sum += Math.abs((z[start + i] as number) - (z[start + k] as number))
    within[k + 1] = sum
  }
  /** inside[k]: Σ|y−y'| of z[start + τ, start + k), for the τ of the moment. Found from the last τ to the first. */
  const inside = new Float64Array(length + 1)
  let best: Division | undefined
  for (let tau = length - 1; tau >= 1; tau--) {
    let toFirst = 0
    for (let k = tau + 1; k < length; k++) {
      toFirst += Math.abs((z[start + tau] as number) - (z[start + k] as number))
      inside[k + 1] = (inside[k + 1] as number) + toFirst
    }
    const n = tau
    const ownX = within[n] as number
    let bestHere = Number.NEGATIVE_INFINITY
    for (let k = tau + 1; k <= length; k++) {
      const m = k - tau
      const ownY = inside[k] as number
      const between = (within[k] as number) - ownX - ownY
      const ofX = n > 1 ? ((2 * m) / (n + m) / (n - 1)) * ownX : 0
      const ofY = m > 1 ? ((2 * n) / (n + m) / (m - 1)) * ownY : 0
      const q = (2 / (n + m)) * between - ofX - ofY
      if (q > bestHere) bestHere = q
    }
    if (best === undefined || bestHere >= best.q) best = { index: start + tau, q: bestHere }
  }
  return best
}
