import { onEachStore } from '@belay/testkit'
import { expect, test } from 'vitest'
import { claimMigrations, decide, sweepClaims } from './claims.ts'

const dayMs = 86_400_000
const from = { segment: 1, position: 0, refused: [] }

onEachStore('claims', (open) => {
  test('are kept for as long as whoever made them may send again', async () => {
    const store = await open()
    await store.migrate([claimMigrations])
    const sources = ['recorder-of-api', 'otlp.0123456789', 'log.0123456789']
    const claims = sources.map((source) => ({ source, batch: 1 }))
    const fresh = (now: number) => decide(store, { spool: 'one', from, claims, now })
    expect(await fresh(0)).toEqual([true, true, true])
    expect(await fresh(0)).toEqual([false, false, false])
    await sweepClaims(store, 2 * 3_600_000)
    expect(await fresh(0)).toEqual([false, true, false])
    await sweepClaims(store, 9 * dayMs)
    expect(await fresh(9 * dayMs)).toEqual([true, true, false])
    await sweepClaims(store, 401 * dayMs)
    expect(await fresh(401 * dayMs)).toEqual([true, true, true])
  })
})
