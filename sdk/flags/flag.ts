/** One flag, compiled: every outcome that it can have is made beforehand, so that evaluating allocates nothing. */
import { checkForCompiling, quoted } from './check.ts'
import { compilerWith } from './compile.ts'
import { noProblems, readDefinition } from './definition.ts'
import { type Evaluator, linked, type Surroundings } from './evaluators.ts'
import { compileProgram, outcomeOfAll, type Program, runProgram } from './program.ts'
import { about, type Failure, failureOf, keyMissing } from './run.ts'
import { type About, aboutFlag, type Attributes, giveBack, type State, takeState } from './state.ts'
import type { DefinitionProblem, Evaluation, EvaluationContext, Json, JsonLogic, Metadata, Reason, ValueType } from './types.ts'
import { textOf } from './values.ts'

/** What all flags of a set have in common. */
export type FlagSurroundings = Surroundings & { readonly evaluators: ReadonlyMap<string, Evaluator>; readonly metadata: Metadata }

export class Flag {
  /**
   * Where there is nothing to decide. The first field of few, all of them in one line of the processor's cache: this is
   * all of a flag that most evaluations look at.
   */
  readonly #fixed: Evaluation | undefined
  readonly #program: Program
  readonly #about: About
  readonly #rest: Rest

  constructor(key: string, definition: unknown, { options, attributes, evaluators, metadata }: FlagSurroundings) {
    const read = readDefinition(key, definition)
    const targeting = read.targeting === undefined ? undefined : targetingOf(key, read.targeting, evaluators)
    const found = [...read.problems, ...(targeting?.problems ?? [])]
    const problems = found.length === 0 ? noProblems : found
    const metadataOfAll = mergedMetadata(metadata, read.metadata)
    const outcome = (reason: Reason, variant: string | undefined) => outcomeOf(key, reason, variant, read.variants, metadataOfAll)
    this.#about = aboutFlag(key, read.metadata.bucketing === 3 ? 3 : 2, options.missingKey === 'error')
    this.#rest = {
      definition,
      problems,
      references: targeting?.references ?? noNames,
      metadata: metadataOfAll,
      fallback: outcome('DEFAULT', read.defaultVariant),
      matches:
        targeting === undefined ? noMatches : new Map([...read.variants.keys()].map((name) => [name, outcome('TARGETING_MATCH', name)])),
      mismatches: undefined,
      keyMissing: undefined,
    }
    this.#program = noProgram
    if (problems.length > 0) this.#fixed = this.#error({ code: 'PARSE_ERROR', message: sayProblems(key, problems) })
    else if (read.isDisabled) this.#fixed = outcome('DISABLED', undefined)
    else if (read.targeting !== undefined) {
      this.#program = compileProgram(read.targeting, compilerWith(options, attributes, evaluators), this)
      this.#fixed = outcomeOfAll(this.#program)
    } else this.#fixed = read.defaultVariant === undefined ? this.#rest.fallback : outcome('STATIC', read.defaultVariant)
  }

  get problems(): readonly DefinitionProblem[] {
    return this.#rest.problems
  }

  /** The evaluators that its rule names, whether they exist or not. */
  get references(): ReadonlySet<string> {
    return this.#rest.references
  }

  /** As it was given: when an evaluator changes it is compiled again. */
  get definition(): unknown {
    return this.#rest.definition
  }

  get key(): string {
    return this.#about.flagKey
  }

  /** What it comes to for everybody, or itself where there is something to decide. */
  get answer(): Flag | Evaluation {
    return this.#fixed ?? this
  }

  decide(context: EvaluationContext, nowMs: number, attributes: Attributes): Evaluation {
    const state = takeState()
    state.begin(context, nowMs, 0, attributes)
    const evaluation = this.decideIn(state)
    giveBack(state)
    return evaluation
  }

  /** In a state that has begun. */
  decideIn(state: State): Evaluation {
    about(state, this.#about)
    let said: Evaluation
    try {
      said = runProgram(this.#program, state, this)
    } catch (thrown) {
      return this.#error(failureOf(thrown))
    }
    // Whoever has no targeting key asks again and again.
    return state.keyMissed && this.#about.missingKeyFails ? (this.#rest.keyMissing ??= this.#error(keyMissing)) : said
  }

  /** From what the rule says to an outcome: the name of a variant, or nothing, which is the default variant. */
  say(value: unknown): Evaluation {
    const { matches, fallback } = this.#rest
    if (typeof value === 'string') return matches.get(value) ?? this.#unknownVariant(value)
    if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return fallback
    if (typeof value === 'object')
      return this.#error({ code: 'GENERAL', message: `The rule of ${quoted(this.key)} names no variant: it says a list or an object.` })
    const name = textOf(value)
    return matches.get(name) ?? this.#unknownVariant(name)
  }

  #unknownVariant(name: string): Evaluation {
    return this.#error({ code: 'GENERAL', message: `The rule of ${quoted(this.key)} says ${quoted(name)}, which is no variant of it.` })
  }

  #error({ code: errorCode, message: errorMessage }: Pick<Failure, 'code' | 'message'>): Evaluation {
    const metadata = this.#rest.metadata === undefined ? {} : { metadata: this.#rest.metadata }
    return Object.freeze({ key: this.key, reason: 'ERROR', errorCode, errorMessage, ...metadata })
  }

  mismatch(evaluation: Evaluation, type: ValueType): Evaluation {
    const name = `${type} ${evaluation.variant}`
    const mismatches = (this.#rest.mismatches ??= new Map())
    const known = mismatches.get(name)
    if (known !== undefined) return known
    const message = `Variant ${quoted(evaluation.variant ?? '')} of ${quoted(this.key)} is of type ${typeof evaluation.value}, not ${type}.`
    const mismatch = this.#error({ code: 'TYPE_MISMATCH', message })
    mismatches.set(name, mismatch)
    return mismatch
  }
}

