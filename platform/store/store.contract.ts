/** What every store promises, run against each database that there is. */
import { Problem } from '@belay/base'
import type { StorePlace } from '@belay/testkit'
import { sql } from 'kysely'
import { afterEach, expect, test } from 'vitest'
import { type Db, type Flag, fromFlag, fromJson, type Migrations, openStore, type Store, toFlag, toJson } from './index.ts'
import { batchMax } from './queue.ts'

type NoteTables = { note: { id: number; text: string; at: number; open: Flag; data: string } }
const noteMigrations: Migrations = {
  domain: 'notes',
  steps: {
    '001-note': async (db) => {
      await db.schema
        .createTable('note')
        .addColumn('id', 'integer', (it) => it.primaryKey())
        .addColumn('text', 'text', (it) => it.notNull())
        .addColumn('at', 'bigint', (it) => it.notNull())
        .addColumn('open', 'integer', (it) => it.notNull())
        .addColumn('data', 'text', (it) => it.notNull())
        .execute()
    },
  },
}
const notes = (db: Db) => db.$extendTables<NoteTables>()
const add = (tx: Db, id: number, text = `note ${id}`) =>
  notes(tx)
    .insertInto('note')
    .values({ id, text, at: 1_700_000_000_000 + id, open: toFlag(id % 2 === 0), data: toJson({ id }) })
    .execute()
const ids = async (store: Store) => (await notes(store.read).selectFrom('note').select('id').orderBy('id').execute()).map((row) => row.id)
const until = async (holds: () => boolean, limitMs = 3_000) => {
  const endsAt = Date.now() + limitMs
  while (!holds() && Date.now() < endsAt) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(holds()).toBe(true)
}

