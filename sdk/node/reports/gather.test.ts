import { describe, expect, test } from 'vitest'
import { createExposed } from './exposed.ts'
import { type Counted, createGatherer, exposedMax, type Gatherer, labelOf } from './gather.ts'

const answer = (flag: string, variant: string | null = 'on'): Counted => ({
  flag,
  variant,
  label: labelOf(flag, variant),
  isExposure: true,
  tally: undefined,
})
const gatherer = (): Gatherer => createGatherer({ counts: true, exposures: true, onMuch: () => {} })
const minute = 1_700_000_040_000

function takeAll(from: Gatherer) {
  const batches = []
  for (let it = from.take(); it !== undefined; it = from.take()) batches.push(it)
  return batches
}

describe('counts', () => {
  test('are by flag, variant and minute', () => {
    const it = gatherer()
    const [a, nobody] = [answer('a'), answer('a', null)]
    for (const nowMs of [minute, minute + 1, minute + 59_999, minute + 60_000]) it.count(a, nowMs)
    it.count(nobody, minute)
    // Another outcome with the same variant, as after an edit.
    it.count(answer('a'), minute + 5)
    expect(it.take()?.counts).toEqual([
      { flag: 'a', variant: 'on', minuteAt: minute, count: 4 },
      { flag: 'a', variant: 'on', minuteAt: minute + 60_000, count: 1 },
      { flag: 'a', variant: null, minuteAt: minute, count: 1 },
    ])
    it.count(a, minute + 60_001)
    expect(it.take()?.counts).toEqual([{ flag: 'a', variant: 'on', minuteAt: minute + 60_000, count: 1 }])
    expect(it.take()).toBeUndefined()
  })

  test('stay whole when the clock jumps', () => {
    const it = gatherer()
    const a = answer('a')
    for (const nowMs of [minute, minute + 86_400_000, minute - 3_600_000, minute, 0]) it.count(a, nowMs)
    const counted = takeAll(it).flatMap(({ counts }) => counts)
    expect(counted.map(({ minuteAt, count }) => [minuteAt, count])).toEqual([
      [minute, 2],
      [minute + 86_400_000, 1],
      [minute - 3_600_000, 1],
      [0, 1],
    ])
  })

  test('are bounded: the oldest are given up, and how many', () => {
    const it = gatherer()
    const a = answer('a')
    for (let nth = 0; nth < 50_100; nth++) it.count(a, minute + nth * 60_000)
    const batches = takeAll(it)
    expect(batches.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(100)
    expect(batches.reduce((sum, { counts }) => sum + counts.length, 0)).toBe(50_000)
    expect(batches[0]?.counts[0]?.minuteAt).toBe(minute + 100 * 60_000)
  })
})

describe('exposures', () => {
  test('are recorded once for each unit, flag and variant', () => {
    const it = gatherer()
    for (const unit of ['ann', 'bob', 'ann']) it.expose(answer('a'), unit, minute)
    it.expose(answer('a', 'off'), 'ann', minute)
    it.expose(answer('a', null), 'cyd', minute)
    it.take()
    it.expose(answer('a'), 'ann', minute)
    it.expose(answer('b'), 'ann', minute)
    expect(it.take()?.exposures).toEqual([{ flag: 'b', variant: 'on', unit: 'ann', at: minute }])
  })

  test('that were given up are recorded when the unit comes again', () => {
    const it = gatherer()
    const a = answer('a')
    for (let nth = 0; nth < 50_001; nth++) it.expose(a, `user-${nth}`, minute)
    const batches = takeAll(it)
    expect(batches.reduce((sum, { exposures, dropped }) => sum + exposures.length + dropped, 0)).toBe(50_001)
    it.expose(a, 'user-0', minute)
    it.expose(a, 'user-50000', minute)
    expect(it.take()?.exposures.map(({ unit }) => unit)).toEqual(['user-0'])
  })

  test('are remembered within a bound; past it a unit is recorded again', () => {
    const exposed = createExposed(1_000)
    for (let nth = 0; nth < 10_000; nth++) {
      expect(exposed.add(`flag-${nth % 7}`, `user-${nth}`)).toBe(true)
      expect(exposed.size).toBeLessThanOrEqual(2_000)
    }
    // The last thousand are remembered in any case.
    for (let nth = 9_000; nth < 10_000; nth++) expect(exposed.add(`flag-${nth % 7}`, `user-${nth}`)).toBe(false)
    expect(exposed.add('flag-0', 'user-0')).toBe(true)
    expect(exposedMax).toBeGreaterThanOrEqual(1_000)
  })
})

describe('batches', () => {
  test('are no larger than the server takes', () => {
    const it = gatherer()
    const units = Array.from({ length: 3_000 }, (_, nth) => `${'é'.repeat(400)}${nth}`)
    for (const unit of units) it.expose(answer('a'.repeat(200), 'v'.repeat(100)), unit, minute)
    for (let nth = 0; nth < 6_000; nth++) it.count(answer(`flag-${nth}`), minute)
    for (let nth = 0; nth < 2_000; nth++)
      it.track({ name: 'bought', unit: 'ann', at: minute, value: nth, attributes: { note: 'x'.repeat(3_000) } })
    const batches = takeAll(it)
    for (const batch of batches) expect(Buffer.byteLength(JSON.stringify(batch))).toBeLessThan(1_000_000)
    expect(batches.reduce((sum, { exposures }) => sum + exposures.length, 0)).toBe(3_000)
    expect(batches.reduce((sum, { counts }) => sum + counts.length, 0)).toBe(6_000)
    // Events are the only ones whose size is up to the caller: their bound is one of size.
    const events = batches.flatMap(({ events }) => events)
    const dropped = batches.reduce((sum, batch) => sum + batch.dropped, 0)
    expect(events.length + dropped).toBe(2_000)
    expect(events.at(-1)?.value).toBe(1_999)
  })
})
