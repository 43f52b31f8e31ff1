import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changePoints } from './index.ts'
import { bestDivision } from './energy.ts'
import { twoSided } from './student.ts'

/** Repeatable noise, nearly normal: the sum of twelve even numbers. */
function noiseFrom(seed: number): () => number {
  let state = seed >>> 0
  const even = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
  return () => Array.from({ length: 12 }, even).reduce((sum, it) => sum + it, -6)
}
/** Levels, each with its length; noise of standard deviation 1. */
function steps(seed: number, ...levels: readonly (readonly [level: number, length: number])[]): number[] {
  const noise = noiseFrom(seed)
  return levels.flatMap(([level, length]) => Array.from({ length }, () => level + noise()))
}
const indexes = (series: readonly (number | null)[], options?: Parameters<typeof changePoints>[1]) =>
  changePoints(series, options).map(({ index }) => index)

describe('change points', () => {
  test('are found where the level changes, with their size and its interval', () => {
    const found = changePoints(steps(1, [100, 60], [120, 60], [105, 60]))
    expect(found.map(({ index }) => index)).toEqual([60, 120])
    expect(found[0]?.before).toBeCloseTo(100, 0)
    expect(found[0]?.after).toBeCloseTo(120, 0)
    expect(found[0]?.magnitude).toBeCloseTo(0.2, 1)
    for (const { before, after, low, high } of found) {
      expect(low).toBeLessThan(after - before)
      expect(high).toBeGreaterThan(after - before)
      expect(high - low).toBeLessThan(2)
    }
  })

  test('there are none in what does not change', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.integer({ min: 0, max: 150 }), (value, length) => {
        expect(changePoints(new Array<number>(length).fill(value))).toEqual([])
      }),
      { numRuns: 50 },
    )
    expect([changePoints([]), changePoints([null, null, null, null]), changePoints([1, 2])]).toEqual([[], [], []])
  })

  test('a step without noise is found at its place and is certain', () => {
    expect(changePoints([...new Array<number>(9).fill(2), ...new Array<number>(9).fill(12)])).toEqual([
      { index: 9, p: 0, before: 2, after: 12, magnitude: 5, low: 10, high: 10 },
    ])
  })

  test('noise alone is seldom called a change', () => {
    const false_ = Array.from({ length: 100 }, (_, seed) => indexes(steps(seed + 10, [100, 90]), { magnitudeMin: 0.05 }).length)
    expect(false_.reduce((sum, it) => sum + it, 0)).toBe(0)
  })

  test('stay where they are when the series is moved or scaled', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0.01, max: 1e4, noNaN: true }),
        fc.double({ min: -1e4, max: 1e4, noNaN: true }),
        (seed, factor, by) => {
          const series = steps(seed, [20, 35], [24, 35], [20, 25])
          const found = indexes(series)
          expect(indexes(series.map((value) => value * factor))).toEqual(found)
          expect(indexes(series.map((value) => value + by))).toEqual(found)
          expect(indexes(series.map((value) => -value))).toEqual(found)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('a step that is mirrored in time is found in its mirrored place', () => {
    // The method is not symmetric in all that it weighs (stretches grow to the right); a clear step must be.
    for (let seed = 1; seed <= 20; seed++) {
      const series = steps(seed, [10, 20], [16, 30])
      const options = { window: 200, magnitudeMin: 0.1 }
      expect(indexes(series.toReversed(), options)).toEqual(indexes(series, options).map((index) => 50 - index))
    }
  })

  test('gaps are filled by what was seen before them', () => {
    const series = steps(3, [100, 40], [120, 40])
    const gaps = series.map((value, nth) => (nth < 3 || nth % 11 === 5 ? null : value))
    expect(indexes(gaps)).toEqual([40])
    const first = gaps[3] as number
    const filled = gaps.reduce<number[]>((all, value) => [...all, value ?? all.at(-1) ?? first], [])
    expect(indexes(gaps)).toEqual(indexes(filled))
  })

  test('what is too small or not sure enough is merged away', () => {
    const series = steps(4, [100, 50], [104, 50], [150, 50])
    expect(indexes(series)).toEqual([50, 100])
    expect(indexes(series, { magnitudeMin: 0.1 })).toEqual([100])
    expect(indexes(series, { pMax: 1e-60 })).toEqual([100])
    expect(indexes(series, { magnitudeMin: 1 })).toEqual([])
  })

  test('a window has at least two points', () => {
    expect(() => changePoints([1, 2, 3, 4], { window: 1 })).toThrow('at least 2 points')
  })
})

