import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addStrata, benjaminiHochberg, concludeStrata, type Moments, stratum, welch } from './index.ts'

const momentsOf = (values: readonly number[]): Moments => ({
  n: values.length,
  sum: values.reduce((sum, it) => sum + it, 0),
  sumSquares: values.reduce((sum, it) => sum + it * it, 0),
})
const values = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 40 })

describe('a comparison of means', () => {
  test('gives the textbook its figures', () => {
    // The second example of the article on Welch's test in Wikipedia: unequal sizes and variances.
    const first = [17.2, 20.9, 22.6, 18.1, 21.7, 21.4, 23.5, 24.2, 14.7, 21.8]
    const second = [21.5, 22.8, 21.0, 23.0, 21.6, 23.6, 22.5, 20.7, 23.4, 21.8, 20.7, 21.7, 21.5, 22.5, 23.6, 21.5, 22.5, 23.5, 21.5, 21.8]
    const it = welch(momentsOf(first), momentsOf(second))
    expect([it.before.mean, it.after.mean].map((mean) => mean.toFixed(1))).toEqual(['20.6', '22.1'])
    expect(it.t).toBeCloseTo(1.57, 1)
    expect(it.degrees).toBeCloseTo(9.9, 0)
    expect(it.p).toBeCloseTo(0.149, 1)
  })

  test('moves with its values and grows with their unit; before and after are mirror images', () => {
    fc.assert(
      fc.property(values, values, fc.integer({ min: 1, max: 1_000 }), (before, after, by) => {
        const it = welch(momentsOf(before), momentsOf(after))
        const moved = welch(momentsOf(before.map((value) => value + by)), momentsOf(after.map((value) => value + by)))
        const scaled = welch(momentsOf(before.map((value) => value * by)), momentsOf(after.map((value) => value * by)))
        const mirrored = welch(momentsOf(after), momentsOf(before))
        expect(moved.p).toBeCloseTo(it.p, 6)
        expect(moved.difference).toBeCloseTo(it.difference, 6)
        expect(scaled.p).toBeCloseTo(it.p, 6)
        expect(scaled.difference).toBeCloseTo(it.difference * by, 3)
        expect([mirrored.difference, mirrored.low, mirrored.high]).toEqual([-it.difference || 0, -it.high || 0, -it.low || 0])
        expect(mirrored.p).toBe(it.p)
        expect(it.low).toBeLessThanOrEqual(it.difference)
        expect(it.high).toBeGreaterThanOrEqual(it.difference)
        // What the interval says and what the test says is one thing.
        if (Math.abs(it.p - 0.01) > 1e-9) expect(it.low > 0 || it.high < 0).toBe(it.p < 0.01)
      }),
    )
  })

  test('is sure of what never varies, and says nothing of too little', () => {
    const constant = (value: number, n: number) => momentsOf(new Array<number>(n).fill(value))
    expect(welch(constant(2, 30), constant(12, 30))).toMatchObject({ difference: 10, relative: 5, p: 0, low: 10, high: 10 })
    expect(welch(constant(0.1, 30), constant(0.1, 7_000))).toMatchObject({ difference: 0, relative: 0, p: 1 })
    expect(welch(constant(0, 30), constant(3, 30))).toMatchObject({ relative: Number.POSITIVE_INFINITY, p: 0 })
    expect(welch(constant(0, 30), constant(0, 30))).toMatchObject({ relative: 0, p: 1 })
    expect(welch(constant(2, 30), constant(3, 1))).toMatchObject({ p: 1, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY })
  })

  test('within strata, a mix that changed is no difference', () => {
    const noisy = (mean: number, n: number) => momentsOf(Array.from({ length: n }, (_, nth) => mean + (nth % 7) - 3))
    const robots = { before: noisy(10, 70), after: noisy(10, 700) }
    const people = { before: noisy(100, 700), after: noisy(100, 70) }
    const mixed = (side: 'before' | 'after'): Moments => ({
      n: robots[side].n + people[side].n,
      sum: robots[side].sum + people[side].sum,
      sumSquares: robots[side].sumSquares + people[side].sumSquares,
    })
    expect(welch(mixed('before'), mixed('after')).p).toBeLessThan(1e-9)
    const within = concludeStrata(addStrata([stratum(robots.before, robots.after), stratum(people.before, people.after)]))
    expect(within).toMatchObject({ difference: 0, p: 1, before: { n: 770 }, after: { n: 770 } })
  })

  test('strata add up in any order, and one that has nobody on a side adds nothing', () => {
    const side = values.map(momentsOf)
    fc.assert(
      fc.property(fc.array(fc.tuple(side, side), { minLength: 1, maxLength: 6 }), (pairs) => {
        const strata = pairs.map(([before, after]) => stratum(before, after))
        const lonely = stratum({ n: 1, sum: 5, sumSquares: 25 }, { n: 50, sum: 5, sumSquares: 25 })
        const [there, back] = [strata, [lonely, ...strata.toReversed()]].map((all) => concludeStrata(addStrata(all)))
        expect(back?.difference).toBeCloseTo(there?.difference ?? Number.NaN, 6)
        expect(back?.p).toBeCloseTo(there?.p ?? Number.NaN, 6)
        expect(back?.before.n).toBe(there?.before.n)
      }),
    )
  })
})

describe('many tests at once', () => {
  test('are corrected as Benjamini and Hochberg did in their example', () => {
    // Section 3.3 of their paper: at 0.05 the first four of fifteen are discoveries.
    const p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1]
    expect(benjaminiHochberg(p).map((q) => q <= 0.05)).toEqual(p.map((_, nth) => nth < 4))
  })

  test('q is never below p, keeps the order of p, and follows its p wherever that stands', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (p) => {
        const q = benjaminiHochberg(p)
        for (const [at, of] of q.entries()) {
          expect(of).toBeGreaterThanOrEqual(p[at] as number)
          expect(of).toBeLessThanOrEqual(1)
          for (const [other, than] of q.entries()) if ((p[at] as number) < (p[other] as number)) expect(of).toBeLessThanOrEqual(than)
        }
        expect(benjaminiHochberg(p.toReversed()).toReversed()).toEqual(q)
      }),
    )
  })

  test('of false alarms among discoveries there are no more than promised', () => {
    // 900 tests of nothing, evenly spread p; 100 of something.
    const p = [...Array.from({ length: 900 }, (_, nth) => (nth + 0.5) / 900), ...new Array<number>(100).fill(1e-6)]
    const found = benjaminiHochberg(p).flatMap((q, at) => (q <= 0.05 ? [at] : []))
    expect(found.filter((at) => at >= 900)).toHaveLength(100)
    expect(found.filter((at) => at < 900).length / found.length).toBeLessThanOrEqual(0.06)
  })
})
