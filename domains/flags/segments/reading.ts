/** Reads lists out of the store, a page of chunks at a time, so that nobody waits for a large one. */
import { setImmediate } from 'node:timers/promises'
import type { Db } from '@belay/store'
import { keysOfChunk } from './chunks.ts'
import { KeyList } from './key-list.ts'
import { KeySet } from './key-set.ts'
import { chunkPage, type SegmentRow, segmentRow } from './store.ts'

/** Half a megabyte of keys: about 3 ms of work until others have their turn. */
const pageChunks = 64

/**
 * Hands each chunk of the row's list that is newer than `since` to `take`, and goes on until the list stood still
 * meanwhile; what changed while it was read comes again. Answers the row that the chunks belong to; undefined: the
 * segment went or its list was replaced, so what was taken is of no use.
 */
export async function readChunks(
  db: Db,
  row: SegmentRow,
  since: number,
  take: (chunk: number, text: string) => void,
): Promise<SegmentRow | undefined> {
  let now = row
  for (let from = since; ; ) {
    for (let after = -1; ; ) {
      const page = await chunkPage(db, { list: row.list as number, since: from, after, limit: pageChunks })
      for (const { chunk, keys } of page) take(chunk, keys)
      if (page.length < pageChunks) break
      after = page.at(-1)?.chunk ?? after
      await setImmediate()
    }
    const next = await segmentRow(db, row.key)
    if (next?.list !== row.list) return undefined
    if (next.revision === now.revision) return next
    from = now.revision
    now = next
  }
}

/** The list as evaluation asks it, starting from what is in memory of it. */
export async function readList(
  db: Db,
  row: SegmentRow,
  known: { row: SegmentRow; list: KeyList } | undefined,
): Promise<{ row: SegmentRow; list: KeyList } | undefined> {
  const base = known !== undefined && known.row.list === row.list ? known : undefined
  const changed = new Map<number, KeySet | undefined>()
  const now = await readChunks(db, row, base?.row.revision ?? 0, (chunk, text) => changed.set(chunk, setOf(text)))
  return now && { row: now, list: (base?.list ?? new KeyList([])).with(now.chunks, changed) }
}

function setOf(text: string): KeySet | undefined {
  if (text === '') return undefined
  const keys = keysOfChunk(text)
  const set = new KeySet(keys.length)
  for (const key of keys) set.add(key)
  return set
}

/** All chunks of a list as texts, of one moment. Undefined: the segment is gone or is no list. */
export async function readTexts(db: Db, key: string): Promise<{ row: SegmentRow; texts: string[] } | undefined> {
  for (;;) {
    const row = await segmentRow(db, key)
    if (row === undefined || row.list === null) return undefined
    const texts = new Map<number, string>()
    const now = await readChunks(db, row, 0, (chunk, text) => texts.set(chunk, text))
    if (!now) continue
    const inOrder = [...texts].filter(([chunk, text]) => chunk < now.chunks && text !== '').sort(([a], [b]) => a - b)
    return { row: now, texts: inOrder.map(([, text]) => text) }
  }
}

/** Some keys of a list that contain the text, whatever the case; in no order. It reads no further than it must. */
export async function findKeys(db: Db, row: SegmentRow, text: string, limit: number): Promise<string[]> {
  const found: string[] = []
  if (row.list === null) return found
  const wanted = text.toLowerCase()
  for (let after = -1; ; ) {
    const page = await chunkPage(db, { list: row.list, since: 0, after, limit: pageChunks })
    for (const { keys } of page) {
      if (!keys.toLowerCase().includes(wanted)) continue
      for (const key of keysOfChunk(keys)) {
        if (!key.toLowerCase().includes(wanted)) continue
        found.push(key)
        if (found.length >= limit) return found
      }
    }
    if (page.length < pageChunks) return found
    after = page.at(-1)?.chunk ?? after
    await setImmediate()
  }
}
