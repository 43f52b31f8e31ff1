import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineCutter } from './lines.ts'

function cut(bytes: Buffer, sizes: readonly number[], bytesMax = 1_000): { lines: string[]; tooLong: number } {
  const lines: string[] = []
  let tooLong = 0
  const cutter = lineCutter({ bytesMax, onLine: (line) => lines.push(line), onTooLong: () => tooLong++ })
  let at = 0
  for (const size of sizes) {
    cutter.push(bytes.subarray(at, at + size))
    at += size
  }
  cutter.push(bytes.subarray(at))
  cutter.end()
  return { lines, tooLong }
}

test('lines are the same however their bytes arrive', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.nat({ max: 5 })), (text, sizes) => {
      const lines = text.split('\n')
      if (lines.at(-1) === '') lines.pop()
      expect(cut(Buffer.from(text), sizes).lines).toEqual(lines)
    }),
  )
})

test('a line that is too long is told once and skipped, and the next one comes', () => {
  const text = Buffer.from(`a\n${'x'.repeat(50)}\nb\n`)
  expect(cut(text, [10, 10, 10], 20)).toEqual({ lines: ['a', 'b'], tooLong: 1 })
})
