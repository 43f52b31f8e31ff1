import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chanceOfGroups,
  chanceOfPairs,
  effectOfGroups,
  effectOfPairs,
  holm,
  randomFrom,
  ranksOf,
  shiftOfGroups,
  shiftOfPairs,
} from './ranks.ts'

const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 12 })

/** The textbook's way: every difference, sorted. */
const median = (all: number[]) => {
  const sorted = all.toSorted((x, y) => x - y)
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2
}

describe('ranks', () => {
  test('equal values share the mean of their ranks', () => {
    expect([...ranksOf([30, 10, 20, 10])]).toEqual([4, 1.5, 3, 1.5])
  })

  test('the shift of two groups is a median of all their differences', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const all = a.flatMap((x) => b.map((y) => y - x)).toSorted((x, y) => x - y)
        const { estimate, low, high } = shiftOfGroups([{ a, b }])
        // An even number of differences has two middles; either is one, and so is what lies between.
        expect(estimate).toBeGreaterThanOrEqual((all[Math.floor((all.length - 1) / 2)] ?? 0) - 1e-6)
        expect(estimate).toBeLessThanOrEqual((all[Math.ceil((all.length - 1) / 2)] ?? 0) + 1e-6)
        expect(low).toBeLessThanOrEqual(estimate + 1e-6)
        expect(high).toBeGreaterThanOrEqual(estimate - 1e-6)
      }),
    )
  })

  test('the shift of pairs is a median of the means of two differences', () => {
    fc.assert(
      fc.property(values, (differences) => {
        const walsh = differences.flatMap((x, i) => differences.slice(i).map((y) => (x + y) / 2))
        const { estimate, low, high } = shiftOfPairs(differences)
        const sorted = walsh.toSorted((x, y) => x - y)
        expect(estimate).toBeGreaterThanOrEqual((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) - 1e-6)
        expect(estimate).toBeLessThanOrEqual((sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0) + 1e-6)
        expect(low).toBeLessThanOrEqual(median(walsh) + 1e-6)
        expect(high).toBeGreaterThanOrEqual(median(walsh) - 1e-6)
      }),
    )
  })

  test('chances are those of the tables', () => {
    // Two groups of six that do not overlap: 2 of 924 divisions. Ten pairs that all rose: 2 of 1,024 signs.
    const p = chanceOfGroups([{ a: [1, 2, 3, 4, 5, 6], b: [7, 8, 9, 10, 11, 12] }], randomFrom(1))
    expect(p).toBeGreaterThan(0.0008)
    expect(p).toBeLessThan(0.005)
    // U = 4 of 5 and 5: 0.095 (Mann and Whitney's table).
    const table = Array.from({ length: 8 }, (_, seed) => chanceOfGroups([{ a: [1, 2, 3, 6, 8], b: [4, 5, 7, 9, 10] }], randomFrom(seed)))
    expect(table.reduce((sum, one) => sum + one, 0) / 8).toBeCloseTo(0.151, 1)
    const rose = chanceOfPairs([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], randomFrom(2))
    expect(rose).toBeGreaterThan(0.0006)
    expect(rose).toBeLessThan(0.005)
  })

  test('strata of one and one make the sign test: what differs between strata says nothing', () => {
    const strata = Array.from({ length: 12 }, (_, i) => ({ a: [1000 * i], b: [1000 * i + 1] }))
    expect(chanceOfGroups(strata, randomFrom(3))).toBeLessThan(0.005)
    expect(effectOfGroups(strata)).toBe(1)
    expect(shiftOfGroups(strata)).toMatchObject({ estimate: expect.closeTo(1, 6) })
  })

  test('a group beside itself has chance 1, effect 0 and a shift whose interval holds 0', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 4 }), fc.nat(), (groups, seed) => {
        const strata = groups.map((a) => ({ a, b: a.toReversed() }))
        expect(chanceOfGroups(strata, randomFrom(seed))).toBe(1)
        expect(effectOfGroups(strata)).toBeCloseTo(0, 10)
        const { low, high } = shiftOfGroups(strata)
        expect(low).toBeLessThanOrEqual(1e-6)
        expect(high).toBeGreaterThanOrEqual(-1e-6)
      }),
    )
    expect(chanceOfPairs([0, 0, 0], randomFrom(1))).toBe(1)
    expect(effectOfPairs([0, 0])).toBe(0)
  })

  test('chances of groups that are alike are even: 5 of 100 lie below 5 %', () => {
    const random = randomFrom(7)
    let below = 0
    for (let round = 0; round < 400; round++) {
      // Unequal sides, a stratum whose smaller side is A and one whose smaller side is B, and many ties at 0.
      const draw = (n: number) => Array.from({ length: n }, () => Math.max(0, Math.floor(random() * 5) - 2))
      if (chanceOfGroups([{ a: draw(5), b: draw(14) }, { a: draw(11), b: draw(4) }], random) <= 0.05) below++ // biome-ignore format: one line says it
    }
    expect(below / 400).toBeLessThan(0.08)
    expect(below / 400).toBeGreaterThan(0.01)
  })

  test("Holm's correction keeps the order and never lowers a chance", () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06])
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (ps) => {
        const adjusted = holm(ps)
        ps.forEach((p, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p)
          ps.forEach((q, j) => {
            if (p < q) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j] ?? 1)
          })
        })
      }),
    )
  })
})
