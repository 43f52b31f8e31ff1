import fc from 'fast-check'
import { expect, test } from 'vitest'
import { beginningOf, murmur3, murmur3After } from './murmur3.ts'

test.each([
  // MurmurHash3_x86_32 with seed 0, as Appleby's smhasher gives it.
  ['', 0],
  ['hello', 613153351],
  ['hello, world', 345750399],
  ['The quick brown fox jumps over the lazy dog', 776992547],
])('%j hashes to %i', (text, hash) => {
  expect(murmur3(text)).toBe(hash)
})

test('a text hashes as its UTF-8 does, lone surrogates included', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.integer({ min: 0, max: 0xffff })), (text, units) => {
      const odd = text + String.fromCharCode(...units)
      expect(murmur3(odd)).toBe(murmur3(new TextEncoder().encode(odd)))
    }),
  )
})

test('a text in two pieces hashes as the whole, wherever it is cut', () => {
  const anyText = fc.oneof(fc.string(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(anyText, anyText, (first, second) => {
      expect(murmur3After(beginningOf(first), second) >>> 0).toBe(murmur3(first + second))
    }),
  )
})
