import type { BucketingVersion } from './bucket.ts'
import { type Beginning, beginningOf } from './murmur3.ts'
import type { EvaluationContext } from './types.ts'
import { memberOf, plainOf } from './values.ts'

/** Whose rule is run. */
export type About = {
  readonly flagKey: string
  readonly bucketing: BucketingVersion
  /** Of what version 2 hashes where a share names nothing. */
  readonly beginning: Beginning
  /** Whether a share that lacks a targeting key fails the flag. */
  readonly missingKeyFails: boolean
}

export function aboutFlag(flagKey: string, bucketing: BucketingVersion, missingKeyFails: boolean): About {
  return { flagKey, bucketing, beginning: beginningOf(flagKey), missingKeyFails }
}

/**
 * So many different attributes are remembered during an evaluation; what is read beyond them is looked up each time.
 * Rules of one company read a dozen.
 */
const attributesMax = 256

export const targetingKeyNumber = 0

/** The attributes that the rules of a set read, numbered as they are met. `targetingKey` is the first. */
export class Attributes {
  readonly paths: (readonly string[])[] = []
  readonly #numbers = new Map<string, number>()

  constructor() {
    this.numberOf(['targetingKey'])
  }

  /** Undefined when there are too many already. */
  numberOf(path: readonly string[]): number | undefined {
    const name = path.join('.')
    const known = this.#numbers.get(name)
    if (known !== undefined || this.paths.length === attributesMax) return known
    this.#numbers.set(name, this.paths.length)
    this.paths.push(path)
    return this.paths.length - 1
  }
}

const noContext: EvaluationContext = Object.freeze({})
const nobody = aboutFlag('', 2, false)

/** What one evaluation knows besides the rule. One object serves one evaluation after the other. */
export class State {
  context: EvaluationContext = noContext
  about: About = nobody
  nowMs = 0
  /** A share was reached that needs a targeting key, and there is none. */
  keyMissed = false
  /** Steps taken, see `spend`. */
  steps = 0
  /** While many flags are evaluated: a number that no other evaluation has; else 0. See evaluators.ts. */
  pass = 0
  /** What the context said, by number of the attribute; of this evaluation where the stamp is this one's. */
  readonly #values: unknown[] = []
  readonly #stamps: number[] = []
  #paths: readonly (readonly string[])[] = []
  #stamp = 0

  begin(context: EvaluationContext, nowMs: number, pass: number, attributes: Attributes): void {
    this.context = typeof context === 'object' && context !== null ? context : noContext
    this.nowMs = nowMs
    this.pass = pass
    this.#paths = attributes.paths
    this.#stamp++
  }

  /** An attribute of the context as rules see it, by its number; undefined when there is none. Looked up once. */
  attribute(nth: number): unknown {
    return this.#stamps[nth] === this.#stamp ? this.#values[nth] : this.#look(nth)
  }

  #look(nth: number): unknown {
    const path = this.#paths[nth] as readonly string[]
    const value = path.length === 1 ? plainOf(memberOf(this.context, path[0] as string)) : valueAt(this.context, path)
    // A list or an object would be held on to after the evaluation.
    if (typeof value === 'object' && value !== null) return value
    while (this.#values.length <= nth) {
      this.#values.push(undefined)
      this.#stamps.push(0)
    }
    this.#values[nth] = value
    this.#stamps[nth] = this.#stamp
    return value
  }
}

/** Follows a path through own members. Undefined when it leads nowhere. */
export function valueAt(data: unknown, path: readonly string[]): unknown {
  let value = data
  for (const part of path) {
    value = memberOf(value, part)
    if (value === undefined) return undefined
  }
  return plainOf(value)
}

/**
 * The state that is free. A getter of a context, or `inSegment`, may evaluate a flag in the middle of an evaluation: that
 * one makes a state of its own.
 */
let idle: State | undefined = new State()

export function takeState(): State {
  const state = idle ?? new State()
  idle = undefined
  return state
}

export function giveBack(state: State): void {
  // A context is not held on to.
  state.context = noContext
  idle = state
}
