/** Definitions for flagd itself, which differs from Belay's own reading in two ways. Pure. */
import type { FlagDocument, Json, JsonLogic } from '@belay/flag-evaluator'

/** Evaluators that name evaluators may grow without measure when they are spelled out; beyond this they stay as they are. */
const spelledMaxNodes = 100_000

/**
 * flagd puts evaluators into flags as text, once: what an evaluator itself refers to must stand in it. And it knows no
 * lists of segments: there the names of the lists that a unit is in are looked for in the attribute `belay.segments`,
 * which whoever asks flagd may fill.
 */
export function forFlagd(document: FlagDocument): FlagDocument {
  const evaluators = document.$evaluators ?? {}
  const spelled = new Map<string, JsonLogic>()
  let nodes = 0

  /** `way`: the evaluators that this rule stands in; undefined for a flag's rule, whose refs flagd itself replaces. */
  function walk(rule: Json, way: readonly string[] | undefined): Json {
    nodes++
    if (Array.isArray(rule)) return rule.map((it: Json) => walk(it, way))
    if (typeof rule !== 'object' || rule === null) return rule
    const { $ref: ref, in_segment: list } = rule as { $ref?: Json; in_segment?: Json }
    if (Array.isArray(list)) return { in: [list[0] as Json, { var: 'belay.segments' }] }
    if (way && typeof ref === 'string' && Object.hasOwn(evaluators, ref) && !way.includes(ref) && nodes < spelledMaxNodes)
      return spell(ref, way)
    return Object.fromEntries(Object.entries(rule).map(([operator, args]) => [operator, walk(args as Json, way)]))
  }
  function spell(name: string, way: readonly string[]): JsonLogic {
    const rule = spelled.get(name) ?? walk(evaluators[name] as JsonLogic, [...way, name])
    spelled.set(name, rule)
    return rule
  }

  return {
    ...document,
    $evaluators: Object.fromEntries(Object.keys(evaluators).map((name) => [name, spell(name, [])])),
    flags: Object.fromEntries(
      Object.entries(document.flags).map(([key, flag]) => [
        key,
        flag.targeting === undefined ? flag : { ...flag, targeting: walk(flag.targeting, undefined) },
      ]),
    ),
  }
}
