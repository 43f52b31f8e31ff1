/** One flag, compiled: every outcome that it can have is made beforehand, so that evaluating allocates nothing. */
import { checkForCompiling, isMap, pointer, quoted } from './check.ts'
import { compilerWith } from './compile.ts'
import { type Evaluator, linked, type Surroundings } from './evaluators.ts'
import { compileProgram, outcomeOfAll, type Program, runProgram } from './program.ts'
import { about, type Failure, failureOf, keyMissing } from './run.ts'
import { type About, aboutFlag, type Attributes, giveBack, type State, takeState } from './state.ts'
import type { DefinitionProblem, Evaluation, EvaluationContext, Json, JsonLogic, Metadata, ValueType } from './types.ts'
import { frozenJson } from './frozen.ts'

/** What all flags of a set have in common. */
export type FlagSurroundings = Surroundings & { readonly evaluators: ReadonlyMap<string, Evaluator>; readonly metadata: Metadata }

export class Flag {
  /** Where there is nothing to decide. First, for it is all that most evaluations look at. */
  readonly #fixed: Evaluation | undefined
  readonly #program: Program
  readonly #about: About
  readonly #missingKeyFails: boolean
  readonly #fallback: Evaluation
  readonly #matches: ReadonlyMap<string, Evaluation>
  readonly #metadata: Metadata | undefined
  /** Made when first met: what a caller asked for and the flag is not, and what went wrong. */
  #mismatches: Map<string, Evaluation> | undefined
  #keyMissing: Evaluation | undefined
  readonly problems: readonly DefinitionProblem[]
  /** The evaluators that its rule names, whether they exist or not. */
  readonly references: ReadonlySet<string>
  /** As it was given: when an evaluator changes it is compiled again. */
  readonly definition: unknown

  constructor(key: string, definition: unknown, { options, attributes, evaluators, metadata }: FlagSurroundings) {
    this.definition = definition
    this.#missingKeyFails = options.missingKey === 'error'
    const read = readDefinition(key, definition)
    const targeting = read.targeting === undefined ? undefined : targetingOf(read.targeting, evaluators)
    this.problems = [
      ...read.problems,
      ...(targeting?.problems ?? []).map(({ path, message }) => ({ key, path: `/targeting${path}`, message })),
    ]
    this.references = targeting?.references ?? new Set()
    this.#about = aboutFlag(key, read.metadata.bucketing === 3 ? 3 : 2)
    this.#metadata = mergedMetadata(metadata, read.metadata)
    this.#matches = new Map()
    this.#program = []
    this.#fallback = this.#outcome('DEFAULT', read.defaultVariant, read.variants)
    if (this.problems.length > 0) this.#fixed = this.#error({ code: 'PARSE_ERROR', message: sayProblems(key, this.problems) })
    else if (read.isDisabled) this.#fixed = this.#outcome('DISABLED', undefined, read.variants)
    else if (read.targeting === undefined)
      this.#fixed = read.defaultVariant === undefined ? this.#fallback : this.#outcome('STATIC', read.defaultVariant, read.variants)
    else {
      const names = [...read.variants.keys()]
      this.#matches = new Map(names.map((name) => [name, this.#outcome('TARGETING_MATCH', name, read.variants)]))
      const program = compileProgram(read.targeting, compilerWith(options, attributes, evaluators), this.#say)
      this.#fixed = outcomeOfAll(program)
      this.#program = program
    }
  }

  get key(): string {
    return this.#about.flagKey
  }

  evaluate(context: EvaluationContext, nowMs: number, attributes: Attributes, type: ValueType | undefined): Evaluation {
    let evaluation = this.#fixed
    if (evaluation === undefined) {
      const state = takeState()
      state.begin(context, nowMs, 0, attributes)
      evaluation = this.#run(state)
      giveBack(state)
    }
    const { value } = evaluation
    // biome-ignore lint/suspicious/useValidTypeof: every ValueType is one.
    return type === undefined || value === undefined || typeof value === type ? evaluation : this.#mismatch(evaluation, type)
  }

  /** In a state that has begun. */
  evaluateIn(state: State): Evaluation {
    return this.#fixed ?? this.#run(state)
  }

  #run(state: State): Evaluation {
    about(state, this.#about)
    let said: Evaluation
    try {
      said = runProgram(this.#program, state, this.#say)
    } catch (thrown) {
      return this.#error(failureOf(thrown))
    }
    // Whoever has no targeting key asks again and again.
    return state.keyMissed && this.#missingKeyFails ? (this.#keyMissing ??= this.#error(keyMissing)) : said
  }

  /** From what the rule says to an outcome: the name of a variant, or nothing, which is the default variant. */
  readonly #say = (value: unknown): Evaluation => {
    if (typeof value === 'string') return this.#matches.get(value) ?? this.#unknownVariant(value)
    if (value === null || value === undefined || Number.isNaN(value)) return this.#fallback
    if (typeof value === 'object')
      return this.#error({ code: 'GENERAL', message: `The rule of ${quoted(this.key)} names no variant: it says a list or an object.` })
    return this.#matches.get(String(value)) ?? this.#unknownVariant(String(value))
  }

  #unknownVariant(name: string): Evaluation {
    return this.#error({ code: 'GENERAL', message: `The rule of ${quoted(this.key)} says ${quoted(name)}, which is no variant of it.` })
  }

