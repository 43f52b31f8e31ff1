import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { believedTime, foldReport, stepOf } from './fold.ts'
import { openGathering } from './gathering.ts'
import { aheadMaxMs, cellsMax, dayMs, hourMs, lateMaxMs, minuteMs, rememberedMax, waitingExposuresMax } from './limits.ts'

const noon = Date.UTC(2026, 5, 1, 12)

describe('what is gathered', () => {
  test('adds up to what was told, however it was drained', () => {
    const told = fc.record({
      environment: fc.constantFrom('qa', 'production'),
      flag: fc.constantFrom('a', 'b', '__proto__'),
      variant: fc.constantFrom('on', 'off', null),
      count: fc.integer({ min: 1, max: 9 }),
      afterMs: fc.nat({ max: 90_000 }),
      drain: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(told, { maxLength: 60 }), (all) => {
        const gathering = openGathering()
        const expected = new Map<string, number>()
        const found = new Map<string, number>()
        const add = (to: Map<string, number>, key: unknown[], count: number) =>
          to.set(JSON.stringify(key), (to.get(JSON.stringify(key)) ?? 0) + count)
        const drain = () => {
          for (const { environment, report } of gathering.drain())
            for (const it of report.counts) add(found, [environment, it.flag, it.variant, it.minuteAt], it.count)
        }
        let nowMs = noon
        for (const it of all) {
          nowMs += it.afterMs
          gathering.evaluated(it.environment, it.flag, it.variant, it.count, nowMs)
          add(expected, [it.environment, it.flag, it.variant, nowMs - (nowMs % minuteMs)], it.count)
          if (it.drain) drain()
        }
        drain()
        expect(found).toEqual(expected)
        expect(gathering.drain()).toEqual([])
        expect(gathering.takeLost()).toBe(0)
      }),
    )
  })

  test('a unit is handed out once per flag and variant, until what was written may have been deleted', () => {
    const gathering = openGathering()
    const meet = (unit: string, variant = 'on') => gathering.exposed('production', 'checkout', variant, unit, noon)
    for (const unit of ['ann', 'bob', 'ann']) meet(unit)
    meet('ann', 'off')
    const [first] = gathering.drain()
    expect(first?.report.exposures.map(({ unit, variant }) => `${unit} ${variant}`)).toEqual(['ann on', 'bob on', 'ann off'])
    meet('ann')
    expect(gathering.drain()).toEqual([])
    gathering.evaluated('production', 'checkout', 'on', 3, noon)
    gathering.forgetExposed()
    meet('ann')
    expect(gathering.drain()).toMatchObject([{ report: { counts: [{ count: 3 }], exposures: [{ unit: 'ann', variant: 'on' }] } }])
  })

  test('reports are no larger than a service may send', () => {
    const gathering = openGathering()
    for (let nth = 0; nth < 12_000; nth++) gathering.exposed('production', 'checkout', 'on', `unit-${nth}`, noon)
    gathering.evaluated('production', 'checkout', 'on', 1, noon)
    expect(gathering.drain().map(({ report }) => [report.counts.length, report.exposures.length])).toEqual([
      [1, 5_000],
      [0, 5_000],
      [0, 2_000],
    ])
  })

  test('memory is bounded, and what found no room is told', () => {
    const gathering = openGathering()
    for (let nth = 0; nth < cellsMax + 5; nth++) gathering.evaluated('production', `flag-${nth}`, 'on', 1, noon)
    expect(gathering.takeLost()).toBe(5)
    expect(gathering.takeLost()).toBe(0)
    const units = openGathering()
    for (let nth = 0; nth < waitingExposuresMax + 7; nth++) units.exposed('production', 'checkout', 'on', `unit-${nth}`, noon)
    expect(units.takeLost()).toBe(7)
    units.drain()
    // Those that were lost were not remembered as written.
    units.exposed('production', 'checkout', 'on', `unit-${waitingExposuresMax}`, noon)
    expect(units.drain()).toHaveLength(1)
  })

  test('of a million units the first ones are forgotten, not the counting', () => {
    const gathering = openGathering()
    let written = 0
    for (let nth = 0; nth < rememberedMax + 10; nth++) {
      gathering.exposed('production', 'checkout', 'on', `unit-${nth}`, noon)
      if (nth % 50_000 === 0) written += gathering.drain().reduce((sum, { report }) => sum + report.exposures.length, 0)
    }
    written += gathering.drain().reduce((sum, { report }) => sum + report.exposures.length, 0)
    expect(written).toBe(rememberedMax + 10)
    gathering.exposed('production', 'checkout', 'on', 'unit-1', noon)
    gathering.exposed('production', 'checkout', 'on', `unit-${rememberedMax + 5}`, noon)
    expect(gathering.drain()[0]?.report.exposures.map(({ unit }) => unit)).toEqual(['unit-1'])
  })
})

describe('a report', () => {
  test('is folded without losing a count, and believed only within its bounds', () => {
    const time = fc.integer({ min: -lateMaxMs * 2, max: aheadMaxMs * 2 }).map((off) => noon + off)
    const entry = fc.record({
      flag: fc.constantFrom('a', 'b'),
      variant: fc.constantFrom('on', null),
      minuteAt: time,
      count: fc.integer({ min: 1, max: 5 }),
    })
    fc.assert(
      fc.property(fc.array(entry), (counts) => {
        const folded = foldReport({ counts, exposures: [], events: [] }, noon)
        const believed = counts.filter(({ minuteAt }) => believedTime(minuteAt, noon) !== undefined)
        const sum = (all: readonly { count: number }[]) => all.reduce((total, { count }) => total + count, 0)
        expect(sum(folded.counts)).toBe(sum(believed))
        expect(folded.dropped).toBe(counts.length - believed.length)
        for (const { at } of folded.counts) {
          expect(at % minuteMs).toBe(0)
          expect(at).toBeGreaterThan(noon - lateMaxMs - minuteMs)
          expect(at).toBeLessThanOrEqual(noon + hourMs)
        }
        expect(new Set(folded.counts.map(({ flag, variant, at }) => `${flag} ${variant} ${at}`)).size).toBe(folded.counts.length)
      }),
    )
  })

  test('any span is drawn with 12 to 400 points', () => {
    fc.assert(
      fc.property(fc.integer({ min: hourMs, max: 90 * dayMs }), (forMs) => {
        expect(forMs / stepOf(forMs)).toBeLessThanOrEqual(400)
        expect(forMs / stepOf(forMs)).toBeGreaterThanOrEqual(12)
      }),
    )
  })
})
