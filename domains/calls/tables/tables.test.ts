import { handClock } from '@belay/base'
import { type Columns, type Dialect, raw, sql } from '@belay/columns'
import {
  callFilter,
  type CallFilter,
  type CallMeasure,
  callMeasures,
  type CallRowWire,
  callMethodWire,
  callTableWire,
  callFacetsWire,
  trendWire,
  exemplarWire,
  budgetVerdictWire,
} from '@belay/protocol'
import { columnsForTests, type TestColumns } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { CallRow } from '../row.ts'
import { insertCalls, type Plain, plainly, randomCalls, segmentOf, usual } from './fixtures.ts'
import { exemplarRecord, processRecord } from './records.ts'
import { callMigrations } from './schema.ts'
import { dayMs, hourMs } from './selection.ts'
import { type CallTables, openCallTables } from './tables.ts'

/** Rows must be young for the engine's own clock, or it drops them as too old. */
const today = Math.floor(Date.now() / dayMs) * dayMs
const now = today + 10 * hourMs + 30 * 60_000 + 12_345
const old = today - 60 * dayMs
const filterOf = (asked: Record<string, unknown> = {}): CallFilter => callFilter.parse(asked)

/** As on one server; the tables are there. */
const alone: Dialect = {
  table: () => [],
  addColumns: () => [],
  view: ({ name, to, select }) => [`CREATE MATERIALIZED VIEW ${name} TO ${to} AS ${select}`],
}

