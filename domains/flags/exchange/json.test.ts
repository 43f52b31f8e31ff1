import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { documentBytesMax, firstError, parseDocument, whyUnsafe } from './json.ts'

describe('a document that is not JSON', () => {
  test.each([
    ['{\n  "a": 1,\n}', 'line 3, column 1: a name in double quotes is missing here (is there a comma too many?)'],
    ['{"a": x}', 'line 1, column 7: a value is missing here'],
    ['{"a" 1}', 'line 1, column 6: a colon is missing here'],
    ['[1 2]', 'line 1, column 4: a comma or the closing bracket is missing here'],
    ["{'a': 1}", 'line 1, column 2: JSON has double quotes only'],
    ['{\n  // hello\n}', 'line 2, column 3: JSON has no comments'],
    ['{"a": "x\ny"}', 'line 1, column 7: this text has no closing quote, or a character in it that must be escaped'],
    ['{"a": [1, 2', 'line 1, column 12: it ends too early: a comma or the closing bracket is missing here'],
    ['{} {}', 'line 1, column 4: nothing may stand after the end'],
    ['', 'line 1, column 1: it ends too early: a value is missing here'],
    ['flags:\n  a: 1', 'line 1, column 1: a value is missing here'],
    ['[1, 02]', 'line 1, column 6: a comma or the closing bracket is missing here'],
  ])('%j is told with its place', (text, sentence) => {
    expect(() => parseDocument(text)).toThrow(`The document is not JSON: ${sentence}.`)
  })

  test('the place is where JSON breaks: what stands before it is the beginning of something good', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom('', ',', '}', ']', ':', '"', 'x', '1', '{'), (json, place, put) => {
        const at = place % (json.length + 1)
        const text = json.slice(0, at) + put + json.slice(at + 1)
        try {
          JSON.parse(text)
        } catch {
          const found = firstError(text)
          expect(found.at).toBeLessThanOrEqual(text.length)
          expect(found.because).not.toBe('')
          // Cut there, it is either good or only ends too early.
          const before = text.slice(0, found.at)
          expect(firstError(before).at).toBe(before.length)
        }
      }),
    )
  })
})

test('a byte order mark is no part of a document; more than 10 MB are refused', () => {
  expect(parseDocument('\uFEFF{"a": 1}')).toEqual({ a: 1 })
  expect(() => parseDocument(`"${'x'.repeat(documentBytesMax)}"`)).toThrow('larger than 10')
})

test('poisoned names and depths are found without going down a stack', () => {
  expect(whyUnsafe(JSON.parse('{"a": [{"__proto__": 1}]}'))).toContain('__proto__')
  expect(whyUnsafe(JSON.parse('{"constructor": {"prototype": 1}}'))).toBeUndefined()
  expect(whyUnsafe(JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`))).toContain('deeper than 100')
})
