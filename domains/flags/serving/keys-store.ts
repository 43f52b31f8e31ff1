/** The tables of client keys. Secrets stand here as SHA-256 only; how those of `ensure` come back is told at `seed`. */
import { randomBytes } from 'node:crypto'
import type { ClientKeyWire } from '@belay/protocol'
import type { Db, Migrations } from '@belay/store'

type ClientKeyTables = {
  client_key: {
    id: string
    hash: string
    name: string
    kind: ClientKeyWire['kind']
    environment: string
    created_by: string
    created_at: number
    last_used_at: number | null
  }
  /** Which of its derived secrets a purpose has now: ending such a key moves it on, so that the secret never comes back. */
  client_key_handed: { environment: string; kind: string; name: string; number: number }
  /**
   * One row: 32 random bytes of this database, from which the secrets are derived that Belay itself hands out, and with
   * which the addresses of streams are signed. Whoever reads the database could derive those, but who can read it has
   * the definitions already, which is all that they open.
   */
  client_key_seed: { id: number; seed: string }
}
export type ClientKeyRow = ClientKeyTables['client_key']
export const keyTables = (db: Db) => db.$extendTables<ClientKeyTables>()

export const clientKeyMigrations: Migrations = {
  domain: 'client-keys',
  steps: {
    '001-client-keys': async (db) => {
      await db.schema
        .createTable('client_key')
        .addColumn('id', 'text', (it) => it.primaryKey())
        .addColumn('hash', 'text', (it) => it.notNull().unique())
        .addColumn('name', 'text', (it) => it.notNull())
        .addColumn('kind', 'text', (it) => it.notNull())
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('created_by', 'text', (it) => it.notNull())
        .addColumn('created_at', 'bigint', (it) => it.notNull())
        .addColumn('last_used_at', 'bigint')
        .execute()
      await db.schema
        .createTable('client_key_handed')
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('kind', 'text', (it) => it.notNull())
        .addColumn('name', 'text', (it) => it.notNull())
        .addColumn('number', 'integer', (it) => it.notNull())
        .addPrimaryKeyConstraint('client_key_handed_key', ['environment', 'kind', 'name'])
        .execute()
      await db.schema
        .createTable('client_key_seed')
        .addColumn('id', 'integer', (it) => it.primaryKey())
        .addColumn('seed', 'text', (it) => it.notNull())
        .execute()
      const seed = randomBytes(32).toString('hex')
      await keyTables(db).insertInto('client_key_seed').values({ id: 1, seed }).execute()
    },
  },
}
