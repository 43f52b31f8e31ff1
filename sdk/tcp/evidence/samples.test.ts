import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Samples } from './samples.ts'

const of = (ns: readonly number[]) => {
  const samples = new Samples()
  for (const one of ns) samples.add(one)
  return samples.distribution()
}

describe('a distribution of round trips', () => {
  it('is null without samples; durations that a clock which stepped back made are none', () => {
    expect(of([])).toBeNull()
    expect(of([-5, Number.NaN])).toBeNull()
  })

  it('of few samples is exact', () => {
    expect(of([4e6, 1e6, 2e6, 3e6])).toEqual({
      samples: 4,
      minMs: 1,
      meanMs: 2.5,
      p50Ms: 2,
      p95Ms: 4,
      p99Ms: 4,
      maxMs: 4,
      deviationMs: Math.sqrt(5 / 3),
    })
    expect(of([7e6])).toMatchObject({ samples: 1, p50Ms: 7, deviationMs: 0 })
  })

  it('of many samples has exact count, ends, mean and deviation, and percentiles within a hundredth', () => {
    const durations = fc.array(fc.double({ min: 2e3, max: 5e11, noNaN: true }), { minLength: 65, maxLength: 400 })
    fc.assert(
      fc.property(durations, (ns) => {
        const found = of(ns) as NonNullable<ReturnType<typeof of>>
        const sorted = ns.toSorted((one, other) => one - other).map((one) => one / 1e6)
        const mean = sorted.reduce((sum, one) => sum + one, 0) / sorted.length
        const deviation = Math.sqrt(sorted.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (sorted.length - 1))
        expect(found.samples).toBe(ns.length)
        expect(found.minMs).toBe(sorted[0])
        expect(found.maxMs).toBe(sorted.at(-1))
        expect(Math.abs(found.meanMs - mean)).toBeLessThanOrEqual(mean * 1e-9)
        expect(Math.abs(found.deviationMs - deviation)).toBeLessThanOrEqual(mean * 1e-6 + deviation * 1e-6)
        for (const [share, at] of [
          [0.5, found.p50Ms],
          [0.95, found.p95Ms],
          [0.99, found.p99Ms],
        ] as const) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1] as number
          expect(Math.abs(at - exact)).toBeLessThanOrEqual(exact / 64)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('holds durations from nothing to days', () => {
    const found = of([...Array.from({ length: 100 }, () => 0), 3e14, 1])
    expect(found).toMatchObject({ samples: 102, minMs: 0, p50Ms: expect.closeTo(0, 2), maxMs: 3e8 })
  })
})
