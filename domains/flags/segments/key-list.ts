/**
 * A list as evaluation asks it: one set of hashes for each stored chunk, so that a change of a chunk replaces one small
 * set and nothing is ever removed from one. Immutable; `with` shares what stayed.
 *
 * Chunks are addressed by linear hashing (W. Litwin, "Linear hashing", VLDB 1980): a list of n chunks grows to n + 1
 * by splitting a single one, so that no addition, however large the list, ever moves all of it.
 */
import { hashKey } from './key-hash.ts'
import type { KeySet } from './key-set.ts'

const scratch = new Uint32Array(2)

/** The chunk, 0 to `chunks` - 1, of a key with this first hash. */
export function chunkOf(first: number, chunks: number): number {
  const mask = chunks <= 1 ? 0 : 2 ** (32 - Math.clz32(chunks - 1)) - 1
  const chunk = (first & mask) >>> 0
  return chunk < chunks ? chunk : chunk & (mask >>> 1)
}
export function chunkOfKey(key: string, chunks: number): number {
  hashKey(key, scratch)
  return chunkOf(scratch[0] as number, chunks)
}
/** The chunk that splits to make this one, and takes it back when the list shrinks. */
export const parentOf = (chunk: number): number => chunk - 2 ** (31 - Math.clz32(chunk))

export class KeyList {
  readonly #sets: readonly (KeySet | undefined)[]

  /** One for each chunk; undefined: nobody is in it. */
  constructor(sets: readonly (KeySet | undefined)[]) {
    this.#sets = sets
  }

  has(key: string): boolean {
    hashKey(key, scratch)
    return this.hasHash(scratch[0] as number, scratch[1] as number)
  }
  hasHash(first: number, second: number): boolean {
    const sets = this.#sets
    return sets[chunkOf(first, sets.length)]?.hasHash(first, second) ?? false
  }

  with(chunks: number, changed: ReadonlyMap<number, KeySet | undefined>): KeyList {
    const sets = this.#sets.slice(0, chunks)
    while (sets.length < chunks) sets.push(undefined)
    for (const [chunk, set] of changed) if (chunk < chunks) sets[chunk] = set
    return new KeyList(sets)
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.#sets.reduce((sum, set) => sum + (set?.bytes ?? 0), 0)
  }
}
