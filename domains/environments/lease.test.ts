import { handClock } from '@belay/base'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { onEachStore } from '@belay/testkit'
import { describe, expect, test } from 'vitest'
import { type Holder, leaseTtlMs, mayTakeOver, openLeases } from './lease.ts'
import { environmentMigrations } from './store.ts'

const asking = { reason: 'deploys v2', deployment: 'd1', actor: 'ann' }

onEachStore('leases', (open) => {
  async function ground(holder: Holder = { server: 'one', pid: 1 }, alive = (_pid: number) => true) {
    const store = await open()
    await store.migrate([ledgerMigrations, environmentMigrations])
    const clock = handClock()
    const ledger = openLedger({ store, clock })
    const of = (who: Holder) => openLeases({ store, ledger, clock, holder: who, alive })
    return { clock, ledger, of, mine: of(holder) }
  }

  test('an environment has one holder at a time; the other is told who and why', async () => {
    const { mine, of } = await ground()
    await mine.hold('qa', asking, async () => {
      await expect(of({ server: 'two', pid: 2 }).hold('qa', asking, async () => {})).rejects.toThrow(
        /qa is taken since .*: deploys v2 \(held by one\)/,
      )
    })
    await of({ server: 'two', pid: 2 }).hold('qa', asking, async () => {})
  })

  test('each holder has a higher fence than the one before', async () => {
    const { mine } = await ground()
    const fences: number[] = []
    for (let nth = 0; nth < 3; nth++) await mine.hold('qa', asking, async ({ fence }) => void fences.push(fence))
    expect(fences).toEqual([1, 2, 3])
  })

  test('a holder that no longer renews is succeeded, learns of it, and the ledger has it', async () => {
    const { mine, of, clock, ledger } = await ground()
    await mine.hold('qa', asking, async ({ lost }) => {
      clock.set(clock.now() + leaseTtlMs + 1)
      await of({ server: 'two', pid: 2 }).hold('qa', asking, async () => {
        await clock.tick(leaseTtlMs)
        await expect.poll(() => lost.aborted).toBe(true)
      })
    })
    expect((await ledger.list({ kind: 'lease.taken-over', order: 'newest', limit: 10 })).facts).toHaveLength(1)
  })

  test('heartbeats keep it', async () => {
    const { mine, of, clock } = await ground()
    await mine.hold('qa', asking, async () => {
      for (let beats = 0; beats < 6; beats++) {
        await clock.tick(leaseTtlMs / 3)
        await expect.poll(async () => ((await mine.present('qa'))?.expiresAt ?? 0) > clock.now() + leaseTtlMs / 2).toBe(true)
      }
      await expect(of({ server: 'two', pid: 2 }).hold('qa', asking, async () => {})).rejects.toThrow(/is taken/)
    })
  })
})

describe('taking over a lease that is still marked as held', () => {
  const row = { owner: 'one#7', expiresAt: 1_000 }
  test('is right when its time is over', () => expect(mayTakeOver(row, { server: 'two', pid: 1 }, 1_000, () => true, false)).toBe(true))
  test('is wrong while another server renews it', () =>
    expect(mayTakeOver(row, { server: 'two', pid: 1 }, 999, () => false, false)).toBe(false))
  test("is right at once for the same server's next process, when the last one is dead", () => {
    expect(mayTakeOver(row, { server: 'one', pid: 8 }, 0, () => false, false)).toBe(true)
    expect(mayTakeOver(row, { server: 'one', pid: 8 }, 0, () => true, false)).toBe(false)
  })
  test('is wrong for a process that holds it already, right for one whose pid came again', () => {
    expect(mayTakeOver(row, { server: 'one', pid: 7 }, 0, () => true, true)).toBe(false)
    expect(mayTakeOver(row, { server: 'one', pid: 7 }, 0, () => true, false)).toBe(true)
  })
})
