/** What the ledger promises, run on each database. */
import { handClock, seededRandom } from '@belay/base'
import { type Db, openStore, type Store } from '@belay/store'
import type { StorePlace } from '@belay/testkit'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fact, type Ledger, ledgerMigrations, type NewFact, openLedger } from './index.ts'
import { ledgerTables } from './store.ts'

const fact = (name: string, more: Partial<NewFact> = {}): NewFact => ({
  actor: 'ada',
  kind: 'release.cut',
  subject: `release:${name}`,
  says: `ada cut ${name}.`,
  ...more,
})

/** `newDatabase` gives the place of a new, empty database. */
export function ledgerKeepsItsPromises(newDatabase: () => Promise<StorePlace>): void {
  const opened: Store[] = []
  afterAll(async () => {
    await Promise.all(opened.map((store) => store.close()))
  })
  async function open(): Promise<{
    store: Store
    ledger: Ledger
    clock: ReturnType<typeof handClock>
    neighbour: () => Promise<Ledger>
  }> {
    const where = await newDatabase()
    const store = await openStore(where)
    opened.push(store)
    await store.migrate([ledgerMigrations])
    const clock = handClock()
    const neighbour = async () => {
      const other = await openStore(where)
      opened.push(other)
      return openLedger({ store: other, clock })
    }
    return { store, ledger: openLedger({ store, clock }), clock, neighbour }
  }
  let shared: Awaited<ReturnType<typeof open>>
  beforeAll(async () => {
    shared = await open()
  })

  test('an empty ledger is whole', async () => {
    const { ledger } = await open()
    expect(await ledger.verify()).toEqual({ whole: true, count: 0, broken: null, head: '0'.repeat(64) })
    expect(await ledger.head()).toEqual({ seq: 0, hash: '0'.repeat(64) })
  })

  test('facts are numbered without gaps, each naming the hash of the one before', async () => {
    const { ledger } = await open()
    const written = await Promise.all(['v1', 'v2', 'v3'].map((it) => ledger.record(fact(it, { data: { commits: 2, none: undefined } }))))
    const { facts, more } = await ledger.list({ order: 'oldest' })
    expect(facts).toEqual(written)
    expect(more).toBe(false)
    expect(facts.map((it) => it.seq)).toEqual([1, 2, 3])
    expect(facts.map((it) => it.previous)).toEqual(['0'.repeat(64), facts[0]?.hash, facts[1]?.hash])
    expect(facts[0]?.data).toEqual({ commits: 2 })
    expect(await ledger.verify()).toEqual({ whole: true, count: 3, broken: null, head: facts[2]?.hash })
  })

  test('a fact is kept only when the change that it tells is', async () => {
    const { store, ledger } = await open()
    await store
      .write(async (tx) => {
        await ledger.append(tx, fact('v1'))
        throw new Error('no')
      })
      .catch(() => {})
    await store.write(async (tx) => void (await ledger.append(tx, fact('v2'))))
    expect((await ledger.list({})).facts.map((it) => [it.seq, it.subject])).toEqual([[1, 'release:v2']])
    expect((await ledger.verify()).whole).toBe(true)
  })

  test('facts are found by kind, prefix of a kind, subject, actor, words and range', async () => {
    const { ledger } = await open()
    await ledger.record(fact('v1'))
    await ledger.record(fact('v1', { kind: 'deployment.started', actor: 'bob', says: 'bob deploys 100% of v1_a.' }))
    await ledger.record(fact('v2', { kind: 'deployment.passed', actor: 'belay', says: 'It Passed.' }))
    const found = async (query: Parameters<Ledger['list']>[0]) => (await ledger.list(query)).facts.map((it) => it.seq)
    expect(await found({})).toEqual([3, 2, 1])
    expect(await found({ order: 'oldest' })).toEqual([1, 2, 3])
    expect(await found({ kind: 'deployment.' })).toEqual([3, 2])
    expect(await found({ kind: 'deployment' })).toEqual([])
    expect(await found({ kind: 'release.cut' })).toEqual([1])
    expect(await found({ subject: 'release:v1' })).toEqual([2, 1])
    expect(await found({ actor: 'bob' })).toEqual([2])
    expect(await found({ text: 'it passed' })).toEqual([3])
    expect(await found({ text: '100%' })).toEqual([2])
    expect(await found({ text: '1_a' })).toEqual([2])
    expect(await found({ text: '_' })).toEqual([2])
    expect(await found({ after: 1, before: 3 })).toEqual([2])
    expect(await ledger.list({ limit: 2 })).toMatchObject({ more: true, facts: [{ seq: 3 }, { seq: 2 }] })
  })

  test('a follower gets what was, then what comes, without gap or repeat, from every process', async () => {
    const { ledger, neighbour } = await open()
    const other = await neighbour()
    for (let at = 1; at <= 3; at++) await ledger.record(fact(`v${at}`))
    const stop = new AbortController()
    const seen: number[] = []
    const following = (async () => {
      for await (const it of ledger.follow({ after: 1, signal: stop.signal })) {
        seen.push(it.seq)
        if (it.seq === 23) stop.abort()
      }
    })()
    await Promise.all(Array.from({ length: 10 }, (_, at) => Promise.all([ledger.record(fact(`a${at}`)), other.record(fact(`b${at}`))])))
    await following
    expect(seen).toEqual(Array.from({ length: 22 }, (_, at) => at + 2))
  })

  test('a follower of a number that is not there yet, as after restoring a backup, is told all', async () => {
    const { ledger } = await open()
    await ledger.record(fact('v1'))
    const stop = new AbortController()
    for await (const it of ledger.follow({ after: 500, signal: stop.signal })) {
      expect(it.seq).toBe(1)
      stop.abort()
    }
  })

  test('facts cannot be changed or removed', async () => {
    const { store, ledger } = await open()
    await ledger.record(fact('v1'))
    await expect(store.write((tx) => ledgerTables(tx).updateTable('fact').set({ says: 'x' }).execute())).rejects.toThrow(
      'facts are append-only',
    )
    await expect(store.write((tx) => ledgerTables(tx).deleteFrom('fact').execute())).rejects.toThrow('facts are append-only')
    expect((await ledger.verify()).whole).toBe(true)
  })

  test('time never runs backwards, and a clock that was moved back is told once until it has caught up', async () => {
    const { ledger, clock } = await open()
    const at = clock.now()
    await ledger.record(fact('v1'))
    clock.set(at - 1_500)
    await ledger.record(fact('v2'))
    clock.set(at - 600_000)
    await ledger.record(fact('v3'))
    await ledger.record(fact('v4'))
    clock.set(at + 5)
    await ledger.record(fact('v5'))
    clock.set(at - 4_000)
    await ledger.record(fact('v6'))
    const { facts } = await ledger.list({ order: 'oldest' })
    expect(facts.map((it) => (it.kind === 'clock.moved-back' ? it.says : it.subject))).toEqual([
      'release:v1',
      'release:v2',
      "This machine's clock is 10 min behind the last fact. Until it has caught up, facts keep that fact's time.",
      'release:v3',
      'release:v4',
      'release:v5',
      "This machine's clock is 4.0 s behind the last fact. Until it has caught up, facts keep that fact's time.",
      'release:v6',
    ])
    expect(facts.map((it) => it.at - at)).toEqual([0, 0, 0, 0, 0, 5, 5, 5])
    expect((await ledger.verify()).whole).toBe(true)
  })

  test('whatever is appended, the chain verifies', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('\0', '\ud800', 'é\u0301'),
    )
    const anyFact = fc.record({ actor: text, kind: text, subject: text, says: text, data: fc.dictionary(text, fc.jsonValue()) })
    await fc.assert(
      fc.asyncProperty(fc.array(anyFact, { minLength: 1, maxLength: 8 }), async (facts) => {
        const { seq } = await shared.ledger.head()
        const written = await Promise.all(facts.map((it) => shared.ledger.record(it)))
        expect((await shared.ledger.list({ after: seq, order: 'oldest' })).facts).toEqual(written)
        expect(await shared.ledger.verify()).toMatchObject({ whole: true, count: seq + facts.length })
      }),
      { numRuns: 30 },
    )
  })

  test('any change of any field of any fact is found at that fact', async () => {
    const { store, ledger } = await open()
    const length = 12
    for (let at = 1; at <= length; at++) await ledger.record(fact(`v${at}`, { data: { at } }))
    await allowChanges(store)
    const random = seededRandom(7)
    const fields = ['seq', 'at', 'actor', 'kind', 'subject', 'says', 'data', 'hash', 'previous'] as const
    for (let seq = 1; seq <= length; seq++) {
      const before = {
        ...(await ledgerTables(store.read).selectFrom('fact').selectAll().where('seq', '=', seq).executeTakeFirstOrThrow()),
      }
      for (const field of fields) {
        const value = mutated(before[field], random)
        await store.write((tx) =>
          ledgerTables(tx)
            .updateTable('fact')
            .set({ [field]: value })
            .where('seq', '=', seq)
            .execute(),
        )
        const verdict = await ledger.verify()
        expect([field, verdict.whole, verdict.broken?.seq, verdict.count]).toEqual([field, false, seq, seq - 1])
        const present = field === 'seq' ? Number(value) : seq
        await store.write((tx) => ledgerTables(tx).updateTable('fact').set(before).where('seq', '=', present).execute())
      }
    }
    expect((await ledger.verify()).whole).toBe(true)
  })

  test('a fact that is taken out, even the newest, and one that is rewritten with a right hash are found', async () => {
    const { store, ledger } = await open()
    const facts: Fact[] = []
    for (let at = 1; at <= 4; at++) facts.push(await ledger.record(fact(`v${at}`)))
    await allowChanges(store)
    const change = (work: (tx: Db) => Promise<unknown>) => store.write(async (tx) => void (await work(tx)))
    const restore = (it: Fact) =>
      change((tx) =>
        ledgerTables(tx)
          .insertInto('fact')
          .values({ ...it, data: '{}' })
          .execute(),
      )
    for (const [index, because] of [
      [1, 'fact 2 is missing; the next one is fact 3'],
      [3, 'fact 4 is missing; the ledger ends at fact 4'],
    ] as const) {
      await change((tx) =>
        ledgerTables(tx)
          .deleteFrom('fact')
          .where('seq', '=', index + 1)
          .execute(),
      )
      expect((await ledger.verify()).broken).toEqual({ seq: index + 1, because })
      await restore(facts[index] as Fact)
    }
    await change((tx) => ledgerTables(tx).deleteFrom('ledger_head').execute())
    expect((await ledger.verify()).broken).toMatchObject({ seq: 5, because: expect.stringContaining('the head of the ledger is missing') })
    const newest = facts[3] as Fact
    const head = { id: 1, seq: newest.seq, at: newest.at, hash: newest.hash, behind: 0 as const }
    await change((tx) => ledgerTables(tx).insertInto('ledger_head').values(head).execute())
    expect((await ledger.verify()).whole).toBe(true)

    const forged = await (async () => {
      const { ledger: scratch } = await open()
      await scratch.record(fact('v1'))
      return await scratch.record(fact('forged'))
    })()
    await change((tx) =>
      ledgerTables(tx)
        .updateTable('fact')
        .set({ ...forged, data: '{}' })
        .where('seq', '=', 2)
        .execute(),
    )
    expect((await ledger.verify()).broken).toMatchObject({
      seq: 3,
      because: expect.stringMatching(/^it does not link to the fact before it/),
    })
  })
}

function mutated(value: string | number, random: () => number): string | number {
  if (typeof value === 'number') return value + 100 + Math.floor(random() * 100)
  const at = Math.floor(random() * value.length)
  return `${value.slice(0, at)}${value[at] === 'a' ? 'b' : 'a'}${value.slice(at + 1)}`
}

/** What a hand in the database's own shell could do. */
async function allowChanges(store: Store): Promise<void> {
  await store.write(async (tx) => {
    if (store.dialect === 'postgres') await sql`drop trigger fact_refuses_change on fact`.execute(tx)
    else for (const change of ['update', 'delete']) await sql`drop trigger ${sql.raw(`fact_refuses_${change}`)}`.execute(tx)
  })
}
