/** The body of an evaluation: doubt at the edge, trust inside. Pure. */
import type { EvaluationContext } from '@belay/flag-evaluator'

/** Attributes of one user or account. What is larger is data, and every byte of it is sent with every question. */
export const contextMaxBytes = 64 * 1_024
/** Rules reach into attributes by dotted paths of a few members; a tree deeper than this is a mistake or an attack. */
export const contextDepthMax = 16

export type BadContext = { readonly errorCode: 'PARSE_ERROR' | 'INVALID_CONTEXT'; readonly errorDetails: string }

/** What nobody said anything about: rules see an empty context, and a flag that needs the key says so itself. */
const nothing: EvaluationContext = Object.freeze({})

/** An empty body, a body without context and `context: null` mean the empty context. */
export function parseContext(body: string): EvaluationContext | BadContext {
  if (body === '') return nothing
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch (error) {
    return bad('PARSE_ERROR', `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isObject(parsed)) return bad('PARSE_ERROR', 'The body is an object with the member context.')
  const context = Object.hasOwn(parsed, 'context') ? parsed.context : undefined
  if (context === undefined || context === null) return nothing
  if (!isObject(context)) return bad('INVALID_CONTEXT', 'The context is an object of attributes.')
  const key = Object.hasOwn(context, 'targetingKey') ? context.targetingKey : undefined
  if (key !== undefined && key !== null && typeof key !== 'string') return bad('INVALID_CONTEXT', 'The targetingKey is a string.')
  if (isDeeper(context, contextDepthMax)) return bad('INVALID_CONTEXT', `The context is nested deeper than ${contextDepthMax} levels.`)
  return context
}

export const isBad = (it: EvaluationContext | BadContext): it is BadContext => refused.has(it)

/** Tells a refusal from a context that happens to have a member `errorCode`. */
const refused = new WeakSet<object>()
function bad(errorCode: BadContext['errorCode'], errorDetails: string): BadContext {
  const it = { errorCode, errorDetails }
  refused.add(it)
  return it
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function isDeeper(value: object, levels: number): boolean {
  if (levels === 0) return true
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null && isDeeper(member as object, levels - 1)) return true
  }
  return false
}
