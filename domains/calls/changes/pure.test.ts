import { seededRandom } from '@belay/base'
import type { CallChangeWire } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { arrivedFirst, type Deployed, newArrivals, type Seen } from './arrivals.ts'
import { pairsOf } from './flags.ts'
import { causeOf, trendChange } from './found.ts'
import { simulateCloud } from './simulation.ts'
import type { Arrival } from './store.ts'
import { type AudienceDay, dailyMeans, type Trend, trendsOf } from './trends.ts'
import { sayChange, sayDigest, sayMicros, sayRelative } from './words.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const noon = Date.UTC(2026, 4, 1, 12)

describe('a release that came', () => {
  const seen = (release: string, firstHour: number, lastHour = noon, service = 'api'): Seen => ({
    environment: 'production',
    service,
    release,
    firstHour: noon + firstHour * hourMs,
    lastHour: lastHour,
  })
  const came = (it: { seen: Seen[]; deployed?: Deployed[]; known?: Arrival[] }) =>
    newArrivals({ deployed: [], known: [], since: noon - 2 * dayMs, ...it }).map(
      ({ service, release, before, at }) => `${service} ${before} → ${release} ${(at - noon) / hourMs}`,
    )
  const deployment = (release: string, before: string | null, at: number): Deployed => ({
    environment: 'production',
    release,
    before,
    at: noon + at * hourMs,
  })

  test('is one that was not seen before, beside one that was', () => {
    expect(came({ seen: [seen('v1', -30), seen('v2', -1)] })).toEqual(['api v1 → v2 -1'])
    expect(came({ seen: [seen('v1', -30)] })).toEqual([])
    expect(
      came({
        seen: [seen('v1', -30), seen('v2', -1)],
        known: [{ environment: 'production', service: 'api', release: 'v2', at: noon, before: 'v1' }],
      }),
    ).toEqual([])
    expect(came({ seen: [seen('v1', -100), seen('v2', -60)] })).toEqual([])
    expect(came({ seen: [seen('v1', -30), seen('', -1)] })).toEqual([])
  })

  test('is what its deployment says, for each service that has calls of it, also when it was there before', () => {
    const both = [seen('v1', -30), seen('v2', -2), seen('v1', -30, noon, 'web'), seen('v2', -1, noon, 'web')]
    expect(came({ seen: both, deployed: [deployment('v2', 'v1', -2)] })).toEqual(['api v1 → v2 -2', 'web v1 → v2 -2'])
    // Rolled back; v1 has calls again.
    expect(came({ seen: [seen('v1', -30), seen('v2', -2, noon - hourMs)], deployed: [deployment('v1', 'v2', 0)] })).toContain(
      'api v2 → v1 0',
    )
    // This service has no calls of the release that the environment had: the one that it had itself counts.
    expect(came({ seen: [seen('v1', -30), seen('v3', 0)], deployed: [deployment('v3', 'v2', 0)] })).toEqual(['api v1 → v3 0'])
    // Deployed again over itself, or for the first time: nothing is compared.
    expect(came({ seen: [seen('v1', -30), seen('v2', -2)], deployed: [deployment('v2', 'v2', 0), deployment('v1', null, -30)] })).toEqual(
      [],
    )
  })

  test('within an hour is told from the one before it by their first calls', () => {
    const candidate = { environment: 'production', service: 'api', release: 'b', before: 'c', at: noon, unsure: true }
    expect(
      arrivedFirst(
        candidate,
        new Map([
          ['a', 1],
          ['b', 2],
          ['c', 3],
        ]),
      ),
    ).toMatchObject({ before: 'a', at: 2 }) // prettier-ignore
    expect(
      arrivedFirst(
        candidate,
        new Map([
          ['b', 2],
          ['c', 3],
        ]),
      ),
    ).toBeUndefined() // prettier-ignore
  })
})

