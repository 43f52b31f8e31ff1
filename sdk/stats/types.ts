/** What the tests of this package take and give. All functions here are pure; chance and time are handed in. */

/** All that Welch's test needs of a sample, and what a rollup keeps of it. */
export type Moments = { readonly n: number; readonly sum: number; readonly sumSquares: number }

export type Comparison = {
  readonly before: { readonly n: number; readonly mean: number }
  readonly after: { readonly n: number; readonly mean: number }
  /** after − before, in the measure's unit, and its confidence interval. */
  readonly difference: number
  readonly low: number
  readonly high: number
  /** difference / before.mean; Infinity from zero to something; 0 when both are 0. */
  readonly relative: number
  readonly t: number
  readonly degrees: number
  /** Two-sided. */
  readonly p: number
}

export type ChangePoint = {
  /** The first position of the new level. */
  readonly index: number
  readonly p: number
  readonly before: number
  readonly after: number
  /** max(|after/before − 1|, |before/after − 1|), as Otava measures size. */
  readonly magnitude: number
  /** The interval of after − before, at the confidence asked for. */
  readonly low: number
  readonly high: number
}
export type ChangePointOptions = {
  /** Points of one window; default 50. */
  readonly window?: number
  /** Default 0.001. */
  readonly pMax?: number
  /** Default 0: no gate. */
  readonly magnitudeMin?: number
  /** `upstream` repeats Otava's merge with its stale neighbour, for comparing with its vectors; default `corrected`. */
  readonly merge?: 'corrected' | 'upstream'
  /** Of the interval; default 0.99. */
  readonly confidence?: number
}
