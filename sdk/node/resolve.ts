/** One evaluation. It waits for nothing, except for a membership that is not known yet; and it never throws. */
import { type Evaluation, type EvaluationContext, isCompared, type ValueType } from '@belay/flag-evaluator'
import { ErrorCode, type JsonValue, type ResolutionDetails } from '@openfeature/server-sdk'
import { createAnswers, withoutValue } from './answers.ts'
import type { Clock } from './clock.ts'
import { plainContext } from './context.ts'
import type { Definitions } from './definitions.ts'
import type { Memberships } from './memberships.ts'
import { currentCall } from './recorder/context.ts'
import type { Gatherer } from './reports/gather.ts'
import { unitOf } from './tracked.ts'

export type Resolve = (
  key: string,
  fallback: JsonValue,
  context: EvaluationContext,
  type: ValueType,
) => Promise<ResolutionDetails<JsonValue>>

/** An evaluation that needs to know a membership waits so long at most: a user waits behind it. */
const membershipWithinMs = 250
/** One answer may lead a rule to the next list; more often than this no sensible rule does. */
const membershipRoundsMax = 3

export function createResolve(options: {
  readonly definitions: Definitions
  readonly memberships: Memberships
  readonly gatherer: Gatherer
  readonly clock: Clock
}): Resolve {
  const { definitions, memberships, gatherer, clock } = options
  const { missed } = memberships
  const answers = createAnswers((flag) => isCompared(definitions.flag(flag)))

  function resolve(key: string, fallback: JsonValue, given: EvaluationContext, type: ValueType): Promise<ResolutionDetails<JsonValue>> {
    const { set } = definitions
    if (set === undefined) return Promise.resolve(notReady(fallback))
    const context = plainContext(given)
    const nowMs = clock.now()
    if (missed.size > 0) missed.clear()
    const evaluation = set.evaluate(key, context, nowMs, type)
    if (missed.size > 0) return resolveKnowing(key, fallback, context, type)
    return answer(evaluation, fallback, context, nowMs)
  }

  /** Hands out what is there already, where it can: most evaluations make no new object here. */
  function answer(
    evaluation: Evaluation,
    fallback: JsonValue,
    context: EvaluationContext,
    nowMs: number,
  ): Promise<ResolutionDetails<JsonValue>> {
    // A name that is no flag is not counted: names can be made up without end.
    if (evaluation.errorCode === 'FLAG_NOT_FOUND') return Promise.resolve(withoutValue(evaluation, fallback))
    const it = answers.of(evaluation)
    gatherer.count(it, nowMs)
    if (it.variant !== null) currentCall()?.evaluation(it.flag, it.variant)
    const unit = it.isExposure ? unitOf(context) : undefined
    if (unit !== undefined) gatherer.expose(it, unit, nowMs)
    return it.promise ?? Promise.resolve(withoutValue(evaluation, fallback))
  }

  /** The rule asked for a membership that is not known: learn it, and evaluate again. */
  async function resolveKnowing(key: string, fallback: JsonValue, context: EvaluationContext, type: ValueType) {
    const enough = new AbortController()
    let late = false
    const limit = clock.sleep(membershipWithinMs, enough.signal).then(
      () => {
        late = true
      },
      () => {},
    )
    try {
      for (let round = 1; ; round++) {
        await Promise.race([memberships.learn([...missed]), limit])
        const { set } = definitions
        if (set === undefined) return notReady(fallback)
        const nowMs = clock.now()
        missed.clear()
        const evaluation = set.evaluate(key, context, nowMs, type)
        const known = missed.size === 0
        if (!known && !late && round < membershipRoundsMax) continue
        const details = await answer(evaluation, fallback, context, nowMs)
        return known || details.errorCode !== undefined ? details : { ...details, reason: 'STALE' }
      }
    } finally {
      enough.abort()
    }
  }

  return resolve
}

function notReady(fallback: JsonValue): ResolutionDetails<JsonValue> {
  const errorMessage = 'There are no flag definitions yet: the server was not reached, and neither bootstrap nor cache can be used.'
  return { value: fallback, reason: 'ERROR', errorCode: ErrorCode.PROVIDER_NOT_READY, errorMessage }
}