/** Of flags without a rule, which are many: a Map of their own would be most of what they take. */
const noNames: ReadonlySet<string> = new Set()
const noMatches: ReadonlyMap<string, Evaluation> = new Map()
const noProgram: Program = []

/** What is looked at now and then. */
type Rest = {
  readonly definition: unknown
  readonly problems: readonly DefinitionProblem[]
  readonly references: ReadonlySet<string>
  readonly metadata: Metadata | undefined
  readonly fallback: Evaluation
  readonly matches: ReadonlyMap<string, Evaluation>
  /** Made when first met: what a caller asked for and the flag is not, and what went wrong. */
  mismatches: Map<string, Evaluation> | undefined
  keyMissing: Evaluation | undefined
}

/** Members are written out each time: what is spread into an object is kept beside it, one more look into memory away. */
function outcomeOf(
  key: string,
  reason: Reason,
  variant: string | undefined,
  variants: ReadonlyMap<string, Json>,
  metadata: Metadata | undefined,
): Evaluation {
  if (variant === undefined) return Object.freeze(metadata === undefined ? { key, reason } : { key, reason, metadata })
  const value = variants.get(variant) as Json
  return Object.freeze(metadata === undefined ? { key, reason, variant, value } : { key, reason, variant, value, metadata })
}

/** A flag's own count before the set's. Undefined when there are none; the set's very object when the flag has none. */
function mergedMetadata(common: Metadata, own: Metadata): Metadata | undefined {
  if (Object.keys(own).length === 0) return Object.keys(common).length === 0 ? undefined : common
  return Object.freeze(Object.fromEntries([...Object.entries(common), ...Object.entries(own)]))
}

function targetingOf(key: string, targeting: JsonLogic, evaluators: ReadonlyMap<string, Evaluator>) {
  const checked = checkForCompiling(targeting)
  return {
    problems: linked(checked, evaluators).problems.map(({ path, message }) => ({ key, path: `/targeting${path}`, message })),
    references: new Set(checked.references.map((to) => to.name)),
  }
}

function sayProblems(key: string, problems: readonly DefinitionProblem[]): string {
  const [first] = problems as readonly [DefinitionProblem]
  const more = problems.length === 1 ? '' : ` And ${problems.length - 1} more.`
  return `The definition of ${quoted(key)} cannot be used: ${first.path === '' ? '' : `${first.path}: `}${first.message}${more}`
}
