import type { JsonWire } from '@belay/protocol'
import { assert, jsonValue, property, stringMatching } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readJson, sayJson } from './jsonText.ts'

const any = jsonValue().map((it) => JSON.parse(JSON.stringify(it)) as JsonWire)

describe('JSON in an editor', () => {
  test('what is written for reading is read as it was', () =>
    assert(
      property(any, (it) => {
        expect(readJson(sayJson(it)).value).toEqual(it)
      }),
    ))
  test('text is accepted exactly where JSON is', () =>
    assert(
      property(stringMatching(/^[[\]{}",:0-9a-b.truefalsn \\-]{0,14}$/), (text) => {
        const { error } = readJson(text)
        let legal = true
        try {
          JSON.parse(text)
        } catch {
          legal = false
        }
        if (error === undefined) expect(legal, text).toBe(true)
        else expect(!legal || error.says.includes('second time'), `${text}: ${error.says}`).toBe(true)
      }),
      { numRuns: 3_000 },
    ))
  test.each([
    ['{"if": [\n  true,\n  on\n]}', 3, 3, /a value belongs here/],
    ['{"a": 1 "b": 2}', 1, 9, /a comma or } belongs here/],
    ['{"a": 1,\n "a": 2}', 2, 2, /"a" stands here a second time/],
    ['[1, 2', 1, 6, /ends too early/],
    ['{a: 1}', 1, 2, /double quotes/],
    ['1 2', 1, 3, /something follows/],
  ])('%j is wrong at line %i, column %i', (text, line, column, says) => {
    const { error } = readJson(text)
    expect(error).toMatchObject({ line, column })
    expect(error?.says).toMatch(says)
  })
  test('a part is found by its path, or the nearest that holds it', () => {
    const read = readJson('{"if": [\n  true,\n  "on"\n]}')
    expect(read.error === undefined && read.placeOf(['if', 1])).toMatchObject({ line: 3, column: 3 })
    expect(read.error === undefined && read.placeOf(['if', 7, 'x'])).toMatchObject({ line: 1, column: 8 })
  })
  test('a thousand levels are refused, not followed', () => expect(readJson('['.repeat(1_000)).error?.says).toMatch(/levels deep/))
})
