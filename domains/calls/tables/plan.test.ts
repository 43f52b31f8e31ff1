import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Plan, planOf, rawRowsMax, rollupsOf, split } from './plan.ts'
import { rawDays } from './schema.ts'
import { dayMs, hourMs, type Selection } from './selection.ts'

const now = Date.UTC(2026, 10, 22, 10, 30, 12, 345)
const ago = (ms: number) => now - ms
const few = { now, rowsPerDay: 10_000 }
const many = { now, rowsPerDay: 10 * rawRowsMax }
const some = (names: Selection['names']) => ({ names, real: 'real' as const })
const all = some({})
const only = (name: string) => ({ only: [name], not: [] })
const tablesOf = ({ parts }: Plan) => parts.map(({ table, gives }) => (gives === 'quantiles' ? `${table} for quantiles` : table))

describe('a plan', () => {
  test('the last day is read from raw rows, to the millisecond, and today as a whole', () => {
    const plan = planOf(all, { from: ago(dayMs), to: now }, few)
    expect(plan).toMatchObject({ grain: 'raw', from: ago(dayMs), to: now, notes: [] })
    expect(tablesOf(plan)).toEqual(['calls', 'calls_day', 'calls_day_q for quantiles'])
    expect(plan.parts[1]?.from).toBe(Date.UTC(2026, 10, 22))
  })

  test('a day of the calendar is read from the days, also long after its raw rows are gone', () => {
    for (const days of [3, 200, 800]) {
      const from = Date.UTC(2026, 10, 22) - days * dayMs
      const plan = planOf(all, { from, to: from + dayMs }, few)
      expect(plan).toMatchObject({ grain: 'day', from, to: from + dayMs, notes: [] })
      expect(tablesOf(plan)).toEqual(['calls_day', 'calls_day_q for quantiles'])
    }
  })

  test('a week is read from whole days and the raw rows of its edge, and begins with an hour', () => {
    const plan = planOf(all, { from: ago(7 * dayMs), to: now }, few)
    expect(tablesOf(plan)).toEqual(['calls', 'calls_day', 'calls_day_q for quantiles'])
    expect(plan.from % hourMs).toBe(0)
    expect(plan.to).toBe(now)
  })

  test('a month is read from whole days alone', () => {
    const plan = planOf(all, { from: ago(30 * dayMs), to: now }, many)
    expect(tablesOf(plan)).toEqual(['calls_day', 'calls_day_q for quantiles'])
    expect(tablesOf(planOf(some({ audience: { only: [], not: ['robot'] } }), plan, many))).toEqual([
      'calls_day',
      'calls_day_audience_q for quantiles',
    ])
    expect(plan).toMatchObject({ from: Math.floor(ago(30 * dayMs) / dayMs) * dayMs, to: now, notes: [] })
  })

  test('when raw rows are too many, hours stand for them, and quantiles are those of whole days, which is said', () => {
    const plan = planOf(all, { from: ago(7 * dayMs), to: now }, many)
    expect(tablesOf(plan)).toEqual(['calls_hour', 'calls_day', 'calls_day_q for quantiles'])
    expect(plan.notes).toHaveLength(1)
    expect(planOf(all, { from: ago(3 * hourMs), to: now }, many).quantiles).toBe(false)
  })

  test('sums alone need raw rows only for parts of hours', () => {
    const plan = planOf(all, { from: ago(20 * hourMs), to: now }, { ...few, quantiles: false })
    expect(tablesOf(plan)).toEqual(['calls', 'calls_hour', 'calls_day'])
  })

  test('hours of long ago have sums and no quantiles', () => {
    const plan = planOf(all, { from: ago(100 * dayMs), to: ago(100 * dayMs - 5 * hourMs) }, few)
    expect(plan).toMatchObject({ grain: 'hour', quantiles: false })
    expect(plan.notes).toHaveLength(1)
  })

  test('what only raw rows know is asked of them, and what is older than they are is left out and said', () => {
    const plan = planOf(some({ host: only('h1') }), { from: ago(60 * dayMs), to: now }, few)
    expect(plan).toMatchObject({ grain: 'raw', from: ago(rawDays * dayMs) })
    expect(plan.notes[0]).toContain('30 days')
    expect(planOf(some({ host: only('h1') }), { from: ago(60 * dayMs), to: ago(50 * dayMs) }, few).parts).toEqual([])
  })

  test('one variant and accounts have rollups of their own; several variants would count a call twice', () => {
    expect(rollupsOf(some({ variant: only('a=b') }))?.hour).toBe('calls_hour_variant')
    expect(rollupsOf(some({ variant: { only: ['a=b', 'a=c'], not: [] } }))).toBeNull()
    expect(rollupsOf(some({ variant: { only: [], not: ['a=b'] } }))).toBeNull()
    expect(rollupsOf(all, { by: 'variant' })?.hour).toBe('calls_hour_variant')
    expect(rollupsOf(some({ account: only('a'), audience: only('b') }))?.day).toBe('calls_day_account')
    expect(rollupsOf(some({ account: only('a'), release: only('b') }))).toBeNull()
    expect(tablesOf(planOf(some({ variant: only('a=b') }), { from: ago(20 * dayMs), to: now }, many))).toEqual(['calls_hour_variant'])
    expect(tablesOf(planOf(some({ account: only('a') }), { from: ago(20 * dayMs), to: now }, many))).toEqual(['calls_day_account'])
    expect(tablesOf(planOf(some({ account: only('a') }), { from: ago(20 * dayMs), to: now }, few))).toEqual(['calls'])
  })

  const names: Selection['names'][] = [{}, { release: only('v1') }, { variant: only('a=b') }, { account: only('a') }, { host: only('h') }]
  test('parts follow each other without gap or overlap, in whole units, and hold all that was asked for', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.integer({ min: 1, max: 900 * dayMs }),
        fc.integer({ min: 1, max: 40 * dayMs }),
        fc.integer({ min: 0, max: 4 * rawRowsMax }),
        fc.boolean(),
        (names, back, span, rowsPerDay, quantiles) => {
          const asked = { from: ago(back), to: ago(back) + span }
          const plan = planOf(some(names), asked, { now, rowsPerDay, quantiles })
          const unit = (table: string) => (table === 'calls' ? 1 : table.startsWith('calls_hour') ? hourMs : dayMs)
          const sums = plan.parts.filter(({ gives }) => gives !== 'quantiles')
          for (const [nth, part] of sums.entries()) {
            if (nth > 0) expect(part.from).toBe(sums[nth - 1]?.to)
            // The day in which the oldest raw rows lie is there as a whole.
            if (part.table === 'calls') expect(part.from).toBeGreaterThanOrEqual(Math.floor(ago(rawDays * dayMs) / dayMs) * dayMs)
          }
          for (const part of plan.parts) {
            expect(part.from % unit(part.table)).toBe(0)
            expect(part.to % unit(part.table)).toBe(0)
            expect(part.to).toBeGreaterThan(part.from)
          }
          // Quantiles are of the same calls, or that is said.
          const states = plan.parts.filter(({ gives }) => gives !== 'sums')
          const spans = (parts: readonly { from: number; to: number }[]) => parts.reduce((sum, { from, to }) => sum + to - from, 0)
          if (plan.quantiles && quantiles && plan.notes.length === 0) expect(spans(states)).toBe(spans(sums))
          if (!quantiles) expect(states.every(({ gives }) => gives === 'all')).toBe(true)
          const [first, last] = [sums[0], sums.at(-1)]
          if (first === undefined || last === undefined) {
            expect(asked.to).toBeLessThanOrEqual(ago(rawDays * dayMs))
            return
          }
          expect(first.from).toBe(plan.from)
          expect(last.to).toBeGreaterThanOrEqual(plan.to)
          if (asked.to < now) expect(last.to).toBe(plan.to)
          expect(plan.to).toBeGreaterThanOrEqual(asked.to)
          if (!names.host) expect(plan.from).toBeLessThanOrEqual(asked.from)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('a range that no table has whole units of is left to the next', () => {
    expect(split({ from: 10, to: 20 }, [['calls_hour', hourMs]])).toEqual([])
    expect(
      split({ from: 10, to: 20 }, [
        ['calls_hour', hourMs],
        ['calls', 1],
      ]),
    ).toEqual([{ table: 'calls', from: 10, to: 20, gives: 'all' }])
  })
})
