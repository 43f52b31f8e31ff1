/** Comparing two means whose variances differ, from sums alone: Welch, "The generalization of Student's problem", Biometrika 34 (1947). */
import { addStrata, concludeStrata, stratum } from './strata.ts'
import type { Comparison, Moments } from './types.ts'

/**
 * Welch's t test of `after` against `before`.
 * @param confidence of the interval `low` to `high`; 0.99 unless said.
 * @returns p = 1 and an interval without bounds when a side has fewer than two values. Two samples that never vary and
 * differ: t infinite, p = 0.
 */
export function welch(before: Moments, after: Moments, confidence = 0.99): Comparison {
  return concludeStrata(addStrata([stratum(before, after)]), confidence)
}
