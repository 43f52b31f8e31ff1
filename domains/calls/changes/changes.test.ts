import { handClock } from '@belay/base'
import { type Columns, openColumns, raw, sql } from '@belay/columns'
import { type Ledger, ledgerMigrations, openLedger } from '@belay/ledger'
import { addStrata, type Moments, stratum } from '@belay/stats'
import { openStore, type Store } from '@belay/store'
import { temporaryFolder, type TemporaryFolder } from '@belay/testkit'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { callMigrations } from '../tables/schema.ts'
import { type Changes, openChanges } from './changes.ts'
import { insertCalls, type Sample, spread } from './fixtures.ts'
import { changeMigrations } from './store.ts'
import { compareSides } from './sums.ts'

// A second each alone; the engine waits for a core where all others test, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Raw rows of a month ago are dropped, so tests live in the present: at noon of yesterday. */
const noon = Math.floor(Date.now() / dayMs) * dayMs - dayMs / 2
const repeated = 'select * from role where member = ?'

let folder: TemporaryFolder
let columns: Columns
beforeAll(async () => {
  folder = await temporaryFolder()
  columns = openColumns({ folder: join(folder.path, 'columns'), clock: handClock(noon), log: () => {} })
  await columns.migrate([callMigrations])
})
afterAll(async () => {
  await columns.close()
  await folder[Symbol.asyncDispose]()
})

let nth = 0
let store: Store
let ledger: Ledger
let clock: ReturnType<typeof handClock>
let changes: Changes
/** Each test has a cloud and an environment of its own, in one column store. */
let environment: string
beforeEach(async () => {
  environment = `env-${++nth}`
  for (const table of ['calls', 'calls_hour', 'calls_day', 'calls_hour_variant', 'calls_hour_repeat'])
    await columns.command(raw(`TRUNCATE TABLE ${table}`))
  store = await openStore({ file: join(folder.path, `${nth}.db`) })
  await store.migrate([ledgerMigrations, changeMigrations])
  clock = handClock(noon)
  ledger = openLedger({ store, clock })
  const failures: unknown[] = []
  changes = openChanges({ store, ledger, columns, clock, log: (line, error) => failures.push(line, error) })
  return async () => {
    expect(failures).toEqual([])
    await store.close()
  }
})

const calls = (samples: readonly Sample[]) =>
  insertCalls(
    columns,
    samples.map((it) => ({ environment, ...it })),
  )
const found = async () => (await changes.list({ environment, limit: 500 })).changes
const told = async () => (await ledger.list({ kind: 'calls.', order: 'oldest' })).facts
const lookAt = async (at: number) => {
  clock.set(at)
  await changes.look()
}
async function deploy(release: string, from: string, at: number): Promise<void> {
  clock.set(at)
  await ledger.record({
    actor: 'ann',
    kind: 'deployment.started',
    subject: `deployment:${release}`,
    says: `began to bring ${release} to ${environment}`,
    data: { environment, release, from },
  })
}

