/** One measure of one method over time, with what happened meanwhile. Pure. */
import type { CallMeasure, MarkWire, TrendWire } from '@belay/protocol'
import { callMeasures } from '@belay/protocol'
import { type Eye, table, wrap } from '../terminal.ts'
import { alignPoints, bar, digits, figure, sayNumber } from './numbers.ts'
import type { SheetColumn } from './sheet.ts'

type Point = TrendWire['points'][number]
const barWidth = 30
/** More lines than a screen and a half are no picture; --csv has every point. */
const linesMax = 48

export function trendView(it: TrendWire, { look, paint }: Eye): string {
  const points = thinned(it.points)
  const measure: CallMeasure | undefined = callMeasures.find((name) => name === it.measure)
  const valueOf = (point: Point): number | null => (it.measure === 'count' ? point.n : point.mean)
  const say = (value: number | null): string => (value === null ? '–' : measure === undefined ? digits(value) : figure(value, measure))
  const top = Math.max(0, ...points.map((point) => valueOf(point) ?? 0))
  const means = alignPoints(points.map((point) => say(valueOf(point))))
  const p95s = alignPoints(points.map(({ p95 }) => say(p95)))
  const drawn = table(
    points.map((point, nth) => ({ point, nth })),
    [
      { title: it.grain === 'day' ? 'day' : 'from', value: ({ point }) => point.at, shown: ({ point }) => sayMoment(point.at, it.grain) },
      { title: 'calls', value: ({ point }) => point.n, shown: ({ point }) => sayNumber(point.n), align: 'right' },
      { title: it.measure, value: ({ point }) => valueOf(point), shown: ({ nth }) => means[nth] ?? '', align: 'right' },
      ...(points.some(({ p95 }) => p95 !== null)
        ? [
            {
              title: 'p95',
              value: ({ point }: { point: Point }) => point.p95,
              shown: ({ nth }: { nth: number }) => p95s[nth] ?? '',
              align: 'right' as const,
            },
          ]
        : []),
      { title: '', value: () => '', shown: ({ point }) => paint('cyan', bar(top === 0 ? 0 : (valueOf(point) ?? 0) / top, barWidth)) },
    ],
    look,
    paint,
  ).split('\n')
  // A mark stands above the first point that begins after it.
  const before = (nth: number): readonly MarkWire[] => {
    const from = nth === 0 ? Number.NEGATIVE_INFINITY : (points[nth - 1]?.at ?? 0)
    const to = points[nth]?.at ?? Number.POSITIVE_INFINITY
    return it.marks.filter(({ at }) => at > from && at <= to)
  }
  const markLine = ({ at, kind, says }: MarkWire): string =>
    wrap(`${paint(kind === 'change' ? 'red' : 'yellow', `── ${sayMoment(at, 'minute')} ${says}`)}`, look.width, 3)
  return [
    drawn[0] ?? '',
    ...points.flatMap((_, nth) => [...before(nth).map(markLine), drawn[nth + 1] ?? '']),
    ...before(points.length).map(markLine),
  ].join('\n')
}

function sayMoment(at: number, grain: TrendWire['grain']): string {
  const when = new Date(at)
  const day = when.toLocaleDateString('en-GB', { day: '2-digit', month: 'short' })
  return grain === 'day' ? day : `${day} ${when.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}`
}

/** Neighbours as one: means weighed by their calls, the largest of maxima and of p95s (which cannot be averaged). */
function thinned(points: readonly Point[]): readonly Point[] {
  const step = Math.ceil(points.length / linesMax)
  if (step <= 1) return points
  const largest = (values: readonly (number | null)[]): number | null =>
    values.reduce((a, b) => (a === null ? b : b === null ? a : Math.max(a, b)), null)
  return Array.from({ length: Math.ceil(points.length / step) }, (_, nth) => {
    const some = points.slice(nth * step, (nth + 1) * step)
    const n = some.reduce((sum, point) => sum + point.n, 0)
    const mean = n === 0 ? null : some.reduce((sum, point) => sum + (point.mean ?? 0) * point.n, 0) / n
    const part = (name: 'p50' | 'p95' | 'max'): number | null => largest(some.map((point) => point[name]))
    return { at: some[0]?.at ?? 0, n, mean, p50: part('p50'), p95: part('p95'), max: part('max') }
  })
}

export const trendSheet = ({ points }: TrendWire) => ({
  rows: points,
  columns: [
    ['at', ({ at }) => new Date(at).toISOString()],
    ['calls', ({ n }) => n],
    ['mean', ({ mean }) => mean],
    ['p50', ({ p50 }) => p50],
    ['p95', ({ p95 }) => p95],
    ['max', ({ max }) => max],
  ] satisfies readonly SheetColumn<Point>[],
})
