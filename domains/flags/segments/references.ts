/** Which segments a rule names, and whether it comes back to itself. Pure. */
import type { JsonLogic } from '@belay/flag-evaluator'

const refPrefix = 'segment:'
export const evaluatorName = (key: string): string => `${refPrefix}${key}`

/**
 * Segments named by `{"$ref": "segment:KEY"}` or `{"in_segment": ["KEY", …]}`, sorted; `strangers` are refs that name
 * none. The caller has bounded the rule's size; its depth costs nothing here.
 */
export function referencesOf(rule: JsonLogic): { segments: string[]; strangers: string[] } {
  const segments = new Set<string>()
  const strangers = new Set<string>()
  const waiting: unknown[] = [rule]
  while (waiting.length > 0) {
    const it = waiting.pop()
    if (Array.isArray(it)) for (const member of it as unknown[]) waiting.push(member)
    else if (it !== null && typeof it === 'object') {
      for (const [name, value] of Object.entries(it)) {
        if (name === '$ref') {
          if (typeof value === 'string' && value.startsWith(refPrefix)) segments.add(value.slice(refPrefix.length))
          else strangers.add(typeof value === 'string' ? value : JSON.stringify(value))
        } else {
          const list: unknown = name === 'in_segment' && Array.isArray(value) ? value[0] : undefined
          if (typeof list === 'string') segments.add(list)
          waiting.push(value)
        }
      }
    }
  }
  return { segments: [...segments].sort(), strangers: [...strangers] }
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
