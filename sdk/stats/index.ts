/** Statistics of Belay: comparisons, change points, corrections for many tests. Pure; sources stand with each function. */
export type { ChangePoint, ChangePointOptions, Comparison, Moments } from './types.ts'
