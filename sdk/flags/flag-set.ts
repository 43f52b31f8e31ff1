import { isMap, quoted } from './check.ts'
import { compileEvaluators, type Evaluators, noEvaluators } from './evaluators.ts'
import { readMetadata, twice } from './definition.ts'
import { Flag, type FlagSurroundings } from './flag.ts'
import { Attributes, giveBack, takeState } from './state.ts'
import type { DefinitionProblem, Evaluation, EvaluationContext, FlagPatch, FlagSet, FlagSetOptions, Metadata, ValueType } from './types.ts'

/**
 * Compiles flagd definitions. Never throws: what is not as it should be is told by `problems`, such a flag answers
 * PARSE_ERROR, and a document that is none makes an empty set. `flags` may be an object, or a list of definitions that
 * have their `key` in them. The document must not be changed afterwards: what changes comes by `with`.
 */
export function compileFlagSet(document: unknown, options: FlagSetOptions = {}): FlagSet {
  const notADocument: DefinitionProblem = { key: null, path: '', message: 'The document is an object with `flags`.' }
  if (!isMap(document)) return new CompiledFlagSet(new Map(), { ...emptyParts(options), problems: [notADocument] })
  const own = (name: string): unknown => (Object.hasOwn(document, name) ? document[name] : undefined)
  const attributes = new Attributes()
  const evaluators = compileEvaluators(own('$evaluators'), { options, attributes })
  const metadata = readMetadata(own('metadata'))
  const { definitions, problems } = definitionsOf(own('flags'))
  const surroundings = { options, attributes, evaluators: evaluators.all, metadata }
  const flags = new Map([...definitions].map(([key, definition]) => [key, new Flag(key, definition, surroundings)]))
  return new CompiledFlagSet(flags, { evaluators, metadata, options, attributes, problems })
}

function emptyParts(options: FlagSetOptions): Omit<Parts, 'problems'> {
  return { evaluators: noEvaluators, metadata: {}, options, attributes: new Attributes() }
}

/** Evaluations of all flags for one context are told apart by number, see evaluators.ts. */
let passes = 0

type Parts = {
  readonly evaluators: Evaluators
  readonly metadata: Metadata
  readonly options: FlagSetOptions
  readonly attributes: Attributes
  /** Of the document, as opposed to those of a flag or an evaluator. */
  readonly problems: readonly DefinitionProblem[]
}

class CompiledFlagSet implements FlagSet {
  readonly #flags: ReadonlyMap<string, Flag>
  /** In the order of the flags: all that is looked at for a flag that says the same to everybody. */
  readonly #answers: ReadonlyMap<string, Flag | Evaluation>
  readonly #attributes: Attributes
  readonly #parts: Parts
  #problems: readonly DefinitionProblem[] | undefined

  constructor(flags: ReadonlyMap<string, Flag>, parts: Parts) {
    this.#flags = flags
    this.#answers = new Map([...flags].map(([key, flag]) => [key, flag.answer]))
    this.#attributes = parts.attributes
    this.#parts = parts
  }

  get size(): number {
    return this.#flags.size
  }

  get metadata(): Metadata {
    return this.#parts.metadata
  }

  get problems(): readonly DefinitionProblem[] {
    const { problems, evaluators } = this.#parts
    this.#problems ??= [...problems, ...evaluators.problems, ...[...this.#flags.values()].flatMap((flag) => flag.problems)]
    return this.#problems
  }

  keys(): IterableIterator<string> {
    return this.#flags.keys()
  }

  has(key: string): boolean {
    return this.#flags.has(key)
  }

  evaluate(key: string, context: EvaluationContext, nowMs: number, type?: ValueType): Evaluation {
    const answer = this.#answers.get(key)
    const evaluation = answer instanceof Flag ? answer.decide(context, nowMs, this.#attributes) : answer
    if (evaluation === undefined) return notFound(key)
    const { value } = evaluation
    // biome-ignore lint/suspicious/useValidTypeof: every ValueType is one.
    if (type === undefined || value === undefined || typeof value === type) return evaluation
    return (this.#flags.get(key) as Flag).mismatch(evaluation, type)
  }

  evaluateAll(context: EvaluationContext, nowMs: number): Evaluation[] {
    const state = takeState()
    state.begin(context, nowMs, ++passes, this.#attributes)
    const evaluations: Evaluation[] = []
    for (const answer of this.#answers.values()) evaluations.push(answer instanceof Flag ? answer.decideIn(state) : answer)
    giveBack(state)
    return evaluations
  }

  with(patch: FlagPatch): FlagSet {
    const before = this.#parts
    const evaluators =
      patch.evaluators === undefined
        ? { ...before.evaluators, changed: new Set<string>() }
        : compileEvaluators(patch.evaluators, before, before.evaluators)
    const surroundings: FlagSurroundings = { ...before, evaluators: evaluators.all }
    const flags = new Map(this.#flags)
    for (const key of patch.remove) flags.delete(key)
    for (const [key, definition] of Object.entries(patch.set)) flags.set(key, new Flag(key, definition, surroundings))
    if (evaluators.changed.size > 0) {
      for (const [key, flag] of flags) {
        const isTouched = [...flag.references].some((name) => evaluators.changed.has(name))
        if (isTouched && !Object.hasOwn(patch.set, key)) flags.set(key, new Flag(key, flag.definition, surroundings))
      }
    }
    return new CompiledFlagSet(flags, { ...before, evaluators })
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
    else definitions.set(key, definitions.has(key) ? twice : definition)
  }
  return { definitions, problems }
}
