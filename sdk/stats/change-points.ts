/**
 * Where the level of a series changes: windows are divided where they differ most, the divisions are tested with
 * Student's t, and what is not sure or not large is merged again. The method is that of Fleming et al., "Hunter: Using
 * change point detection to hunt for performance regressions", ICPE 2023, which lives on as Apache Otava, with one
 * correction: after a merge both neighbours are tested anew. (There, only the right one and the one after it are; the
 * left one keeps a p that belongs to a shorter stretch. `merge: 'upstream'` does the same, to compare with it.)
 */
import { bestDivision } from './energy.ts'
import { filled } from './gaps.ts'
import { criticalT, twoSided } from './student.ts'
import type { ChangePoint, ChangePointOptions } from './types.ts'

/** Prefix sums of a series, so that a stretch's figures cost nothing. */
type Sums = { readonly sum: Float64Array; readonly squares: Float64Array; readonly center: number }
type Tested = { readonly index: number; readonly p: number; readonly magnitude: number }

/**
 * @param series in the order of time, evenly spaced; null where nothing was seen: filled by the value before, at the
 * beginning by the one after.
 */
export function changePoints(series: readonly (number | null)[], options: ChangePointOptions = {}): ChangePoint[] {
  const { window = 50, pMax = 0.001, magnitudeMin = 0, merge = 'corrected', confidence = 0.99 } = options
  if (!(window >= 2)) throw new RangeError(`a window has at least 2 points; got ${window}`)
  const z = filled(series)
  if (z.length < 3) return []
  const sums = prefixSums(z)
  const weak = divideWindows(z, sums, window, firstPass(pMax))
  const kept = mergeWeak(weak, sums, { pMax, magnitudeMin, merge })
  return kept.map(({ index }, nth) => {
    const [start, end] = [kept[nth - 1]?.index ?? 0, kept[nth + 1]?.index ?? z.length]
    return { index, ...described(sums, start, index, end, confidence) }
  })
}

/** Divisions are found with a p that is easier to reach: what is weak alone may be sure beside its final neighbours. */
const firstPass = (pMax: number): number => (pMax < 0.05 ? 10 * pMax : pMax < 0.5 ? 2 * pMax : pMax)

/** Windows overlap by half, and begin at the last change that was found if that is later. */
function divideWindows(z: readonly number[], sums: Sums, window: number, pMax: number): number[] {
  const found = new Set<number>()
  const step = Math.floor(window / 2)
  let start = 0
  while (start < z.length) {
    const inside = divide(z, sums, start, Math.min(start + window, z.length), pMax)
    for (const index of inside) found.add(index)
    start = Math.max(inside.at(-1) ?? 0, start + step)
  }
  return [...found].sort((a, b) => a - b)
}

/** The best division of any part, as long as it is sure enough. */
function divide(z: readonly number[], sums: Sums, start: number, end: number, pMax: number): number[] {
  const part = (from: number, to: number) => ({ from, to, best: bestDivision(z, from, to) })
  const parts = [part(start, end)]
  const found: number[] = []
  while (true) {
    let at = -1
    let q = Number.NEGATIVE_INFINITY
    for (const [nth, { best }] of parts.entries())
      if (best !== undefined && best.q > q) {
        at = nth
        q = best.q
      }
    const { from, to, best } = parts[at] ?? {}
    if (from === undefined || to === undefined || best === undefined) break
    if (!(tested(sums, from, best.index, to).p <= pMax)) break
    found.push(best.index)
    parts.splice(at, 1, part(from, best.index), part(best.index, to))
  }
  return found.sort((a, b) => a - b)
}

