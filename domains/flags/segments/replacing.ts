/**
 * Replaces a whole list: the new one is written beside the old one in short transactions and then switched to in one.
 * Killed in between, the old list counts, and what was written is cleared away later.
 */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@belay/base'
import type { Store } from '@belay/store'
import { chunkHash, chunksFor, chunksPerTurn, contentHashOf, keysOfChunk, layOut, type ListShape } from './chunks.ts'
import { tellKeys, type KeysTold } from './facts.ts'
import { KeySet } from './key-set.ts'
import { factKeysMax } from './limits.ts'
import type { Keys } from './lines.ts'
import { segmentProblem } from './problems.ts'
import { readChunks } from './reading.ts'
import {
  addLeftover,
  deleteChunks,
  deleteLeftover,
  leftoversBefore,
  nextRevision,
  putChunks,
  type SegmentRow,
  type StoredChunk,
  touchLeftover,
} from './store.ts'

/** 128 chunks are a megabyte: some 20 ms on either database, and whoever else writes comes in between. */
const chunksAtOnce = 128
/** A list that is being written grows every few milliseconds; one that stood still for a minute has lost its writer. */
const abandonedAfterMs = 60_000

export type Draft = { readonly list: number; readonly shape: ListShape; readonly content: string }

/** Writes the keys as a list that no segment points to yet. @throws Problem `segment-upload-lost`. */
export async function writeDraft(store: Store, clock: Clock, segment: string, { keys, bytes }: Keys): Promise<Draft> {
  const list = await store.write(async (tx) => {
    const number = await nextRevision(tx)
    await addLeftover(tx, number, clock.now())
    return number
  })
  const hashes = new Map<number, string>()
  let waiting: StoredChunk[] = []
  const write = async () => {
    const chunks = waiting
    waiting = []
    await store.write(async (tx) => {
      if (!(await touchLeftover(tx, list, clock.now()))) throw segmentProblem('segment-upload-lost', { key: segment })
      await putChunks(tx, chunks)
    })
  }
  let count = 0
  for (const part of layOut(keys, bytes)) {
    if (part === undefined) {
      await setImmediate()
      continue
    }
    count++
    const hash = chunkHash(part.text)
    hashes.set(part.chunk, hash)
    waiting.push({ list, chunk: part.chunk, revision: list, hash, keys: part.text })
    if (waiting.length >= chunksAtOnce) await write()
    else if (count % chunksPerTurn === 0) await setImmediate()
  }
  if (waiting.length > 0) await write()
  return { list, shape: { chunks: chunksFor(bytes), size: keys.size, bytes }, content: contentHashOf(hashes) }
}

/** What a replacement of the row's list by these keys adds and removes. Undefined: the list changed while it was compared. */
export async function compareLists(
  store: Store,
  row: SegmentRow,
  fresh: ReadonlySet<string>,
): Promise<{ added: KeysTold; removed: KeysTold } | undefined> {
  const old = new KeySet(row.size)
  const gone: string[] = []
  let kept = 0
  let size = 0
  const now = await readChunks(store.read, row, 0, (_chunk, text) => {
    for (const key of keysOfChunk(text)) {
      size++
      old.add(key)
      if (fresh.has(key)) kept++
      else gone.push(key)
    }
  })
  // What came twice because it changed meanwhile would be counted twice.
  if (!now || now.revision !== row.revision) return undefined
  const added = fresh.size - kept
  return { added: tellKeys(added === 0 ? [] : await strangersIn(fresh, old), added), removed: tellKeys(gone, size - kept) }
}
/** The first of the fresh keys that are not in the old set: as many as a fact names. */
async function strangersIn(fresh: ReadonlySet<string>, old: KeySet): Promise<string[]> {
  const found: string[] = []
  let asked = 0
  for (const key of fresh) {
    if (!old.has(key)) found.push(key)
    if (found.length >= factKeysMax) break
    if (++asked % 20_000 === 0) await setImmediate()
  }
  return found
}

/** Deletes lists that nobody points to and nobody is writing. */
export async function clearLeftovers(store: Store, clock: Clock): Promise<void> {
  for (const list of await leftoversBefore(store.read, clock.now() - abandonedAfterMs)) await clearList(store, list)
}
export async function clearList(store: Store, list: number): Promise<void> {
  // Each turn deletes a megabyte at most.
  while ((await store.write((tx) => deleteChunks(tx, list, chunksAtOnce))) > 0);
  await store.write((tx) => deleteLeftover(tx, list))
}
