import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createIntervalUnion, unionOfIntervals } from './intervals.ts'
import { createRepeatCounter } from './repeats.ts'

test('the most frequent statement is counted, in whatever order they came', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd')), (texts) => {
      const counter = createRepeatCounter()
      for (const text of texts) counter.add(text)
      const counts = new Map<string, number>()
      for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
      const times = Math.max(0, ...counts.values())
      expect(counter.times).toBe(times)
      expect(counter.text === '' ? 0 : counts.get(counter.text)).toBe(times)
    }),
  )
})

test('a call that makes up texts without end is counted in bounded memory', () => {
  const counter = createRepeatCounter()
  counter.add('select 1')
  for (let nth = 0; nth < 100_000; nth++) counter.add(`select ${nth}`)
  expect(counter.add('select 1')).toBe(3)
  expect(counter).toMatchObject({ times: 3, text: 'select 1' })
})

const spans = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.nat(20)).map(([from, took]) => [from, from + took] as const))

test('the union of intervals is the time in which at least one of them ran', () => {
  fc.assert(
    fc.property(spans, (intervals) => {
      const covered = new Set(intervals.flatMap(([from, to]) => Array.from({ length: to - from }, (_, nth) => from + nth)))
      expect(unionOfIntervals(intervals)).toBe(covered.size)
    }),
  )
})

test('and is the same when each beginning and each end is told as it happens', () => {
  fc.assert(
    fc.property(spans, (intervals) => {
      const union = createIntervalUnion()
      const moments = intervals.flatMap(([from, to]) => [
        { at: from, begins: true },
        { at: to, begins: false },
      ])
      // Of those at one moment, beginnings first: what has taken no time has begun before it ended.
      for (const { at, begins } of moments.sort((a, b) => a.at - b.at || Number(b.begins) - Number(a.begins))) {
        if (begins) union.begin(at)
        else union.end(at)
      }
      expect(union.total(1_000)).toBe(unionOfIntervals(intervals))
    }),
  )
})

test('what still runs counts up to now, and an end without a beginning not at all', () => {
  const union = createIntervalUnion()
  union.end(5)
  union.begin(10)
  expect([union.total(15), union.total(20)]).toEqual([5, 10])
})