describe('what calls cost', () => {
  let store: TestColumns
  let tables: CallTables
  const facts: { seq: number; at: number; kind: string; subject: string; says: string; data: Record<string, unknown> }[] = []
  const rows: CallRow[] = [
    ...randomCalls(1, 3_000, (random) => now - random() * dayMs),
    ...randomCalls(2, 2_000, (random) => now - random() * 20 * dayMs),
    ...randomCalls(3, 500, (random) => old + random() * dayMs),
  ]
  beforeAll(async () => {
    store = await columnsForTests()
    await store.columns.migrate([callMigrations])
    await insertCalls(store.columns, store.folder, rows)
    tables = openTables(store.columns)
  }, 60_000)
  afterAll(() => store[Symbol.asyncDispose]())

  /** @param rowsPerDay what is taken for the volume of calls, so that a few thousand rows are read as a hundred million would be. */
  const openTables = (columns: Pick<Columns, 'query' | 'state'>, rowsPerDay?: number) =>
    openCallTables({
      columns: {
        state: () => columns.state(),
        query: async <Row>(it: { text: string }) =>
          rowsPerDay !== undefined && it.text.includes(' AS most FROM (') ? ([{ most: rowsPerDay }] as Row[]) : columns.query<Row>(it),
      },
      ledger: {
        async list({ kind, before, limit = 100 }) {
          const found = facts
            .filter(
              (it) => (kind?.endsWith('.') ? it.kind.startsWith(kind) : it.kind === kind) && (before === undefined || it.seq < before),
            )
            .sort((a, b) => b.seq - a.seq)
          return {
            facts: found.slice(0, limit).map((it) => ({ ...it, actor: 'belay', hash: '', previous: '' })),
            more: found.length > limit,
          }
        },
      },
      clock: handClock(now),
      environments: async () => [
        { name: 'qa', kind: 'qa' },
        { name: 'production', kind: 'production' },
      ],
      budgets: () => ({ 'Items.get': { real: 1, statements: 1 }, 'Items.save': { cpu: 100 }, 'Nobody.calls': { real: 1 } }),
      intake: { state: () => ({ waitingRows: 0, waitingBytes: 0, oldestAt: null }) },
    })
  const table = (asked: Record<string, unknown>, more: Partial<Parameters<CallTables['table']>[0]> = {}) =>
    tables.table({ ...filterOf(asked), rank: 'mix', limit: 5_000, ...more })

  const ranges: readonly (readonly [says: string, grain: string, asked: { from: number; to: number }])[] = [
    ['the last three hours', 'raw', { from: now - 3 * hourMs + 17, to: now }],
    ['the last day', 'raw', { from: now - dayMs, to: now }],
    ['some of yesterday', 'raw', { from: now - 20 * hourMs + 1, to: now - 5 * hourMs - 3 }],
    ['three days', 'day', { from: now - 3 * dayMs, to: now }],
    ['twenty days', 'day', { from: now - 20 * dayMs, to: now }],
    ['hours of two months ago', 'hour', { from: old + 3 * hourMs + 5, to: old + 9 * hourMs }],
    ['a day of two months ago', 'day', { from: old, to: old + dayMs }],
  ]
  const filters: readonly (readonly [asked: Record<string, string>, keep: (row: CallRow) => boolean])[] = [
    [{}, () => true],
    [{ audience: '!robot,!staff', release: 'v2' }, (row) => row.audience === 'customer' && row.release === 'v2'],
    [{ service: 'web', lane: '!candidate' }, (row) => row.service === 'web' && row.lane === 'stable'],
    [{ host: 'h1,h2' }, (row) => row.host !== 'h3'],
    [{ variant: 'comments=on' }, (row) => row.variants.includes('comments=on')],
    [{ variant: '!comments=on' }, (row) => !row.variants.includes('comments=on')],
    [{ account: 'a1' }, (row) => row.account === 'a1'],
    [{ external: 'without' }, () => true],
  ]
  describe.each([
    ['a few calls a day', undefined],
    ['a billion calls a day', 1e9],
  ])('%s', (_, rowsPerDay) => {
    // The others are read from the same tables, however many calls there are.
    const differing = ranges.filter(
      ([says]) => rowsPerDay === undefined || ['the last three hours', 'some of yesterday', 'three days'].includes(says),
    )
    const cases = differing.flatMap(([says, grain, asked]) => filters.map(([filter, keep]) => ({ says, grain, asked, filter, keep })))
    test.each(cases)('$says, $filter: the same figures as computed by hand', async ({ grain, asked, filter, keep }) => {
      const place = rowsPerDay === undefined ? tables : openTables(store.columns, rowsPerDay)
      const answer = callTableWire.parse(await place.table({ ...filterOf({ ...asked, ...filter }), rank: 'mix', limit: 5_000 }))
      if (rowsPerDay === undefined && Object.keys(filter).length === 0) expect(answer.grain).toBe(grain)
      // Raw rows of two months ago are gone or going, so what only they know is not asked of them.
      if (answer.grain === 'raw' && asked.from < now - 30 * dayMs) return expect(answer.total.count).toBe(0)
      const expected = plainly(
        rows.filter((row) => keep(row) && row.at >= answer.from && (asked.to >= now || row.at < answer.to)),
        filter['external'] === 'without',
      )
      expect(answer.rows.map((row) => `${row.service} ${row.method}`).sort()).toEqual([...expected.keys()].sort())
      const totalOf = (measure: CallMeasure) => [...expected.values()].reduce((sum, it) => sum + it.sums[measure], 0)
      const [realUs, cpuUs, dbUs] = [totalOf('real'), totalOf('cpu'), totalOf('db')]
      expect(answer.total).toMatchObject({ methods: expected.size, realUs, cpuUs, dbUs })
      for (const row of answer.rows) expectFigures(row, expected.get(`${row.service} ${row.method}`) as Plain, totalOf, answer.notes)
      if (answer.rows.length > 0) expect(answer.rows.reduce((sum, { mix }) => sum + mix, 0)).toBeCloseTo(1, 9)
      for (const { spark, count } of answer.rows) {
        expect(spark.length).toBeLessThanOrEqual(31)
        if (count > 0) expect(spark.some((point) => point !== null)).toBe(true)
      }
    })
  })

  test('sparks hold every call once, evenly over the range', async () => {
    for (const [, , asked] of ranges) {
      const answer = await table(asked, { rank: 'count' })
      for (const row of answer.rows) {
        const inSpark = row.spark.reduce<number>((sum, point) => sum + (point ?? 0), 0)
        // Hours at the edges of a range are shown whole.
        expect(inSpark).toBeGreaterThanOrEqual(row.count)
        if (answer.grain === 'raw' && asked.to - asked.from < 15 * hourMs) expect(inSpark).toBe(row.count)
      }
    }
  })

  test('the statement that one call ran most often is named with its method', async () => {
    const { rows: answered } = await table({})
    const worst = rows
      .filter((row) => row.at >= now - dayMs && row.service === 'api' && row.method === 'Items.getList')
      .reduce((a, b) => (b.repeats > a.repeats ? b : a))
    expect(answered.find((row) => row.service === 'api' && row.method === 'Items.getList')?.repeats?.max).toBe(worst.repeats)
    expect(answered.find((row) => row.method === 'Items.get')?.repeats).toBeNull()
  })

  test('ranks put the largest total first; a text leaves totals and shares alone', async () => {
    for (const rank of callMeasures) {
      const { rows: ranked } = await table({}, { rank })
      const totals = ranked.map((row) => row[rank].total)
      expect(totals).toEqual(totals.toSorted((a, b) => b - a))
    }
    const whole = await table({})
    const some = await table({}, { text: 'ITEMS.', limit: 2 })
    expect(some.rows.map(({ method }) => method.startsWith('Items.'))).toEqual([true, true])
    expect(some.total).toEqual(whole.total)
    expect(some.notes.at(-1)).toContain('more method')
  })

  test('a release that costs more is shown after correction, one that does not is not', async () => {
    const own = Array.from({ length: 400 }, (_, nth): CallRow => {
      const isAfter = nth >= 200
      return {
        ...usual,
        environment: 'compared',
        at: now - (isAfter ? 1 : 5) * hourMs + nth * 1_000,
        release: isAfter ? 'v2' : 'v1',
        realUs: 1_000 + ((nth * 37) % 101),
        statements: isAfter ? 12 : 2,
        dbUs: 300 + ((nth * 31) % 50) + (isAfter ? 400 : 0),
      }
    })
    await insertCalls(store.columns, store.folder, own)
    const by = async (compare: string, asked: Record<string, unknown> = {}) =>
      (await table({ environment: 'compared', ...asked }, { compare })).rows[0]?.compared
    for (const compared of [await by('release:v1'), await by('release:v1', { release: 'v2' })]) {
      expect(compared?.statements).toMatchObject({
        before: 2,
        after: 12,
        difference: 10,
        low: 10,
        high: 10,
        relative: 5,
        shown: true,
        few: false,
      })
      expect(compared?.db).toMatchObject({ shown: true })
      expect(compared?.real).toMatchObject({ shown: false })
    }
    const recent = { from: now - 3 * hourMs, to: now }
    expect((await by('previous', recent))?.statements).toMatchObject({ before: 2, after: 12, shown: true })
    expect((await by(`range:${now - 6 * hourMs}-${now - 3 * hourMs}`, recent))?.statements).toMatchObject({ before: 2, after: 12 })
    expect((await by('previous', { from: now - 5 * hourMs + 20_000 }))?.statements).toMatchObject({ few: true, shown: false })
    await expect(by('release:v9')).rejects.toMatchObject({ code: 'calls-nothing-to-compare' })
    await expect(by('lane:blue')).rejects.toMatchObject({ code: 'calls-nothing-to-compare' })
    const page = await tables.show({ ...filterOf({ environment: 'compared' }), service: 'api', method: 'Items.get', compare: 'release:v1' })
    expect(page.row.compared?.statements.shown).toBe(true)
  })

  test('the page of a method: its row as in the table, its distribution and divisions add up to its calls', async () => {
    for (const [, , asked] of ranges.slice(0, 5)) {
      const answer = await table({ ...asked, audience: '!robot' })
      const row = answer.rows.find((it) => it.service === 'api' && it.method === 'Items.getList')
      const page = await tables.show({ ...filterOf({ ...asked, audience: '!robot' }), service: 'api', method: 'Items.getList' })
      callMethodWire.parse(page)
      const { spark: _, changedAt: __, ...figures } = page.row
      expect(row).toMatchObject(figures)
      expect(page.distribution.reduce((sum, { count }) => sum + count, 0)).toBe(page.row.count)
      for (const division of page.divisions) {
        const count = division.rows.reduce((sum, it) => sum + it.count, 0)
        if (division.by === 'variant') expect(count).toBeGreaterThan(page.row.count)
        else expect(count, division.by).toBe(page.row.count)
        expect(division.total).toBe(division.rows.length)
      }
      expect(page.divisions.find(({ by }) => by === 'audience')?.rows.map(({ name }) => name)).toEqual(['customer', 'staff'])
      expect(page.repeated.map(({ statement }) => statement).sort()).toEqual(['SELECT * FROM comment WHERE item = ?', 'SELECT 1'])
    }
    const page = await tables.show({ ...filterOf(), service: 'api', method: 'Items.get' })
    expect(page.budget).toEqual({ real: 1_000, cpu: null, db: null, statements: 1, transactions: null })
  })

  test('a trend has each call in one point, by minute, hour or day, with what happened meanwhile', async () => {
    facts.push(
      {
        seq: 1,
        at: now - 2 * hourMs,
        kind: 'deployment.started',
        subject: 'deployment:d1',
        says: 'began to bring v2 to production',
        data: { environment: 'production', release: 'v2', from: 'v1' },
      },
      {
        seq: 2,
        at: now - 2 * hourMs,
        kind: 'deployment.started',
        subject: 'deployment:d2',
        says: 'began to bring v2 to qa',
        data: { environment: 'qa', release: 'v2' },
      },
      {
        seq: 3,
        at: now - hourMs,
        kind: 'flag.changed',
        subject: 'flag:comments',
        says: 'exposed comments',
        data: { diff: [{ path: 'settings.production.exposure.percent' }] },
      },
      {
        seq: 4,
        at: now - hourMs,
        kind: 'flag.changed',
        subject: 'flag:comments',
        says: 'changed description of comments',
        data: { diff: [{ path: 'description' }] },
      },
      {
        seq: 5,
        at: now - 100,
        kind: 'flag.killed',
        subject: 'flag:comments',
        says: 'killed comments',
        data: { diff: [{ path: 'killed.*' }] },
      },
      {
        seq: 6,
        at: now,
        kind: 'calls.changed',
        subject: 'calls:api/Items.get',
        says: 'dearer',
        data: { id: 'c1', environment: 'production', service: 'api', method: 'Items.get', measure: 'db', at: now - 2 * hourMs },
      },
      // Found and taken back.
      {
        seq: 7,
        at: now,
        kind: 'calls.changed',
        subject: 'call:api/Items.save',
        says: 'dearer',
        data: { id: 'c2', environment: 'production', service: 'api', method: 'Items.save', measure: 'db', at: now - hourMs },
      },
      { seq: 8, at: now, kind: 'calls.change-withdrawn', subject: 'call:api/Items.save', says: 'took back', data: { id: 'c2' } },
    )
    for (const [range, grain] of [
      [ranges[0], 'minute'],
      [ranges[1], 'hour'],
      [ranges[4], 'day'],
    ] as const) {
      const asked = range?.[2]
      for (const measure of ['real', 'cpu', 'count', 'errors'] as const) {
        const trend = await tables.trend({ ...filterOf(asked), service: 'api', method: 'Items.get', measure })
        trendWire.parse(trend)
        expect(trend.grain).toBe(grain)
        const first = trend.points[0]?.at ?? 0
        const mine = rows.filter(
          (it) =>
            it.service === 'api' &&
            it.method === 'Items.get' &&
            it.at >= Math.max(first, grain === 'day' ? 0 : (asked?.from ?? 0)) &&
            it.at <= now,
        )
        const it = plainly(mine).get('api Items.get')
        if (it === undefined) throw new Error('there are some')
        const sum = (of: (point: (typeof trend.points)[number]) => number) => trend.points.reduce((all, point) => all + of(point), 0)
        expect(sum(({ n }) => n)).toBe(measure === 'cpu' ? it.values.cpu.length : it.count)
        if (measure === 'real' || measure === 'cpu') expect(sum(({ n, mean }) => n * (mean ?? 0))).toBeCloseTo(it.sums[measure], 3)
        if (measure === 'errors') expect(sum(({ mean }) => mean ?? 0)).toBe(it.errors)
        expect(trend.marks.filter(({ kind }) => kind !== 'change').map(({ kind, name }) => `${kind} ${name}`)).toEqual([
          'deployment v2',
          'ring comments',
          'flag comments',
        ])
      }
    }
    const { marks } = await tables.trend({ ...filterOf(), service: 'api', method: 'Items.get', measure: 'db' })
    expect(marks.filter(({ kind }) => kind === 'change')).toMatchObject([{ name: 'db', at: now - 2 * hourMs }])
    const { rows: ranked } = await table({}, { rank: 'db' })
    expect(ranked.find((row) => row.service === 'api' && row.method === 'Items.get')?.changedAt).toBeGreaterThan(20)
    expect(ranked.find((row) => row.method === 'Items.save')?.changedAt).toBeNull()
  })

  test('exemplars come back as they were kept, the slowest first; processes say what they could not tell', async () => {
    const events = [{ kind: 'statement' as const, atUs: 1, tookUs: 5, text: "SELECT 'x'", system: 'postgresql', failed: false }]
    const kept = [100, 900, 500].map((realUs) => ({
      ...usual,
      at: now - realUs,
      realUs,
      cpuN: realUs === 100 ? (0 as const) : (1 as const),
      trace: '0af7651916cd43dd8448eb211c80319c',
      why: 'slow' as const,
      events,
      cut: 2,
    }))
    await store.columns.insertRows({ table: 'call_exemplars', rows: kept.map(exemplarRecord), token: 'exemplars' })
    const process = {
      at: now - 1_000,
      service: 'api',
      environment: 'production',
      release: 'v1',
      host: 'h9',
      intervalMs: 2_000,
      cpuMs: 100.5,
      attributedMs: 80,
      mode: 'sampled' as const,
      dropped: 3,
      overflowed: 0,
    }
    await store.columns.insertRows({ table: 'call_processes', rows: [processRecord(process)], token: 'processes' })
    const found = await tables.exemplars({ ...filterOf({ audience: 'customer' }), service: 'api', method: 'Items.get', limit: 2 })
    z.array(exemplarWire).parse(found)
    expect(found).toMatchObject([
      { realUs: 900, at: now - 900, cpuUs: 100, events, cut: 2, trace: kept[0]?.trace, why: 'slow' },
      { realUs: 500 },
    ])
    const facets = callFacetsWire.parse(await tables.facets({}))
    expect(facets).toMatchObject({
      environments: ['qa', 'production', 'compared'],
      services: ['api', 'web'],
      audiences: ['customer', 'robot', 'staff'],
      releases: ['v1', 'v2'],
      lanes: ['candidate', 'stable'],
      hosts: ['h1', 'h2', 'h3', 'h9'],
      variants: ['comments=off', 'comments=on', 'search=old'],
      processes: [{ service: 'api', cpuMs: 100.5, unattributedMs: 20.5, mode: 'sampled', dropped: 3 }],
      lastAt: Math.max(...rows.map(({ at }) => at)),
    })
    const { notes } = await table({})
    expect(notes).toEqual(['CPU time of api is measured in one second of ten.', '3 calls found no room in a recorder and are missing.'])
    expect((await table({ service: 'web' })).notes).toEqual([])
    expect(await tables.facets({ environment: 'qa' })).toMatchObject({ firstAt: null, lastAt: null, services: [] })
  })

  test('where no CPU time is measured, its estimate stands in the table, marked', async () => {
    const strange = Array.from(
      { length: 40 },
      (_, nth): CallRow => ({
        ...usual,
        environment: 'otlp',
        at: now - nth * 1_000,
        cpuN: 0,
        cpuUs: 0,
        method: nth % 2 === 0 ? 'GET /a' : 'GET /b',
      }),
    )
    await insertCalls(store.columns, store.folder, strange)
    expect((await table({ environment: 'otlp' })).notes).toEqual(['No CPU time was measured, so Mix is the mean of the other shares.'])
    const at = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
    const estimate = { service: 'api', environment: 'otlp', method: 'GET /a', windows: 12 }
    await store.columns.insertRows({
      table: 'call_cpu_estimates',
      rows: [
        { ...estimate, ts: at(now - hourMs), cpu_us: 5 },
        { ...estimate, ts: at(now - 60_000), cpu_us: 250 },
      ],
      token: 'estimates',
    })
    const answer = await table({ environment: 'otlp' })
    expect(answer.rows[0]).toMatchObject({
      method: 'GET /a',
      cpuEstimated: true,
      cpu: { n: 20, mean: 250, p95: null, total: 5_000, share: 1 },
    })
    expect(answer.rows[1]).toMatchObject({ method: 'GET /b', cpuEstimated: false, cpu: { n: 0, mean: 0, total: 0 } })
    expect(answer.notes).toEqual(['CPU time of 1 method is estimated by regression: their services report none.'])
    const trend = await tables.trend({ ...filterOf({ environment: 'otlp' }), service: 'api', method: 'GET /a', measure: 'cpu' })
    expect(trend.points.map(({ mean }) => mean)).toContain(250)
  })

  test('budgets: over is a mean clearly above, dearer is clearly more than before, few says nothing', async () => {
    const stage = { ...usual, environment: 'qa' }
    const calls = (release: string, count: number, it: Partial<CallRow>) =>
      Array.from(
        { length: count },
        (_, nth): CallRow => ({ ...stage, at: now - hourMs + nth, release, realUs: 900 + (nth % 21) * 10, ...it }),
      )
    await insertCalls(store.columns, store.folder, [
      ...calls('v1', 50, { statements: 1 }),
      ...calls('v2', 50, { statements: 3 }),
      ...calls('v1', 50, { method: 'Items.save', cpuUs: 100, dbUs: 500 }),
      ...calls('v2', 50, { method: 'Items.save', cpuUs: 100, dbUs: 900 }),
      ...calls('v2', 3, { method: 'Users.get', realUs: 9_999 }),
    ])
    const ask = {
      environment: 'qa',
      release: 'v2',
      since: now - 2 * hourMs,
      until: now,
      budgets: { 'Items.get': { real: 1, statements: 1 }, 'Items.save': { cpu: 100 }, 'Users.get': { real: 1 } },
      previousRelease: 'v1',
    }
    const verdict = budgetVerdictWire.parse(await tables.checkBudgets(ask))
    expect(verdict).toMatchObject({
      ok: false,
      release: 'v2',
      says: 'Items.get costs 3 of statements a call, and its budget is 1. And 1 more line.',
    })
    expect(Object.fromEntries(verdict.lines.map((line) => [`${line.method} ${line.measure}`, line.state]))).toEqual({
      'Items.get real': 'within',
      'Items.get statements': 'over',
      'Items.save cpu': 'within',
      'Items.save db': 'dearer',
      'Users.get real': 'few',
    })
    const before = await tables.checkBudgets({ ...ask, release: 'v1', previousRelease: null })
    expect(before).toMatchObject({ ok: true, says: 'All calls of v1 keep to their budgets. 1 method had too few calls to say.' })
    expect(await tables.checkBudgets({ ...ask, budgets: {} })).toMatchObject({ ok: true, lines: [] })
    expect(await tables.checkBudgets({ ...ask, environment: 'nowhere' })).toMatchObject({
      ok: true,
      says: 'No method with a budget had enough calls of v2 to say.',
    })
    // The route finds the release before in the ledger.
    facts.push({
      seq: 9,
      at: now - hourMs,
      kind: 'deployment.started',
      subject: 'deployment:d3',
      says: '',
      data: { environment: 'qa', release: 'v2', from: 'v1' },
    })
    const asked = await tables.budgets(filterOf({ environment: 'qa', release: 'v2' }))
    expect(asked.lines.find((line) => line.measure === 'db')?.says).toBe(
      'Items.save costs 900 µs of DB time a call, clearly more than the 500 µs of v1.',
    )
  })

  test('what never was is refused by name, and what is unclear says why', async () => {
    const method = { ...filterOf(), service: 'api', method: 'Items.get' }
    await expect(table({ environment: 'prod' })).rejects.toMatchObject({ code: 'calls-environment-unknown', status: 404 })
    await expect(table({ service: 'apy' })).rejects.toThrow('Did you mean api?')
    await expect(tables.show({ ...method, service: 'nobody' })).rejects.toMatchObject({ code: 'calls-service-unknown' })
    await expect(tables.trend({ ...method, method: 'Items.gett', measure: 'real' })).rejects.toThrow('Did you mean Items.get?')
    await expect(table({ from: now, to: now - 1 })).rejects.toMatchObject({ code: 'calls-range-unclear', status: 400 })
    await expect(table({ day: '2026-01-01', from: 1 })).rejects.toMatchObject({ code: 'calls-range-unclear' })
    await expect(table({ audience: '!' })).rejects.toMatchObject({ code: 'calls-filter-unclear' })
    const quiet = await tables.show({ ...method, from: now - 300 * dayMs, to: now - 290 * dayMs })
    expect(quiet.row).toMatchObject({ count: 0, real: { n: 0 } })
    expect(callMethodWire.parse(quiet).distribution).toEqual([])
  })

  test('a segment that is sent again counts once in every table, also when the last table did not get it the first time', async () => {
    const sums = async () => {
      const counted: Record<string, number> = {}
      for (const name of [
        'calls',
        'calls_hour_set',
        'calls_hour',
        'calls_day',
        'calls_hour_variant',
        'calls_day_account',
        'calls_hour_repeat',
      ]) {
        const [row] = await store.columns.query<{ n: number }>(
          sql`SELECT toFloat64(sum(n)) AS n FROM ${raw(name)} WHERE environment = 'again'`,
        )
        counted[name] = row?.n ?? 0
      }
      for (const name of ['calls_day_audience_q', 'calls_day_q']) {
        const [row] = await store.columns.query<{ p: number[] }>(
          sql`SELECT arrayMap(it -> toFloat64(it), quantilesBFloat16Merge(0.5, 0.95, 0.99)(real_q)) AS p FROM ${raw(name)} WHERE environment = 'again'`,
        )
        counted[name] = row?.p[0] ?? 0
      }
      return counted
    }
    const calls = [100, 100, 100, 900, 900].map(
      (realUs, nth): CallRow => ({
        ...usual,
        environment: 'again',
        at: now - 1_000 + nth,
        realUs,
        account: 'a',
        variants: ['f=on'],
        repeats: 3,
        repeated: 'SELECT 1',
      }),
    )
    const [views] = callMigrations.steps.map(({ up }) => up(alone))
    const without = async (view: string, work: () => Promise<void>) => {
      await store.columns.command(raw(`DROP VIEW ${view}`))
      await work()
      for (const statement of views ?? []) if (statement.includes(`${view} TO`)) await store.columns.command(raw(statement))
    }
    const send = await segmentOf(store.columns, store.folder, calls)
    await without('calls_to_day_q', () => without('calls_to_day', () => without('calls_to_hour', send)))
    expect(await sums()).toMatchObject({
      calls: 5,
      calls_hour_set: 5,
      calls_hour: 0,
      calls_day: 0,
      calls_day_audience_q: 101,
      calls_day_q: 0,
    })
    const whole = {
      calls: 5,
      calls_hour_set: 5,
      calls_hour: 5,
      calls_day: 5,
      calls_hour_variant: 5,
      calls_day_account: 5,
      calls_hour_repeat: 5,
      calls_day_audience_q: 101,
      calls_day_q: 101,
    }
    await send()
    expect(await sums()).toEqual(whole)
    await send()
    expect(await sums()).toEqual(whole)
  })

  test('a name is a name, whatever it is made of', async () => {
    const strange = 'it\'s \\ "a" `b` ${c} %\' OR 1=1 -- ü'
    await insertCalls(store.columns, store.folder, [
      { ...usual, environment: 'strange', at: now - 1_000, method: strange, service: strange, variants: [strange], account: strange },
    ])
    const asked = { ...filterOf({ environment: 'strange' }), account: [strange], variant: [strange] }
    expect((await tables.table({ ...asked, rank: 'mix', limit: 10 })).rows).toMatchObject([{ method: strange, service: strange }])
    const page = await tables.show({ ...asked, service: strange, method: strange })
    expect(page.divisions.find(({ by }) => by === 'variant')?.rows).toMatchObject([{ name: strange, count: 1 }])
  })
})

