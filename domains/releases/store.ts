import { type Db, type Flag, fromJson, type Migrations, toFlag, toJson } from '@belay/store'
import type { Release } from './model.ts'

type ReleaseTables = {
  release: {
    name: string
    id: string
    commit_sha: string
    /** 1, 2, 3: the order in which they were made, whatever the clock did. */
    number: number
    body: string
  }
  release_service: {
    release: string
    service: string
    artifact: string
    bytes: number
    inputs: string
    /** 0 for a bundle's: what somebody else says went into an artifact is no reason to reuse it. */
    built_here: Flag
  }
}

export const releaseMigrations: Migrations = {
  domain: 'releases',
  steps: {
    '001-release': async (db) => {
      await db.schema
        .createTable('release')
        .addColumn('name', 'text', (it) => it.primaryKey())
        .addColumn('id', 'text', (it) => it.notNull().unique())
        .addColumn('commit_sha', 'text', (it) => it.notNull().unique())
        .addColumn('number', 'integer', (it) => it.notNull().unique())
        .addColumn('body', 'text', (it) => it.notNull())
        .execute()
      await db.schema
        .createTable('release_service')
        .addColumn('release', 'text', (it) => it.notNull().references('release.name'))
        .addColumn('service', 'text', (it) => it.notNull())
        .addColumn('artifact', 'text', (it) => it.notNull())
        .addColumn('bytes', 'bigint', (it) => it.notNull())
        .addColumn('inputs', 'text', (it) => it.notNull())
        .addColumn('built_here', 'integer', (it) => it.notNull())
        .addPrimaryKeyConstraint('release_service_key', ['release', 'service'])
        .execute()
      await db.schema.createIndex('release_service_inputs').on('release_service').columns(['inputs', 'built_here']).execute()
      await db.schema.createIndex('release_service_artifact').on('release_service').column('artifact').execute()
    },
  },
}

const tables = (db: Db) => db.$extendTables<ReleaseTables>()
const releaseOf = (row: { body: string } | undefined): Release | undefined => (row ? fromJson<Release>(row.body) : undefined)

export async function findRelease(db: Db, by: { name: string } | { commit: string }): Promise<Release | undefined> {
  const releases = tables(db).selectFrom('release').select('body')
  return releaseOf(
    await ('name' in by ? releases.where('name', '=', by.name) : releases.where('commit_sha', '=', by.commit)).executeTakeFirst(),
  )
}

/** Newest first. */
export async function listReleases(db: Db, limit: number): Promise<Release[]> {
  const rows = await tables(db).selectFrom('release').select('body').orderBy('number', 'desc').limit(limit).execute()
  return rows.map(({ body }) => fromJson<Release>(body))
}

/** The newest names: for "did you mean". */
export async function releaseNames(db: Db, limit: number): Promise<string[]> {
  const rows = await tables(db).selectFrom('release').select('name').orderBy('number', 'desc').limit(limit).execute()
  return rows.map(({ name }) => name)
}

/** Numbers it after all others; the caller has looked that name and commit are free, in the same transaction. */
export async function insertRelease(tx: Db, release: Release, builtHere: boolean): Promise<void> {
  const last = await tables(tx)
    .selectFrom('release')
    .select((it) => it.fn.max('number').as('number'))
    .executeTakeFirst()
  await tables(tx)
    .insertInto('release')
    .values({ name: release.name, id: release.id, commit_sha: release.commit, number: (last?.number ?? 0) + 1, body: toJson(release) })
    .execute()
  const services = release.services.map(({ service, artifact, bytes, inputs }) => ({
    release: release.name,
    service,
    artifact,
    bytes,
    inputs,
    built_here: toFlag(builtHere),
  }))
  await tables(tx).insertInto('release_service').values(services).execute()
}

/** The newest artifact that this server built from equal inputs, with the release that it was built for. */
export async function findBuilt(db: Db, inputs: string): Promise<{ artifact: string; bytes: number; release: string } | undefined> {
  return tables(db)
    .selectFrom('release_service')
    .innerJoin('release', 'release.name', 'release_service.release')
    .select(['release_service.artifact', 'release_service.bytes', 'release_service.release'])
    .where('release_service.inputs', '=', inputs)
    .where('release_service.built_here', '=', toFlag(true))
    .orderBy('release.number', 'desc')
    .executeTakeFirst()
}

/** The newest release and service that the artifact belongs to. */
export async function findUse(db: Db, artifact: string): Promise<{ release: string; service: string } | undefined> {
  return tables(db)
    .selectFrom('release_service')
    .innerJoin('release', 'release.name', 'release_service.release')
    .select(['release_service.release', 'release_service.service'])
    .where('release_service.artifact', '=', artifact)
    .orderBy('release.number', 'desc')
    .executeTakeFirst()
}

/** Which of these artifacts belong to a release? */
export async function usedArtifacts(db: Db, artifacts: readonly string[]): Promise<Set<string>> {
  const used = new Set<string>()
  // PostgreSQL takes at most 65,535 parameters in one statement; 500 at a time also keep each statement short.
  for (let start = 0; start < artifacts.length; start += 500) {
    const rows = await tables(db)
      .selectFrom('release_service')
      .select('artifact')
      .distinct()
      .where('artifact', 'in', artifacts.slice(start, start + 500))
      .execute()
    for (const { artifact } of rows) used.add(artifact)
  }
  return used
}
