import { depthMax } from './check.ts'
import type { Json } from './types.ts'

/**
 * A copy that nobody can change: outcomes are shared by all who ask. Undefined when it is no JSON or is nested deeper
 * than 64 levels. A member called `__proto__` is a member like any other.
 */
export function frozenJson(value: unknown, depth = 0): Json | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'object' || depth === depthMax) return undefined
  if (Array.isArray(value)) {
    const items = value.map((item) => frozenJson(item, depth + 1))
    return items.includes(undefined) ? undefined : (Object.freeze(items) as readonly Json[])
  }
  const members = Object.entries(value).map(([name, member]) => [name, frozenJson(member, depth + 1)] as const)
  if (members.some(([, member]) => member === undefined)) return undefined
  return Object.freeze(Object.fromEntries(members)) as Json
}
