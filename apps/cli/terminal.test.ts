import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { plain, startMs } from './fixtures.ts'
import { type Column, cut, type Look, pairs, sayWhen, table, wrap } from './terminal.ts'

const eyes: Look = { terminal: true, width: 40, nowMs: startMs }
const pipe: Look = { ...eyes, terminal: false }
type Row = { name: string; count: number; says: string | null }
const columns: Column<Row>[] = [
  { title: 'name', value: ({ name }) => name },
  { title: 'count', value: ({ count }) => count, align: 'right' },
  { title: 'says', value: ({ says }) => says },
]
const rows: Row[] = [
  { name: 'web', count: 7, says: 'all is well' },
  { name: 'データ', count: 1_200, says: null },
]

describe('a table', () => {
  test('lines up in a terminal, also where letters are two columns wide', () => {
    expect(table(rows, columns, eyes, plain).split('\n')).toEqual(['NAME    COUNT  SAYS', 'web         7  all is well', 'データ   1200  –'])
  })

  test('is tab-separated without header in a pipe, one line a row whatever the texts hold', () => {
    expect(table([...rows, { name: 'x', count: 1, says: 'two\nlines\tand a tab' }], columns, pipe, plain).split('\n')).toEqual([
      'web\t7\tall is well',
      'データ\t1200\t',
      'x\t1\ttwo lines and a tab',
    ])
  })

  test('is never wider than the terminal', () => {
    const long = table([{ name: 'a', count: 1, says: 'x'.repeat(200) }], columns, eyes, plain)
    for (const line of long.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(40)
  })
})

test('a cut line keeps its colours and closes them', () => {
  expect(cut('\u001b[31mabcdefgh\u001b[39m', 5)).toBe('\u001b[31mabcd…\u001b[0m')
  expect(cut('abc', 5)).toBe('abc')
})

test('a long sentence breaks between words, and a word that is too long stays whole', () => {
  expect(wrap('one two three four\nfive', 9, 2)).toBe('one two\n  three\n  four\nfive')
  expect(wrap('see http://127.0.0.1:20301/healthz now', 10)).toBe('see\nhttp://127.0.0.1:20301/healthz\nnow')
  expect(wrap('short', 1_000)).toBe('short')
})

test('times are coarse for eyes and exact for scripts', () => {
  expect(sayWhen(startMs - 125_000, eyes)).toBe('2 min ago')
  expect(sayWhen(startMs + 7_200_000, eyes)).toBe('in 2 h')
  expect(sayWhen(startMs, eyes)).toBe('just now')
  expect(sayWhen(startMs, pipe)).toBe('2026-11-22T12:00:00.000Z')
  expect(sayWhen(null, pipe)).toBe('')
})

test('pairs leave out what is not known', () => {
  expect(
    pairs(
      [
        ['name', 'web'],
        ['lease', null],
        ['state', 'a\nb'],
      ],
      { look: eyes, paint: plain },
    ),
  ).toBe('name   web\nstate  a\n       b')
})