describe('the variants of a flag', () => {
  test('are compared with off, else with the most common, where both were seen in one hour', () => {
    const of = (variant: string, n: number, ...hours: number[]) => ({ environment: 'qa', variant, n, hours })
    const says = (...all: ReturnType<typeof of>[]) =>
      pairsOf(all).map((it) => `${it.flag}: ${it.variant} against ${it.against} since ${it.firstAt / 1_000}`)
    expect(says(of('dark=on', 900, 1, 2), of('dark=off', 5, 2, 3))).toEqual(['dark: on against off since 2'])
    expect(says(of('size=a', 9, 1), of('size=b', 50, 1), of('size=c', 70, 4))).toEqual([])
    expect(says(of('size=a', 9, 1), of('size=b', 70, 1), of('size=c', 50, 4))).toEqual(['size: a against b since 1'])
    expect(says(of('other', 9, 1))).toEqual([])
  })
})

describe('a trend', () => {
  const day = (at: number, audience: string, n: number, mean: number): AudienceDay => {
    const noise = Array.from({ length: n }, (_, nth) => mean * (1 + ((nth % 11) - 5) / 20))
    const moments = { n, sum: noise.reduce((sum, it) => sum + it, 0), sumSquares: noise.reduce((sum, it) => sum + it * it, 0) }
    const none = { n: 0, sum: 0, sumSquares: 0 }
    return { audience, day: at, sums: { real: moments, cpu: none, db: none, statements: none, transactions: none } }
  }
  const key = { service: 'api', method: 'Members.get' }

  test('is seen where it moves, and not where its audience does', () => {
    const moved = Array.from({ length: 30 }, (_, at) => [
      day(at, 'people', 50, (at < 18 ? 30_000 : 36_000) + (at % 5) * 100),
      day(at, 'robot', 50, 1_000),
    ]).flat()
    expect(trendsOf(key, moved, 0, 30)).toMatchObject([{ measure: 'real', at: 18 * dayMs, calls: { before: 1_800, after: 1_200 } }])
    const mixed = Array.from({ length: 30 }, (_, at) => [
      day(at, 'people', 50, 30_000 + (at % 5) * 100),
      day(at, 'robot', at < 18 ? 10 : 400, 1_000),
    ]).flat()
    expect(trendsOf(key, mixed, 0, 30)).toEqual([])
  })

  test('that goes up evenly is put down to nobody', () => {
    const ramp = Array.from({ length: 40 }, (_, at) => day(at, 'people', 50, 20_000 + at * 400 + ((at * 7) % 5) * 150))
    const found = trendsOf(key, ramp, 0, 40)
    expect(found.length).toBeGreaterThan(0)
    for (const trend of found.filter(({ at }) => at >= 10 * dayMs && at <= 30 * dayMs))
      expect(trendChange(trend, 'qa', 'release:v2', [])).toMatchObject({
        cause: null,
        says: expect.stringContaining('after some days of drifting, around 1970-01-'),
      })
    const step = Array.from({ length: 40 }, (_, at) => day(at, 'people', 50, (at < 20 ? 20_000 : 24_000) + ((at * 7) % 5) * 150))
    expect(trendsOf(key, step, 0, 40).map(({ drifts }) => drifts)).toEqual([false])
  })

  test('has no mean on days of few calls, and an audience that is away costs what it cost', () => {
    const days = [day(0, 'a', 40, 100), day(1, 'a', 3, 9_000), day(2, 'a', 40, 100), day(2, 'b', 40, 300)]
    const means = dailyMeans(days, 'real', 0, 4)
    expect(means.map((it) => it !== null)).toEqual([true, false, true, false])
    expect(means[0]).toBeGreaterThan(150)
  })

  test('is not told again when its day is seen a little later, nor beside the release that made it', () => {
    const trend: Trend = {
      ...key,
      measure: 'real',
      point: { index: 18, p: 1e-9, before: 20_000, after: 30_000, magnitude: 0.5, low: 9_000, high: 11_000 },
      at: 18 * dayMs,
      drifts: false,
      calls: { before: 1_800, after: 1_200 },
    }
    const first = trendChange(trend, 'qa', 'release:v2', [])
    expect(first).toMatchObject({
      kind: 'trend',
      cause: 'release:v2',
      relative: 0.5,
      n: trend.calls,
      says: expect.stringContaining('near release v2'),
    })
    const known: CallChangeWire = { ...(first as CallChangeWire), foundAt: 0 }
    expect(trendChange({ ...trend, at: 20 * dayMs }, 'qa', null, [known])?.id).toBe(first?.id)
    expect(trendChange({ ...trend, at: 25 * dayMs }, 'qa', null, [known])?.id).not.toBe(first?.id)
    expect(trendChange(trend, 'qa', null, [{ ...known, kind: 'release', at: 17.5 * dayMs }])).toBeUndefined()
  })

  test('is put down to what was nearest within a day', () => {
    const moves = [
      { at: noon - 30 * hourMs, cause: 'release:v1', environment: 'qa' },
      { at: noon - 5 * hourMs, cause: 'release:v2', environment: 'qa' },
      { at: noon + hourMs, cause: 'release:v9', environment: 'production' },
      { at: noon + 3 * hourMs, cause: 'flag:dark', environment: null },
    ]
    expect(causeOf(moves, 'qa', noon)).toBe('flag:dark')
    expect(causeOf(moves, 'qa', noon - 6 * hourMs)).toBe('release:v2')
    expect(causeOf(moves, 'qa', noon + 5 * dayMs)).toBeNull()
  })
})