describe('a release', () => {
  test('that repeats a query is told within seconds of its traffic, by name, once', async () => {
    await calls(spread(60, noon - 60_000, noon, () => ({ release: 'v1' })))
    await lookAt(noon)
    expect(await found()).toEqual([])
    await deploy('v2', 'v1', noon + 1_000)
    await calls(spread(40, noon + 2_000, noon + 20_000, () => ({ release: 'v2', statements: 12, repeated })))
    await lookAt(noon + 25_000)
    const statements = (await found()).find(({ measure }) => measure === 'statements')
    expect(statements).toMatchObject({
      kind: 'release',
      method: 'Members.get',
      at: noon + 1_000,
      before: 2,
      after: 12,
      relative: 5,
      cause: 'release:v2',
      statement: repeated,
      dearer: true,
      n: { before: 60, after: 40 },
      says: `Members.get runs 12 statements instead of 2 since v2 (+500 %); repeated within a call: ${repeated}`,
    })
    expect((await found()).map(({ measure }) => measure)).toEqual(['statements'])

    await calls(spread(40, noon + 26_000, noon + 46_000, () => ({ release: 'v2', statements: 12, repeated })))
    await lookAt(noon + 50_000)
    expect(await found()).toMatchObject([{ id: statements?.id, foundAt: statements?.foundAt, n: { after: 80 } }])
    expect(await told()).toMatchObject([
      { kind: 'calls.changed', subject: 'call:api/Members.get', data: { id: statements?.id, environment } },
    ])
    expect((await changes.list({ environment, limit: 1 })).digest).toBe(
      '1 method got dearer this week: Members.get runs 12 statements instead of 2 since v2 (+500 %).',
    )
  })

  test('is compared with the one before also when nobody says that it was deployed, and a roll-back is news', async () => {
    await calls(spread(60, noon - 600_000, noon - 1, () => ({ release: '1.4' })))
    await calls(spread(60, noon, noon + 600_000, () => ({ release: '1.5', statements: 4 })))
    await lookAt(noon + 600_000)
    expect(await found()).toMatchObject([{ at: noon + 5_000, cause: 'release:1.5', before: 2, after: 4 }])
    await deploy('1.4', '1.5', noon + 700_000)
    await calls(spread(60, noon + 700_000, noon + 900_000, () => ({ release: '1.4' })))
    await lookAt(noon + 900_000)
    expect((await found()).map(({ cause, dearer }) => [cause, dearer])).toContainEqual(['release:1.4', false])
  })

  test('whose audience is another one has changed nothing', async () => {
    const of = (release: string, robots: number) => (_: number, one: number) =>
      one % 10 < robots
        ? { release, audience: 'robot', realUs: 2_000, statements: 1 }
        : { release, audience: 'people', realUs: 50_000, statements: 6 }
    await calls(spread(2_000, noon - hourMs, noon, of('v1', 8)))
    await calls(spread(2_000, noon, noon + hourMs, of('v2', 2)))
    await lookAt(noon + hourMs)
    expect(await found()).toEqual([])
  })

  test('beside the old one is compared hour by hour, whatever the hour', async () => {
    const swing = (at: number) => 1 + 0.5 * Math.sin(((at % dayMs) / dayMs) * 2 * Math.PI)
    const of = (release: string) => (at: number) => ({ release, realUs: 20_000 * swing(at) })
    await calls(spread(1_500, noon - dayMs, noon, of('v1')))
    for (let hour = 0; hour < 4; hour++) {
      const [from, to] = [noon + hour * hourMs, noon + (hour + 1) * hourMs]
      await calls([...spread(300, from, to, of('v1')), ...spread(30 * (hour + 1), from, to, of('v2'))])
      await lookAt(to)
    }
    expect(await found()).toEqual([])
  })

  test('the store adds strata up as the statistics do', async () => {
    const of = (release: string) => (at: number, one: number) => ({
      release,
      audience: one % 3 === 0 ? 'robot' : 'people',
      statements: (one * 7) % 5,
      realUs: 1_000 + (at % 977),
    })
    await calls([...spread(200, noon - 3 * hourMs, noon, of('v1')), ...spread(90, noon - 2 * hourMs, noon + 1_000, of('v2'))])
    const rows = await columns.query<Record<string, string | number>>(
      sql`SELECT audience, toString(t) AS hour, release, toFloat64(sum(n)) AS n, toFloat64(sum(stc_sum)) AS s, sum(stc_sq) AS q, toFloat64(sum(real_sum)) AS rs, sum(real_sq) AS rq
        FROM calls_hour WHERE environment = ${environment} GROUP BY audience, t, release`,
    )
    const strata = [...Map.groupBy(rows, (it) => `${it['audience']} ${it['hour']}`).values()]
    const nobody: Moments = { n: 0, sum: 0, sumSquares: 0 }
    const sumsOf = (s: string, q: string) =>
      addStrata(
        strata.map((some) => {
          const [before, after] = ['v1', 'v2'].map((release) => {
            const one = some.find((it) => it['release'] === release)
            return one ? { n: Number(one['n']), sum: Number(one[s]), sumSquares: Number(one[q]) } : nobody
          })
          return stratum(before as Moments, after as Moments)
        }),
      )
    const [it] = await compareSides(columns, {
      table: 'calls_hour',
      environment,
      where: sql`release IN ${['v1', 'v2']}`,
      isAfter: sql`release = ${'v2'}`,
      strata: [sql`t`],
    })
    for (const [measure, expected] of [
      ['statements', sumsOf('s', 'q')],
      ['real', sumsOf('rs', 'rq')],
    ] as const)
      for (const [part, value] of Object.entries(expected))
        expect(it?.sums[measure][part as keyof typeof expected] ?? 0, `${measure} ${part}`).toBeCloseTo(value, value > 1e6 ? -3 : 5)
  })
})

