/** The flag evaluator: flagd's definitions, compiled once, evaluated many times, the same everywhere. */
export { type BucketingVersion, bucketOf } from './bucket.ts'
export { checkRule } from './check.ts'
export { isCompared } from './compared.ts'
export { compileFlagSet } from './flag-set.ts'
export { murmur3 } from './murmur3.ts'
export { type CompiledRule, compileRule, type RuleOptions, type RuleOutcome } from './rule.ts'
export type {
  DefinitionProblem,
  ErrorCode,
  Evaluation,
  EvaluationContext,
  FlagDefinition,
  FlagDocument,
  FlagPatch,
  FlagSet,
  FlagSetOptions,
  Json,
  JsonLogic,
  Metadata,
  Reason,
  ValueType,
} from './types.ts'
export { isTruthy } from './values.ts'
export { operationsIn } from './walk.ts'
