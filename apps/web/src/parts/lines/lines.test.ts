import { describe, expect, test } from 'vitest'
import { linesOf, mergePieces, plainLine } from './lines.ts'

const piece = (seq: number, text: string, at = seq * 1_000) => ({ seq, at, text })
const textsOf = (...texts: string[]) => linesOf(texts.map((text, index) => piece(index + 1, text))).map((line) => line.text)

describe('output as lines', () => {
  test('a line that came in pieces is one line, with the time at which it began', () => {
    expect(linesOf([piece(1, 'start'), piece(2, 'ing\nready\n')])).toMatchObject([
      { at: 1_000, text: 'starting' },
      { at: 2_000, text: 'ready' },
    ])
  })

  test('a last line without its end is shown as far as it is', () => {
    expect(textsOf('one\ntw')).toEqual(['one', 'tw'])
  })

  test('empty lines stay', () => {
    expect(textsOf('one\n\ntwo\n')).toEqual(['one', '', 'two'])
  })

  test('colours and cursor moves of a terminal are left out', () => {
    expect(plainLine('\u001b[31mError\u001b[0m: \u001b]0;title\u0007no')).toBe('Error: no')
  })

  test('a progress bar that overwrote itself shows its last state', () => {
    expect(plainLine('10 %\r50 %\r100 %\r')).toBe('100 %')
  })

  test("Belay's own clock is not said twice", () => {
    expect(textsOf('10:03:06  stop api@v4\n')).toEqual(['stop api@v4'])
  })

  test('output that was fetched and came live as well stands once, in order', () => {
    const merged = mergePieces([piece(1, 'a'), piece(3, 'c')], [piece(3, 'c'), piece(2, 'b'), piece(4, 'd')])
    expect(merged.map((it) => it.text).join('')).toBe('abcd')
  })
})
