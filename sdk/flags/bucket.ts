/** From a unit to its bucket: flagd's `fractional`, versions 2 and 3. */
import { cborOf } from './cbor.ts'
import { murmur3, murmur3Bytes } from './murmur3.ts'
import { textOf } from './values.ts'
import type { Json } from './types.ts'

/** Version 2 is flagd's present one; 3 is its accepted successor, which hashes deterministic CBOR instead of a joined text. */
export type BucketingVersion = 2 | 3

/** The sum of weights is at most this: flagd counts in 32 bits with a sign. */
export const weightMax = 2_147_483_647

/**
 * The bucket from 0 to `totalWeight` − 1 that a unit is in; an entry of `fractional` has the buckets from the sum of the
 * weights before it on, as many as its weight. `hashed` is what the share hashes: usually a text, or
 * `[flagKey, targetingKey]` where the share names nothing (version 2 joins the two, 3 encodes the list).
 */
export function bucketOf(version: BucketingVersion, hashed: Json, totalWeight: number): number {
  return bucketOfHash(version === 3 ? hashOfValue(hashed) : hashOfText(hashed), totalWeight)
}

const hashOfText = (hashed: Json) => murmur3(Array.isArray(hashed) ? hashed.map(textOf).join('') : textOf(hashed))

export function hashOfValue(value: unknown): number {
  const bytes = cborOf(value)
  return murmur3Bytes(bytes, bytes.length)
}

/**
 * `(hash * totalWeight) >> 32` in 64 bits, exactly and without BigInt: the upper and the lower half of the hash apart.
 * It makes no difference whether the hash's 32 bits come as a number with or without a sign.
 */
export function bucketOfHash(hash: number, totalWeight: number): number {
  const lower = Math.floor(((hash & 0xffff) * totalWeight) / 65_536)
  return Math.floor(((hash >>> 16) * totalWeight + lower) / 65_536)
}
