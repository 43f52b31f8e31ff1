import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wholeCharacters } from './jobs.ts'

test('text cut at any byte is cut back to whole characters, and by no more than it must', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.nat(), (text, at) => {
      const bytes = Buffer.from(text.toWellFormed())
      const cut = bytes.subarray(0, at % (bytes.length + 1))
      const whole = wholeCharacters(cut)
      expect(cut.length - whole).toBeLessThan(4)
      expect(bytes.toString('utf8', 0, whole) + bytes.toString('utf8', whole)).toBe(text.toWellFormed())
    }),
  )
})

test('bytes that are no text at all are passed on, not kept back for ever', () => {
  expect(wholeCharacters(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80]))).toBe(5)
  expect(wholeCharacters(Buffer.from([0xff]))).toBeLessThanOrEqual(1)
  expect(wholeCharacters(Buffer.from([0x41, 0xc3, 0x28]))).toBe(3)
})
