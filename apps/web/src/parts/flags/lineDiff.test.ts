import { array, assert, constantFrom, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineDiff } from './lineDiff.ts'

const text = array(constantFrom('a', 'b', 'c', ''), { minLength: 1 }).map((lines) => lines.join('\n'))

describe('two texts line by line', () => {
  test('give both back: without what was put in the old, without what was taken out the new', () =>
    assert(
      property(text, text, (before, after) => {
        const lines = lineDiff(before, after)
        const without = (kind: string) => lines.filter((it) => it.kind !== kind).map((it) => it.text)
        expect(without('ins').join('\n')).toBe(before)
        expect(without('del').join('\n')).toBe(after)
      }),
    ))
  test('show what stayed', () =>
    expect(lineDiff('a\nb\nc', 'a\nx\nc').map(({ kind, text: it }) => `${kind} ${it}`)).toEqual(['same a', 'del b', 'ins x', 'same c']))
  test('that are very long are told apart without comparing every pair of lines', () =>
    expect(lineDiff('a\n'.repeat(2_000), 'b\n'.repeat(2_000)).length).toBe(4_002))
})
