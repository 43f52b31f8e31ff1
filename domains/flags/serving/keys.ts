/**
 * Client keys: the secrets with which services and pages ask for flags. A key belongs to one environment; kind
 * `client` evaluates only and may stand in a page, kind `server` also reads definitions and reports.
 *
 * Every evaluation asks `who`, so all keys are held in memory and brought up to date when any server changes one.
 */
import { createHmac, hash, randomBytes } from 'node:crypto'
import { type Clock, invariant } from '@belay/base'
import type { Ledger } from '@belay/ledger'
import type { ClientKeyWire } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import { type ClientKeyRow, keyTables } from './keys-store.ts'
import { servingProblem } from './problems.ts'

type Kind = ClientKeyWire['kind']
export type KeyHolder = { readonly id: string; readonly name: string; readonly kind: Kind; readonly environment: string }

export type ClientKeys = {
  /** Reads all keys into memory; before anything else. */
  load(): Promise<void>
  list(): Promise<ClientKeyWire[]>
  /** The secret is in this answer and nowhere else. @throws Problem `client-key-environment`, `client-key-name-taken`, `client-keys-too-many`. */
  create(it: { name: string; kind: Kind; environment: string }, by: string): Promise<{ key: ClientKeyWire; secret: string }>
  /** @throws Problem `client-key-unknown`. */
  revoke(id: string, by: string): Promise<void>
  /**
   * The secret of a key that Belay itself hands out (to the services of an environment): made when there is none, and
   * the same at every start until somebody ends it. @throws Problem `client-key-environment`, `client-keys-too-many`.
   */
  ensure(environment: string, kind: Kind, name: string): Promise<string>
  /** Whose secret this is; answers from memory. Notes the use, at most once a minute and key. */
  who(secret: string): KeyHolder | undefined
  /** Called with the ids of keys that were ended, here or by another server. */
  onEnded(listener: (ids: readonly string[]) => void): () => void
  /** An HMAC-SHA256 in base64url that every server of this database makes alike. */
  sign(text: string): string
  close(): void
}

export const keyPrefix = { client: 'bck_', server: 'bsk_' } as const satisfies Record<Kind, string>
const channel = 'client-keys'
/** The actor of what the program does by itself. */
const self = 'belay'
/** A key for each service and page of each environment; all are held in memory and shown on one page. */
export const clientKeysMax = 1_000
/** Use is noted to the minute: every evaluation would otherwise be a write. */
const usedEveryMs = 60_000

