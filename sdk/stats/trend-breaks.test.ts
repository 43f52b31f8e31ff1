import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { trendBreaks } from './index.ts'

/** Repeatable noise between −1 and 1. */
function noiseFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2_147_483_648 - 1
  }
}
const line = (length: number, from: number, slope: number, seed: number, noise = 1): number[] => {
  const next = noiseFrom(seed)
  return Array.from({ length }, (_, t) => from + slope * t + noise * next())
}

describe('breaks of a trend', () => {
  test('are found where a slope or a level changes', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const [bend] = trendBreaks([...line(60, 0, 0.5, seed), ...line(60, 30, -0.5, seed + 50)], { penalty: 4 })
      expect(Math.abs((bend as number) - 60)).toBeLessThanOrEqual(3)
      expect(trendBreaks([...line(60, 0, 0.2, seed), ...line(60, 24, 0.2, seed + 50)], { penalty: 4 })).toEqual([60])
    }
  })

  test('are few on a straight line, also when its noise goes together, and the fewer the dearer they are', () => {
    const linesWithBreaks = (penalty: number, together: number) =>
      Array.from({ length: 100 }, (_, seed) => {
        const next = noiseFrom((seed + 1) * 7_919)
        for (let nth = 0; nth < 10; nth++) next()
        let last = 0
        return trendBreaks(
          Array.from({ length: 120 }, (_value, t) => 0.1 * t + (last = together * last + next())),
          { penalty },
        ).length
      }).filter((count) => count > 0).length
    expect(linesWithBreaks(2, 0)).toBeLessThanOrEqual(30)
    expect(linesWithBreaks(4, 0)).toBeLessThanOrEqual(3)
    expect(linesWithBreaks(4, 0.5)).toBeLessThanOrEqual(5)
  })

  test('stay where they are when the series is moved, scaled or tilted, and are mirrored when time is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: -50, max: 50 }),
        (seed, factor, by) => {
          const series = [...line(40, 0, 0.3, seed), ...line(50, 30, -0.2, seed + 7)]
          const found = trendBreaks(series)
          expect(found).toEqual([40])
          expect(trendBreaks(series.map((value) => value * factor + by))).toEqual(found)
          expect(trendBreaks(series.map((value, t) => value + by * t))).toEqual(found)
          expect(trendBreaks(series.toReversed())).toEqual([50])
        },
      ),
      { numRuns: 20 },
    )
  })

  test('want pieces of some length; gaps are filled; nothing has none', () => {
    expect(trendBreaks([...new Array<number>(12).fill(1), ...new Array<number>(12).fill(9)])).toEqual([12])
    expect(trendBreaks([...new Array<number>(12).fill(1), ...new Array<number>(6).fill(9)])).toEqual([])
    expect(trendBreaks([null, null, ...new Array<number>(10).fill(1), null, ...new Array<number>(12).fill(9)])).toEqual([13])
    expect([trendBreaks([]), trendBreaks(new Array<null>(40).fill(null)), trendBreaks(new Array<number>(40).fill(3))]).toEqual([[], [], []])
  })
})
