import { seededRandom } from '@belay/base'
import { describe, expect, test } from 'vitest'
import { barMinPx, pausePx, type Scale, type Span, sayTick, scaleOf, ticksOf } from './scale.ts'

const widthOf = (scale: Scale, span: Span) => scale.toX(span.endMs) - scale.toX(span.startMs)
const oneAfterTheOther = (...lengths: number[]): Span[] => {
  let at = 0
  return lengths.map((ms) => {
    const span = { startMs: at, endMs: at + ms }
    at += ms
    return span
  })
}

describe('the axis of a deployment', () => {
  test('is linear where nothing is short and nothing pauses', () => {
    const scale = scaleOf(oneAfterTheOther(10_000, 20_000, 30_000), 60_000, 600)
    expect(scale.toX(10_000)).toBeCloseTo(100)
    expect(scale.toX(45_000)).toBeCloseTo(450)
    expect(scale.bent).toBe(false)
  })

  test('shows a step of 5 ms beside one of 30 min', () => {
    const spans = oneAfterTheOther(5, 1_800_000, 5)
    const scale = scaleOf(spans, 1_800_010, 1_000)
    for (const span of spans) expect(widthOf(scale, span)).toBeGreaterThanOrEqual(barMinPx - 1)
    expect(scale.widthPx).toBeLessThanOrEqual(1_001)
    expect(scale.bent).toBe(true)
  })

  test('what begins together stands together, and no moment lies before an earlier one', () => {
    const random = seededRandom(7)
    const spans = Array.from({ length: 200 }, () => {
      const startMs = Math.floor(random() * 100_000)
      return { startMs, endMs: startMs + 1 + Math.floor(random() ** 4 * 20_000) }
    })
    const spanMs = Math.max(...spans.map((span) => span.endMs))
    const scale = scaleOf(spans, spanMs, 900)
    let before = -1
    for (let ms = 0; ms <= spanMs; ms += spanMs / 500) {
      expect(scale.toX(ms)).toBeGreaterThanOrEqual(before)
      before = scale.toX(ms)
    }
    for (const span of spans) expect(widthOf(scale, span)).toBeGreaterThan(barMinPx / 2)
  })

  test('grows beyond its room, to be scrolled, when short steps alone would fill it', () => {
    const spans = oneAfterTheOther(...Array.from({ length: 300 }, () => 10), 1_800_000)
    const scale = scaleOf(spans, 1_803_000, 800)
    expect(scale.widthPx).toBeGreaterThan(2_000)
    for (const span of spans) expect(widthOf(scale, span)).toBeGreaterThanOrEqual(barMinPx - 1)
  })

  test('a wait of hours for a person is cut and says how long it was', () => {
    const spans = [
      { startMs: 0, endMs: 20_000 },
      { startMs: 7_220_000, endMs: 7_240_000 },
    ]
    const scale = scaleOf(spans, 7_240_000, 844)
    expect(scale.pauses).toMatchObject([{ ms: 7_200_000, startMs: 20_000 }])
    expect(scale.toX(7_220_000) - scale.toX(20_000)).toBeCloseTo(pausePx)
    expect(widthOf(scale, spans[0] as Span)).toBeCloseTo(400)
  })

  test('a breath between two steps is no pause', () => {
    const spans = [
      { startMs: 0, endMs: 20_000 },
      { startMs: 25_000, endMs: 40_000 },
    ]
    expect(scaleOf(spans, 40_000, 800).pauses).toEqual([])
  })

  test('an empty deployment has an axis as well', () => {
    const scale = scaleOf([], 1, 300)
    expect(scale.toX(0)).toBe(0)
    expect(Number.isFinite(scale.toX(1))).toBe(true)
  })

  test('five hundred hosts are laid out within a frame or two', () => {
    const spans = Array.from({ length: 500 }, (_, index) => [
      { startMs: 0, endMs: 3_000 + index },
      { startMs: 5_000 + index * 2_000, endMs: 7_000 + index * 2_000 },
    ]).flat()
    const began = performance.now()
    scaleOf(spans, 1_010_000, 1_000)
    // Alone it takes about 5 ms; the rest is for a busy machine.
    expect(performance.now() - began).toBeLessThan(250)
  })
})

describe('the ticks of the axis', () => {
  test('are round and never run into each other', () => {
    for (const spanMs of [40, 700, 9_000, 64_000, 340_000, 2_100_000, 30_000_000]) {
      const scale = scaleOf([{ startMs: 0, endMs: spanMs }], spanMs, 900)
      const ticks = ticksOf(scale, spanMs)
      expect(ticks.length).toBeGreaterThan(2)
      for (const [index, tick] of ticks.slice(1).entries()) expect(tick.x - (ticks[index]?.x ?? 0)).toBeGreaterThanOrEqual(62)
    }
  })

  test('none stands within a pause, whose place is labelled by its length', () => {
    const spans = [
      { startMs: 0, endMs: 20_000 },
      { startMs: 7_220_000, endMs: 7_240_000 },
    ]
    const scale = scaleOf(spans, 7_240_000, 844)
    const pause = scale.pauses[0]
    for (const tick of ticksOf(scale, 7_240_000)) expect(tick.x < (pause?.fromX ?? 0) || tick.x > (pause?.toX ?? 0)).toBe(true)
  })

  test.each([
    [0, '0 s'],
    [250, '250 ms'],
    [40_000, '40 s'],
    [120_000, '2 min'],
    [90_000, '1:30 min'],
    [3_900_000, '1:05 h'],
  ])('%i ms reads %s', (ms, says) => {
    expect(sayTick(ms)).toBe(says)
  })
})
