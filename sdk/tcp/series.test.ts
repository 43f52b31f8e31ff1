import { expect, test } from 'vitest'
import fc from 'fast-check'
import { SeriesClock } from './series.ts'
import { seriesMax } from './types.ts'

test('whatever its length, a session has at most so many intervals, and every byte is in one of them', () => {
  const piece = fc.record({ afterNs: fc.integer({ min: 0, max: 2e9 }), bytes: fc.integer({ min: 1, max: 1500 }), ofA: fc.boolean() })
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 200 }), (pieces) => {
      const clock = new SeriesClock()
      let t = 0
      const sum = { a: 0, b: 0 }
      for (const it of pieces) {
        t += it.afterNs
        clock.data(it.ofA, t, it.bytes, it.bytes - 1, it.bytes, false)
        sum[it.ofA ? 'a' : 'b'] += it.bytes
      }
      const { directions, stepMs } = clock.series(t, true)
      const total = (values: readonly number[]) => values.reduce((all, one) => all + one, 0)
      expect(total(directions[0].bytes)).toBe(sum.a)
      expect(total(directions[1].bytes)).toBe(sum.b)
      expect(directions[0].bytes.length).toBe(Math.floor(t / 1e6 / stepMs) + 1)
      expect(directions[0].bytes.length).toBeLessThanOrEqual(seriesMax)
    }),
  )
})

test('an interval has the mean of its round trips and the highest of its flights', () => {
  const clock = new SeriesClock()
  clock.rtt(true, 0, 10e6)
  clock.rtt(true, 0.5e6, 20e6)
  clock.data(true, 0, 10, 10, 700, false)
  clock.data(true, 0.9e6, 10, 10, 300, true)
  const { directions } = clock.series(2e6, true)
  expect(directions[0].rttMs).toEqual([15, null, null])
  expect(directions[0].inFlight[0]).toBe(700)
  expect(directions[0].resent[0]).toBe(1)
})