export function openClientKeys(it: {
  store: Store
  ledger: Ledger
  clock: Clock
  /** Is there such an environment? */
  knows(environment: string): boolean
}): ClientKeys {
  const { store, ledger, clock } = it
  const listeners = new Set<(ids: readonly string[]) => void>()
  const notedAt = new Map<string, number>()
  let byHash: ReadonlyMap<string, KeyHolder> = new Map()
  let seed = ''
  let reading: Promise<void> | undefined
  let isOutdated = false

  async function read(): Promise<void> {
    const rows = await keyTables(store.read).selectFrom('client_key').selectAll().execute()
    const before = byHash
    byHash = new Map(rows.map((row) => [row.hash, { id: row.id, name: row.name, kind: row.kind, environment: row.environment }]))
    const ended = [...before].filter(([digest]) => !byHash.has(digest)).map(([, { id }]) => id)
    if (ended.length === 0) return
    for (const id of ended) notedAt.delete(id)
    for (const listener of listeners) listener(ended)
  }

  /** One reading at a time; a change that comes meanwhile is read after it. */
  function refresh(): Promise<void> {
    isOutdated = true
    reading ??= (async () => {
      try {
        while (isOutdated) {
          isOutdated = false
          await read()
        }
      } finally {
        reading = undefined
      }
    })()
    return reading
  }
  // What could not be read now is read at the next signal; until then the keys are those of before.
  const stopListening = store.onSignal(channel, () => void refresh().catch(() => {}))

  async function insert(tx: Db, secret: string, key: { name: string; kind: Kind; environment: string }, by: string): Promise<ClientKeyRow> {
    const { count } = await keyTables(tx)
      .selectFrom('client_key')
      .select((row) => row.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    if (count >= clientKeysMax) throw servingProblem('client-keys-too-many', { max: clientKeysMax })
    const row: ClientKeyRow = {
      id: randomBytes(6).toString('hex'),
      hash: digestOf(secret),
      ...key,
      created_by: by,
      created_at: clock.now(),
      last_used_at: null,
    }
    await keyTables(tx).insertInto('client_key').values(row).execute()
    await ledger.append(tx, {
      actor: by,
      kind: 'client-key.created',
      subject: `client-key:${key.name}`,
      says: `made the ${key.kind} key ${key.name} for ${key.environment}`,
      data: { id: row.id, kind: key.kind, environment: key.environment },
    })
    store.signal(channel)
    return row
  }

  async function remove(tx: Db, id: string, by: string): Promise<void> {
    const tables = keyTables(tx)
    const row = await tables.deleteFrom('client_key').where('id', '=', id).returningAll().executeTakeFirst()
    if (!row) throw servingProblem('client-key-unknown', { id })
    const purpose = { environment: row.environment, kind: row.kind, name: row.name }
    const handed = await handedNumber(tx, purpose)
    if (handed !== undefined && row.hash === digestOf(derived(purpose, handed))) await setHandedNumber(tx, purpose, handed + 1)
    await ledger.append(tx, {
      actor: by,
      kind: 'client-key.revoked',
      subject: `client-key:${row.name}`,
      says: `ended the ${row.kind} key ${row.name} of ${row.environment}`,
      data: { id, kind: row.kind, environment: row.environment },
    })
    store.signal(channel)
  }

  type Purpose = { environment: string; kind: Kind; name: string }
  function derived(purpose: Purpose, number: number): string {
    invariant(seed !== '', 'client keys are loaded before they are used')
    const text = JSON.stringify(['handed', purpose.environment, purpose.kind, purpose.name, number])
    return `${keyPrefix[purpose.kind]}${createHmac('sha256', seed).update(text).digest('base64url')}`
  }
  async function handedNumber(db: Db, { environment, kind, name }: Purpose): Promise<number | undefined> {
    const row = await keyTables(db)
      .selectFrom('client_key_handed')
      .select('number')
      .where('environment', '=', environment)
      .where('kind', '=', kind)
      .where('name', '=', name)
      .executeTakeFirst()
    return row?.number
  }
  async function setHandedNumber(tx: Db, purpose: Purpose, number: number): Promise<void> {
    await keyTables(tx)
      .insertInto('client_key_handed')
      .values({ ...purpose, number })
      .onConflict((conflict) => conflict.columns(['environment', 'kind', 'name']).doUpdateSet({ number }))
      .execute()
  }

  function checkEnvironment(environment: string): void {
    if (!it.knows(environment)) throw servingProblem('client-key-environment', { environment })
  }

  /** When a key was last used is told to people only: losing a note (a full disk, the end of the server) refuses nobody. */
  function noteUse(id: string, now: number): void {
    notedAt.set(id, now)
    store
      .write(async (tx) => {
        await keyTables(tx).updateTable('client_key').set({ last_used_at: now }).where('id', '=', id).execute()
      })
      .catch(() => {})
  }

  return {
    async load() {
      const row = await keyTables(store.read).selectFrom('client_key_seed').select('seed').where('id', '=', 1).executeTakeFirstOrThrow()
      seed = row.seed
      await refresh()
    },
    async list() {
      const rows = await keyTables(store.read).selectFrom('client_key').selectAll().orderBy('environment').orderBy('name').execute()
      return rows.map(wireOf)
    },
    async create(key, by) {
      checkEnvironment(key.environment)
      const secret = `${keyPrefix[key.kind]}${randomBytes(32).toString('base64url')}`
      const row = await store.write(async (tx) => {
        const taken = await keyTables(tx)
          .selectFrom('client_key')
          .select('id')
          .where('environment', '=', key.environment)
          .where('name', '=', key.name)
          .executeTakeFirst()
        if (taken) throw servingProblem('client-key-name-taken', { name: key.name, environment: key.environment })
        return await insert(tx, secret, key, by)
      })
      await refresh()
      return { key: wireOf(row), secret }
    },
    async revoke(id, by) {
      await store.write((tx) => remove(tx, id, by))
      await refresh()
    },
    async ensure(environment, kind, name) {
      checkEnvironment(environment)
      const purpose = { environment, kind, name }
      const known = derived(purpose, (await handedNumber(store.read, purpose)) ?? 1)
      if (byHash.has(digestOf(known))) return known
      const secret = await store.write(async (tx) => {
        const number = (await handedNumber(tx, purpose)) ?? 1
        const own = derived(purpose, number)
        const there = await keyTables(tx).selectFrom('client_key').select('id').where('hash', '=', digestOf(own)).executeTakeFirst()
        if (there) return own
        await setHandedNumber(tx, purpose, number)
        await insert(tx, own, purpose, self)
        return own
      })
      await refresh()
      return secret
    },
    who(secret) {
      // Looked up by its digest: how long that takes tells nothing about any secret.
      const holder = byHash.get(digestOf(secret))
      if (holder === undefined) return undefined
      const now = clock.now()
      const noted = notedAt.get(holder.id)
      // A clock that was set back must not keep a key from being noted for years.
      if (noted === undefined || now - noted >= usedEveryMs || now < noted) noteUse(holder.id, now)
      return holder
    },
    onEnded(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    sign(text) {
      invariant(seed !== '', 'client keys are loaded before they are used')
      return createHmac('sha256', seed).update(text).digest('base64url')
    },
    close: stopListening,
  }
}

const digestOf = (secret: string): string => hash('sha256', secret)

const wireOf = (row: ClientKeyRow): ClientKeyWire => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  environment: row.environment,
  createdBy: row.created_by,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
})
