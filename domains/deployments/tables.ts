/** The tables of this domain, and how they came to be. Each of the stores beside owns some of them. */
import type { Db, Migrations } from '@belay/store'
import { sql } from 'kysely'
import { activeStates } from './model/advance.ts'

export type DeploymentTables = {
  deployment: {
    number: number
    kind: string
    environment: string
    release: string
    from_release: string | null
    state: string
    because: string | null
    plan: string
    actor: string
    reason: string | null
    forced: number
    direction: string
    turned_because: string | null
    aborted: number
    approval_needed: number
    approved_by: string | null
    approved_at: number | null
    rehearsal: number | null
    undoes: number | null
    created_at: number
    started_at: number | null
    ended_at: number | null
  }
  deployment_run: {
    deployment: number
    item: number
    direction: string
    attempt: number
    state: string
    because: string | null
    started_at: number
    ended_at: number | null
    output_hash: string | null
  }
  deployment_output: {
    seq: number
    deployment: number
    item: number
    direction: string
    at: number
    text: string
    job: string | null
    upto: number
  }
  rehearsal: {
    number: number
    release: string
    environment: string
    state: string
    because: string | null
    actor: string
    chaos: number
    with_undo: number
    started_at: number
    ended_at: number | null
    phases: string
    kills: string
  }
}
export const tables = (db: Db) => db.withTables<DeploymentTables>()

/** `d7` and `r3` are kept as numbers; anything else is nobody's (-1). */
export const numberOf = (id: string) => Number(/^[dr](\d{1,9})$/.exec(id)?.[1] ?? -1)

export const deploymentMigrations: Migrations = {
  domain: 'deployments',
  steps: {
    '001-deployments': async (db) => {
      await db.schema
        .createTable('deployment')
        .addColumn('number', 'integer', (it) => it.primaryKey())
        .addColumn('kind', 'text', (it) => it.notNull())
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('release', 'text', (it) => it.notNull())
        .addColumn('from_release', 'text')
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('because', 'text')
        .addColumn('plan', 'text', (it) => it.notNull())
        .addColumn('actor', 'text', (it) => it.notNull())
        .addColumn('reason', 'text')
        .addColumn('forced', 'integer', (it) => it.notNull())
        .addColumn('direction', 'text', (it) => it.notNull())
        .addColumn('turned_because', 'text')
        .addColumn('aborted', 'integer', (it) => it.notNull())
        .addColumn('approval_needed', 'integer', (it) => it.notNull())
        .addColumn('approved_by', 'text')
        .addColumn('approved_at', 'bigint')
        .addColumn('rehearsal', 'integer')
        .addColumn('undoes', 'integer')
        .addColumn('created_at', 'bigint', (it) => it.notNull())
        .addColumn('started_at', 'bigint')
        .addColumn('ended_at', 'bigint')
        .execute()
      // The database itself keeps the promise of one deployment at a time in an environment.
      const active = sql.join(activeStates.map((state) => sql.lit(state)))
      await sql`create unique index deployment_one_at_a_time on deployment (environment) where state in (${active})`.execute(db)
      await db.schema
        .createTable('deployment_run')
        .addColumn('deployment', 'integer', (it) => it.notNull())
        .addColumn('item', 'integer', (it) => it.notNull())
        .addColumn('direction', 'text', (it) => it.notNull())
        .addColumn('attempt', 'integer', (it) => it.notNull())
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('because', 'text')
        .addColumn('started_at', 'bigint', (it) => it.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('output_hash', 'text')
        .addPrimaryKeyConstraint('deployment_run_key', ['deployment', 'item', 'direction', 'attempt'])
        .execute()
      await createOutput(db)
      await db.schema
        .createTable('rehearsal')
        .addColumn('number', 'integer', (it) => it.primaryKey())
        .addColumn('release', 'text', (it) => it.notNull())
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('because', 'text')
        .addColumn('actor', 'text', (it) => it.notNull())
        .addColumn('chaos', 'integer', (it) => it.notNull())
        .addColumn('with_undo', 'integer', (it) => it.notNull())
        .addColumn('started_at', 'bigint', (it) => it.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('phases', 'text', (it) => it.notNull())
        .addColumn('kills', 'text', (it) => it.notNull())
        .execute()
    },
  },
}

async function createOutput(db: Db): Promise<void> {
  await db.schema
    .createTable('deployment_output')
    .addColumn('seq', 'integer', (it) => it.primaryKey())
    .addColumn('deployment', 'integer', (it) => it.notNull())
    .addColumn('item', 'integer', (it) => it.notNull())
    .addColumn('direction', 'text', (it) => it.notNull())
    .addColumn('at', 'bigint', (it) => it.notNull())
    .addColumn('text', 'text', (it) => it.notNull())
    .addColumn('job', 'text')
    .addColumn('upto', 'integer', (it) => it.notNull())
    .execute()
  await db.schema.createIndex('deployment_output_of').on('deployment_output').columns(['deployment', 'seq']).execute()
}