describe('a flag', () => {
  const bothSides = (count: number, from: number, to: number) =>
    spread(count, from, to, (_, one) =>
      one % 4 === 0
        ? { release: 'v4', variants: ['inline=on'], statements: 9, repeated }
        : { release: 'v4', variants: ['inline=off', 'other=a'] },
    )

  test('whose variant repeats a query is told by name, with what it costs', async () => {
    await calls([
      ...bothSides(200, noon, noon + 30_000),
      ...bothSides(200, noon, noon + 30_000).map((it) => ({ ...it, method: 'Pages.get', statements: 3 })),
    ])
    await lookAt(noon + 40_000)
    expect(await found()).toMatchObject([
      {
        kind: 'flag',
        method: 'Members.get',
        measure: 'statements',
        before: 2,
        after: 9,
        cause: 'flag:inline',
        statement: repeated,
        says: `Members.get runs 9 statements instead of 2 where the flag inline is met (+350 %); repeated within a call: ${repeated}`,
      },
    ])
    expect(await told()).toHaveLength(1)
    clock.set(noon + 41_000)
    const { flags, notes } = await changes.flagCosts({ environment })
    expect(flags).toMatchObject([
      {
        flag: 'inline',
        variant: 'on',
        against: 'off',
        tests: 10,
        rows: [
          {
            method: 'Members.get',
            count: { before: 150, after: 50 },
            differences: { statements: { before: 2, after: 9, shown: true, few: false }, transactions: { shown: false } },
          },
          { method: 'Pages.get' },
        ],
        says: 'inline: on changes what 1 method costs, most of all Members.get: 9 instead of 2 statements (+350 %), against off.',
      },
    ])
    expect(notes).toHaveLength(2)
    expect((await changes.flagCosts({ environment, flag: 'other' })).flags).toEqual([])
  })

  test('that came with a new release costs nothing of that release', async () => {
    // Everybody of v5 met `on`, everybody of v4 `off`: there is nobody to compare with.
    await calls(spread(100, noon, noon + 30_000, () => ({ release: 'v4', variants: ['dark=off'] })))
    await calls(spread(100, noon + 30_000, noon + 60_000, () => ({ release: 'v5', variants: ['dark=on'], statements: 8 })))
    await lookAt(noon + 70_000)
    expect((await found()).map(({ kind, cause }) => [kind, cause])).toEqual([['release', 'release:v5']])
    expect(await changes.flagCosts({ environment })).toMatchObject({
      flags: [{ rows: [], says: expect.stringContaining('too few calls') }],
    })
  })
})

describe('a trend', () => {
  test('that moves without a release is told once, by day, and what was near it is named', async () => {
    const days = 24
    const first = noon - days * dayMs
    await calls(spread(days * 60, first, noon, (at) => ({ release: 'v1', realUs: at < noon - 8 * dayMs ? 20_000 : 30_000 })))
    clock.set(noon - 8 * dayMs)
    await ledger.record({ actor: 'ann', kind: 'flag.changed', subject: 'flag:cache', says: 'changed it' })
    clock.set(noon)
    await changes.nightly()
    const real = (await found()).filter(({ measure }) => measure === 'real')
    expect(real).toMatchObject([{ kind: 'trend', dearer: true, cause: 'flag:cache' }])
    expect(real[0]?.before).toBeCloseTo(20_000, -4)
    expect(real[0]?.says).toMatch(
      /^Members\.get takes 29(\.\d)? ms instead of 20(\.\d)? ms since .*, near a change of the flag cache \(\+4\d %\)$/,
    )
    const count = (await told()).length
    clock.set(noon + dayMs)
    await changes.nightly()
    expect(await told()).toHaveLength(count)
    expect((await changes.list({ environment, limit: 1 })).lookedAt.trend).toBe(noon + dayMs)
  })
})

describe('weather', () => {
  test('of load that a release came with has made nothing slower', async () => {
    // One moment of the minute before was slow, and three of the minute after: single calls would swear to a change.
    const load = (at: number) => (Math.floor(at / 5_000) % 12 < (at < noon ? 1 : 3) ? 90_000 : 20_000)
    await calls(spread(2_000, noon - 60_000, noon, (at) => ({ release: 'v1', realUs: load(at) })))
    await deploy('v2', 'v1', noon)
    await calls(spread(2_000, noon + 100, noon + 60_000, (at) => ({ release: 'v2', realUs: load(at), statements: 3 })))
    await lookAt(noon + 61_000)
    expect((await found()).map(({ measure }) => measure)).toEqual(['statements'])
  })

  test('that changes while a flag climbs is not what its variant costs', async () => {
    // First slow and nearly all `off`, then quick and nearly all `on`.
    const of = (at: number, nth: number) => {
      const isSlow = at < noon + 30_000
      const isOn = isSlow ? nth % 10 === 0 : nth % 10 !== 0
      return { release: 'v4', variants: [`dark=${isOn ? 'on' : 'off'}`], realUs: isSlow ? 90_000 : 20_000, statements: isOn ? 3 : 2 }
    }
    await calls(spread(3_000, noon, noon + 60_000, of))
    await lookAt(noon + 61_000)
    expect((await found()).map(({ measure }) => measure)).toEqual(['statements'])
  })
})
