import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { criticalT, twoSided } from './student.ts'

/** Abramowitz and Stegun, table 26.10: t that is exceeded on both sides together with chance p. */
const table: readonly (readonly [degrees: number, byP: Readonly<Record<string, number>>])[] = [
  [1, { 0.2: 3.078, 0.1: 6.314, 0.05: 12.706, 0.02: 31.821, 0.01: 63.657, 0.001: 636.619 }],
  [2, { 0.2: 1.886, 0.1: 2.92, 0.05: 4.303, 0.02: 6.965, 0.01: 9.925, 0.001: 31.598 }],
  [5, { 0.2: 1.476, 0.1: 2.015, 0.05: 2.571, 0.02: 3.365, 0.01: 4.032, 0.001: 6.869 }],
  [10, { 0.2: 1.372, 0.1: 1.812, 0.05: 2.228, 0.02: 2.764, 0.01: 3.169, 0.001: 4.587 }],
  [30, { 0.2: 1.31, 0.1: 1.697, 0.05: 2.042, 0.02: 2.457, 0.01: 2.75, 0.001: 3.646 }],
  [120, { 0.2: 1.289, 0.1: 1.658, 0.05: 1.98, 0.02: 2.358, 0.01: 2.617, 0.001: 3.373 }],
  [Number.POSITIVE_INFINITY, { 0.2: 1.282, 0.1: 1.645, 0.05: 1.96, 0.02: 2.326, 0.01: 2.576, 0.001: 3.291 }],
]

describe("Student's t", () => {
  test('is what the published table says', () => {
    for (const [degrees, byP] of table)
      for (const [p, t] of Object.entries(byP)) {
        expect(Math.abs(criticalT(Number(p), degrees) - t), `${degrees} degrees, p = ${p}`).toBeLessThan(0.0006 + t * 1e-4)
        expect(twoSided(t, degrees) / Number(p)).toBeCloseTo(1, 2)
      }
  })

  test('has closed forms for one and two degrees, far into the tails', () => {
    for (const t of [1e-6, 0.1, 1, 5, 40, 1e3, 1e6]) {
      // 1 − (2/π)·atan t, written so that it keeps its digits.
      expect(twoSided(t, 1) / ((2 / Math.PI) * Math.atan2(1, t))).toBeCloseTo(1, 11)
      const root = Math.sqrt(2 + t * t)
      expect(twoSided(t, 2) / (2 / (root * (root + t)))).toBeCloseTo(1, 11)
    }
  })

  test('falls with t and with the degrees, and its quantile is its inverse', () => {
    const degrees = fc.double({ min: 0.5, max: 1e8, noNaN: true })
    const p = fc.double({ min: 1e-12, max: 0.999, noNaN: true })
    fc.assert(
      fc.property(degrees, p, (v, chance) => {
        const t = criticalT(chance, v)
        expect(twoSided(t, v) / chance).toBeCloseTo(1, 6)
        expect(twoSided(t * 1.01, v)).toBeLessThan(chance)
        expect(twoSided(t, v * 1.5)).toBeLessThanOrEqual(chance * (1 + 1e-6))
        expect(twoSided(-t, v)).toBe(twoSided(t, v))
      }),
      { numRuns: 200 },
    )
  })

  test('says nothing of what is no question', () => {
    expect([twoSided(Number.NaN, 5), twoSided(3, 0), twoSided(Number.POSITIVE_INFINITY, 5)]).toEqual([1, 1, 0])
    expect([criticalT(1, 5), criticalT(0, 5), criticalT(0.05, 0)]).toEqual([0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
  })
})
