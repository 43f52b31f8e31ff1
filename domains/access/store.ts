/** The tables of access. Secrets stand here as SHA-256 only: whoever reads the database cannot sign in with it. */
import type { Role } from '@belay/protocol'
import type { Db, Flag, Migrations } from '@belay/store'

type AccessTables = {
  access_user: { name: string; role: Role; created_at: number; last_seen_at: number | null }
  access_session: { hash: string; name: string; expires_at: number; seen_at: number }
  access_link: { hash: string; name: string; expires_at: number }
  access_token: {
    id: string
    hash: string
    name: string
    role: Role
    /** JSON; null: not narrowed. */
    scopes: string | null
    created_by: string
    created_at: number
    expires_at: number
    last_used_at: number | null
    /** The command line's own token of one machine: its name is the person, and it is not listed. */
    local: Flag
  }
}
export type TokenRow = AccessTables['access_token']
export const accessTables = (db: Db) => db.$extendTables<AccessTables>()

export const accessMigrations: Migrations = {
  domain: 'access',
  steps: {
    '001-access': async (db) => {
      await db.schema
        .createTable('access_user')
        .addColumn('name', 'text', (it) => it.primaryKey())
        .addColumn('role', 'text', (it) => it.notNull())
        .addColumn('created_at', 'bigint', (it) => it.notNull())
        .addColumn('last_seen_at', 'bigint')
        .execute()
      await db.schema
        .createTable('access_session')
        .addColumn('hash', 'text', (it) => it.primaryKey())
        .addColumn('name', 'text', (it) => it.notNull().references('access_user.name').onDelete('cascade'))
        .addColumn('expires_at', 'bigint', (it) => it.notNull())
        .addColumn('seen_at', 'bigint', (it) => it.notNull())
        .execute()
      await db.schema
        .createTable('access_link')
        .addColumn('hash', 'text', (it) => it.primaryKey())
        .addColumn('name', 'text', (it) => it.notNull().references('access_user.name').onDelete('cascade'))
        .addColumn('expires_at', 'bigint', (it) => it.notNull())
        .execute()
      await db.schema
        .createTable('access_token')
        .addColumn('id', 'text', (it) => it.primaryKey())
        .addColumn('hash', 'text', (it) => it.notNull().unique())
        .addColumn('name', 'text', (it) => it.notNull())
        .addColumn('role', 'text', (it) => it.notNull())
        .addColumn('scopes', 'text')
        .addColumn('created_by', 'text', (it) => it.notNull())
        .addColumn('created_at', 'bigint', (it) => it.notNull())
        .addColumn('expires_at', 'bigint', (it) => it.notNull())
        .addColumn('last_used_at', 'bigint')
        .addColumn('local', 'integer', (it) => it.notNull())
        .execute()
    },
  },
}

/** Forgets what ended; ended tokens stay a while so that their users can be told. */
export async function sweep(tx: Db, nowMs: number, tokensEndedBeforeMs: number): Promise<void> {
  const tables = accessTables(tx)
  await tables.deleteFrom('access_session').where('expires_at', '<=', nowMs).execute()
  await tables.deleteFrom('access_link').where('expires_at', '<=', nowMs).execute()
  await tables.deleteFrom('access_token').where('expires_at', '<=', tokensEndedBeforeMs).execute()
}
