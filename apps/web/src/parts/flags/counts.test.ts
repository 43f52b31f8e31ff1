import type { FlagCountsWire } from '@belay/protocol'
import { array, assert, constantFrom, integer, property, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { barsOf, codeDefault, columnsOf, csvOf, roundUp, variantsIn } from './counts.ts'

const stepMs = 60_000
const answer = (points: readonly (readonly [number, string | null, number])[]): FlagCountsWire => ({
  environment: 'production',
  sinceAt: 0,
  stepMs,
  points: points.map(([nth, variant, count]) => ({ at: nth * stepMs, variant, count })),
  totals: [...new Set(points.map(([, variant]) => variant))].map((variant) => ({ variant, count: 0, units: 0 })),
})
const box = { width: 600, height: 100, untilAt: 60 * stepMs }

describe('evaluations as a picture', () => {
  test('a minute in which nobody reported is a gap and no bar of nothing', () => {
    const it = answer([
      [0, 'on', 3],
      [5, 'off', 2],
    ])
    expect(columnsOf(it).map(({ at }) => at / stepMs)).toEqual([0, 5])
    expect(barsOf(answer([]), [], box).bars).toEqual([])
  })
  test('every bar stands on the ground, stays in its box, and its parts add up', () =>
    assert(
      property(array(tuple(integer({ min: 0, max: 59 }), constantFrom('on', 'off', null), integer({ min: 1, max: 1e6 }))), (points) => {
        const it = answer(points)
        const { bars, top } = barsOf(it, variantsIn(it, ['on', 'off']), box)
        for (const { x, width, parts, column } of bars) {
          expect(x).toBeGreaterThanOrEqual(0)
          expect(x + width).toBeLessThanOrEqual(box.width + 0.01)
          expect(parts.reduce((sum, part) => sum + part.height, 0)).toBeCloseTo((column.total / top) * box.height, 6)
          expect(Math.min(...parts.map((part) => part.y))).toBeGreaterThanOrEqual(-1e-6)
        }
      }),
    ))
  test('variants stand as the flag names them, then those it no longer has, then the code’s default', () =>
    expect(
      variantsIn(
        answer([
          [0, null, 1],
          [0, 'old', 1],
          [0, 'off', 1],
          [0, 'on', 1],
        ]),
        ['on', 'off'],
      ),
    ).toEqual(['on', 'off', 'old', codeDefault]))
  test.each([
    [1, 1],
    [3, 5],
    [11, 20],
    [999, 1_000],
    [5_000, 5_000],
  ])('an axis for %i ends at %i', (count, top) => expect(roundUp(count)).toBe(top))
  test('the CSV has every point, and quotes what needs it', () =>
    expect(csvOf(answer([[0, 'a,"b"', 2]]))).toBe('at,variant,count\n1970-01-01T00:00:00.000Z,"a,""b""",2\n'))
})
