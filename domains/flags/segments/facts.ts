/** What the ledger is told of segments: sentences, and what was there before and after. Pure. */
import { canonicalJson, sayCount } from '@belay/base'
import { contentHash } from '@belay/base/node'
import type { JsonLogic } from '@belay/flag-evaluator'
import type { NewFact } from '@belay/ledger'
import type { DiffLineWire } from '@belay/protocol'
import { lineBytes } from './chunks.ts'
import { factKeysMax, factKeysMaxBytes, factRuleMaxBytes } from './limits.ts'
import type { SegmentRow } from './store.ts'

/** How many keys came or went, and the first of them. */
export type KeysTold = { readonly count: number; readonly keys: readonly string[] }

/** At most 100 of them, and no more than a fact can carry. */
export function tellKeys(keys: Iterable<string>, count: number): KeysTold {
  const told: string[] = []
  let bytes = 0
  for (const key of keys) {
    bytes += lineBytes(key)
    if (told.length >= factKeysMax || bytes > factKeysMaxBytes) break
    told.push(key)
  }
  return { count, keys: told }
}

type Told = {
  readonly before: SegmentRow | undefined
  readonly after: SegmentRow | undefined
  readonly added?: KeysTold | undefined
  readonly removed?: KeysTold | undefined
  readonly reason?: string | undefined
}

export function factOf(kind: 'created' | 'changed' | 'removed', says: string, actor: string, told: Told): NewFact {
  const { before, after, added, removed, reason } = told
  const key = (after ?? before)?.key ?? ''
  return {
    actor,
    kind: `segment.${kind}`,
    subject: `segment:${key}`,
    says,
    data: {
      version: (after ?? before)?.version,
      diff: diffOf(before, after),
      ...(added && added.count > 0 ? { added } : {}),
      ...(removed && removed.count > 0 ? { removed } : {}),
      ...(reason === undefined ? {} : { reason }),
    },
  }
}

/** What is told of a segment, by path; lists by their figures and the hash of their content. */
function diffOf(before: SegmentRow | undefined, after: SegmentRow | undefined): DiffLineWire[] {
  const [old, now] = [viewOf(before), viewOf(after)]
  const lines: DiffLineWire[] = []
  for (const path of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (canonicalJson(old[path]) === canonicalJson(now[path])) continue
    lines.push({
      path,
      ...(old[path] === undefined ? {} : { before: old[path] }),
      ...(now[path] === undefined ? {} : { after: now[path] }),
    })
  }
  return lines
}
function viewOf(row: SegmentRow | undefined): Record<string, DiffLineWire['after']> {
  if (!row) return {}
  const { description, rule, by, size, content } = row
  return rule === undefined ? { description, by, size, content } : { description, rule: tellRule(rule) }
}
function tellRule(rule: JsonLogic): DiffLineWire['after'] {
  const bytes = Buffer.byteLength(canonicalJson(rule))
  return bytes <= factRuleMaxBytes ? (rule as DiffLineWire['after']) : { sha256: contentHash(rule), bytes }
}

export const sayCreated = (row: SegmentRow): string =>
  row.list === null ? `made the segment ${row.key}, a rule` : `made the segment ${row.key}, a list of ${sayCount(row.size, 'key')}`

export function sayChanged(before: SegmentRow, after: SegmentRow, added: number, removed: number): string {
  const parts = [
    ...(canonicalJson(before.rule ?? null) === canonicalJson(after.rule ?? null) ? [] : ['its rule']),
    ...(before.description === after.description ? [] : ['its description']),
  ]
  const keys = [...(added > 0 ? [`${sayCount(added, 'key')} added`] : []), ...(removed > 0 ? [`${sayCount(removed, 'key')} removed`] : [])]
  if (keys.length > 0) parts.push(`${keys.join(' and ')}, ${after.size.toLocaleString('en')} now`)
  return `changed segment ${after.key}: ${parts.join('; ')}`
}
export const sayReplaced = (after: SegmentRow, added: number, removed: number): string =>
  `replaced the list ${after.key}: ${sayCount(added, 'key')} added and ${removed.toLocaleString('en')} removed, ${after.size.toLocaleString('en')} now`
