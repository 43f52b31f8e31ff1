/**
 * A context as the server would see it: dates are their ISO text, as JSON makes them. So a rule answers the same here
 * and over OFREP. Almost all contexts have no date and are handed on as they are.
 */
import type { EvaluationContext } from '@belay/flag-evaluator'

/** Contexts are a handful of attributes, some of them objects; deeper down a date stays what it is. */
const depthMax = 8

export function plainContext(context: EvaluationContext): EvaluationContext {
  for (const name in context) {
    const value = context[name]
    if (typeof value === 'object' && value !== null) return plain(context, depthMax) as EvaluationContext
  }
  return context
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth === 0) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (Array.isArray(value)) return value.map((it) => plain(it, depth - 1))
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, plain(it, depth - 1)]))
}
