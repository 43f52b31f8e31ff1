/**
 * How a list lies in the store: chunks of about 8 KiB, whose number follows from the bytes of the list alone. Equal
 * lists therefore have equal chunks and an equal content hash, by whatever way they came about.
 */
import { setImmediate } from 'node:timers/promises'
import { sha256 } from '@belay/base/node'
import { chunkOfKey, parentOf } from './key-list.ts'

/** Reading, sorting or writing so many takes about 5 ms; then others have their turn. */
export const chunksPerTurn = 32
/** Adding one key to a full list rewrites this much; a million keys make about 3,000 rows. */
const chunkBytes = 8 * 1_024
export const chunksFor = (bytes: number): number => Math.max(1, Math.ceil(bytes / chunkBytes))

export const chunkText = (keys: Iterable<string>): string => [...keys].sort().join('\n')
export const keysOfChunk = (text: string): string[] => (text === '' ? [] : text.split('\n'))
export const chunkHash = (text: string): string => (text === '' ? '' : sha256(text))
/** SHA-256 over the hashes of the chunks that are not empty, in order. Names the content of the whole list. */
export const contentHashOf = (hashes: ReadonlyMap<number, string>): string =>
  sha256(
    [...hashes]
      .sort(([a], [b]) => a - b)
      .map(([chunk, hash]) => `${chunk}:${hash}\n`)
      .join(''),
  )

export type ListShape = { readonly chunks: number; readonly size: number; readonly bytes: number }
export type ListChange = {
  readonly shape: ListShape
  /** The chunks that are no longer what they were; an empty text: nobody is in it any more. */
  readonly written: ReadonlyMap<number, string>
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/**
 * Adds and removes keys (one that is in both stays or comes), then splits or merges chunks until their number is what
 * the bytes ask for. `read` gives the texts of chunks; one that is missing is empty.
 */
export async function changeList(
  before: ListShape,
  change: { add: Iterable<string>; remove: Iterable<string> },
  read: (chunks: readonly number[]) => Promise<ReadonlyMap<number, string>>,
): Promise<ListChange> {
  const open = new Map<number, Set<string>>()
  const texts = new Map<number, string>()
  async function openAll(chunks: Iterable<number>): Promise<void> {
    const missing = [...new Set(chunks)].filter((at) => !open.has(at))
    const stored = await read(missing.filter((at) => at < before.chunks))
    for (const at of missing) {
      const text = stored.get(at) ?? ''
      texts.set(at, text)
      open.set(at, new Set(keysOfChunk(text)))
    }
  }
  const chunk = (at: number) => open.get(at) as Set<string>
  const add = new Set(change.add)
  const remove = new Set(change.remove)
  await openAll([...add, ...remove].map((key) => chunkOfKey(key, before.chunks)))
  const added: string[] = []
  const removed: string[] = []
  let bytes = before.bytes
  for (const key of add) {
    const keys = chunk(chunkOfKey(key, before.chunks))
    if (keys.has(key)) continue
    keys.add(key)
    added.push(key)
    bytes += lineBytes(key)
  }
  for (const key of remove) {
    if (add.has(key) || !chunk(chunkOfKey(key, before.chunks)).delete(key)) continue
    removed.push(key)
    bytes -= lineBytes(key)
  }

  const chunks = chunksFor(bytes)
  const between = Array.from({ length: Math.abs(chunks - before.chunks) }, (_, nth) => Math.min(chunks, before.chunks) + nth)
  await openAll(between.flatMap((at) => [at, parentOf(at)]))
  for (let next = before.chunks; next < chunks; next++) {
    const child = chunk(next)
    const parent = chunk(parentOf(next))
    for (const key of parent)
      if (chunkOfKey(key, next + 1) === next) {
        parent.delete(key)
        child.add(key)
      }
  }
  for (let last = before.chunks - 1; last >= chunks; last--) {
    const child = chunk(last)
    const parent = chunk(parentOf(last))
    for (const key of child) parent.add(key)
    child.clear()
  }

  const written = new Map<number, string>()
  let count = 0
  for (const [at, keys] of open) {
    const text = chunkText(keys)
    if (text !== texts.get(at)) written.set(at, text)
    if (++count % chunksPerTurn === 0) await setImmediate()
  }
  return { shape: { chunks, size: before.size + added.length - removed.length, bytes }, written, added, removed }
}

/** A whole list, chunk by chunk. */
export function* layOut(keys: ReadonlySet<string>, bytes: number): Generator<{ chunk: number; text: string } | undefined> {
  const chunks: string[][] = Array.from({ length: chunksFor(bytes) }, () => [])
  let count = 0
  for (const key of keys) {
    chunks[chunkOfKey(key, chunks.length)]?.push(key)
    // A breath for the event loop: the caller may pause wherever nothing came.
    if (++count % 20_000 === 0) yield undefined
  }
  for (const [chunk, members] of chunks.entries()) if (members.length > 0) yield { chunk, text: chunkText(members) }
}

export const lineBytes = (key: string): number => Buffer.byteLength(key) + 1
