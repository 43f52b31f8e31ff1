/** Runs what was compiled: whatever happens in it, an answer comes back. */
import type { About, State } from './state.ts'
import type { ErrorCode } from './types.ts'
import { TooMuchWork } from './work.ts'

/** Why a rule says nothing. A class of its own, since a rule may say anything. */
export class Failure {
  readonly code: ErrorCode
  readonly message: string

  constructor(code: ErrorCode, message: string) {
    this.code = code
    this.message = message
  }
}

export const keyMissing = new Failure('TARGETING_KEY_MISSING', 'The flag is split by targeting key, and the context has none.')

/** Rules do not throw, and their work is bounded; getters of a context, proxies and `inSegment` may throw. */
const unreadable = new Failure('GENERAL', 'The context, or who knows the segments, failed while it was read.')

/** Before each rule, in a state that has begun. */
export function about(state: State, whose: About): void {
  state.about = whose
  state.keyMissed = false
  state.steps = 0
}

export function failureOf(thrown: unknown): Failure {
  return thrown instanceof TooMuchWork ? new Failure('GENERAL', `It was given up: ${thrown.message}.`) : unreadable
}
