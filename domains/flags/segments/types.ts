import type { Readable } from 'node:stream'
import type { JsonLogic } from '@belay/flag-evaluator'
import type { SegmentWire } from '@belay/protocol'
import type { Db } from '@belay/store'

export type SegmentsOptionsUse = {
  /** Flags (`flag:KEY`) and rings (`ring:NAME`) whose rules name this segment, for `usedBy` and for refusing a removal. */
  usedBy(segment: string): readonly string[]
  /** Does a setting that counts in an environment of kind production lean on it? Then a change asks for flag.production. */
  inProduction(segment: string): boolean
  /** @throws Problem when the rule is not good JsonLogic or is too large. */
  checkRule(rule: JsonLogic): void
  /** To be called in the transaction of every change: what is served gets a new revision. */
  changed(tx: Db): Promise<void>
}

/** Segments as evaluation sees them: all in memory, brought up to date when any server of the database changes one. */
export type SegmentsView = {
  /** Is the key in the list? Undefined: there is no such list. */
  inSegment(segment: string, key: string): boolean | undefined
  /** The lists that each key is in. */
  memberships(keys: readonly string[]): Readonly<Record<string, readonly string[]>>
  /** `segment:KEY` to its rule; a list is `{"in_segment": [KEY, {"var": BY}]}`. */
  evaluators(): Readonly<Record<string, JsonLogic>>
  /** Called with the keys of the segments that changed, after the commit. */
  onChange(listener: (changed: readonly { key: string; kind: 'rule' | 'list' }[]) => void): () => void
}

export type Segments = SegmentsView & {
  /** Reads everything into memory; before anything else. Clears away what interrupted uploads left. */
  load(): Promise<void>
  /** Does production lean on it, directly or through the rules of other segments? */
  inProduction(key: string): boolean
  list(asking: {
    text?: string | undefined
    after?: string | undefined
    limit: number
  }): Promise<{ segments: SegmentWire[]; total: number; more: boolean }>
  /** Up to 100 keys that contain `text`. @throws Problem `unknown-segment`. */
  show(key: string, text?: string): Promise<{ segment: SegmentWire; keys: string[]; more: boolean }>
  create(
    it: { key: string; description: string; rule?: JsonLogic | undefined; keys?: readonly string[] | undefined; by: string },
    actor: string,
  ): Promise<SegmentWire>
  /** @throws Problem `unknown-segment`, `segment-changed` (409, says who changed what). */
  change(
    key: string,
    it: {
      version?: number | undefined
      description?: string | undefined
      rule?: JsonLogic | undefined
      add?: readonly string[] | undefined
      remove?: readonly string[] | undefined
      reason?: string | undefined
    },
    actor: string,
  ): Promise<SegmentWire>
  /** Replaces the list, one key a line. All or nothing. @throws Problem `segment-too-large`, `segment-bad-line`. */
  replace(key: string, lines: Readable, version: number | undefined, actor: string): Promise<SegmentWire>
  download(key: string): Promise<Readable>
  /** @throws Problem `segment-in-use`. */
  remove(key: string, actor: string): Promise<void>
  /** Listens no more for what other servers change; before the store is closed. */
  close(): Promise<void>
}