/** Removes the least sure one until all are sure, then the smallest until all are large; each time what is beside it is tested anew. */
function mergeWeak(
  weak: readonly number[],
  sums: Sums,
  it: Required<Pick<ChangePointOptions, 'pMax' | 'magnitudeMin' | 'merge'>>,
): Tested[] {
  const points: Tested[] = []
  const test = (index: number, nth: number, all: readonly { index: number }[]) =>
    tested(sums, all[nth - 1]?.index ?? 0, index, all[nth + 1]?.index ?? sums.sum.length - 1)
  for (const [nth, index] of weak.entries())
    points.push(
      test(
        index,
        nth,
        weak.map((other) => ({ index: other })),
      ),
    )
  while (points.length > 0) {
    let removed = extreme(points, (point, other) => point.p > other.p)
    if ((points[removed] as Tested).p < it.pMax) {
      removed = extreme(points, (point, other) => point.magnitude < other.magnitude)
      if ((points[removed] as Tested).magnitude > it.magnitudeMin) break
    }
    points.splice(removed, 1)
    const again = it.merge === 'upstream' ? [removed, removed + 1] : [removed - 1, removed]
    for (const nth of again) {
      const point = points[nth]
      if (point !== undefined) points[nth] = test(point.index, nth, points)
    }
  }
  return points
}

/** The first of those before which no other comes. */
function extreme(points: readonly Tested[], isBefore: (point: Tested, other: Tested) => boolean): number {
  let found = 0
  for (let nth = 1; nth < points.length; nth++) if (isBefore(points[nth] as Tested, points[found] as Tested)) found = nth
  return found
}

// ── figures of stretches ────────────────────────────────────────────────────────────────────────────────────
/** About the series' mean, so that squares keep their digits. */
function prefixSums(z: readonly number[]): Sums {
  const center = z.reduce((sum, it) => sum + it, 0) / z.length
  const sum = new Float64Array(z.length + 1)
  const squares = new Float64Array(z.length + 1)
  for (const [nth, value] of z.entries()) {
    sum[nth + 1] = (sum[nth] as number) + value - center
    squares[nth + 1] = (squares[nth] as number) + (value - center) ** 2
  }
  return { sum, squares, center }
}

function stretch({ sum, squares, center }: Sums, from: number, to: number): { n: number; mean: number; squares: number } {
  const n = to - from
  const total = (sum[to] as number) - (sum[from] as number)
  return { n, mean: center + total / n, squares: Math.max(0, (squares[to] as number) - (squares[from] as number) - total ** 2 / n) }
}

type Step = { before: number; after: number; t: number; degrees: number; error: number; magnitude: number }

/** Student's test with one variance for both sides. As upstream, each side's variance is divided by n and not by n − 1. */
function stepAt(sums: Sums, start: number, index: number, end: number): Step {
  const [x, y] = [stretch(sums, start, index), stretch(sums, index, end)]
  const degrees = x.n + y.n - 2
  const pooled = (((x.n - 1) * x.squares) / x.n + ((y.n - 1) * y.squares) / y.n) / Math.max(1, degrees)
  const scale = Math.max(Math.abs(x.mean), Math.abs(y.mean), Math.abs(sums.center))
  const difference = y.mean - x.mean
  // What is left of equal values by rounding is neither noise nor a step.
  const isFlat = pooled <= (1e-13 * scale) ** 2
  const isLevel = Math.abs(difference) <= 1e-12 * scale
  const error = isFlat ? 0 : Math.sqrt(pooled * (1 / x.n + 1 / y.n))
  const t = isLevel ? 0 : difference / error
  const magnitude = isLevel ? 0 : Math.max(Math.abs(y.mean / x.mean - 1), Math.abs(x.mean / y.mean - 1))
  return { before: x.mean, after: y.mean, t, degrees, error, magnitude }
}

/** Two values alone say nothing: they are equal, or they are not. */
const pOf = ({ t, degrees }: Step): number => (degrees <= 0 ? 1 : twoSided(t, degrees))

function tested(sums: Sums, start: number, index: number, end: number): Tested {
  const step = stepAt(sums, start, index, end)
  return { index, p: pOf(step), magnitude: step.magnitude }
}

function described(sums: Sums, start: number, index: number, end: number, confidence: number): Omit<ChangePoint, 'index'> {
  const step = stepAt(sums, start, index, end)
  const reach = step.error === 0 ? 0 : criticalT(1 - confidence, step.degrees) * step.error
  const difference = step.after - step.before
  const { before, after, magnitude } = step
  return { p: pOf(step), before, after, magnitude, low: difference - reach, high: difference + reach }
}