  #outcome(reason: Evaluation['reason'], variant: string | undefined, variants: ReadonlyMap<string, Json>): Evaluation {
    const named = variant === undefined ? {} : { variant, value: variants.get(variant) as Json }
    return this.#frozen({ key: this.key, reason, ...named })
  }

  #error({ code, message }: Pick<Failure, 'code' | 'message'>): Evaluation {
    return this.#frozen({ key: this.key, reason: 'ERROR', errorCode: code, errorMessage: message })
  }

  #frozen(evaluation: Evaluation): Evaluation {
    return Object.freeze(this.#metadata === undefined ? evaluation : { ...evaluation, metadata: this.#metadata })
  }

  #mismatch(evaluation: Evaluation, type: ValueType): Evaluation {
    const name = `${type} ${evaluation.variant}`
    this.#mismatches ??= new Map()
    const known = this.#mismatches.get(name)
    if (known !== undefined) return known
    const message = `Variant ${quoted(evaluation.variant ?? '')} of ${quoted(this.key)} is of type ${typeof evaluation.value}, not ${type}.`
    const mismatch = this.#error({ code: 'TYPE_MISMATCH', message })
    this.#mismatches.set(name, mismatch)
    return mismatch
  }
}

type Read = {
  readonly problems: readonly DefinitionProblem[]
  readonly isDisabled: boolean
  readonly variants: ReadonlyMap<string, Json>
  readonly defaultVariant: string | undefined
  /** Undefined: there is none, or an empty one. */
  readonly targeting: JsonLogic | undefined
  readonly metadata: Metadata
}

function readDefinition(key: string, definition: unknown): Read {
  const problems: DefinitionProblem[] = []
  const report = (path: readonly string[], message: string) => void problems.push({ key, path: pointer(path), message })
  const nothingRead = { problems, isDisabled: false, variants: new Map(), defaultVariant: undefined, targeting: undefined, metadata: {} }
  if (!isMap(definition)) {
    report([], 'A flag is an object with `state` and `variants`.')
    return nothingRead
  }
  const own = (name: string): unknown => (Object.hasOwn(definition, name) ? definition[name] : undefined)
  const state = own('state')
  if (state !== 'ENABLED' && state !== 'DISABLED') report(['state'], '`state` is "ENABLED" or "DISABLED".')
  const variants = readVariants(own('variants'), report)
  const defaultVariant = own('defaultVariant') ?? undefined
  if (defaultVariant !== undefined && typeof defaultVariant !== 'string')
    report(['defaultVariant'], '`defaultVariant` is the name of a variant, or null.')
  // flagd takes an empty name for none.
  const named = typeof defaultVariant !== 'string' || (defaultVariant === '' && !variants.has('')) ? undefined : defaultVariant
  if (named !== undefined && !variants.has(named)) report(['defaultVariant'], `There is no variant ${quoted(named)}.`)
  const targeting = own('targeting') ?? undefined
  const isEmpty = typeof targeting === 'object' && Object.keys(targeting).length === 0
  return {
    problems,
    isDisabled: state === 'DISABLED',
    variants,
    defaultVariant: named !== undefined && variants.has(named) ? named : undefined,
    targeting: isEmpty ? undefined : (targeting as JsonLogic | undefined),
    metadata: readMetadata(own('metadata')),
  }
}

function readVariants(variants: unknown, report: (path: readonly string[], message: string) => void): Map<string, Json> {
  const read = new Map<string, Json>()
  if (!isMap(variants) || Object.keys(variants).length === 0) {
    report(['variants'], '`variants` is an object with at least one variant.')
    return read
  }
  for (const [name, value] of Object.entries(variants)) {
    const frozen = frozenJson(value)
    if (frozen === undefined) report(['variants', name], 'The value of a variant is JSON, nested no deeper than 64 levels.')
    else read.set(name, frozen)
  }
  return read
}

/** Booleans, texts and numbers; what else there is, is not carried on, as OpenFeature knows no other. */
export function readMetadata(metadata: unknown): Metadata {
  if (!isMap(metadata)) return {}
  return Object.freeze(
    Object.fromEntries(
      Object.entries(metadata).filter((entry): entry is [string, string | number | boolean] =>
        ['string', 'number', 'boolean'].includes(typeof entry[1]),
      ),
    ),
  )
}

/** A flag's own count before the set's. Undefined when there are none; the set's very object when the flag has none. */
function mergedMetadata(common: Metadata, own: Metadata): Metadata | undefined {
  if (Object.keys(own).length === 0) return Object.keys(common).length === 0 ? undefined : common
  return Object.freeze(Object.fromEntries([...Object.entries(common), ...Object.entries(own)]))
}

function targetingOf(targeting: JsonLogic, evaluators: ReadonlyMap<string, Evaluator>) {
  const checked = checkForCompiling(targeting)
  return { problems: linked(checked, evaluators).problems, references: new Set(checked.references.map((to) => to.name)) }
}

function sayProblems(key: string, problems: readonly DefinitionProblem[]): string {
  const [first] = problems as readonly [DefinitionProblem]
  const more = problems.length === 1 ? '' : ` And ${problems.length - 1} more.`
  return `The definition of ${quoted(key)} cannot be used: ${first.path === '' ? '' : `${first.path}: `}${first.message}${more}`
}
