import { describe, expect, test } from 'vitest'
import { sayDifference, sayFigure, sayMany, sayP, sayPer, sayRelative, sayShare, sayTime, sayTotal } from './figures.ts'

describe('a figure', () => {
  test.each([
    [0, '0'],
    [3, '<0.01'],
    [40, '0.04'],
    [400, '0.4'],
    [996, '1'],
    [6_200, '6.2'],
    [9_960, '10'],
    [36_400, '36'],
    [1_890_000, '1,890'],
  ])('%d µs is %s ms', (us, says) => expect(sayTime(us)).toEqual({ value: says, unit: 'ms' }))

  test('that is very long is told in seconds', () => expect(sayTime(12_500_000)).toEqual({ value: '13', unit: 's' }))
  test('keeps its unit where it stands alone', () => {
    expect(sayFigure('cpu', 36_000)).toBe('36 ms')
    expect(sayFigure('statements', 3.25)).toBe('3.3')
    expect(sayPer(0.04)).toBe('0.04')
  })
  test('of all calls together grows its unit', () => {
    expect([812_000, 12_300_000, 300e6, 8_280e6, 200_000e6].map((us) => Object.values(sayTotal(us)).join(' '))).toEqual([
      '812 ms',
      '12 s',
      '5 min',
      '2.3 h',
      '2.3 d',
    ])
  })
  test('of very many is folded', () => {
    expect([31_204, 12_400_000, 3_100_000_000].map(sayMany)).toEqual(['31,204', '12 M', '3.1 G'])
  })
})

describe('a difference', () => {
  test.each([
    [0.234, '+23%'],
    [-0.04, '−4%'],
    [0.004, '+0.4%'],
    [-0.000_01, '−<0.1%'],
    [0, '0%'],
    [11, '× 12'],
  ])('of %d is said %s', (relative, says) => expect(sayRelative(relative)).toBe(says))

  test('to nothing is told in its unit', () => {
    expect(sayDifference('db', { relative: null, difference: 900 })).toBe('+0.9 ms')
    expect(sayDifference('statements', { relative: null, difference: -2 })).toBe('−2')
  })
  test('is as sure as its test, and no surer', () => {
    expect([0.25, 0.031, 1e-9].map(sayP)).toEqual(['p 0.25', 'p 0.031', 'p < 0.001'])
    expect([0, 0.0004, 0.07, 0.5].map(sayShare)).toEqual(['0%', '<0.1%', '7%', '50%'])
  })
})
