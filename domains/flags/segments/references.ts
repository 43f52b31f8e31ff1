/** Which segments a rule names, and whether it comes back to itself. Pure. */
import { type JsonLogic, operationsIn } from '@belay/flag-evaluator'

const refPrefix = 'segment:'
export const evaluatorName = (key: string): string => `${refPrefix}${key}`

/**
 * Segments named by `{"$ref": "segment:KEY"}` or `{"in_segment": ["KEY", …]}`, sorted; `strangers` are refs that name
 * none. The caller has bounded the rule's size; its depth costs nothing here.
 */
export function referencesOf(rule: JsonLogic): { segments: string[]; strangers: string[] } {
  const segments = new Set<string>()
  const strangers = new Set<string>()
  for (const [operator, given] of operationsIn(rule)) {
    if (operator === '$ref') {
      if (typeof given === 'string' && given.startsWith(refPrefix)) segments.add(given.slice(refPrefix.length))
      else strangers.add(typeof given === 'string' ? given : JSON.stringify(given))
    }
    if (operator === 'in_segment' && Array.isArray(given) && typeof given[0] === 'string') segments.add(given[0])
  }
  return { segments: [...segments].sort(), strangers: [...strangers].sort() }
}

/** The way from `start` back to itself (`a -> b -> a`); undefined: there is none. */
export function cycleFrom(start: string, referencesOf: (key: string) => readonly string[]): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const waiting = [start]
  while (waiting.length > 0) {
    const key = waiting.pop() as string
    for (const next of referencesOf(key)) {
      if (next === start) {
        const way = [start]
        for (let at: string | undefined = key; at !== undefined && at !== start; at = cameFrom.get(at)) way.unshift(at)
        return [start, ...way]
      }
      if (cameFrom.has(next)) continue
      cameFrom.set(next, key)
      waiting.push(next)
    }
  }
  return undefined
}

/** Everybody who leans on `key`, directly or through others. */
export function dependentsOf(key: string, all: Iterable<{ key: string; references: readonly string[] }>): Set<string> {
  const segments = [...all]
  const found = new Set<string>()
  const waiting = [key]
  while (waiting.length > 0) {
    const it = waiting.pop() as string
    for (const other of segments)
      if (!found.has(other.key) && other.references.includes(it)) {
        found.add(other.key)
        waiting.push(other.key)
      }
  }
  return found
}
