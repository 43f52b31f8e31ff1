import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom, systemClock } from '@belay/base'
import type { Store } from '@belay/store'
import { onEachStore, type TemporaryFolder, temporaryFolder, tmpfs } from '@belay/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimed, claimMigrations, type Taken } from './claims.ts'
import type { Entry, Sealed } from './segment.ts'
import { openSpool, type Spool } from './spool.ts'

describe('a claim', () => {
  test('is taken once, in whatever order batches come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 120 }), (batches) => {
        let taken: Taken = { upto: 0, beyond: [] }
        const counted: number[] = []
        for (const batch of batches) {
          const next = claimed(taken, batch)
          if (next === undefined) continue
          taken = next
          counted.push(batch)
        }
        expect(counted.toSorted((a, b) => a - b)).toEqual([...new Set(batches)].toSorted((a, b) => a - b))
      }),
    )
  })
  test('of a sender that skips thousands of numbers costs no more than a thousand of them', () => {
    let taken: Taken = { upto: 0, beyond: [] }
    for (let batch = 2; batch < 6_000; batch += 2) taken = claimed(taken, batch) ?? taken
    expect(taken.beyond.length).toBeLessThanOrEqual(1_000)
    expect(claimed(taken, taken.upto)).toBeUndefined()
  })
})

const entry = (source: string, batch: number, bytes = `${source}:${batch};`): Entry => ({
  claim: { source, batch },
  bytes: Buffer.from(bytes),
  rows: 1,
  extras: { call_processes: [{ says: `${source}:${batch}` }] },
})

