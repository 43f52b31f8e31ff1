/** Segments: named groups of units, described by a rule or listed key by key. */
import { Readable } from 'node:stream'
import { canonicalJson, type Clock, Problem } from '@belay/base'
import { nearest } from '@belay/cloudfile'
import type { JsonLogic } from '@belay/flag-evaluator'
import type { Ledger } from '@belay/ledger'
import { flagKeyPattern, type SegmentWire } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import { changeList, chunkHash, contentHashOf, type ListShape } from './chunks.ts'
import { factOf, type KeysTold, sayChanged, sayCreated, sayReplaced, tellKeys } from './facts.ts'
import { allListsMaxKeys, changeMaxKeys, listMaxBytes, listMaxKeys, segmentsMax, whyNoKey } from './limits.ts'
import { readKeys } from './lines.ts'
import { channel, kindOf, openMemory } from './memory.ts'
import { segmentProblem } from './problems.ts'
import { findKeys, readTexts } from './reading.ts'
import { cycleFrom, dependentsOf, evaluatorName, referencesOf } from './references.ts'
import { clearLeftovers, clearList, compareLists, type Draft, writeDraft } from './replacing.ts'
import {
  addLeftover,
  allReferences,
  chunkHashes,
  chunkTexts,
  deleteLeftover,
  deleteSegment,
  insertSegment,
  nextRevision,
  putChunks,
  type SegmentRow,
  segmentRow,
  sizeOfOthers,
  updateSegment,
} from './store.ts'
import type { Segments, SegmentsOptionsUse } from './types.ts'

export type SegmentsOptions = {
  readonly store: Store
  readonly ledger: Ledger
  readonly clock: Clock
  readonly use: SegmentsOptionsUse
}

/** Uploads are held in memory (300 MB for the largest) before they are written; the bytes of others wait in their sockets. */
const uploadsMax = 3
/** What a page shows of a list; whoever wants all of it downloads it. */
const shownMax = 100
/** Replacements that meet others' changes begin their comparison anew; five in a row means that somebody writes all the time. */
const triesMax = 5
/** Of what others did meanwhile, a sentence names so much. */
const changesToldMax = 3

/** The version that the asker named is no longer the newest. */
class Outdated extends Error {
  readonly now: number
  constructor(now: number) {
    super('an outdated version')
    this.now = now
  }
}