/** `newDatabase` gives the place of a new, empty database. */
export function storeKeepsItsPromises(newDatabase: () => Promise<StorePlace>): void {
  const opened: Store[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()))
  })
  async function fresh(): Promise<{ store: Store; again: () => Promise<Store> }> {
    const place = await newDatabase()
    const again = async () => {
      const store = await openStore(place)
      opened.push(store)
      return store
    }
    const store = await again()
    await store.migrate([noteMigrations])
    return { store, again }
  }

  test('what was written is read back with its types: numbers, flags, JSON', async () => {
    const { store } = await fresh()
    await store.write((tx) => add(tx, 2))
    const row = await notes(store.read).selectFrom('note').selectAll().executeTakeFirstOrThrow()
    expect({ ...row }).toEqual({ id: 2, text: 'note 2', at: 1_700_000_000_002, open: 1, data: '{"id":2}' })
    expect(fromFlag(row.open)).toBe(true)
    expect(fromJson<{ id: number }>(row.data)).toEqual({ id: 2 })
    const { count } = await notes(store.read)
      .selectFrom('note')
      .select((it) => it.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    expect(count).toBe(1)
  })

  test('a write that throws leaves nothing behind and passes its error on', async () => {
    const { store } = await fresh()
    const refusal = new Problem('test', 409, 'no')
    await expect(
      store.write(async (tx) => {
        await add(tx, 1)
        throw refusal
      }),
    ).rejects.toBe(refusal)
    expect(await ids(store)).toEqual([])
  })

  test('of writes that share a commit, only the failing ones are undone', async () => {
    const { store } = await fresh()
    const results = await Promise.allSettled(
      Array.from({ length: 3 * batchMax }, (_, id) =>
        store.write(async (tx) => {
          await add(tx, id)
          if (id % 3 === 0) throw new Error(`no ${id}`)
          return id
        }),
      ),
    )
    results.forEach((result, id) =>
      expect(result.status === 'fulfilled' ? result.value : result.reason.message).toBe(id % 3 === 0 ? `no ${id}` : id),
    )
    expect(await ids(store)).toEqual(Array.from({ length: 3 * batchMax }, (_, id) => id).filter((id) => id % 3 !== 0))
  })

  test('a statement that fails ends its write, even when the error is caught', async () => {
    const { store } = await fresh()
    const [first, second] = await Promise.allSettled([
      store.write((tx) => add(tx, 1)),
      store.write(async (tx) => {
        await add(tx, 2)
        await add(tx, 1).catch(() => {})
      }),
    ])
    expect([first?.status, second?.status]).toEqual(['fulfilled', 'rejected'])
    await expect(store.write((tx) => add(tx, 1).catch(() => []))).rejects.toThrow(/unique|duplicate/i)
    expect(await ids(store)).toEqual([1])
  })

  test('writes are serial: a counter that is read and then written loses no count, in two processes either', async () => {
    const { store, again } = await fresh()
    const other = await again()
    await store.write((tx) => add(tx, 1, '0'))
    const increment = (in_: Store) =>
      in_.write(async (tx) => {
        const { text } = await notes(tx).selectFrom('note').select('text').where('id', '=', 1).executeTakeFirstOrThrow()
        await notes(tx)
          .updateTable('note')
          .set({ text: String(Number(text) + 1) })
          .where('id', '=', 1)
          .execute()
      })
    await Promise.all(Array.from({ length: 60 }, (_, turn) => increment(turn % 2 === 0 ? store : other)))
    const { text } = await notes(store.read).selectFrom('note').select('text').executeTakeFirstOrThrow()
    expect(text).toBe('60')
  })

  test('a transaction cannot be used after its write has ended', async () => {
    const { store } = await fresh()
    let kept: Db | undefined
    await store.write(async (tx) => {
      kept = tx
    })
    await expect(add(kept as Db, 1)).rejects.toThrow(/only while its write runs/)
  })

  test('a write inside a write is refused instead of waiting for itself', async () => {
    const { store } = await fresh()
    await expect(store.write(() => store.write((tx) => add(tx, 1)))).rejects.toThrow(/does not ask for another write/)
    await store.write((tx) => add(tx, 1))
    expect(await ids(store)).toEqual([1])
  })

  test('a signal inside a write is heard after its commit, and never when it is undone', async () => {
    const { store } = await fresh()
    const heard: (string | undefined)[] = []
    const stop = store.onSignal('notes', (payload) => heard.push(payload))
    await store.write(async (tx) => {
      await add(tx, 1)
      store.signal('notes', 'one')
      store.signal('notes', 'one')
      expect(heard).toEqual([])
    })
    await until(() => heard.length > 0)
    await store
      .write(async () => {
        store.signal('notes', 'two')
        throw new Error('no')
      })
      .catch(() => {})
    store.signal('notes', 'three')
    store.signal('others', 'four')
    expect(heard).toEqual(['one', 'three'])
    stop()
    store.signal('notes', 'five')
    expect(heard).toEqual(['one', 'three'])
  })

  test("another process's commit is heard", async () => {
    const { store, again } = await fresh()
    const other = await again()
    const heard: (string | undefined)[] = []
    other.onSignal('notes', (payload) => heard.push(payload))
    await store.write(async (tx) => {
      await add(tx, 1)
      store.signal('notes', 'one')
    })
    await until(() => heard.length > 0)
    expect(heard[0]).toBe(store.dialect === 'sqlite' ? undefined : 'one')
  })

  test('migrations run once, in order, and all or nothing', async () => {
    const { store, again } = await fresh()
    const more: Migrations = {
      ...noteMigrations,
      steps: {
        ...noteMigrations.steps,
        '003-never': async () => {
          throw new Error('a step that fails')
        },
        '002-tag': async (db) => {
          await db.schema.alterTable('note').addColumn('tag', 'text').execute()
        },
      },
    }
    await expect(store.migrate([more])).rejects.toThrow('a step that fails')
    const { '003-never': _, ...good } = more.steps
    await Promise.all([store.migrate([{ ...more, steps: good }]), (await again()).migrate([{ ...more, steps: good }])])
    await store.write((tx) => sql`insert into note (id, text, at, open, data, tag) values (1, 'a', 1, 0, '{}', 'x')`.execute(tx))
    expect(await ids(store)).toEqual([1])
  })

  test('a database that a newer program has changed is refused with a sentence', async () => {
    const { store } = await fresh()
    await expect(store.migrate([{ domain: 'notes', steps: {} }])).rejects.toThrow(/newer Belay \(notes: 001-note\)/)
  })

  test('closing waits for what was asked before, and refuses what comes after', async () => {
    const { store, again } = await fresh()
    const asked = Array.from({ length: 10 }, (_, id) => store.write((tx) => add(tx, id)))
    await store.close()
    opened.splice(0)
    await Promise.all(asked)
    await expect(store.write((tx) => add(tx, 99))).rejects.toThrow(/shutting down/)
    expect(await ids(await again())).toHaveLength(10)
  })
}
