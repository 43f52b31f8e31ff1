/** What the record of changes keeps, on each database. */
import { handClock } from '@belay/base'
import { type Ledger, ledgerMigrations, openLedger } from '@belay/ledger'
import type { Store } from '@belay/store'
import { beforeAll, expect, test } from 'vitest'
import {
  addArrivals,
  changeMigrations,
  type Found,
  keepChanges,
  noteLook,
  readArrivals,
  readChanges,
  readLooks,
  sweepChanges,
} from './store.ts'

const noon = Date.UTC(2026, 4, 1, 12)
const dayMs = 86_400_000

export function changesAreKept(open: () => Promise<Store>): void {
  let store: Store
  let ledger: Ledger
  beforeAll(async () => {
    store = await open()
    await store.migrate([ledgerMigrations, changeMigrations])
    ledger = openLedger({ store, clock: handClock(noon) })
  })
  const change = (id: string, more: Partial<Found> = {}): Found => ({
    id,
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
    relative: null,
    p: 0,
    n: { before: 60, after: 40 },
    cause: 'release:v2',
    statement: null,
    says: `Members.get runs 12 statements instead of 2 since v2 (${id})`,
    dearer: true,
    ...more,
  })
  const keep = (source: string, found: readonly Found[], now = noon, stands = true) =>
    keepChanges({ store, ledger }, { source, found, now, stands: () => stands })
  const list = async (query: Partial<Parameters<typeof readChanges>[1]> = {}) =>
    (await readChanges(store.read, { limit: 10, ...query })).changes
  const facts = async () => (await ledger.list({ kind: 'calls.', order: 'oldest' })).facts

  test('a change is told to the ledger once, with its figures brought up to date afterwards', async () => {
    expect(await keep('a', [change('a1')])).toEqual({ added: 1, withdrawn: 0 })
    expect(await keep('a', [change('a1', { n: { before: 60, after: 90 }, statement: 'select 1', at: noon + 5 })], noon + 60_000)).toEqual({
      added: 0,
      withdrawn: 0,
    })
    await keep('a', [change('a1', { n: { before: 60, after: 95 } })], noon + 90_000)
    expect(await list()).toEqual([{ ...change('a1', { n: { before: 60, after: 95 }, statement: 'select 1' }), foundAt: noon }])
    expect(await facts()).toMatchObject([
      {
        actor: 'belay',
        kind: 'calls.changed',
        subject: 'call:api/Members.get',
        says: 'found that Members.get runs 12 statements instead of 2 since v2 (a1), in production',
        data: { id: 'a1', environment: 'production', service: 'api', method: 'Members.get', measure: 'statements', at: noon },
      },
    ])
  })

  test('what is not found again stands or is taken back, and that is a fact too', async () => {
    await keep('b', [change('b1', { method: 'B' })])
    expect(await keep('b', [])).toEqual({ added: 0, withdrawn: 0 })
    expect(await keep('other', [], noon, false)).toEqual({ added: 0, withdrawn: 0 })
    expect(await keep('b', [], noon, false)).toEqual({ added: 0, withdrawn: 1 })
    expect(await list({ method: 'B' })).toEqual([])
    expect((await facts()).at(-1)).toMatchObject({ kind: 'calls.change-withdrawn', subject: 'call:api/B', data: { id: 'b1' } })
  })

  test('changes are listed the newest first, by whatever they are', async () => {
    await keep('c', [change('c1', { method: 'C', at: noon - 9 * dayMs })], noon + 1)
    await keep(
      'c',
      [
        change('c1', { method: 'C', at: noon - 9 * dayMs }),
        change('c2', { method: 'C', kind: 'flag', cause: 'flag:x', environment: 'qa' }),
      ],
      noon + 2,
    )
    const ids = async (query: Parameters<typeof list>[0]) => (await list({ method: 'C', ...query })).map(({ id }) => id)
    expect(await ids({})).toEqual(['c2', 'c1'])
    expect(await ids({ environment: 'qa' })).toEqual(['c2'])
    expect(await ids({ kind: 'release', service: 'api' })).toEqual(['c1'])
    expect(await ids({ cause: 'flag:x' })).toEqual(['c2'])
    expect(await ids({ from: noon - 10 * dayMs, to: noon - 8 * dayMs })).toEqual(['c1'])
    expect(await readChanges(store.read, { method: 'C', limit: 1 })).toMatchObject({ changes: [{ id: 'c2' }], more: true })
  })

  test('arrivals and looks are noted; a year later all is forgotten', async () => {
    const arrival = { environment: 'qa', service: 'api', release: 'v2', at: noon, before: 'v1' }
    await addArrivals(store, [arrival])
    await addArrivals(store, [arrival, { ...arrival, release: 'v3', at: noon - 9 }])
    expect(await readArrivals(store.read, noon - 5)).toEqual([arrival])
    await noteLook(store, 'flag', 5)
    await noteLook(store, 'flag', 7)
    expect(await readLooks(store.read)).toEqual({ release: null, trend: null, flag: 7 })
    await sweepChanges(store, noon + 399 * dayMs)
    expect(await list()).not.toEqual([])
    await sweepChanges(store, noon + 401 * dayMs)
    expect([await list(), await readArrivals(store.read, 0)]).toEqual([[], []])
  })
}
