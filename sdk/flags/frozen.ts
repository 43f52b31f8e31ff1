import { depthMax } from './check.ts'
import type { Json } from './types.ts'

/**
 * As many as the largest value that a document of some megabytes can hold. What did not come from JSON may hold itself
 * several times over, and copying it would never end.
 */
const partsMax = 1_000_000

/**
 * A copy that nobody can change: outcomes are shared by all who ask. Undefined when it is no JSON, is nested deeper than
 * 64 levels or has more than a million parts. A member called `__proto__` is a member like any other.
 */
export function frozenJson(value: unknown): Json | undefined {
  return frozen(value, 0, { left: partsMax })
}

function frozen(value: unknown, depth: number, parts: { left: number }): Json | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'object' || depth === depthMax) return undefined
  if (Array.isArray(value)) {
    const items: Json[] = []
    for (const item of value) {
      const copy = parts.left-- > 0 ? frozen(item, depth + 1, parts) : undefined
      if (copy === undefined) return undefined
      items.push(copy)
    }
    return Object.freeze(items)
  }
  const members: [string, Json][] = []
  for (const [name, member] of Object.entries(value)) {
    const copy = parts.left-- > 0 ? frozen(member, depth + 1, parts) : undefined
    if (copy === undefined) return undefined
    members.push([name, copy])
  }
  return Object.freeze(Object.fromEntries(members))
}
