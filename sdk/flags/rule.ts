/** One rule on its own, outside of a flag: to explain a flag rule by rule, or to try a rule out. */
import type { BucketingVersion } from './bucket.ts'
import { checkForCompiling } from './check.ts'
import { compilerWith } from './compile.ts'
import { compileEvaluators, linked } from './evaluators.ts'
import { frozenJson } from './frozen.ts'
import { about, Failure, failureOf, keyMissing } from './run.ts'
import { aboutFlag, Attributes, giveBack, type State, takeState } from './state.ts'
import type { DefinitionProblem, ErrorCode, EvaluationContext, FlagSetOptions, Json, JsonLogic } from './types.ts'

export type RuleOptions = FlagSetOptions & {
  /** What `$ref` may name. */
  readonly evaluators?: { readonly [name: string]: JsonLogic } | undefined
  /** Whose rule it is: `$flagd.flagKey`, and what a share without a salt hashes. Empty when it is not given. */
  readonly flagKey?: string | undefined
  /** By default 2. */
  readonly bucketing?: BucketingVersion | undefined
}

/** What a rule says; with an error code it says nothing, and its value is null. */
export type RuleOutcome = { readonly value: Json; readonly errorCode?: ErrorCode; readonly errorMessage?: string }

export type CompiledRule = {
  /** When there are any, the rule says null for everybody, with PARSE_ERROR. */
  readonly problems: readonly DefinitionProblem[]
  /** Never throws. What is no JSON (not a number, for one), or is nested deeper than 64 levels, is null. */
  run(context: EvaluationContext, nowMs: number): Json
  /** The same, and why it says nothing if it does not: TARGETING_KEY_MISSING with `missingKey: 'error'`, for one. */
  outcome(context: EvaluationContext, nowMs: number): RuleOutcome
}

/** Never throws: what is wrong with the rule, or with an evaluator that it refers to, is told by `problems`. */
export function compileRule(rule: JsonLogic, options: RuleOptions = {}): CompiledRule {
  const attributes = new Attributes()
  const evaluators = compileEvaluators(options.evaluators, { options, attributes })
  const { problems } = linked(checkForCompiling(rule), evaluators.all)
  if (problems.length > 0) {
    const errorMessage = `${problems[0]?.path ?? ''} ${problems[0]?.message ?? ''}`.trim()
    const outcome: RuleOutcome = Object.freeze({ value: null, errorCode: 'PARSE_ERROR', errorMessage })
    return { problems, run: () => null, outcome: () => outcome }
  }
  const { run } = compilerWith(options, attributes, evaluators.all).compile(rule)
  const whose = aboutFlag(options.flagKey ?? '', options.bucketing ?? 2, options.missingKey === 'error')
  const say = (state: State): Json | Failure => {
    about(state, whose)
    try {
      // A rule may say a part of the context, which may be anything.
      const said = frozenJson(run(state.context, state)) ?? null
      return state.keyMissed && whose.missingKeyFails ? keyMissing : said
    } catch (thrown) {
      return failureOf(thrown)
    }
  }
  const outcome = (context: EvaluationContext, nowMs: number): RuleOutcome => {
    const state = takeState()
    state.begin(context, nowMs, 0, attributes)
    const said = say(state)
    giveBack(state)
    return said instanceof Failure ? { value: null, errorCode: said.code, errorMessage: said.message } : { value: said }
  }
  return { problems, outcome, run: (context, nowMs) => outcome(context, nowMs).value }
}
