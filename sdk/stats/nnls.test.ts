import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nnls } from './nnls.ts'

const error = (rows: readonly (readonly number[])[], values: readonly number[], x: readonly number[]) =>
  rows.reduce((sum, row, i) => sum + (row.reduce((dot, a, j) => dot + a * (x[j] as number), 0) - (values[i] as number)) ** 2, 0)

const problem = fc.integer({ min: 1, max: 5 }).chain((columns) =>
  fc.array(
    fc.tuple(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: columns, maxLength: columns }), fc.integer({ min: -50, max: 50 })),
    {
      minLength: 1,
      maxLength: 12,
    },
  ),
)

describe('non-negative least squares', () => {
  test('finds what made the values, when nothing is noisy', () => {
    const truth = [3, 0, 0.25, 40]
    const rows = Array.from({ length: 20 }, (_, i) => [i % 7, (i * 5) % 11, (i * i) % 13, (i * 3) % 5])
    const found = nnls(
      rows,
      rows.map((row) => row.reduce((sum, a, j) => sum + a * (truth[j] as number), 0)),
    )
    found.forEach((value, j) => expect(value).toBeCloseTo(truth[j] as number, 6))
  })

  test('gives 0 where the best fit would be negative, and fits the rest anew', () => {
    // Without the bound: x = (2, -1).
    expect(
      nnls(
        [
          [1, 0],
          [0, 1],
          [1, 1],
        ],
        [2, -1, 1],
      )[1],
    ).toBe(0)
    expect(
      nnls(
        [
          [1, 0],
          [0, 1],
          [1, 1],
        ],
        [2, -1, 1],
      )[0],
    ).toBeCloseTo(1.5, 9)
  })

  test('is never negative, and no step in any direction that is allowed makes it better', () => {
    fc.assert(
      fc.property(problem, (cases) => {
        const rows = cases.map(([row]) => row)
        const values = cases.map(([, value]) => value)
        const x = nnls(rows, values)
        const best = error(rows, values, x)
        for (const value of x) expect(value).toBeGreaterThanOrEqual(0)
        x.forEach((_, j) => {
          for (const step of [1e-3, -1e-3, 1, -1]) {
            const moved = x.map((value, k) => (k === j ? Math.max(0, value + step) : value))
            expect(error(rows, values, moved)).toBeGreaterThanOrEqual(best - 1e-6 * (1 + best))
          }
        })
      }),
    )
  })

  test('shares what two equal columns explain, whichever of them it gives it to', () => {
    const [a, b] = nnls(
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      [2, 4, 6],
    ) as [number, number]
    expect(a + b).toBeCloseTo(2, 6)
  })

  test('has no answer but zeros for nothing', () => {
    expect(nnls([], [])).toEqual([])
    expect(nnls([[0, 0]], [5])).toEqual([0, 0])
  })
})
