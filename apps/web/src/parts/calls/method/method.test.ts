import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { barsOf } from './distribution.ts'
import { axisOf, timelineOf } from './timeline.ts'
import { labelsOf, plotOf } from './trend.ts'

const event = (kind: string, atUs: number, text: string, tookUs = 10, failed = false) => ({ kind, atUs, tookUs, text, system: '', failed })

describe('what a call did', () => {
  test('stands once, however often it did it', () => {
    const rows = timelineOf([
      event('statement', 0, 'SELECT items'),
      event('statement', 20, 'SELECT comments'),
      event('evaluation', 30, 'inline-comments=on', 0),
      event('statement', 40, 'SELECT comments', 30, true),
    ])
    expect(rows.map((it) => [it.text, it.count, it.tookUs, it.failed])).toEqual([
      ['SELECT items', 1, 10, false],
      ['SELECT comments', 2, 40, true],
      ['inline-comments=on', 1, 0, false],
    ])
  })
  test('has every event as a bar, and none twice', () => {
    const some = fc.array(fc.tuple(fc.constantFrom('statement', 'external'), fc.nat(1_000), fc.constantFrom('a', 'b', 'c')))
    fc.assert(
      fc.property(some, (events) => {
        const rows = timelineOf(events.map(([kind, at, text]) => event(kind, at, text)))
        expect(rows.reduce((sum, it) => sum + it.bars.length, 0)).toBe(events.length)
      }),
    )
  })
  test('stands on an axis of round times', () => {
    expect(axisOf(348_000, 4)).toEqual([0, 100_000, 200_000, 300_000])
    expect(axisOf(0, 4).length).toBeGreaterThan(0)
  })
})

describe('the distribution', () => {
  const buckets = [8, 16, 64].map((ms) => ({ upToUs: ms * 1_000, count: ms }))
  test('grows by its factor, also where a bucket is missing because nobody was in it', () => {
    const { bars, toX } = barsOf(buckets, 400, 100)
    expect(bars.map((it) => [it.fromUs, it.upToUs])).toEqual([
      [4_000, 8_000],
      [8_000, 16_000],
      [32_000, 64_000],
    ])
    expect(new Set(bars.map((it) => Math.round(it.width)))).toEqual(new Set([100]))
    expect([toX(4_000), toX(64_000)].map(Math.round)).toEqual([0, 400])
  })
  test('of nothing is nothing', () => expect(barsOf([], 400, 100).bars).toEqual([]))
})

describe('a trend', () => {
  const hour = 3_600_000
  const point = (at: number, mean: number) => ({ at, n: 5, mean, p50: mean, p95: mean, max: mean })
  test('has a gap where no call was', () => {
    const { at, mean } = plotOf({ measure: 'real', grain: 'hour', points: [point(0, 1), point(3 * hour, 2)] })
    expect(at).toEqual([0, 3_600, 7_200, 10_800])
    expect(mean).toEqual([1, null, null, 2])
  })
  test('of how many calls has zero there', () => {
    const { mean } = plotOf({ measure: 'count', grain: 'hour', points: [point(0, 7), point(2 * hour, 9)] })
    expect(mean).toEqual([7, 0, 9])
  })
  test('is told what happened meanwhile, and labels do not lie over one another', () => {
    const mark = (at: number, name: string) => ({ at, kind: 'deployment' as const, name, says: `${name} came`, subject: `release:${name}` })
    const box = { leftPx: 40, widthPx: 600, from: 0, to: 10 * hour }
    const labels = labelsOf([mark(5 * hour, 'v4'), mark(hour, 'v3'), mark(5 * hour + 60_000, '+23%'), mark(20 * hour, 'v9')], box)
    expect(labels.map((it) => [Math.round(it.x), it.mark.name, it.others.length])).toEqual([
      [100, 'v3', 0],
      [340, 'v4', 1],
    ])
  })
})
