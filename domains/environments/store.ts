import type { EnvironmentSpec } from '@belay/cloudfile'
import type { Db, Migrations } from '@belay/store'
import type { Environment, EnvironmentKind, Placement } from './model.ts'

type EnvironmentTables = {
  environment: {
    name: string
    kind: string
    spec: string
    created_at: number
    created_by: string
    expires_at: number | null
    release: string | null
    deployment: string | null
    deployed_at: number | null
    orphaned: number
  }
  environment_port: { environment: string; host: string; service: string; port: number }
  placement: { environment: string; host: string; service: string; release: string; artifact: string; identity: string }
  lease: {
    environment: string
    owner: string
    reason: string
    since_at: number
    expires_at: number
    fence: number
    deployment: string | null
    held: number
  }
}
const tables = (db: Db) => db.withTables<EnvironmentTables>()

export const environmentMigrations: Migrations = {
  domain: 'environments',
  steps: {
    '001-environments': async (db) => {
      await db.schema
        .createTable('environment')
        .addColumn('name', 'text', (it) => it.primaryKey())
        .addColumn('kind', 'text', (it) => it.notNull())
        .addColumn('spec', 'text', (it) => it.notNull())
        .addColumn('created_at', 'bigint', (it) => it.notNull())
        .addColumn('created_by', 'text', (it) => it.notNull())
        .addColumn('expires_at', 'bigint')
        .addColumn('release', 'text')
        .addColumn('deployment', 'text')
        .addColumn('deployed_at', 'bigint')
        .addColumn('orphaned', 'integer', (it) => it.notNull().defaultTo(0))
        .execute()
      await db.schema
        .createTable('environment_port')
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('host', 'text', (it) => it.notNull())
        .addColumn('service', 'text', (it) => it.notNull())
        .addColumn('port', 'integer', (it) => it.notNull())
        .addPrimaryKeyConstraint('environment_port_key', ['environment', 'host', 'service'])
        .execute()
      await db.schema
        .createTable('placement')
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('host', 'text', (it) => it.notNull())
        .addColumn('service', 'text', (it) => it.notNull())
        .addColumn('release', 'text', (it) => it.notNull())
        .addColumn('artifact', 'text', (it) => it.notNull())
        .addColumn('identity', 'text', (it) => it.notNull())
        .addPrimaryKeyConstraint('placement_key', ['environment', 'host', 'service'])
        .execute()
      // One row per environment for ever: the fence must go on counting when nobody holds the lease.
      await db.schema
        .createTable('lease')
        .addColumn('environment', 'text', (it) => it.primaryKey())
        .addColumn('owner', 'text', (it) => it.notNull())
        .addColumn('reason', 'text', (it) => it.notNull())
        .addColumn('since_at', 'bigint', (it) => it.notNull())
        .addColumn('expires_at', 'bigint', (it) => it.notNull())
        .addColumn('fence', 'integer', (it) => it.notNull())
        .addColumn('deployment', 'text')
        .addColumn('held', 'integer', (it) => it.notNull())
        .execute()
    },
  },
}

const toEnvironment = (row: EnvironmentTables['environment']): Environment => ({
  name: row.name,
  kind: row.kind as EnvironmentKind,
  spec: JSON.parse(row.spec) as EnvironmentSpec,
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: row.expires_at,
  release: row.release,
  deployment: row.deployment,
  deployedAt: row.deployed_at,
  orphaned: row.orphaned === 1,
})

export async function allEnvironments(db: Db): Promise<Environment[]> {
  return (await tables(db).selectFrom('environment').selectAll().orderBy('created_at').orderBy('name').execute()).map(toEnvironment)
}

export async function environmentRow(db: Db, name: string): Promise<Environment | undefined> {
  const row = await tables(db).selectFrom('environment').selectAll().where('name', '=', name).executeTakeFirst()
  return row && toEnvironment(row)
}

export async function addEnvironment(
  tx: Db,
  it: Pick<Environment, 'name' | 'kind' | 'spec' | 'createdAt' | 'createdBy' | 'expiresAt'>,
): Promise<void> {
  await tables(tx)
    .insertInto('environment')
    .values({
      name: it.name,
      kind: it.kind,
      spec: JSON.stringify(it.spec),
      created_at: it.createdAt,
      created_by: it.createdBy,
      expires_at: it.expiresAt,
      release: null,
      deployment: null,
      deployed_at: null,
      orphaned: 0,
    })
    .execute()
}

