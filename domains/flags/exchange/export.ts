/** Everything as one flagd document, to be imported again: here, elsewhere, or (without what only we know) by flagd. */
import type { FlagDocument, JsonLogic, Metadata } from '@belay/flag-evaluator'
import type { FlagWire, SegmentWire } from '@belay/protocol'
import type { z } from 'zod'
import { inOrder, isPlainSetting, plainFlag, renamed, spelled } from './flagd-shape.ts'
import type { belayOfFlag } from './flagd.ts'
import type { Bag } from './json.ts'
import type { DocumentShape, FlagContent } from './types.ts'

/** Short lists travel in the document, which has its bound; longer ones are downloaded and uploaded by themselves. */
export const keysInExportMax = 1_000

export type ExportedSegment = Pick<SegmentWire, 'key' | 'description' | 'rule' | 'kind' | 'by' | 'size'> & {
  /** Of a list with at most `keysInExportMax`. */
  readonly keys?: readonly string[]
}

const schema = 'https://flagd.dev/schema/v0/flags.json'

/**
 * Flags and segments in the order given. A flag's own members are its setting for every environment; the rest stands in
 * `belay`, which flagd passes over. A document that was read (`shape`) and not changed is written as it was.
 */
export function writeExport(
  flags: readonly (FlagContent & Partial<Pick<FlagWire, 'killed'>>)[],
  segments: readonly ExportedSegment[],
  setMetadata: Metadata,
  shape?: DocumentShape | null,
): FlagDocument & { readonly belay?: unknown } {
  const names = segments.map(({ key }) => key)
  const known = new Set(names)
  const back = (to: string) => (to.startsWith('segment:') && known.has(to.slice('segment:'.length)) ? to.slice('segment:'.length) : to)
  const written = flags.map((flag): readonly [string, Bag] => {
    const plain = spelled(plainFlag(flag, names, shape?.list ?? false), shape?.flags[flag.key])
    const belay = belayOf(flag)
    return [flag.key, Object.keys(belay).length === 0 ? plain : { ...plain, belay }]
  })
  const told = segments.flatMap((segment) => {
    const it = segmentBelay(segment)
    return Object.keys(it).length === 0 ? [] : [[segment.key, it] as const]
  })
  const isSpecial = told.length > 0 || written.some(([, flag]) => Object.hasOwn(flag, 'belay'))
  const document: Bag = {
    ...(shape ? (Object.hasOwn(shape, 'schema') ? { $schema: shape.schema } : {}) : { $schema: schema }),
    ...(segments.length === 0 ? {} : { $evaluators: Object.fromEntries(segments.map((it) => [it.key, ruleOf(it, back)])) }),
    ...(Object.keys(setMetadata).length === 0 ? {} : { metadata: setMetadata }),
    flags: shape?.list ? written.map(([, flag]) => flag) : Object.fromEntries(written),
    ...(shape && !isSpecial ? {} : { belay: { version: 1, ...(told.length === 0 ? {} : { segments: Object.fromEntries(told) }) } }),
  }
  return inOrder({ ...shape?.as, ...document }, shape?.members ?? []) as FlagDocument
}

function ruleOf({ key, kind, rule, by }: ExportedSegment, back: (to: string) => string): JsonLogic {
  return kind === 'list' ? { in_segment: [key, { var: by }] } : renamed(rule as JsonLogic, back)
}

function segmentBelay({ description, kind, keys, size }: ExportedSegment): Bag {
  return { ...(description === '' ? {} : { description }), ...(kind === 'list' ? { size, ...(keys === undefined ? {} : { keys }) } : {}) }
}

/** What differs from how a flag begins. */
function belayOf(flag: FlagContent & Partial<Pick<FlagWire, 'killed'>>): z.input<typeof belayOfFlag> {
  const { description, kind, owner, expiresAt, tags, salt, bucketing, prerequisites, settings, killed } = flag
  return {
    ...(description ? { description } : {}),
    ...(kind === undefined || kind === (flag.metadata?.kind ?? 'release') ? {} : { kind }),
    ...(owner == null ? {} : { owner }),
    ...(expiresAt == null ? {} : { expiresAt }),
    ...(tags && tags.length > 0 ? { tags } : {}),
    ...(salt === undefined || salt === flag.key ? {} : { salt }),
    ...(bucketing === undefined || bucketing === (flag.metadata?.bucketing === 3 ? 3 : 2) ? {} : { bucketing }),
    ...(prerequisites && prerequisites.length > 0 ? { prerequisites } : {}),
    ...(isPlainSetting(settings) ? {} : { settings }),
    ...(killed && Object.keys(killed).length > 0 ? { killed: Object.keys(killed) } : {}),
  }
}
