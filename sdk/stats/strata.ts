/**
 * Comparing like with like: samples are compared within each stratum (an audience, an hour of the day), and the
 * differences are averaged with weights nb·na / (nb + na), which give the estimate its least variance when strata vary
 * alike (Cochran, "Some methods for strengthening the common χ² tests", Biometrics 10 (1954)). A mix of strata that
 * changed is then no difference. With one stratum this is Welch's test.
 *
 * What a stratum adds are plain sums, so a database may add them up; `domains/calls/changes` does.
 */
import { criticalT, twoSided } from './student.ts'
import type { Comparison, Moments } from './types.ts'

export type StrataSums = {
  /** Of values that were compared: in strata that had at least two on each side. */
  readonly nBefore: number
  readonly nAfter: number
  /** Σ w, Σ w·mean of each side, with w = nb·na / (nb + na). */
  readonly weight: number
  readonly before: number
  readonly after: number
  /** Σ w²·(vb/nb + va/na), v being the variances (n − 1). */
  readonly variance: number
  /** Σ w⁴·((vb/nb)²/(nb − 1) + (va/na)²/(na − 1)), for the degrees of freedom (Satterthwaite 1946). */
  readonly spread: number
}

const nothing: StrataSums = { nBefore: 0, nAfter: 0, weight: 0, before: 0, after: 0, variance: 0, spread: 0 }

/** One stratum's part; nothing when a side has fewer than two values. */
export function stratum(before: Moments, after: Moments): StrataSums {
  if (before.n < 2 || after.n < 2) return nothing
  const weight = (before.n * after.n) / (before.n + after.n)
  const [errorBefore, errorAfter] = [errorOf(before), errorOf(after)]
  return {
    nBefore: before.n,
    nAfter: after.n,
    weight,
    before: (weight * before.sum) / before.n,
    after: (weight * after.sum) / after.n,
    variance: weight ** 2 * (errorBefore + errorAfter),
    spread: weight ** 4 * (errorBefore ** 2 / (before.n - 1) + errorAfter ** 2 / (after.n - 1)),
  }
}

/** Of the mean, squared. Rounding may leave a sum of squares below its least. */
const errorOf = ({ n, sum, sumSquares }: Moments): number => Math.max(0, sumSquares - sum ** 2 / n) / (n - 1) / n

export function addStrata(strata: readonly StrataSums[]): StrataSums {
  return strata.reduce(
    (all, it) => ({
      nBefore: all.nBefore + it.nBefore,
      nAfter: all.nAfter + it.nAfter,
      weight: all.weight + it.weight,
      before: all.before + it.before,
      after: all.after + it.after,
      variance: all.variance + it.variance,
      spread: all.spread + it.spread,
    }),
    nothing,
  )
}

/** Means are those of the strata's weights: of like calls on both sides. */
export function concludeStrata(sums: StrataSums, confidence = 0.99): Comparison {
  const { weight } = sums
  const [meanBefore, meanAfter] = weight === 0 ? [0, 0] : [sums.before / weight, sums.after / weight]
  const difference = near(meanBefore, meanAfter) ? 0 : meanAfter - meanBefore
  const about = {
    before: { n: sums.nBefore, mean: meanBefore },
    after: { n: sums.nAfter, mean: meanAfter },
    difference,
    relative: relativeOf(difference, meanBefore),
  }
  if (weight === 0) return { ...about, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, t: 0, degrees: 0, p: 1 }
  const error = Math.sqrt(sums.variance) / weight
  const degrees = sums.spread > 0 ? sums.variance ** 2 / sums.spread : sums.nBefore + sums.nAfter - 2
  if (error === 0) {
    const t = difference === 0 ? 0 : Math.sign(difference) * Number.POSITIVE_INFINITY
    return { ...about, low: difference, high: difference, t, degrees, p: difference === 0 ? 1 : 0 }
  }
  const t = difference / error
  const reach = criticalT(1 - confidence, degrees) * error
  return { ...about, low: difference - reach, high: difference + reach, t, degrees, p: twoSided(t, degrees) }
}

/** Means of equal values, summed in another order, differ in their last digits; that is no difference. */
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b))

function relativeOf(difference: number, before: number): number {
  if (difference === 0) return 0
  return before === 0 ? Math.sign(difference) * Number.POSITIVE_INFINITY : difference / Math.abs(before)
}