export async function changeEnvironment(
  tx: Db,
  name: string,
  change: Partial<Pick<Environment, 'kind' | 'spec' | 'expiresAt' | 'release' | 'deployment' | 'deployedAt' | 'orphaned'>>,
): Promise<void> {
  await tables(tx)
    .updateTable('environment')
    .set({
      ...(change.kind === undefined ? {} : { kind: change.kind }),
      ...(change.spec === undefined ? {} : { spec: JSON.stringify(change.spec) }),
      ...(change.expiresAt === undefined ? {} : { expires_at: change.expiresAt }),
      ...(change.release === undefined ? {} : { release: change.release }),
      ...(change.deployment === undefined ? {} : { deployment: change.deployment }),
      ...(change.deployedAt === undefined ? {} : { deployed_at: change.deployedAt }),
      ...(change.orphaned === undefined ? {} : { orphaned: change.orphaned ? 1 : 0 }),
    })
    .where('name', '=', name)
    .execute()
}

export async function deleteEnvironment(tx: Db, name: string): Promise<void> {
  await tables(tx).deleteFrom('environment_port').where('environment', '=', name).execute()
  await tables(tx).deleteFrom('placement').where('environment', '=', name).execute()
  await tables(tx).deleteFrom('environment').where('name', '=', name).execute()
}

export async function allPorts(db: Db): Promise<{ environment: string; host: string; service: string; port: number }[]> {
  return tables(db).selectFrom('environment_port').selectAll().execute()
}

export async function savePorts(
  tx: Db,
  environment: string,
  ports: readonly { host: string; service: string; port: number }[],
): Promise<void> {
  for (const port of ports) {
    await tables(tx)
      .insertInto('environment_port')
      .values({ environment, ...port })
      .onConflict((on) => on.columns(['environment', 'host', 'service']).doUpdateSet({ port: port.port }))
      .execute()
  }
}

export async function placementsOf(db: Db, environment: string): Promise<Placement[]> {
  return tables(db)
    .selectFrom('placement')
    .select(['host', 'service', 'release', 'artifact', 'identity'])
    .where('environment', '=', environment)
    .orderBy('host')
    .orderBy('service')
    .execute()
}

export async function savePlacement(tx: Db, environment: string, it: Placement): Promise<void> {
  await tables(tx)
    .insertInto('placement')
    .values({ environment, ...it })
    .onConflict((on) =>
      on.columns(['environment', 'host', 'service']).doUpdateSet({ release: it.release, artifact: it.artifact, identity: it.identity }),
    )
    .execute()
}

export async function deletePlacement(tx: Db, environment: string, host: string, service: string): Promise<void> {
  await tables(tx)
    .deleteFrom('placement')
    .where('environment', '=', environment)
    .where('host', '=', host)
    .where('service', '=', service)
    .execute()
}

export type LeaseRow = { owner: string; reason: string; sinceAt: number; expiresAt: number; fence: number; deployment: string | null }

export async function leaseOf(db: Db, environment: string): Promise<(LeaseRow & { held: boolean }) | undefined> {
  const row = await tables(db).selectFrom('lease').selectAll().where('environment', '=', environment).executeTakeFirst()
  return (
    row && {
      owner: row.owner,
      reason: row.reason,
      sinceAt: row.since_at,
      expiresAt: row.expires_at,
      fence: row.fence,
      deployment: row.deployment,
      held: row.held === 1,
    }
  )
}

export async function saveLease(tx: Db, environment: string, it: LeaseRow): Promise<void> {
  const values = {
    owner: it.owner,
    reason: it.reason,
    since_at: it.sinceAt,
    expires_at: it.expiresAt,
    fence: it.fence,
    deployment: it.deployment,
    held: 1,
  }
  await tables(tx)
    .insertInto('lease')
    .values({ environment, ...values })
    .onConflict((on) => on.column('environment').doUpdateSet(values))
    .execute()
}

/** @returns false when the lease is no longer the one with this fence. */
export async function renewLease(tx: Db, environment: string, fence: number, expiresAt: number): Promise<boolean> {
  const done = await tables(tx)
    .updateTable('lease')
    .set({ expires_at: expiresAt })
    .where('environment', '=', environment)
    .where('fence', '=', fence)
    .where('held', '=', 1)
    .executeTakeFirst()
  return Number(done.numUpdatedRows) === 1
}

export async function releaseLease(tx: Db, environment: string, fence: number): Promise<void> {
  await tables(tx).updateTable('lease').set({ held: 0 }).where('environment', '=', environment).where('fence', '=', fence).execute()
}
