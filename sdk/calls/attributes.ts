/** What a rule asks of a call. */
import { operationsIn } from '@belay/flag-evaluator'

/** Attributes that every call has; the others are `header.NAME` and `query.NAME`. */
export const callAttributes = ['method', 'verb', 'path', 'account', 'robot'] as const

/** Operators whose inner rules see an element of a list as their context: a `var` in them is about that. */
const overElements = new Set(['map', 'filter', 'reduce', 'all', 'none', 'some'])

/** Names of attributes, as written, in the order of the rule; what a rule makes up while it runs is not among them. */
export function attributesIn(rule: unknown): string[] {
  const names: string[] = []
  for (const [operator, given] of operationsIn(rule)) {
    const args: readonly unknown[] = Array.isArray(given) ? given : [given]
    if (operator === 'var' && (typeof args[0] === 'string' || typeof args[0] === 'number')) names.push(String(args[0]))
    if (operator === 'missing') names.push(...args.flat().filter((it) => typeof it === 'string'))
    if (operator === 'missing_some' && Array.isArray(args[1])) names.push(...args[1].filter((it) => typeof it === 'string'))
  }
  return names
}

/** Whether some `var` of the rule is about the elements of a list, or about what the rule makes up: nobody can tell then what it needs. */
export function readsElsewhere(rule: unknown): boolean {
  for (const [operator, given] of operationsIn(rule)) {
    if (overElements.has(operator)) return true
    const [name] = Array.isArray(given) ? (given as unknown[]) : [given]
    if (operator === 'var' && typeof name === 'object' && name !== null) return true
  }
  return false
}
