/** The flag evaluator: flagd's definitions, compiled once, evaluated many times, the same everywhere. */
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
