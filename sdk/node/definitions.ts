/** The definitions that answers come from: compiled for evaluation, and as they came, to be kept on disk and compared. */
import { compileFlagSet, type FlagDefinition, type FlagDocument, type FlagPatch, type FlagSet, type JsonLogic } from '@belay/flag-evaluator'
import type { Logger } from '@openfeature/server-sdk'
import { flagsNaming } from './mentions.ts'

/** What the stream says of a change; `from` is the revision that the patch starts at. */
export type News = {
  readonly revision: number
  readonly from: number
  readonly etag: string
  readonly patch: FlagPatch
  readonly segments: readonly string[]
}

/** A document with the server's word for which state it is; a bootstrap has neither revision nor etag. */
export type Edition = { readonly document: FlagDocument; readonly revision: number | undefined; readonly etag: string | undefined }

export type Definitions = {
  /** Undefined until there are any. */
  readonly set: FlagSet | undefined
  readonly revision: number | undefined
  readonly etag: string | undefined
  /** Both answer the keys of the flags that changed, or whose rules name something that did. */
  replace(edition: Edition): string[]
  /** @param news whose `from` is our revision */
  apply(news: News): string[]
  edition(): Edition | undefined
  flag(key: string): FlagDefinition | undefined
  /** The server said that these definitions are those of a newer revision too. */
  confirm(revision: number): void
}

/** A log with a line for each of 5,000 broken flags helps nobody. */
const problemsShownMax = 10

export function createDefinitions(inSegment: (segment: string, key: string) => boolean | undefined, logger: Logger): Definitions {
  let set: FlagSet | undefined
  let flags = new Map<string, FlagDefinition>()
  let evaluators = new Map<string, JsonLogic>()
  /** What a document has beside flags and evaluators. */
  let rest: Omit<FlagDocument, 'flags' | '$evaluators'> = {}
  let revision: number | undefined
  let etag: string | undefined

  function complain(problems: FlagSet['problems']): void {
    for (const { key, message } of problems.slice(0, problemsShownMax)) logger.warn(`Belay: flag ${key ?? '(document)'}: ${message}`)
    if (problems.length > problemsShownMax) logger.warn(`Belay: and ${problems.length - problemsShownMax} more`)
  }

  return {
    get set() {
      return set
    },
    get revision() {
      return revision
    },
    get etag() {
      return etag
    },
    replace(edition) {
      const compiled = compileFlagSet(edition.document, { missingKey: 'error', inSegment })
      complain(compiled.problems)
      const { flags: newFlags, $evaluators: newEvaluators, ...newRest } = edition.document
      const [oldFlags, oldEvaluators] = [flags, evaluators]
      flags = byKey(newFlags)
      evaluators = mapOf(newEvaluators)
      rest = newRest
      ;({ revision, etag } = edition)
      set = compiled
      const changed = differences(oldFlags, flags)
      const leaning = flagsNaming(flags, evaluators, { evaluators: differences(oldEvaluators, evaluators), segments: [] })
      return [...new Set([...changed, ...leaning])]
    },
    apply(news) {
      if (set === undefined) return []
      const { patch, segments } = news
      set = set.with(patch)
      // Not all problems again: only of what came.
      complain(set.problems.filter(({ key }) => key !== null && Object.hasOwn(patch.set, key)))
      const gone = patch.remove.filter((key) => flags.delete(key))
      for (const [key, flag] of byKey(patch.set)) flags.set(key, flag)
      const newEvaluators = patch.evaluators === undefined ? evaluators : mapOf(patch.evaluators)
      const leaning = flagsNaming(flags, newEvaluators, { evaluators: differences(evaluators, newEvaluators), segments })
      evaluators = newEvaluators
      ;({ revision, etag } = news)
      return [...new Set([...gone, ...Object.keys(patch.set), ...leaning])]
    },
    edition: () =>
      set === undefined
        ? undefined
        : { document: { ...rest, $evaluators: Object.fromEntries(evaluators), flags: Object.fromEntries(flags) }, revision, etag },
    flag: (key) => flags.get(key),
    confirm(newer) {
      revision = newer
    },
  }
}

/** flagd also allows a list of flags, each with its `key`. What is no definition the evaluator has complained about. */
function byKey(flags: unknown): Map<string, FlagDefinition> {
  if (!Array.isArray(flags)) return new Map([...mapOf(flags)].filter((entry): entry is [string, FlagDefinition] => isObject(entry[1])))
  const keyed = (flags as readonly unknown[]).filter(
    (it): it is FlagDefinition & { key: string } => isObject(it) && typeof (it as { key?: unknown }).key === 'string',
  )
  return new Map(keyed.map(({ key, ...flag }) => [key, flag]))
}

function mapOf(value: unknown): Map<string, JsonLogic> {
  return new Map(isObject(value) ? Object.entries(value) : [])
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Keys whose value is not the same in both. */
function differences(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] {
  const gone = [...before.keys()].filter((key) => !after.has(key))
  return [...gone, ...[...after].filter(([key, value]) => !before.has(key) || !same(before.get(key), value)).map(([key]) => key)]
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  try {
    return JSON.stringify(a) === JSON.stringify(b)
  } catch {
    // Nested deeper than the stack. Saying once too often that a flag changed does no harm.
    return false
  }
}
