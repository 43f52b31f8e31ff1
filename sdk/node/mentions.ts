/** Which flags answer differently, perhaps, because something that their rules name has changed. */
import { type FlagDefinition, type JsonLogic, operationsIn } from '@belay/flag-evaluator'

type Mentions = { readonly evaluators: readonly string[]; readonly segments: readonly string[] }

/** A definition is never changed, only replaced, so what it mentions is looked for once. */
const remembered = new WeakMap<object, Mentions>()
const nothing: Mentions = { evaluators: [], segments: [] }

function mentionsOf(rule: JsonLogic | undefined): Mentions {
  if (typeof rule !== 'object' || rule === null) return nothing
  let mentions = remembered.get(rule)
  if (mentions === undefined) {
    mentions = lookFor(rule)
    remembered.set(rule, mentions)
  }
  return mentions
}

function lookFor(rule: object): Mentions {
  const evaluators = new Set<string>()
  const segments = new Set<string>()
  for (const [operator, given] of operationsIn(rule)) {
    if (operator === '$ref' && typeof given === 'string') evaluators.add(given)
    if (operator === 'in_segment' && Array.isArray(given) && typeof given[0] === 'string') segments.add(given[0])
  }
  return { evaluators: [...evaluators], segments: [...segments] }
}

/** The flags that name one of these evaluators or segments, themselves or by way of other evaluators. */
export function flagsNaming(
  flags: ReadonlyMap<string, FlagDefinition>,
  all: ReadonlyMap<string, JsonLogic>,
  changed: { readonly evaluators: Iterable<string>; readonly segments: readonly string[] },
): string[] {
  const evaluators = new Set(changed.evaluators)
  const segments = new Set(changed.segments)
  if (evaluators.size === 0 && segments.size === 0) return []
  const names = (rule: JsonLogic | undefined): boolean => {
    const mentions = mentionsOf(rule)
    return mentions.evaluators.some((it) => evaluators.has(it)) || mentions.segments.some((it) => segments.has(it))
  }
  // Evaluators lean on each other: again, until none is added. Each round adds one at least, so it ends.
  for (let added = true; added; ) {
    added = false
    for (const [name, rule] of all) {
      if (!evaluators.has(name) && names(rule)) {
        evaluators.add(name)
        added = true
      }
    }
  }
  return [...flags].filter(([, flag]) => names(flag.targeting)).map(([key]) => key)
}
