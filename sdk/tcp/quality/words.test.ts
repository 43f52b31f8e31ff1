import fc from 'fast-check'
import { expect, test } from 'vitest'
import { count, list, percent, rate, size, time, times, whole } from './words.ts'

test.each([
  [0, '0 ms'],
  [0.0004, '0.40 µs'],
  [0.12, '0.12 ms'],
  [31.5, '31.5 ms'],
  [999.4, '999 ms'],
  [999.6, '1 s'],
  [7040, '7 s'],
  [119_400, '119 s'],
  [200_000, '3 min 20 s'],
  [18_120_000, '5 h 2 min'],
])('%d ms is read as %s', (ms, text) => {
  expect(time(ms)).toBe(text)
})

test('a size, a rate and a number are read in three digits that count', () => {
  expect([size(1), size(420), size(1_234_000), size(2e9)]).toEqual(['1 byte', '420 bytes', '1.2 MB', '2 GB'])
  expect([rate(999), rate(4_800_000), rate(2.5e9)]).toEqual(['999 bit/s', '4.8 Mbit/s', '2.5 Gbit/s'])
  expect([whole(1994), whole(1_234_567), count(1, 'segment'), count(12, 'segment')]).toEqual([
    '1,994',
    '1,234,567',
    '1 segment',
    '12 segments',
  ])
  expect([times(1), times(2), times(3), list(['a']), list(['a', 'b', 'c'])]).toEqual(['once', 'twice', '3 times', 'a', 'a, b and c'])
})

test('a share that is not nothing is never read as nothing, nor one that is not all as all', () => {
  expect([percent(0), percent(0.121), percent(0.0088), percent(0.96), percent(1)]).toEqual(['0 %', '12.1 %', '0.88 %', '96 %', '100 %'])
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true, minExcluded: true, maxExcluded: true }), (share) => {
      expect(percent(share)).not.toMatch(/^(0|0\.00|100) %$/)
    }),
  )
})
