import { isMap, quoted } from './check.ts'
import { compileEvaluators, type Evaluators } from './evaluators.ts'
import { Flag, readMetadata, type Surroundings } from './flag.ts'
import type { DefinitionProblem, Evaluation, EvaluationContext, FlagPatch, FlagSet, FlagSetOptions, Metadata, ValueType } from './types.ts'

/**
 * Compiles flagd definitions. Never throws: what is not as it should be is told by `problems`, such a flag answers
 * PARSE_ERROR, and a document that is none makes an empty set. `flags` may be an object, or a list of definitions that
 * have their `key` in them. The document is copied where it matters: changing it afterwards changes nothing here.
 */
export function compileFlagSet(document: unknown, options: FlagSetOptions = {}): FlagSet {
  if (!isMap(document)) return CompiledFlagSet.without('The document is an object with `flags`.', options)
  const own = (name: string): unknown => (Object.hasOwn(document, name) ? document[name] : undefined)
  const evaluators = compileEvaluators(own('$evaluators'), options)
  const metadata = readMetadata(own('metadata'))
  const { definitions, problems } = definitionsOf(own('flags'))
  const surroundings = { options, evaluators: evaluators.all, metadata }
  const flags = new Map([...definitions].map(([key, definition]) => [key, new Flag(key, definition, surroundings)]))
  return new CompiledFlagSet(flags, evaluators, metadata, options, problems)
}

/** Evaluations of all flags for one context are told apart by number, see evaluators.ts. */
let passes = 0

class CompiledFlagSet implements FlagSet {
  readonly metadata: Metadata
  readonly #flags: ReadonlyMap<string, Flag>
  readonly #evaluators: Evaluators
  readonly #options: FlagSetOptions
  /** Of the document, as opposed to those of a flag or an evaluator. */
  readonly #ownProblems: readonly DefinitionProblem[]
  #problems: readonly DefinitionProblem[] | undefined

  static without(message: string, options: FlagSetOptions): CompiledFlagSet {
    const evaluators = compileEvaluators({}, options)
    return new CompiledFlagSet(new Map(), evaluators, {}, options, [{ key: null, path: '', message }])
  }

  constructor(
    flags: ReadonlyMap<string, Flag>,
    evaluators: Evaluators,
    metadata: Metadata,
    options: FlagSetOptions,
    problems: readonly DefinitionProblem[],
  ) {
    this.#flags = flags
    this.#evaluators = evaluators
    this.metadata = metadata
    this.#options = options
    this.#ownProblems = problems
  }

  get size(): number {
    return this.#flags.size
  }

  get problems(): readonly DefinitionProblem[] {
    this.#problems ??= [...this.#ownProblems, ...this.#evaluators.problems, ...[...this.#flags.values()].flatMap((flag) => flag.problems)]
    return this.#problems
  }

  keys(): IterableIterator<string> {
    return this.#flags.keys()
  }

  has(key: string): boolean {
    return this.#flags.has(key)
  }

  evaluate(key: string, context: EvaluationContext, nowMs: number, type?: ValueType): Evaluation {
    const flag = this.#flags.get(key)
    return flag === undefined ? notFound(key) : flag.evaluate(context, nowMs, 0, type)
  }

  evaluateAll(context: EvaluationContext, nowMs: number): Evaluation[] {
    const pass = ++passes
    const evaluations: Evaluation[] = []
    for (const flag of this.#flags.values()) evaluations.push(flag.evaluate(context, nowMs, pass, undefined))
    return evaluations
  }

  with(patch: FlagPatch): FlagSet {
    const options = this.#options
    const evaluators =
      patch.evaluators === undefined
        ? { ...this.#evaluators, changed: new Set<string>() }
        : compileEvaluators(patch.evaluators, options, this.#evaluators)
    const surroundings: Surroundings = { options, evaluators: evaluators.all, metadata: this.metadata }
    const flags = new Map(this.#flags)
    for (const key of patch.remove) flags.delete(key)
    for (const [key, definition] of Object.entries(patch.set)) flags.set(key, new Flag(key, definition, surroundings))
    if (evaluators.changed.size > 0) {
      for (const [key, flag] of flags) {
        if (!Object.hasOwn(patch.set, key) && [...flag.references].some((name) => evaluators.changed.has(name)))
          flags.set(key, new Flag(key, flag.definition, surroundings))
      }
    }
    return new CompiledFlagSet(flags, evaluators, this.metadata, options, this.#ownProblems)
  }
}

function notFound(key: string): Evaluation {
  return Object.freeze({ key, reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND', errorMessage: `There is no flag ${quoted(String(key))}.` })
}

function definitionsOf(flags: unknown): { definitions: Map<string, unknown>; problems: DefinitionProblem[] } {
  if (isMap(flags)) return { definitions: new Map(Object.entries(flags)), problems: [] }
  if (!Array.isArray(flags))
    return { definitions: new Map(), problems: [{ key: null, path: '/flags', message: '`flags` is an object or a list.' }] }
  const definitions = new Map<string, unknown>()
  const problems: DefinitionProblem[] = []
  for (const [nth, definition] of (flags as readonly unknown[]).entries()) {
    const key = isMap(definition) && Object.hasOwn(definition, 'key') ? definition.key : undefined
    if (typeof key !== 'string') problems.push({ key: null, path: `/flags/${nth}`, message: 'A flag in a list has its `key` in it.' })
    // Which of two would count is anybody's guess, so neither does.
    else definitions.set(key, definitions.has(key) ? `twice` : definition)
  }
  return { definitions, problems }
}
