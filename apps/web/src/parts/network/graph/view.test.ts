import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sayTick, ticksOf, TimeView } from './view.ts'

const end = 10e9
const anyMove = fc.oneof(
  fc.record({ kind: fc.constant('pan' as const), ns: fc.integer({ min: -20e9, max: 20e9 }) }),
  fc.record({
    kind: fc.constant('zoom' as const),
    factor: fc.double({ min: 0.01, max: 100, noNaN: true }),
    at: fc.integer({ min: 0, max: end }),
  }),
)

describe('the stretch of time that graphs show', () => {
  test('never leaves the life of the session, wherever one moves', () => {
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 40 }), (moves) => {
        const view = new TimeView(end)
        const [from, to] = [view.from, view.to]
        for (const it of moves) {
          if (it.kind === 'pan') view.pan(it.ns)
          else view.zoom(it.factor, it.at)
          expect(view.from).toBeGreaterThanOrEqual(from - 1)
          expect(view.to).toBeLessThanOrEqual(to + 1)
          expect(view.to).toBeGreaterThan(view.from)
        }
        view.reset()
        expect([view.from, view.to]).toEqual([from, to])
      }),
    )
  })
  test('what is under the pointer stays under it', () => {
    const view = new TimeView(end)
    const share = () => (4e9 - view.from) / (view.to - view.from)
    const before = share()
    view.zoom(0.2, 4e9)
    expect(share()).toBeCloseTo(before, 9)
  })
  test('moving does not zoom, at the ends neither', () => {
    const view = new TimeView(end)
    view.show(1e9, 2e9)
    view.pan(-50e9)
    expect(view.to - view.from).toBeCloseTo(1e9, 3)
  })
  test('numbers that were chosen by a box are kept when the time moves', () => {
    const view = new TimeView(end)
    view.show(1e9, 2e9, [100, 200])
    view.pan(1e9, 50)
    expect(view.height).toEqual([150, 250])
  })
  test('whoever watches is told of each move, until they leave', () => {
    const view = new TimeView(end)
    let told = 0
    const leave = view.watch(() => told++)
    view.zoom(0.5, 0)
    leave()
    view.reset()
    expect(told).toBe(1)
  })
})

describe('words on an axis', () => {
  test('stand at round values', () => {
    expect(ticksOf(0, 10, 5).values).toEqual([0, 2, 4, 6, 8, 10])
    expect(ticksOf(-0.3, 1.2, 4).values).toEqual([0, 0.5, 1])
  })
  const cases: readonly [ns: number, step: number, says: string][] = [
    [0, 1e9, '0'],
    [2e9, 1e9, '2 s'],
    [250e6, 50e6, '250 ms'],
    [1.25e9, 50e6, '1.25 s'],
    [1_250_300_000, 100_000, '1.2503 s'],
    [40_000, 20_000, '40 µs'],
  ]
  test.each(cases)('%d ns in steps of %d is %s', (ns, step, says) => expect(sayTick(ns, step)).toBe(says))
})