describe('words', () => {
  const change: CallChangeWire = {
    id: '1',
    foundAt: noon,
    kind: 'release',
    environment: 'production',
    service: 'api',
    method: 'Members.get',
    measure: 'statements',
    at: noon,
    before: 2,
    after: 12,
    low: 9,
    high: 11,
    relative: 5,
    p: 0,
    n: { before: 60, after: 60 },
    cause: 'release:v2',
    statement: null,
    says: '',
    dearer: true,
  }
  test('say what a call does instead of what it did', () => {
    const of = (more: Partial<CallChangeWire>) => sayChange({ ...change, ...more })
    expect(of({})).toBe('Members.get runs 12 statements instead of 2 since v2 (+500 %)')
    expect(of({ measure: 'transactions', before: 3.04, after: 1, relative: -0.67 })).toBe(
      'Members.get makes 1 transaction instead of 3 since v2 (−67 %)',
    )
    expect(of({ measure: 'real', before: 980, after: 12_345, relative: 11.6 })).toBe(
      'Members.get takes 12.3 ms instead of 980 µs since v2 (+1,160 %)',
    )
    expect(of({ measure: 'cpu', before: 0, after: 1_500_000, relative: null, cause: null, kind: 'trend' })).toBe(
      'Members.get takes 1.5 s of CPU instead of 0 µs since 2026-05-01 (none before)',
    )
    expect(of({ measure: 'db', before: 1_000, after: 1_070, relative: 0.07, kind: 'flag', cause: 'flag:dark' })).toBe(
      'Members.get spends 1.07 ms in the database instead of 1 ms where the flag dark is met (+7.0 %)',
    )
    expect([sayMicros(0), sayRelative(-0.051)]).toEqual(['0 µs', '−5.1 %'])
  })

  test('say a week in one sentence', () => {
    expect(sayDigest([])).toBe('Nothing got dearer or cheaper this week, as far as calls show.')
    expect(sayDigest([change, { ...change, measure: 'real', relative: 0.2 }])).toBe(
      '1 method got dearer this week: Members.get runs 12 statements instead of 2 since v2 (+500 %).',
    )
    expect(sayDigest([change, { ...change, method: 'B', relative: 1 }, { ...change, method: 'C', dearer: false }])).toBe(
      '2 methods got dearer this week, most of all Members.get runs 12 statements instead of 2 since v2 (+500 %); 1 method got cheaper.',
    )
    expect(sayDigest([{ ...change, dearer: false }])).toBe('1 method got cheaper this week.')
  })
})

describe('chance', () => {
  // The figures with a thousand methods at three loads are in bench/RESULTS.md; here are enough to see a broken verdict.
  test('alone makes hardly any change', () => {
    const { alarms, comparisons } = simulateCloud({ methods: 60, days: 20, callsPerHour: 50, random: seededRandom(1) })
    expect(comparisons).toBe(780)
    expect(alarms.release).toBeLessThanOrEqual(1)
    expect(alarms.trend).toBeLessThanOrEqual(2)
  })

  test('hides no shift of 20 %', () => {
    const it = simulateCloud({ methods: 30, days: 20, callsPerHour: 200, shift: 0.2, random: seededRandom(2) })
    expect(it.foundAfterHours).toBeLessThanOrEqual(12)
    expect(it.foundAfterDays).toBeLessThanOrEqual(3)
  })
})
