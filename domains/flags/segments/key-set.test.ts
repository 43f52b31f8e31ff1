import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashKey } from './key-hash.ts'
import { chunkOf, KeyList, parentOf } from './key-list.ts'
import { KeySet } from './key-set.ts'

const hashOf = (key: string): [number, number] => {
  const out = new Uint32Array(2)
  hashKey(key, out)
  return [...out] as [number, number]
}
const setOf = (keys: Iterable<string>) => {
  const set = new KeySet()
  for (const key of keys) set.add(key)
  return set
}

describe('the hash of a key', () => {
  test('never changes, because stored lists are addressed by it', () => {
    expect(['', 'a', 'user-1', 'ann@example.test', 'Zoë', '🧗'].map(hashOf)).toMatchInlineSnapshot(`
      [
        [
          2414772951,
          2338328602,
        ],
        [
          906394806,
          1809569353,
        ],
        [
          653936279,
          3100751465,
        ],
        [
          3919433218,
          3085632462,
        ],
        [
          1795772899,
          1154087350,
        ],
        [
          1382821807,
          2948594809,
        ],
      ]
    `)
  })

  test('tells alike keys apart as well as chance would, in both halves', () => {
    const shapes: ((nth: number) => string)[] = [
      (nth) => `user-${nth}`,
      (nth) => String(nth),
      (nth) => `${nth.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
      (nth) => `00000000-0000-4000-8000-${nth.toString(16).padStart(12, '0')}`,
      (nth) => `person.${nth % 331}.${Math.floor(nth / 331)}@example.test`,
    ]
    const count = 100_000
    for (const shape of shapes) {
      const pairs = Array.from({ length: count }, (_, nth) => hashOf(shape(nth)))
      expect(new Set(pairs.map(([first, second]) => `${first} ${second}`)).size).toBe(count)
      // By chance n^2 / 2^33 = 1.2 of 100,000 share 32 bits; Poisson(1.2) exceeds 10 less than once in 10^7 runs.
      for (const half of [0, 1] as const) expect(count - new Set(pairs.map((pair) => pair[half])).size).toBeLessThan(10)
    }
  })
})

describe('a set of keys', () => {
  test('holds what was added and nothing else, like a Set, while it grows', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 12 })), fc.array(fc.string({ maxLength: 12 })), (added, asked) => {
        const set = new KeySet()
        const model = new Set<string>()
        for (const key of added) {
          expect(set.add(key)).toBe(!model.has(key))
          model.add(key)
        }
        expect(set.size).toBe(model.size)
        for (const key of [...added, ...asked]) expect(set.has(key)).toBe(model.has(key))
      }),
    )
  })

  test('tells hashes apart that share one of their halves, even when it is zero', () => {
    const half = fc.constantFrom(0, 1, 2, 8, 0xffff_ffff)
    fc.assert(
      fc.property(fc.array(fc.tuple(half, half)), fc.tuple(half, half), (added, asked) => {
        const isPair = ([first, second]: [number, number]) => first + second > 0
        const set = new KeySet(added.length)
        for (const [first, second] of added.filter(isPair)) set.addHash(first, second)
        const model = new Set(added.filter(isPair).map(String))
        expect(set.size).toBe(model.size)
        if (isPair(asked)) expect(set.hasHash(...asked)).toBe(model.has(String(asked)))
      }),
    )
  })

  test('a million keys take 16 MB', () => {
    const set = new KeySet(1_000_000)
    expect(set.bytes).toBe(16 * 1_024 * 1_024)
    for (let nth = 0; nth < 1_000_000; nth++) set.addHash(nth, Math.imul(nth, 0x9e37_79b1) >>> 0 || 1)
    expect(set.bytes).toBe(16 * 1_024 * 1_024)
    expect(set.size).toBe(1_000_000)
  })
})

describe('the chunks of a list', () => {
  const first = fc.nat({ max: 0xffff_ffff })

  test('each hash has one chunk, and one chunk more moves only keys of its parent', () => {
    fc.assert(
      fc.property(first, fc.integer({ min: 1, max: 20_000 }), (hash, chunks) => {
        const before = chunkOf(hash, chunks)
        const after = chunkOf(hash, chunks + 1)
        expect(before).toBeGreaterThanOrEqual(0)
        expect(before).toBeLessThan(chunks)
        if (after !== before) expect([before, after]).toEqual([parentOf(chunks), chunks])
      }),
    )
  })

  test('a changed chunk changes the answers for its keys and no others, and the old list stays as it was', () => {
    const keys = Array.from({ length: 2_000 }, (_, nth) => `user-${nth}`)
    const inChunk = (chunk: number) => keys.filter((key) => chunkOf(hashOf(key)[0], 5) === chunk)
    const whole = new KeyList([0, 1, 2, 3, 4].map((chunk) => setOf(inChunk(chunk))))
    const changed = whole.with(
      5,
      new Map([
        [2, undefined],
        [4, setOf([...inChunk(4), 'newcomer'])],
      ]),
    )
    expect(keys.every((key) => whole.has(key))).toBe(true)
    expect(keys.filter((key) => !changed.has(key))).toEqual(inChunk(2))
    expect(changed.has('newcomer')).toBe(chunkOf(hashOf('newcomer')[0], 5) === 4)
  })
})
