/** Browser-safe ground. What needs Node is behind `@belay/base/node`. */
export type { Brand } from './brand.ts'
export { canonicalJson } from './canonical.ts'
export { type Clock, handClock, systemClock } from './clock.ts'
export { parseDurationMs, sayBytes, sayCount, sayDuration } from './duration.ts'
export { invariant, unreachable } from './invariant.ts'
export { defineProblems, Problem, sentenceOf } from './problem.ts'
export { type Random, seededRandom } from './random.ts'
