/**
 * From the evaluator's outcome to what OpenFeature wants. The evaluator hands out one object per flag, variant and reason,
 * and the SDK copies what it is given, so one answer, and even its promise, serves all evaluations that come to the same.
 * Values are frozen by the evaluator.
 */
import type { Evaluation } from '@belay/flag-evaluator'
import { ErrorCode, type JsonValue, type ResolutionDetails } from '@openfeature/server-sdk'
import { type Counted, labelOf } from './reports/gather.ts'

export type Answer = Counted & {
  /** Undefined: there is no value, the caller's own default counts. */
  readonly promise: Promise<ResolutionDetails<JsonValue>> | undefined
}

export type Answers = {
  of(evaluation: Evaluation): Answer
}

export function createAnswers(isCompared: (flag: string) => boolean): Answers {
  /** As long as the evaluator's own: with the definitions that an outcome belongs to, its answer goes too. */
  const remembered = new WeakMap<Evaluation, Answer>()
  return {
    of(evaluation) {
      let answer = remembered.get(evaluation)
      if (answer === undefined) {
        answer = toAnswer(evaluation, isCompared)
        remembered.set(evaluation, answer)
      }
      return answer
    },
  }
}

function toAnswer(evaluation: Evaluation, isCompared: (flag: string) => boolean): Answer {
  const { key, variant = null, value, reason, metadata } = evaluation
  const details =
    value === undefined || evaluation.errorCode !== undefined
      ? undefined
      : {
          value: value as JsonValue,
          reason,
          ...(variant === null ? {} : { variant }),
          ...(metadata === undefined ? {} : { flagMetadata: { ...metadata } }),
        }
  return {
    flag: key,
    variant,
    label: labelOf(key, variant),
    tally: undefined,
    isExposure: variant !== null && isCompared(key),
    promise: details === undefined ? undefined : Promise.resolve(details),
  }
}

/** An error, or an answer that leaves the value to the caller. */
export function withoutValue(
  { reason, variant, errorCode, errorMessage, metadata }: Evaluation,
  fallback: JsonValue,
): ResolutionDetails<JsonValue> {
  return {
    value: fallback,
    reason,
    ...(variant === undefined ? {} : { variant }),
    ...(errorCode === undefined ? {} : { errorCode: ErrorCode[errorCode], errorMessage }),
    ...(metadata === undefined ? {} : { flagMetadata: { ...metadata } }),
  }
}