// ── the same, by its definition and slowly ──────────────────────────────────────────────────────────────────
function plainDivision(z: readonly number[], start: number, end: number) {
  let best: { index: number; q: number } | undefined
  for (let tau = start + 1; tau < end; tau++)
    for (let kappa = tau + 1; kappa <= end; kappa++) {
      const [x, y] = [z.slice(start, tau), z.slice(tau, kappa)]
      const [n, m] = [x.length, y.length]
      const between = x.flatMap((one) => y.map((other) => Math.abs(one - other))).reduce((sum, it) => sum + it, 0)
      const within = (of: readonly number[]) =>
        of.flatMap((one, nth) => of.slice(nth + 1).map((other) => Math.abs(one - other))).reduce((sum, it) => sum + it, 0)
      const q =
        (2 / (n + m)) * between -
        (n > 1 ? ((2 * m) / ((n + m) * (n - 1))) * within(x) : 0) -
        (m > 1 ? ((2 * n) / ((n + m) * (m - 1))) * within(y) : 0)
      if (best === undefined || q > best.q) best = { index: tau, q }
    }
  return best
}

type PlainOptions = { window: number; pMax: number; magnitudeMin: number; merge: 'corrected' | 'upstream' }
function plainChangePoints(z: readonly number[], { window, pMax, magnitudeMin, merge }: PlainOptions): number[] {
  const mean = (of: readonly number[]) => of.reduce((sum, it) => sum + it, 0) / of.length
  const test = (start: number, at: number, end: number) => {
    const [x, y] = [z.slice(start, at), z.slice(at, end)]
    const variance = (of: readonly number[]) => mean(of.map((value) => (value - mean(of)) ** 2))
    const degrees = x.length + y.length - 2
    const [from, to] = [mean(x), mean(y)]
    const pooled = ((x.length - 1) * variance(x) + (y.length - 1) * variance(y)) / degrees
    const t = (to - from) / Math.sqrt(pooled * (1 / x.length + 1 / y.length))
    return { index: at, p: degrees <= 0 ? 1 : twoSided(t, degrees), magnitude: Math.max(Math.abs(to / from - 1), Math.abs(from / to - 1)) }
  }
  const weak = new Set<number>()
  let start = 0
  while (start < z.length) {
    const end = Math.min(z.length, start + window)
    let found: number[] = []
    while (true) {
      const edges = [start, ...found, end]
      const candidates = edges.slice(0, -1).map((edge, nth) => ({ edge, next: edges[nth + 1] as number }))
      const best = candidates
        .map((it) => ({ ...it, division: plainDivision(z, it.edge, it.next) }))
        .reduce((one, other) =>
          (other.division?.q ?? Number.NEGATIVE_INFINITY) > (one.division?.q ?? Number.NEGATIVE_INFINITY) ? other : one,
        )
      if (!best.division || test(best.edge, best.division.index, best.next).p > (pMax < 0.05 ? 10 * pMax : 2 * pMax)) break
      found = [...found, best.division.index].sort((a, b) => a - b)
    }
    for (const index of found) weak.add(index)
    start = Math.max(found.at(-1) ?? 0, start + Math.floor(window / 2))
  }
  let points = [...weak].sort((a, b) => a - b).map((index) => ({ index, p: 0, magnitude: 0 }))
  const again = (nth: number) => {
    const point = points[nth]
    if (point) points[nth] = test(points[nth - 1]?.index ?? 0, point.index, points[nth + 1]?.index ?? z.length)
  }
  for (const nth of points.keys()) again(nth)
  while (points.length > 0) {
    const unsure = Math.max(...points.map(({ p }) => p))
    const small = Math.min(...points.map(({ magnitude }) => magnitude))
    if (unsure < pMax && small > magnitudeMin) break
    const removed = points.findIndex((it) => (unsure < pMax ? it.magnitude === small : it.p === unsure))
    points = points.toSpliced(removed, 1)
    for (const nth of merge === 'upstream' ? [removed, removed + 1] : [removed - 1, removed]) again(nth)
  }
  return points.map(({ index }) => index)
}

describe('the method by its definition', () => {
  test('divides where this does', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 14 }), (z) => {
        const [plain, quick] = [plainDivision(z, 0, z.length), bestDivision(z, 0, z.length)]
        expect(quick === undefined).toBe(plain === undefined)
        if (plain) expect(quick?.q).toBeCloseTo(plain.q, 8)
      }),
    )
  })

  test.each(['corrected', 'upstream'] as const)('finds the same changes, merged as %s', (merge) => {
    let differs = 0
    for (let seed = 1; seed <= 6; seed++) {
      const levels = Array.from({ length: 4 }, (_, nth) => [50 + ((seed * (nth + 3) * 7) % 11), 8 + ((seed * (nth + 2)) % 17)] as const)
      const series = steps(seed, ...levels)
      for (const pMax of [0.001, 0.02])
        for (const magnitudeMin of [0, 0.04]) {
          const options = { window: 20, pMax, magnitudeMin, merge }
          expect(indexes(series, options), `series ${seed}, p ${pMax}, magnitude ${magnitudeMin}`).toEqual(
            plainChangePoints(series, options),
          )
          const other = merge === 'corrected' ? 'upstream' : 'corrected'
          if (indexes(series, { ...options, merge: other }).join() !== indexes(series, options).join()) differs++
        }
    }
    // The stale neighbour matters: some of these series tell the two apart.
    expect(differs).toBeGreaterThan(0)
  })
})
