import type { Problem } from '@belay/base'
import { columnsProblem } from './problems.ts'

/** What the engine says when it refuses: its number (ErrorCodes.cpp of ClickHouse) and its sentence. */
export type Refusal = { readonly code: number | undefined; readonly message: string }

const slow = new Set([159, 160, 394]) // TIMEOUT_EXCEEDED, TOO_SLOW, QUERY_WAS_CANCELLED (we cancel at the end of the time)
const large = new Set([158, 191, 241, 307, 396]) // TOO_MANY_ROWS, SET_SIZE_LIMIT, MEMORY_LIMIT, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES
const busy = new Set([202, 252, 745]) // TOO_MANY_SIMULTANEOUS_QUERIES, TOO_MANY_PARTS, SERVER_OVERLOADED
/** Of the network, the replicas and the keeper; and of an engine that is just shutting down (236). */
const down = new Set([209, 210, 225, 236, 242, 279, 285, 319, 516, 999])

/** The sentence without the number before and the name behind it, which mean nothing to most readers; cut, since it may quote the statement. */
export function sentenceOfRefusal(message: string): string {
  const plain = message
    .replace(/^Code: \d+\. /, '')
    .replace(/^DB::\w+: /, '')
    .replace(/ \([A-Z_\d]+\)\s*$/, '')
    .replace(/\s+/g, ' ')
    .trim()
  return plain.length > 400 ? `${plain.slice(0, 399)}…` : plain
}

/** The Problem that a person can act on. */
export function explain(refusal: Refusal, where: string, timeoutMs: number): Problem {
  const because = sentenceOfRefusal(refusal.message)
  const code = refusal.code ?? -1
  if (code === 243 || /No space left on device|errno: 28\b/.test(refusal.message)) return columnsProblem('columns-full', { where, because })
  if (slow.has(code)) return columnsProblem('columns-too-slow', { afterMs: timeoutMs })
  if (large.has(code)) return columnsProblem('columns-too-large', { because })
  if (busy.has(code)) return columnsProblem('columns-down', { where, because })
  if (down.has(code)) return columnsProblem('columns-down', { where, because })
  return columnsProblem('columns-refused', { because })
}
