/**
 * The shapes of flagd's definitions and of an evaluation's outcome.
 * Source: flagd `docs/schema/v0/flags.json`, OpenFeature specification 2.2 (reasons) and 2.3 (error codes).
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
/** A rule in JsonLogic with flagd's operators, and Belay's `in_segment: [segment, key]`. */
export type JsonLogic = Json
export type Metadata = { readonly [key: string]: boolean | number | string }

export type FlagDefinition = {
  readonly state: 'ENABLED' | 'DISABLED'
  /** At least one, all of one type. */
  readonly variants: { readonly [variant: string]: Json }
  /** Null or absent: where no rule names a variant, the code's own default counts. */
  readonly defaultVariant?: string | null
  readonly targeting?: JsonLogic
  /** `bucketing: 3` chooses fractional v3 for this flag; absent or 2: v2. */
  readonly metadata?: Metadata
}

/** A flagd document, as it is served to those who evaluate in process. */
export type FlagDocument = {
  readonly $schema?: string
  readonly $evaluators?: { readonly [name: string]: JsonLogic }
  readonly metadata?: Metadata
  readonly flags: { readonly [key: string]: FlagDefinition }
}

/** What changed between two states of one document. */
export type FlagPatch = {
  readonly set: { readonly [key: string]: FlagDefinition }
  readonly remove: readonly string[]
  /** All evaluators as they are now; absent: they did not change. */
  readonly evaluators?: { readonly [name: string]: JsonLogic }
}

/** Attributes of whom a flag is evaluated for. `targetingKey` names the unit (a user, an account). */
export type EvaluationContext = { readonly [attribute: string]: unknown }

export type Reason = 'STATIC' | 'TARGETING_MATCH' | 'DEFAULT' | 'DISABLED' | 'ERROR' | 'STALE'
export type ErrorCode = 'FLAG_NOT_FOUND' | 'PARSE_ERROR' | 'TYPE_MISMATCH' | 'TARGETING_KEY_MISSING' | 'INVALID_CONTEXT' | 'GENERAL'

/** The outcome for one flag and one context. Frozen and shared: one object per flag, variant and reason. */
export type Evaluation = {
  readonly key: string
  readonly reason: Reason
  /** Absent with an error, when disabled, and where the code's default counts. */
  readonly variant?: string
  readonly value?: Json
  readonly errorCode?: ErrorCode
  readonly errorMessage?: string
  readonly metadata?: Metadata
}

export type ValueType = 'boolean' | 'string' | 'number' | 'object'

export type FlagSetOptions = {
  /**
   * What a share says when it needs a targeting key and there is none: `default`: nothing, as flagd does, so the next
   * rule or the default variant counts; `error`: the flag answers TARGETING_KEY_MISSING. By default `default`.
   */
  readonly missingKey?: 'default' | 'error'
  /** Is this key in the segment? Undefined: not known, which counts as no. By default nobody is in any. */
  readonly inSegment?: (segment: string, key: string) => boolean | undefined
}

/** A definition that cannot be evaluated: `key` null means the document itself. */
export type DefinitionProblem = { readonly key: string | null; readonly path: string; readonly message: string }

/** Compiled definitions. Immutable; changes make a new set that shares everything that did not change. */
export type FlagSet = {
  readonly size: number
  readonly metadata: Metadata
  keys(): IterableIterator<string>
  has(key: string): boolean
  /** What was not as it should be. Such a flag answers PARSE_ERROR; others are not affected. */
  readonly problems: readonly DefinitionProblem[]
  /** `type` given: TYPE_MISMATCH unless the value is of it. Never throws, never reads a clock. */
  evaluate(key: string, context: EvaluationContext, nowMs: number, type?: ValueType): Evaluation
  /** All flags in the order of the document, disabled ones included. */
  evaluateAll(context: EvaluationContext, nowMs: number): Evaluation[]
  with(patch: FlagPatch): FlagSet
}