export function openSegments({ store, ledger, clock, use }: SegmentsOptions): Segments {
  const memory = openMemory(store)
  const uploads: Promise<unknown>[] = Array.from({ length: uploadsMax }, () => Promise.resolve())
  let uploadCount = 0

  const usedBy = (key: string): string[] => {
    const segments = memory.all().filter((row) => row.references.includes(key))
    return [...new Set([...use.usedBy(key), ...segments.map((row) => evaluatorName(row.key))])].sort()
  }
  const wireOf = (row: SegmentRow): SegmentWire => ({
    key: row.key,
    description: row.description,
    kind: kindOf(row),
    rule: (row.rule ?? null) as SegmentWire['rule'],
    by: row.by,
    size: row.size,
    version: row.version,
    changedAt: row.changedAt,
    changedBy: row.changedBy,
    usedBy: usedBy(row.key),
  })
  const nearTo = (key: string): string[] => {
    const slip = nearest(
      key,
      memory.all().map((row) => row.key),
    )
    return slip === undefined ? [] : [slip]
  }
  const unknown = (key: string) => segmentProblem('unknown-segment', { key, near: nearTo(key) })
  const known = (key: string): SegmentRow => {
    const row = memory.get(key)
    if (!row) throw unknown(key)
    return row
  }
  const tooLarge = (key: string) => segmentProblem('segment-too-large', { key, max: listMaxKeys, maxBytes: listMaxBytes })

  /** Runs a change, makes `segment-changed` of an outdated version, and answers when memory has it. */
  async function changing<T>(key: string, version: number | undefined, work: (tx: Db) => Promise<T>): Promise<T> {
    let result: T
    try {
      result = await store.write(work)
    } catch (error) {
      throw error instanceof Outdated ? await changedMeanwhile(key, version ?? 0, error.now) : error
    }
    // What was committed stands; when it cannot be read now, the next signal reads it.
    await memory.refresh().catch((error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)))
    return result
  }
  /** The last thing that a change does in its transaction: whoever serves hears of it with the commit. */
  async function announce(tx: Db): Promise<void> {
    await use.changed(tx)
    store.signal(channel)
  }
  async function changedMeanwhile(key: string, yours: number, now: number) {
    const { facts } = await ledger.list({ subject: evaluatorName(key), kind: 'segment.', limit: changesToldMax })
    const changes = facts
      .filter(({ data }) => typeof data.version === 'number' && data.version > yours)
      .map(({ data, at, actor, says }) => ({ version: data.version as number, at, actor, says, data }))
    return segmentProblem('segment-changed', { key, yours, now, changes })
  }
  async function rowToChange(tx: Db, key: string, version: number | undefined): Promise<SegmentRow> {
    const row = await segmentRow(tx, key)
    if (!row) throw unknown(key)
    if (version !== undefined && version !== row.version) throw new Outdated(row.version)
    return row
  }

  /** The segments that the rule names, once it was found to be good. */
  async function checkedReferences(tx: Db, key: string, rule: JsonLogic): Promise<string[]> {
    use.checkRule(rule)
    const { segments, strangers } = referencesOf(rule)
    const all = await allReferences(tx)
    all.set(key, segments)
    const stranger = strangers[0] ?? segments.find((it) => !all.has(it))
    if (stranger !== undefined) throw segmentProblem('segment-ref-unknown', { key, ref: stranger, near: nearTo(stranger) })
    const path = cycleFrom(key, (it) => all.get(it) ?? [])
    if (path) throw segmentProblem('segment-cycle', { key, path })
    return segments
  }
  async function checkSize(tx: Db, key: string, shape: ListShape): Promise<void> {
    if (shape.size > listMaxKeys || shape.bytes > listMaxBytes) throw tooLarge(key)
    if (shape.size + (await sizeOfOthers(tx, key)) > allListsMaxKeys)
      throw segmentProblem('segments-too-large', { key, max: allListsMaxKeys })
  }
  function checkKeys(segment: string, keys: readonly string[]): void {
    if (keys.length > changeMaxKeys) throw segmentProblem('segment-too-many-at-once', { key: segment, max: changeMaxKeys })
    for (const key of keys) {
      const because = whyNoKey(key)
      if (because !== undefined) throw segmentProblem('segment-bad-key', { key: segment, value: key, because })
    }
  }

  /** Adds and removes keys of the row's list; the row as it is then, and what really came and went. */
  async function changeKeys(
    tx: Db,
    row: SegmentRow & { list: number },
    add: readonly string[],
    remove: readonly string[],
    revision: number,
  ) {
    const change = await changeList(row, { add, remove }, (chunks) => chunkTexts(tx, row.list, chunks))
    const written = [...change.written].map(([chunk, keys]) => ({ list: row.list, chunk, revision, hash: chunkHash(keys), keys }))
    await putChunks(tx, written)
    const content = change.written.size === 0 ? row.content : contentHashOf(await chunkHashes(tx, row.list))
    return { row: { ...row, ...change.shape, content }, added: change.added, removed: change.removed }
  }

  async function create(it: Parameters<Segments['create']>[0], actor: string): Promise<SegmentWire> {
    const { key, description, by } = it
    // No rule is null on the wire.
    const rule = it.rule ?? undefined
    if (!flagKeyPattern.test(key)) throw segmentProblem('segment-key-invalid', { key })
    if (rule !== undefined && it.keys !== undefined) throw segmentProblem('segment-rule-or-keys', { key })
    checkKeys(key, it.keys ?? [])
    const row = await changing(key, undefined, async (tx) => {
      const all = await allReferences(tx)
      if (all.has(key)) throw segmentProblem('segment-key-taken', { key })
      if (all.size >= segmentsMax) throw segmentProblem('too-many-segments', { max: segmentsMax })
      const references = rule === undefined ? [] : await checkedReferences(tx, key, rule)
      const revision = await nextRevision(tx)
      const list = rule === undefined ? revision : null
      const empty = { chunks: 1, size: 0, bytes: 0, content: list === null ? '' : contentHashOf(new Map()) }
      const base = { key, description, rule, references, by, ...empty, version: 1, revision, changedAt: clock.now(), changedBy: actor }
      const made = list === null ? undefined : await changeKeys(tx, { ...base, list }, it.keys ?? [], [], revision)
      const after: SegmentRow = made?.row ?? { ...base, list }
      if (made) await checkSize(tx, key, after)
      await insertSegment(tx, after)
      const added = made && tellKeys(made.added, made.added.length)
      await ledger.append(tx, factOf('created', sayCreated(after), actor, { before: undefined, after, added }))
      await announce(tx)
      return after
    })
    return wireOf(row)
  }

  async function change(key: string, it: Parameters<Segments['change']>[1], actor: string): Promise<SegmentWire> {
    const { add = [], remove = [], version } = it
    checkKeys(key, add)
    checkKeys(key, remove)
    const changed = await changing(key, version, async (tx) => {
      const before = await rowToChange(tx, key, version)
      if (before.list === null && (it.add ?? it.remove) !== undefined) throw segmentProblem('segment-not-a-list', { key })
      const rule = it.rule ?? before.rule
      if (before.list !== null && rule !== undefined) throw segmentProblem('segment-not-a-rule', { key })
      const revision = await nextRevision(tx)
      const keys = before.list === null ? undefined : await changeKeys(tx, { ...before, list: before.list }, add, remove, revision)
      const isSame =
        (it.description ?? before.description) === before.description &&
        canonicalJson(rule ?? null) === canonicalJson(before.rule ?? null) &&
        (keys === undefined || keys.added.length + keys.removed.length === 0)
      if (isSame) return before
      const after: SegmentRow = {
        ...(keys?.row ?? before),
        description: it.description ?? before.description,
        rule,
        references: rule === undefined || it.rule === undefined ? before.references : await checkedReferences(tx, key, rule),
        version: before.version + 1,
        revision,
        changedAt: clock.now(),
        changedBy: actor,
      }
      if (after.size > before.size) await checkSize(tx, key, after)
      await updateSegment(tx, after)
      const [added, removed] = [keys?.added ?? [], keys?.removed ?? []]
      const told = {
        before,
        after,
        added: tellKeys(added, added.length),
        removed: tellKeys(removed, removed.length),
        reason: it.reason,
      }
      await ledger.append(tx, factOf('changed', sayChanged(before, after, added.length, removed.length), actor, told))
      await announce(tx)
      return after
    })
    return wireOf(changed)
  }

  async function listToReplace(key: string, version: number | undefined): Promise<SegmentRow> {
    const row = await segmentRow(store.read, key)
    if (!row) throw unknown(key)
    if (row.list === null) throw segmentProblem('segment-not-a-list', { key })
    if (version !== undefined && version !== row.version) throw await changedMeanwhile(key, version, row.version)
    return row
  }

  async function replace(key: string, lines: Readable, version: number | undefined, actor: string): Promise<SegmentWire> {
    await listToReplace(key, version)
    const keys = await readKeys(lines, key)
    let draft: Draft | undefined
    /** What no segment points to afterwards: the old list, or the new one when it was not switched to. */
    let leftover: number | undefined
    try {
      for (let attempt = 1; ; attempt++) {
        const row = await listToReplace(key, version)
        const compared = await compareLists(store, row, keys.keys)
        if (compared) {
          if (compared.added.count + compared.removed.count === 0) return wireOf(row)
          if (draft === undefined) {
            draft = await writeDraft(store, clock, key, keys)
            leftover = draft.list
          }
          const after = await switchTo(draft, row, compared, version !== undefined || attempt >= triesMax, actor)
          if (after) {
            leftover = row.list ?? undefined
            return wireOf(after)
          }
        } else if (attempt >= triesMax) throw await changedMeanwhile(key, row.version, (await listToReplace(key, undefined)).version)
      }
    } finally {
      // What cannot be deleted now is deleted at the next start.
      if (leftover !== undefined) await clearList(store, leftover).catch(() => {})
    }
  }

  /** Undefined: somebody changed the segment since it was compared (which is refused when `isLast`). */
  async function switchTo(
    { list, shape, content }: Draft,
    { key, version, list: old }: SegmentRow,
    { added, removed }: { added: KeysTold; removed: KeysTold },
    isLast: boolean,
    actor: string,
  ): Promise<SegmentRow | undefined> {
    try {
      return await changing(key, version, async (tx) => {
        const before = await rowToChange(tx, key, version)
        if (!(await deleteLeftover(tx, list))) throw segmentProblem('segment-upload-lost', { key })
        if (old !== null) await addLeftover(tx, old, 0)
        const revision = await nextRevision(tx)
        const place = { ...shape, list, content }
        const after = { ...before, ...place, version: version + 1, revision, changedAt: clock.now(), changedBy: actor }
        await checkSize(tx, key, shape)
        await updateSegment(tx, after)
        const says = sayReplaced(after, added.count, removed.count)
        await ledger.append(tx, factOf('changed', says, actor, { before, after, added, removed }))
        await announce(tx)
        return after
      })
    } catch (error) {
      if (isLast || !(error instanceof Problem) || error.code !== 'segment-changed') throw error
      return undefined
    }
  }

  return {
    inSegment: memory.inSegment,
    memberships: memory.memberships,
    evaluators: memory.evaluators,
    onChange: memory.onChange,
    close: memory.close,
    async load() {
      memory.follow()
      await clearLeftovers(store, clock)
      await memory.refresh()
    },
    inProduction: (key) => use.inProduction(key) || [...dependentsOf(key, memory.all())].some((dependent) => use.inProduction(dependent)),
    async list({ text, after, limit }) {
      const wanted = text?.toLowerCase() ?? ''
      const found = memory.all().filter((row) => row.key.toLowerCase().includes(wanted) || row.description.toLowerCase().includes(wanted))
      const rest = after === undefined ? found : found.filter((row) => row.key > after)
      return { segments: rest.slice(0, limit).map(wireOf), total: found.length, more: rest.length > limit }
    },
    async show(key, text) {
      const row = known(key)
      const keys = await findKeys(store.read, row, text ?? '', shownMax + 1)
      return { segment: wireOf(row), keys: keys.slice(0, shownMax).sort(), more: keys.length > shownMax }
    },
    create,
    change,
    replace(key, lines, version, actor) {
      const place = uploadCount++ % uploadsMax
      const work = (uploads[place] as Promise<unknown>).then(() => replace(key, lines, version, actor))
      uploads[place] = work.catch(() => {})
      return work
    },
    async download(key) {
      if (known(key).list === null) throw segmentProblem('segment-not-a-list', { key })
      const stored = await readTexts(store.read, key)
      if (!stored) throw unknown(key)
      return Readable.from(stored.texts.map((text) => `${text}\n`))
    },
    async remove(key, actor) {
      const list = await changing(key, undefined, async (tx) => {
        const before = await rowToChange(tx, key, undefined)
        const named = [...(await allReferences(tx))].filter(([, references]) => references.includes(key))
        const users = [...new Set([...use.usedBy(key), ...named.map(([other]) => evaluatorName(other))])].sort()
        if (users.length > 0) throw segmentProblem('segment-in-use', { key, usedBy: users })
        await nextRevision(tx)
        await deleteSegment(tx, key)
        if (before.list !== null) await addLeftover(tx, before.list, 0)
        await ledger.append(tx, factOf('removed', `removed the segment ${key}`, actor, { before, after: undefined }))
        await announce(tx)
        return before.list
      })
      if (list !== null) await clearList(store, list).catch(() => {})
    },
  }
}