function expectFigures(row: CallRowWire, it: Plain, totalOf: (measure: CallMeasure) => number, notes: readonly string[]): void {
  expect(row).toMatchObject({ count: it.count, errors: it.errors })
  expect(row.external.count).toBe(it.externals)
  expect(row.external.mean).toBeCloseTo(it.count === 0 ? 0 : it.externalUs / it.count, 6)
  for (const measure of callMeasures) {
    const figures = row[measure]
    const n = it.values[measure].length
    expect(figures).toMatchObject({ n, total: it.sums[measure], max: it.values[measure].at(-1) ?? 0 })
    expect(figures.mean).toBeCloseTo(it.sums[measure] / Math.max(1, n), 6)
    expect(figures.share).toBeCloseTo(it.sums[measure] / totalOf(measure), 9)
    // Quantiles of other days, or none, are said to be so.
    if (notes.length > 0) continue
    if (n === 0) expect(figures.p95).toBeNull()
    else {
      expectNear(it.values[measure], 0.5, figures.p50)
      expectNear(it.values[measure], 0.95, figures.p95)
      expectNear(it.values[measure], 0.99, figures.p99)
    }
  }
}

/** States know times to 1.6 %; ranks between two calls may be told either way. */
function expectNear(sorted: readonly number[], level: number, got: number | null): void {
  const rank = level * (sorted.length - 1)
  const low = (sorted[Math.max(0, Math.floor(rank) - 1)] as number) * 0.98
  const high = (sorted[Math.min(sorted.length - 1, Math.ceil(rank) + 1)] as number) * 1.02
  expect(got).toBeGreaterThanOrEqual(Math.floor(low))
  expect(got).toBeLessThanOrEqual(Math.ceil(high))
}
