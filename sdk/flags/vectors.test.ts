import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bucketOf, compileFlagSet, type Evaluation, type EvaluationContext, type FlagDocument, type Json, murmur3 } from './index.ts'

type Expected = Partial<Evaluation>
type Vectors = {
  readonly hashes: readonly (readonly [text: string, hash: number])[]
  readonly buckets: readonly (readonly [version: 2 | 3, hashed: Json, total: number, bucket: number])[]
  readonly documents: Readonly<Record<string, FlagDocument>>
  readonly evaluations: Vector[]
}
/** What bucketing 2 says, and what 3 does where that is another. */
type Vector = [document: string, key: string, context: EvaluationContext, v2: Expected, v3?: Expected]

const vectors = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as Vectors
const nowMs = 1_700_000_000_999

test.each(vectors.hashes)('MurmurHash3 of %j is %i', (text, hash) => {
  expect(murmur3(text)).toBe(hash)
  expect(murmur3(new TextEncoder().encode(text))).toBe(hash)
})

test.each(vectors.buckets)('version %i: %j is of %i buckets in %i', (version, hashed, total, bucket) => {
  expect(bucketOf(version, hashed, total)).toBe(bucket)
})

test.each<Vector>(vectors.evaluations)('%s, %s for %j: %j', (name, key, context, expected) => {
  expect(compileFlagSet(vectors.documents[name]).evaluate(key, context, nowMs)).toMatchObject(expected)
})

test.each<Vector>(vectors.evaluations.filter((vector) => vector[4] !== undefined))(
  '%s, %s for %j with bucketing 3, which is chosen by the metadata of the flag',
  (name, key, context, _v2, expected) => {
    const { flags } = vectors.documents[name] as FlagDocument
    const v3 = Object.fromEntries(Object.entries(flags).map(([flag, definition]) => [flag, { ...definition, metadata: { bucketing: 3 } }]))
    expect(compileFlagSet({ flags: v3 }).evaluate(key, context, nowMs)).toMatchObject(expected as Expected)
  },
)

test('nothing is left of what an evaluation does not say', () => {
  const set = compileFlagSet(vectors.documents.shop)
  expect(set.evaluate('off', {}, nowMs)).toEqual({ key: 'off', reason: 'DISABLED', metadata: { flagSetId: 'shop', version: '17' } })
  const codeDefault = set.evaluate('without-default', {}, nowMs)
  expect(Object.keys(codeDefault)).toEqual(['key', 'reason', 'metadata'])
})
