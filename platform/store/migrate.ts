import { invariant } from '@belay/base'
import { sql } from 'kysely'
import { dialectOf } from './columns.ts'
import { storeProblem } from './problems.ts'
import type { Db, Migrations } from './types.ts'

type MigrationTables = { belay_migration: { domain: string; step: string; at: number } }

/** Runs the steps that this database has not seen yet, in the transaction that `db` is. */
export async function runMigrations(db: Db, sets: readonly Migrations[], nowMs: number): Promise<void> {
  const tables = db.$extendTables<MigrationTables>()
  // A large table may take longer than any statement of a running server.
  if (dialectOf(db) === 'postgres')
    await sql`set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0`.execute(db)
  await db.schema
    .createTable('belay_migration')
    .ifNotExists()
    .addColumn('domain', 'text', (it) => it.notNull())
    .addColumn('step', 'text', (it) => it.notNull())
    .addColumn('at', 'bigint', (it) => it.notNull())
    .addPrimaryKeyConstraint('belay_migration_key', ['domain', 'step'])
    .execute()
  for (const { domain, steps } of sets) {
    const known = Object.keys(steps).sort()
    const rows = await tables.selectFrom('belay_migration').select('step').where('domain', '=', domain).execute()
    const done = rows.map((row) => row.step).sort()
    const newer = done.find((step) => !known.includes(step))
    if (newer !== undefined) throw storeProblem('store-newer', { domain, step: newer })
    invariant(
      done.every((step, index) => step === known[index]),
      `migrations of ${domain} are only added at the end; the database has ${done.join(', ')}`,
    )
    for (const step of known.slice(done.length)) {
      await steps[step]?.(db)
      await tables.insertInto('belay_migration').values({ domain, step, at: nowMs }).execute()
    }
  }
}
