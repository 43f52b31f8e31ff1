/** What client keys promise, run on each database that there is. */
import { handClock } from '@belay/base'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { openStore, type Store } from '@belay/store'
import type { StorePlace } from '@belay/testkit'
import { afterEach, expect, test } from 'vitest'
import { clientKeysMax, openClientKeys } from './keys.ts'
import { clientKeyMigrations, keyTables } from './keys-store.ts'

export function clientKeysKeepTheirPromises(newStore: () => Promise<Store>, newDatabase: () => Promise<StorePlace>): void {
  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })
  async function keysOn(store: Store) {
    await store.migrate([ledgerMigrations, clientKeyMigrations])
    const clock = handClock()
    const ledger = openLedger({ store, clock })
    const keys = openClientKeys({ store, ledger, clock, knows: (environment) => ['production', 'qa'].includes(environment) })
    await keys.load()
    closing.push(() => keys.close())
    return { keys, ledger, clock, store }
  }
  const page = { name: 'page', kind: 'client', environment: 'production' } as const

  test('a new key works at once, its secret is shown once and stands nowhere, and a fact says who made it', async () => {
    const { keys, ledger, store } = await keysOn(await newStore())
    const { key, secret } = await keys.create(page, 'ann')
    expect(secret).toMatch(/^bck_[\w-]{43}$/)
    expect((await keys.create({ ...page, name: 'service', kind: 'server' }, 'ann')).secret).toMatch(/^bsk_[\w-]{43}$/)
    expect(keys.who(secret)).toEqual({ id: key.id, name: 'page', kind: 'client', environment: 'production' })
    for (const wrong of ['', 'bck_', `${secret}x`, secret.slice(0, -1), secret.toUpperCase()]) expect(keys.who(wrong)).toBeUndefined()
    expect(JSON.stringify(await keyTables(store.read).selectFrom('client_key').selectAll().execute())).not.toContain(secret.slice(4))
    expect((await keys.list()).map(({ name }) => name)).toEqual(['page', 'service'])
    expect((await ledger.list({ kind: 'client-key.created' })).facts.at(-1)).toMatchObject({
      actor: 'ann',
      subject: 'client-key:page',
      says: 'made the client key page for production',
      data: { id: key.id, kind: 'client', environment: 'production' },
    })
  })

  test('an ended key is nobody at once, listeners hear of it, and a fact says who ended it', async () => {
    const { keys, ledger } = await keysOn(await newStore())
    const ended: string[] = []
    keys.onEnded((ids) => ended.push(...ids))
    const { key, secret } = await keys.create(page, 'ann')
    await keys.revoke(key.id, 'bob')
    expect([keys.who(secret), ended]).toEqual([undefined, [key.id]])
    await expect(keys.revoke(key.id, 'bob')).rejects.toMatchObject({ code: 'client-key-unknown', status: 404 })
    expect((await ledger.list({ kind: 'client-key.revoked' })).facts).toMatchObject([
      { actor: 'bob', says: 'ended the client key page of production' },
    ])
  })

  test('names are told apart within an environment, and the environment must be there', async () => {
    const { keys } = await keysOn(await newStore())
    await keys.create(page, 'ann')
    await expect(keys.create({ ...page, kind: 'server' }, 'ann')).rejects.toMatchObject({ code: 'client-key-name-taken' })
    await keys.create({ ...page, environment: 'qa' }, 'ann')
    await expect(keys.create({ ...page, environment: 'moon' }, 'ann')).rejects.toMatchObject({ code: 'client-key-environment' })
    await expect(keys.ensure('moon', 'server', 'services')).rejects.toMatchObject({ code: 'client-key-environment' })
  })

  test('use is noted, to the minute', async () => {
    const { keys, clock } = await keysOn(await newStore())
    const { secret } = await keys.create(page, 'ann')
    const used = async () => (await keys.list())[0]?.lastUsedAt
    expect(await used()).toBeNull()
    const firstAt = clock.now()
    keys.who(secret)
    await expect.poll(used).toBe(firstAt)
    await clock.tick(59_000)
    keys.who(secret)
    await clock.tick(2_000)
    keys.who(secret)
    await expect.poll(used).toBe(firstAt + 61_000)
  })

  test('a key that Belay hands out has one secret at every start, until somebody ends it; that one never comes back', async () => {
    const store = await newStore()
    const { keys, ledger } = await keysOn(store)
    const secret = await keys.ensure('qa', 'server', 'services')
    const again = await keysOn(store)
    expect(await again.keys.ensure('qa', 'server', 'services')).toBe(secret)
    expect(await keys.ensure('production', 'server', 'services')).not.toBe(secret)
    expect(again.keys.who(secret)).toMatchObject({ kind: 'server', environment: 'qa', name: 'services' })
    expect((await ledger.list({ kind: 'client-key.created' })).facts).toHaveLength(2)
    await keys.revoke(keys.who(secret)?.id ?? '', 'ann')
    const next = await keys.ensure('qa', 'server', 'services')
    expect([next === secret, keys.who(secret), keys.who(next)?.environment]).toEqual([false, undefined, 'qa'])
    expect(await keys.ensure('qa', 'server', 'services')).toBe(next)
  })

  test('two who ask at once for the same handed-out key get the same', async () => {
    const { keys } = await keysOn(await newStore())
    const all = await Promise.all([1, 2, 3].map(() => keys.ensure('qa', 'server', 'services')))
    expect(new Set(all).size).toBe(1)
    expect(await keys.list()).toHaveLength(1)
  })

  test('another server of the same database knows a new key, signs alike, and forgets an ended one', async () => {
    const place = await newDatabase()
    const stores = [await openStore(place), await openStore(place)] as const
    closing.push(...stores.map((store) => () => store.close()))
    const [here, there] = [await keysOn(stores[0]), await keysOn(stores[1])]
    const { key, secret } = await here.keys.create(page, 'ann')
    await expect.poll(() => there.keys.who(secret)?.id, { timeout: 5_000 }).toBe(key.id)
    expect(there.keys.sign('text')).toBe(here.keys.sign('text'))
    await here.keys.revoke(key.id, 'ann')
    await expect.poll(() => there.keys.who(secret), { timeout: 5_000 }).toBeUndefined()
  })

  test('there is a bound on how many', async () => {
    const { keys, store } = await keysOn(await newStore())
    await store.write(async (tx) => {
      const rows = Array.from({ length: clientKeysMax }, (_, n) => ({
        ...{ id: `k${n}`, hash: `h${n}`, name: `n${n}`, kind: 'client' as const, environment: 'qa' },
        ...{ created_by: 'ann', created_at: 1, last_used_at: null },
      }))
      await keyTables(tx).insertInto('client_key').values(rows).execute()
    })
    await expect(keys.create(page, 'ann')).rejects.toMatchObject({ code: 'client-keys-too-many', status: 422 })
  })
}
