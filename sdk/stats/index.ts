/** Statistics of Belay: comparisons, change points, corrections for many tests. Pure; sources stand with each function. */
export { changePoints } from './change-points.ts'
export { benjaminiHochberg } from './correction.ts'
export { nnls } from './nnls.ts'
export { addStrata, concludeStrata, type StrataSums, stratum } from './strata.ts'
export type { ChangePoint, ChangePointOptions, Comparison, Moments } from './types.ts'
export { trendBreaks } from './trend-breaks.ts'
export { welch } from './welch.ts'
