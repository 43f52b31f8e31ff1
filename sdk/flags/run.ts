/** Runs a compiled rule for one context: whatever happens in it, an answer comes back. */
import type { BucketingVersion } from './bucket.ts'
import type { Run } from './node.ts'
import { noContext, State, TooMuchWork } from './state.ts'
import type { ErrorCode, EvaluationContext } from './types.ts'

/** Whose rule it is. */
export type About = { readonly flagKey: string; readonly bucketing: BucketingVersion; readonly missingKeyFails: boolean }

export type Failure = { readonly code: ErrorCode; readonly message: string }

/**
 * The state that is free. A context may have a getter, or `inSegment` may, that evaluates a flag in the middle of an
 * evaluation: that one makes a state of its own.
 */
let idle: State | undefined = new State()

/**
 * `fail` says what becomes of a failure; it is asked outside of the rule. `pass`: see evaluators.ts, 0 for an
 * evaluation on its own.
 */
export function runRule<Outcome>(
  run: Run,
  about: About,
  context: EvaluationContext,
  nowMs: number,
  pass: number,
  say: (value: unknown) => Outcome,
  fail: (failure: Failure) => Outcome,
): Outcome {
  const state = idle ?? new State()
  idle = undefined
  state.context = typeof context === 'object' && context !== null ? context : noContext
  state.flagKey = about.flagKey
  state.bucketing = about.bucketing
  state.nowMs = nowMs
  state.keyMissed = false
  state.steps = 0
  state.pass = pass
  let value: unknown
  let failure: Failure | undefined
  try {
    value = run(state.context, state)
  } catch (thrown) {
    failure = failureOf(thrown)
  }
  if (failure === undefined && state.keyMissed && about.missingKeyFails) failure = keyMissing
  // A context is not held on to.
  state.context = noContext
  idle = state
  return failure === undefined ? say(value) : fail(failure)
}

export const keyMissing: Failure = {
  code: 'TARGETING_KEY_MISSING',
  message: 'The flag is split by targeting key, and the context has none.',
}

/** Rules do not throw, and their work is bounded; getters of a context, proxies and `inSegment` may. */
function failureOf(thrown: unknown): Failure {
  if (thrown instanceof TooMuchWork) return { code: 'GENERAL', message: `It was given up: ${thrown.message}.` }
  return { code: 'GENERAL', message: 'The context, or who knows the segments, failed while it was read.' }
}
