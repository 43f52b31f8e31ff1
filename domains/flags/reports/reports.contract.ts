/** What reports promise, run on each database. */
import { handClock } from '@belay/base'
import { reportMax, reportWire, type ReportWire } from '@belay/protocol'
import { openStore, type Store } from '@belay/store'
import type { StorePlace } from '@belay/testkit'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { dayMs, flagsMax, hourMs, minuteMs, variantsMax } from './limits.ts'
import { openReports, type ReportsOptions } from './reports.ts'
import { reportMigrations } from './store.ts'
import type { Reports } from './types.ts'

type Sent = Partial<{ [Kind in 'counts' | 'exposures' | 'events']: Partial<ReportWire[Kind][number]>[] }>
type ReportsBench = {
  readonly store: Store
  readonly clock: ReturnType<typeof handClock>
  readonly reports: Reports
  /** Sends a report of a service; entries happen now, to `checkout`, `on`, `ann`, unless they say otherwise. */
  send(sent: Sent, batch?: { batch?: number; source?: string; environment?: string }): ReturnType<Reports['take']>
  counts(more?: Partial<Parameters<Reports['counts']>[0]>): ReturnType<Reports['counts']>
  rows(table: string): Promise<number>
  neighbour(): Promise<ReportsBench>
}

export function reportsKeepTheirPromises(newDatabase: () => Promise<StorePlace>): void {
  const opened: Store[] = []
  afterAll(async () => {
    await Promise.all(opened.map((store) => store.close()))
  })
  const open = async (options: Partial<ReportsOptions> = {}) => benchAt(await newDatabase(), handClock(noon), options)

  async function benchAt(place: StorePlace, clock: ReturnType<typeof handClock>, options: Partial<ReportsOptions>): Promise<ReportsBench> {
    const store = await openStore(place)
    opened.push(store)
    await store.migrate([reportMigrations])
    const reports = openReports({ store, clock, ...options })
    await reports.load()
    let batches = 0
    return {
      store,
      clock,
      reports,
      send({ counts = [], exposures = [], events = [] }, { batch = ++batches, source = 'service-1', environment = 'production' } = {}) {
        const at = clock.now()
        const report = {
          source,
          batch,
          counts: counts.map((it) => ({ flag: 'checkout', variant: 'on', minuteAt: at, count: 1, ...it })),
          exposures: exposures.map((it) => ({ flag: 'checkout', variant: 'on', unit: 'ann', at, ...it })),
          events: events.map((it) => ({ name: 'paid', unit: 'ann', at, value: null, attributes: {}, ...it })),
        }
        return reports.take(environment, reportWire.parse(report))
      },
      counts: (more) => reports.counts({ flag: 'checkout', environment: 'production', forMs: hourMs, ...more }),
      async rows(table) {
        return (await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(store.read)).rows[0]?.count ?? 0
      },
      neighbour: () => benchAt(place, clock, options),
    }
  }

  test('counts add up by variant and minute, whichever service sends them', async () => {
    const it = await open()
    await it.send({ counts: [{ count: 2 }, { count: 3 }, { variant: null, count: 4 }, { variant: 'off', minuteAt: noon - minuteMs }] })
    await it.send({ counts: [{ count: 10, minuteAt: noon + 59_999 }] }, { source: 'service-2' })
    expect(await it.counts()).toEqual({
      environment: 'production',
      sinceAt: noon - hourMs,
      stepMs: minuteMs,
      points: [
        { at: noon - minuteMs, variant: 'off', count: 1 },
        { at: noon, variant: null, count: 4 },
        { at: noon, variant: 'on', count: 15 },
      ],
      totals: [
        { variant: null, count: 4, units: 0 },
        { variant: 'off', count: 1, units: 0 },
        { variant: 'on', count: 15, units: 0 },
      ],
    })
    expect(await it.counts({ environment: 'qa' })).toMatchObject({ points: [], totals: [] })
    expect(await it.counts({ flag: 'other' })).toMatchObject({ points: [], totals: [] })
  })

  test('a batch that comes again counts once, also when both come at the same time to two servers', async () => {
    const it = await open()
    const other = await it.neighbour()
    const sent = { counts: [{ count: 5 }], exposures: [{}], events: [{}] }
    const taken = await Promise.all([it.send(sent, { batch: 1 }), other.send(sent, { batch: 1 }), it.send(sent, { batch: 1 })])
    expect(taken.filter(({ counted }) => counted)).toHaveLength(1)
    expect(await it.send(sent, { batch: 1 })).toEqual({ counted: false, dropped: 0 })
    expect((await it.counts()).totals).toEqual([{ variant: 'on', count: 5, units: 1 }])
    expect(await it.rows('flag_event')).toBe(1)
    // Another batch, another source and another environment are something else.
    await it.send(sent, { batch: 2 })
    await it.send(sent, { batch: 1, source: 'service-2' })
    await it.send(sent, { batch: 1, environment: 'qa' })
    expect((await it.counts()).totals).toEqual([{ variant: 'on', count: 15, units: 1 }])
    expect(await it.rows('flag_event')).toBe(4)
  })

  test('many servers and services at once lose and double nothing', async () => {
    const it = await open()
    const other = await it.neighbour()
    const sending = Array.from({ length: 40 }, (_, nth) =>
      (nth % 2 === 0 ? it : other).send(
        { counts: [{ count: 1, flag: `flag-${nth % 5}` }], exposures: [{ unit: `unit-${nth % 10}`, flag: `flag-${nth % 5}` }] },
        { source: `service-${nth}`, batch: 1 },
      ),
    )
    expect((await Promise.all(sending)).every(({ counted }) => counted)).toBe(true)
    for (let nth = 0; nth < 5; nth++) {
      expect((await it.counts({ flag: `flag-${nth}` })).totals).toEqual([{ variant: 'on', count: 8, units: 2 }])
    }
  })

  test('a unit is exposed once to a variant, at the first time; who met several is known', async () => {
    const it = await open()
    await it.send({ exposures: [{}, { at: noon - 5_000 }, { unit: 'bob' }] })
    await it.send({ exposures: [{ at: noon - 9_000 }, { at: noon + 9_000 }, { unit: 'bob', flag: 'other', variant: 'off' }] })
    expect(await it.reports.crossings({ flag: 'checkout', environment: 'production', limit: 10 })).toEqual({ units: 0, some: [] })
    await it.send({ exposures: [{ unit: 'carl', variant: 'off' }, { unit: 'carl' }, { variant: 'off', at: noon + 1_000 }] })
    expect(await it.reports.crossings({ flag: 'checkout', environment: 'production', limit: 10 })).toEqual({
      units: 2,
      some: [
        {
          unit: 'ann',
          variants: [
            { variant: 'on', at: noon - 9_000 },
            { variant: 'off', at: noon + 1_000 },
          ],
        },
        {
          unit: 'carl',
          variants: expect.arrayContaining([
            { variant: 'on', at: noon },
            { variant: 'off', at: noon },
          ]),
        },
      ],
    })
    expect(await it.reports.crossings({ flag: 'checkout', environment: 'production', limit: 1 })).toMatchObject({ units: 2, some: [{}] })
    expect(await it.reports.crossings({ flag: 'nothing', environment: 'production', limit: 1 })).toEqual({ units: 0, some: [] })
    expect((await it.counts()).totals).toEqual([
      { variant: 'off', count: 0, units: 2 },
      { variant: 'on', count: 0, units: 3 },
    ])
  })

  test('tracked events are kept as they came', async () => {
    const it = await open()
    await it.send({
      events: [
        { value: 9.5, attributes: { plan: 'pro', 'a\0': 'ü' } },
        { name: 'left', unit: null },
      ],
    })
    const { rows } = await sql`select n.environment, n.name, e.at, e.unit, e.value, e.attributes
      from flag_event as e join flag_event_name as n on n.id = e.name_id order by e.id`.execute(it.store.read)
    expect(rows).toEqual([
      {
        environment: 'production',
        name: 'paid',
        at: noon,
        unit: 'ann',
        value: 9.5,
        attributes: JSON.stringify({ plan: 'pro', 'a\0': 'ü' }),
      },
      { environment: 'production', name: 'left', at: noon, unit: null, value: null, attributes: '{}' },
    ])
  })

  test('what no database can spell is spelled otherwise, not refused', async () => {
    const it = await open()
    const odd = { flag: "che'ck\0out\ud83e", variant: '__proto__', unit: 'Zoë "\\" 🧗\n\0' }
    expect(await it.send({ counts: [{ flag: odd.flag, variant: odd.variant }], exposures: [odd], events: [{ name: odd.unit }] })).toEqual({
      counted: true,
      dropped: 0,
    })
    expect((await it.counts({ flag: "che'ckout\ufffd" })).totals).toEqual([{ variant: '__proto__', count: 1, units: 1 }])
  })

  test.each<[story: string, offMs: number, expected: 'taken' | 'now' | 'dropped']>([
    ['a little ahead', hourMs - minuteMs, 'taken'],
    ['of another time zone', 2 * hourMs, 'now'],
    ['of next week', 7 * dayMs, 'dropped'],
    ['of a spool that waited for days', -6 * dayMs, 'taken'],
    ['from before the time that batches are remembered', -8 * dayMs, 'dropped'],
  ])('an entry %s is believed as far as it goes', async (story, offMs, expected) => {
    const it = await (believing ??= open())
    const at = noon + offMs
    const { dropped } = await it.send({
      counts: [{ flag: story, minuteAt: at }],
      exposures: [{ flag: story, at }],
      events: [{ name: story, at }],
    })
    expect(dropped).toBe(expected === 'dropped' ? 3 : 0)
    const { rows } = await sql<{ at: number }>`select m.at from flag_minute as m
      join flag_reported_variant as v on v.id = m.variant_id join flag_reported as f on f.id = v.reported where f.flag = ${story}
      union select x.first_at from flag_exposure as x join flag_reported as f on f.id = x.reported where f.flag = ${story}
      union select e.at from flag_event as e join flag_event_name as n on n.id = e.name_id where n.name = ${story}`.execute(it.store.read)
    expect(rows).toEqual(expected === 'dropped' ? [] : [{ at: expected === 'now' ? noon : at }])
  })
  let believing: Promise<ReportsBench> | undefined

  test('a count that nobody can have counted is dropped, and large ones are summed', async () => {
    const it = await open()
    expect(await it.send({ counts: [{ count: Number.MAX_SAFE_INTEGER }, { count: 1_000_000_000 }] })).toEqual({ counted: true, dropped: 1 })
    await it.store.write(async (tx) => void (await sql`update flag_minute set count = 9000000000000000000`.execute(tx)))
    expect((await it.counts()).totals).toEqual([{ variant: 'on', count: 9e18, units: 0 }])
  })

  test('however late a batch comes again, it is not counted twice', async () => {
    const it = await open()
    const entries = { counts: [{ minuteAt: noon + 23 * hourMs }, { minuteAt: noon }], exposures: [], events: [{ at: noon + 23 * hourMs }] }
    expect(await it.send(entries, { batch: 1 })).toMatchObject({ counted: true, dropped: 0 })
    for (const day of [1, 3, 6, 7, 8, 9, 10, 12]) {
      it.clock.set(noon + day * dayMs)
      await it.reports.sweep()
      await it.send(entries, { batch: 1 })
    }
    expect((await it.counts({ forMs: 30 * dayMs })).totals).toEqual([{ variant: 'on', count: 2, units: 0 }])
    expect(await it.rows('flag_event')).toBe(1)
    expect(await it.rows('flag_report_batch')).toBe(1)
  })

  test('names that nobody knows are kept, up to a bound', async () => {
    const it = await open()
    const flags = (from: number, count: number) => Array.from({ length: count }, (_, nth) => ({ flag: `flag-${from + nth}` }))
    for (let from = 0; from < flagsMax; from += reportMax.counts) await it.send({ counts: flags(from, reportMax.counts) })
    expect(await it.send({ counts: flags(flagsMax - 5, 10), exposures: flags(flagsMax - 5, 10) })).toEqual({ counted: true, dropped: 10 })
    expect(await it.send({ counts: flags(flagsMax, 10) }, { environment: 'qa' })).toEqual({ counted: true, dropped: 0 })
    expect((await it.counts({ flag: `flag-${flagsMax - 1}` })).totals).toEqual([{ variant: 'on', count: 2, units: 1 }])
    const variants = Array.from({ length: variantsMax + 3 }, (_, nth) => ({ flag: 'flag-1', variant: `variant-${nth}` }))
    expect(await it.send({ counts: variants })).toEqual({ counted: true, dropped: 4 })
    const names = Array.from({ length: 1_010 }, (_, nth) => ({ name: `event-${nth}` }))
    expect(await it.send({ events: [...names, { name: 'event-1', attributes: { long: 'x'.repeat(5_000) } }] })).toEqual({
      counted: true,
      dropped: 11,
    })
  })

  test('a full report of 5,000 counts and 5,000 exposures is taken quickly', async () => {
    const it = await open()
    const report = (round: number) => ({
      counts: Array.from({ length: 5_000 }, (_, nth) => ({
        flag: `flag-${nth % 1_000}`,
        minuteAt: noon - Math.floor(nth / 1_000) * minuteMs,
      })),
      exposures: Array.from({ length: 5_000 }, (_, nth) => ({ flag: `flag-${nth % 1_000}`, unit: `unit-${round}-${nth}` })),
    })
    for (let round = 0; round < 3; round++) {
      const startMs = performance.now()
      expect(await it.send(report(round))).toEqual({ counted: true, dropped: 0 })
      // Some 100 ms on an idle machine; this one is shared.
      expect(performance.now() - startMs).toBeLessThan(5_000)
    }
    expect((await it.counts({ flag: 'flag-7' })).totals).toEqual([{ variant: 'on', count: 15, units: 15 }])
  })

  test('what this server evaluates itself is gathered and written, under the minute in which it happened', async () => {
    const it = await open()
    it.clock.set(noon + minuteMs - 1_000)
    for (let nth = 0; nth < 10; nth++) it.reports.evaluated('production', 'checkout', 'on', 1)
    it.reports.evaluated('production', 'checkout', null, 2)
    for (const unit of ['ann', 'ann', 'bob']) it.reports.exposed('production', 'checkout', 'on', unit)
    it.clock.set(noon + minuteMs + 1_000)
    it.reports.evaluated('production', 'checkout', 'on', 5)
    it.reports.evaluated('qa', 'checkout', 'on', 7)
    expect((await it.counts()).points).toEqual([])
    expect(it.reports.lastEvaluatedAt('checkout')).toBe(noon + minuteMs)
    await Promise.all([it.reports.flush(), it.reports.flush()])
    await it.reports.flush()
    const { points, totals } = await it.counts()
    expect(points).toEqual(
      expect.arrayContaining([
        { at: noon, variant: 'on', count: 10 },
        { at: noon, variant: null, count: 2 },
        { at: noon + minuteMs, variant: 'on', count: 5 },
      ]),
    )
    expect(totals).toEqual([
      { variant: null, count: 2, units: 0 },
      { variant: 'on', count: 15, units: 2 },
    ])
    expect((await it.counts({ environment: 'qa' })).totals).toEqual([{ variant: 'on', count: 7, units: 0 }])
  })

  test('a flush that fails is made good by the next one, once', async () => {
    const it = await open()
    it.reports.evaluated('production', 'checkout', 'on', 3)
    it.reports.evaluated('qa', 'checkout', 'on', 4)
    await it.store.write(async (tx) => void (await sql`alter table flag_minute rename to away`.execute(tx)))
    await expect(it.reports.flush()).rejects.toThrow(/flag_minute/)
    it.reports.evaluated('production', 'checkout', 'on', 5)
    await it.store.write(async (tx) => void (await sql`alter table away rename to flag_minute`.execute(tx)))
    await it.reports.flush()
    expect((await it.counts()).totals).toEqual([{ variant: 'on', count: 8, units: 0 }])
    expect((await it.counts({ environment: 'qa' })).totals).toEqual([{ variant: 'on', count: 4, units: 0 }])
  })

  test('when each flag was last evaluated is known at the next start, and a minute later to other servers', async () => {
    const it = await open()
    const other = await it.neighbour()
    expect(it.reports.lastEvaluatedAt('checkout')).toBeNull()
    await it.send({ counts: [{ minuteAt: noon - 5 * minuteMs }, { minuteAt: noon - 9 * minuteMs }] }, { environment: 'qa' })
    expect(it.reports.lastEvaluatedAt('checkout')).toBe(noon - 5 * minuteMs)
    it.clock.set(noon + minuteMs)
    await other.reports.flush()
    expect(other.reports.lastEvaluatedAt('checkout')).toBe(noon - 5 * minuteMs)
    const next = await it.neighbour()
    expect(next.reports.lastEvaluatedAt('checkout')).toBe(noon - 5 * minuteMs)
  })

  test('points come in steps that suit the span, and minutes become hours without losing a count', async () => {
    const it = await open()
    for (let day = 0; day < 5; day++) {
      it.clock.set(noon + day * dayMs)
      await it.send({ counts: Array.from({ length: 120 }, (_, nth) => ({ minuteAt: noon + day * dayMs - nth * minuteMs })) })
      await it.reports.sweep()
    }
    const stepFor = async (forMs: number) => {
      const { stepMs, points } = await it.counts({ forMs })
      expect(points.every(({ at }) => at % stepMs === 0)).toBe(true)
      return [stepMs / minuteMs, points.reduce((sum, { count }) => sum + count, 0)]
    }
    expect(await stepFor(3 * hourMs)).toEqual([1, 120])
    expect(await stepFor(12 * hourMs)).toEqual([5, 120])
    expect(await stepFor(26 * hourMs)).toEqual([15, 240])
    expect(await stepFor(14 * dayMs)).toEqual([60, 600])
    expect(await stepFor(90 * dayMs)).toEqual([360, 600])
    expect(await it.rows('flag_minute')).toBeLessThanOrEqual(3 * 120)
    expect(await it.rows('flag_hour')).toBeLessThanOrEqual(3 * 3)
    // Minutes that come late are added to hours that are there already.
    await it.send({ counts: [{ minuteAt: noon, count: 1_000 }] })
    await it.reports.sweep()
    expect(await stepFor(14 * dayMs)).toEqual([60, 1_600])
  })

  test('everything goes when its time is over, and its name with it', async () => {
    const it = await open()
    const entries = { counts: [{}], exposures: [{}], events: [{}] }
    await it.send(entries)
    it.clock.set(noon + 60 * dayMs)
    await it.send({ exposures: [{ unit: 'bob' }] })
    it.clock.set(noon + 91 * dayMs)
    await it.reports.sweep()
    expect((await it.counts({ forMs: 90 * dayMs })).totals).toEqual([{ variant: 'on', count: 0, units: 1 }])
    const tables = ['minute', 'hour', 'exposure', 'event', 'report_batch', 'reported', 'reported_variant', 'event_name']
    const left = async () => await Promise.all(tables.map((table) => it.rows(`flag_${table}`)))
    expect(await left()).toEqual([0, 0, 1, 0, 0, 1, 1, 1])
    it.clock.set(noon + 160 * dayMs)
    await it.reports.sweep()
    expect(await left()).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
    await it.send(entries)
    expect((await it.counts()).totals).toEqual([{ variant: 'on', count: 1, units: 1 }])
  })

  test('where there is too much, the oldest goes first', async () => {
    const it = await open({ bounds: { minutes: 100, hours: 10, exposures: 100, events: 100 } })
    for (let day = 0; day < 3; day++) {
      const at = noon - day * dayMs
      await it.send({
        counts: Array.from({ length: 60 }, (_, nth) => ({ flag: `flag-${nth}`, minuteAt: at - (nth % 60) * minuteMs })),
        exposures: Array.from({ length: 60 }, (_, nth) => ({ unit: `unit-${nth}`, variant: `day-${day}`, at })),
        events: Array.from({ length: 60 }, () => ({ at })),
      })
    }
    await it.reports.sweep()
    expect(await it.rows('flag_minute')).toBeLessThanOrEqual(100)
    expect(await it.rows('flag_hour')).toBeLessThanOrEqual(10)
    expect(await it.rows('flag_exposure')).toBe(60)
    expect(await it.rows('flag_event')).toBe(60)
    expect((await it.counts()).totals).toMatchObject([{ variant: 'day-0', units: 60 }])
  })
}

/** A whole hour, so that minutes and hours are easy to read. */
const noon = Date.UTC(2026, 5, 1, 12)