onEachStore('a spool of calls', (open) => {
  let store: Store
  let names = 0
  const folders: TemporaryFolder[] = []
  beforeAll(async () => {
    store = await open()
    await store.migrate([claimMigrations])
  })
  afterAll(async () => {
    await Promise.all(folders.map((folder) => folder[Symbol.asyncDispose]()))
  })

  async function place() {
    const folder = await temporaryFolder()
    folders.push(folder)
    const name = `spool-${++names}`
    const spoolOf = () => openSpool({ folder: folder.path, name, store, clock: systemClock, bytesMax: 1e6, log: () => {} })
    return { folder: folder.path, spoolOf }
  }

  /** All that the column store would be given, and how often. */
  async function drain(spool: Spool): Promise<string[]> {
    const all: string[] = []
    for (let it = await spool.next({ now: true }); it !== undefined; it = await spool.next({ now: true })) {
      all.push(...contentOf(spool, it))
      await spool.done(it)
    }
    return all
  }
  function contentOf(spool: Spool, it: Sealed): string[] {
    const rows = readFileSync(spool.path(it), 'utf8').split(';').slice(0, -1)
    expect(it.rows).toBe(rows.length)
    expect((it.extras.call_processes ?? []).map((row) => row.says)).toEqual(rows)
    return rows
  }

  test('gives out what was put in, once, and leaves nothing behind', async () => {
    const { folder, spoolOf } = await place()
    const spool = await spoolOf()
    const answers = await Promise.all([1, 2, 3, 2, 1].map((batch) => spool.put(entry('first-sender', batch))))
    expect(answers.map((it) => it.counted)).toEqual([true, true, true, false, false])
    expect(await drain(spool)).toEqual(['first-sender:1', 'first-sender:2', 'first-sender:3'])
    expect(await spool.put(entry('first-sender', 3))).toEqual({ counted: false })
    expect(await drain(spool)).toEqual([])
    await spool.close()
    expect(readdirSync(folder)).toEqual([])
  })

  test('counts a batch once that comes to two servers at once', async () => {
    const [one, other] = [await (await place()).spoolOf(), await (await place()).spoolOf()]
    const batches = Array.from({ length: 40 }, (_, i) => i + 1)
    await Promise.all(batches.flatMap((batch) => [one.put(entry('wanderer', batch)), other.put(entry('wanderer', batch))]))
    const all = [...(await drain(one)), ...(await drain(other))]
    expect(all.toSorted()).toEqual(batches.map((batch) => `wanderer:${batch}`).toSorted())
    await one.close()
    await other.close()
  })

  test('has after any crash exactly what was acknowledged and what a repetition adds', { timeout: 60_000 }, async () => {
    const random = seededRandom(20_260_815)
    for (let round = 0; round < 12; round++) {
      const { folder, spoolOf } = await place()
      const source = `round-${names}-${round}`
      const acknowledged = new Set<number>()
      const given: string[] = []
      let sent = 0
      for (let life = 0; life < 4; life++) {
        const spool = await spoolOf()
        // What was not acknowledged is sent again, as senders do, with some of what was.
        const again = Array.from({ length: sent }, (_, i) => i + 1).filter((batch) => !acknowledged.has(batch) || random() < 0.3)
        const fresh = Array.from({ length: Math.floor(random() * 20) }, () => ++sent)
        const puts = [...again, ...fresh].map((batch) =>
          spool.put(entry(source, batch)).then(
            () => acknowledged.add(batch),
            () => {},
          ),
        )
        if (random() < 0.5) await Promise.all(puts)
        else await Promise.race([...puts, new Promise((resolve) => setTimeout(resolve, random() * 4))])
        if (random() < 0.5) {
          const it = await spool.next({ now: true })
          if (it) {
            given.push(...contentOf(spool, it))
            await spool.done(it)
          }
        }
        // The process is gone here: nothing is closed in order, and a write may have been cut in the middle.
        await spool.close()
        await Promise.all(puts)
        for (const name of readdirSync(folder))
          if (/\.(rows|log)$/.test(name) && readdirSync(folder).includes(name.replace('.rows', '.log')) && random() < 0.5)
            appendFileSync(join(folder, name), '{"source":"torn')
      }
      const spool = await spoolOf()
      for (let batch = 1; batch <= sent; batch++) await spool.put(entry(source, batch))
      given.push(...(await drain(spool)))
      expect(given.toSorted()).toEqual(Array.from({ length: sent }, (_, i) => `${source}:${i + 1}`).toSorted())
      await spool.close()
    }
  })

  test('finds out what became of a batch whose decision got no answer', async () => {
    const { folder } = await place()
    let isCut = false
    // The transaction is done; its answer is lost.
    const cut: Store = {
      ...store,
      write: async (work) => {
        const result = await store.write(work)
        if (isCut) throw new Error('the connection is gone')
        return result
      },
    }
    const spool = await openSpool({ folder, name: `spool-${++names}`, store: cut, clock: systemClock, bytesMax: 1e6, log: () => {} })
    await spool.put(entry('cut-sender', 1))
    isCut = true
    await expect(spool.put(entry('cut-sender', 2))).rejects.toThrow('the connection is gone')
    isCut = false
    expect(await spool.put(entry('cut-sender', 2))).toEqual({ counted: false })
    expect(await drain(spool)).toEqual(['cut-sender:1', 'cut-sender:2'])
    await spool.close()
  })

  test('refuses more than its bound, and says when to come again', async () => {
    const folder = await temporaryFolder()
    folders.push(folder)
    const options = { folder: folder.path, name: `spool-${++names}`, store, clock: systemClock, log: () => {} }
    const spool = await openSpool({ ...options, bytesMax: 1_000 })
    await spool.put(entry('large-sender', 1, `${'x'.repeat(2_000)};`))
    await expect(spool.put(entry('large-sender', 2))).rejects.toMatchObject({ code: 'calls-busy', status: 429, facts: { afterS: 10 } })
    await spool.close()
  })
})

const disk = await tmpfs(256 * 1_024)
afterAll(async () => {
  if (!('skipped' in disk)) await disk[Symbol.asyncDispose]()
})
onEachStore('a spool of calls on a disk that fills up', (open) => {
  test.skipIf('skipped' in disk)('takes nothing by halves, and goes on when there is room', async () => {
    if ('skipped' in disk) return
    const store = await open()
    await store.migrate([claimMigrations])
    const folder = join(disk.path, store.dialect)
    const spool = await openSpool({ folder, name: 'full', store, clock: systemClock, bytesMax: 1e9, log: () => {} })
    const large = (batch: number) => entry('full-sender', batch, `${String(batch).padEnd(60_000, 'x')};`)
    const taken: number[] = []
    for (let batch = 1; batch < 8; batch++) {
      const answer = await spool.put(large(batch)).catch((error: unknown) => error)
      if (answer instanceof Error) {
        expect(answer).toMatchObject({ code: 'calls-disk', status: 503, facts: { because: 'ENOSPC' } })
        break
      }
      taken.push(batch)
    }
    expect(taken.length).toBeGreaterThan(0)
    expect(taken.length).toBeLessThan(7)
    const first = await spool.next({ now: true })
    expect(first?.rows).toBe(taken.length)
    if (first) await spool.done(first)
    expect(await spool.put(large(taken.length + 1))).toEqual({ counted: true })
    const second = await spool.next({ now: true })
    expect(second?.rows).toBe(1)
    if (second) await spool.done(second)
    await spool.close()
  })
})
