import { type Db, fromJson, type Migrations, toJson } from '@belay/store'
import type { FlagVersionWire, ProposalWire, ScheduledWire } from '@belay/protocol'
import type { Flag, Ring } from './model/flag.ts'

type FlagTables = {
  flag: { key: string; revision: number; version: number; body: string }
  flag_version: {
    flag: string
    version: number
    at: number
    actor: string
    says: string
    reason: string | null
    diff: string
    body: string
  }
  flag_proposal: { number: number; flag: string; state: string; body: string }
  flag_scheduled: { number: number; flag: string; state: string; at: number; body: string }
  /** Rings of the page, and those of belay.yaml as they were last seen. */
  ring: { name: string; place: number; source: string; body: string }
  /** `revision`: grows with every change of what is served. `metadata`: of the flag set, as it was imported. */
  flag_set: { name: string; value: string }
}
const tables = (db: Db) => db.withTables<FlagTables>()

export const flagMigrations: Migrations = {
  domain: 'flags',
  steps: {
    '001-flags': async (db) => {
      await db.schema
        .createTable('flag')
        .addColumn('key', 'text', (it) => it.primaryKey())
        .addColumn('revision', 'bigint', (it) => it.notNull())
        .addColumn('version', 'integer', (it) => it.notNull())
        .addColumn('body', 'text', (it) => it.notNull())
        .execute()
      await db.schema.createIndex('flag_revision').on('flag').column('revision').execute()
      await db.schema
        .createTable('flag_version')
        .addColumn('flag', 'text', (it) => it.notNull().references('flag.key'))
        .addColumn('version', 'integer', (it) => it.notNull())
        .addColumn('at', 'bigint', (it) => it.notNull())
        .addColumn('actor', 'text', (it) => it.notNull())
        .addColumn('says', 'text', (it) => it.notNull())
        .addColumn('reason', 'text')
        .addColumn('diff', 'text', (it) => it.notNull())
        .addColumn('body', 'text', (it) => it.notNull())
        .addPrimaryKeyConstraint('flag_version_key', ['flag', 'version'])
        .execute()
      await db.schema
        .createTable('flag_proposal')
        .addColumn('number', 'integer', (it) => it.primaryKey())
        .addColumn('flag', 'text', (it) => it.notNull())
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('body', 'text', (it) => it.notNull())
        .execute()
      await db.schema.createIndex('flag_proposal_state').on('flag_proposal').columns(['state', 'flag']).execute()
      await db.schema
        .createTable('flag_scheduled')
        .addColumn('number', 'integer', (it) => it.primaryKey())
        .addColumn('flag', 'text', (it) => it.notNull())
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('at', 'bigint', (it) => it.notNull())
        .addColumn('body', 'text', (it) => it.notNull())
        .execute()
      await db.schema.createIndex('flag_scheduled_due').on('flag_scheduled').columns(['state', 'at']).execute()
      await db.schema
        .createTable('ring')
        .addColumn('name', 'text', (it) => it.primaryKey())
        .addColumn('place', 'integer', (it) => it.notNull())
        .addColumn('source', 'text', (it) => it.notNull())
        .addColumn('body', 'text', (it) => it.notNull())
        .execute()
      await db.schema
        .createTable('flag_set')
        .addColumn('name', 'text', (it) => it.primaryKey())
        .addColumn('value', 'text', (it) => it.notNull())
        .execute()
    },
  },
}

// ── flags ───────────────────────────────────────────────────────────────────────────────────────────────────
/** The next revision: every change of what is served has one of its own, in the order of the commits. */
export async function nextRevision(tx: Db): Promise<number> {
  const revision = (await readRevision(tx)) + 1
  await putSetting(tx, 'revision', revision)
  return revision
}
export const readRevision = async (db: Db): Promise<number> => (await readSetting<number>(db, 'revision')) ?? 0

export async function readSetting<T>(db: Db, name: string): Promise<T | undefined> {
  const row = await tables(db).selectFrom('flag_set').select('value').where('name', '=', name).executeTakeFirst()
  return row && fromJson<T>(row.value)
}
export async function putSetting(tx: Db, name: string, value: unknown): Promise<void> {
  await tables(tx)
    .insertInto('flag_set')
    .values({ name, value: toJson(value) })
    .onConflict((it) => it.column('name').doUpdateSet({ value: toJson(value) }))
    .execute()
}

export async function readFlag(db: Db, key: string): Promise<Flag | undefined> {
  const row = await tables(db).selectFrom('flag').select('body').where('key', '=', key).executeTakeFirst()
  return row && fromJson<Flag>(row.body)
}

/** Those that changed after this revision, each as it is now. */
export async function flagsSince(db: Db, revision: number): Promise<{ flag: Flag; revision: number }[]> {
  const rows = await tables(db)
    .selectFrom('flag')
    .select(['body', 'revision'])
    .where('revision', '>', revision)
    .orderBy('revision')
    .execute()
  return rows.map((row) => ({ flag: fromJson<Flag>(row.body), revision: row.revision }))
}

export async function countFlags(db: Db): Promise<number> {
  const row = await tables(db)
    .selectFrom('flag')
    .select((it) => it.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** The flag as it is now, and the version that it became. */
export async function putFlag(
  tx: Db,
  flag: Flag,
  revision: number,
  version: Omit<FlagVersionWire, 'version' | 'at' | 'actor'>,
): Promise<void> {
  const body = JSON.stringify(flag)
  await tables(tx)
    .insertInto('flag')
    .values({ key: flag.key, revision, version: flag.version, body })
    .onConflict((it) => it.column('key').doUpdateSet({ revision, version: flag.version, body }))
    .execute()
  await tables(tx)
    .insertInto('flag_version')
    .values({
      flag: flag.key,
      version: flag.version,
      at: flag.changedAt,
      actor: flag.changedBy,
      says: version.says,
      reason: version.reason,
      diff: JSON.stringify(version.diff),
      body,
    })
    .execute()
}

/** Newest first. */
export async function listVersions(db: Db, flag: string, before: number | undefined, limit: number): Promise<FlagVersionWire[]> {
  let query = tables(db)
    .selectFrom('flag_version')
    .select(['version', 'at', 'actor', 'says', 'reason', 'diff'])
    .where('flag', '=', flag)
    .orderBy('version', 'desc')
    .limit(limit)
  if (before !== undefined) query = query.where('version', '<', before)
  return (await query.execute()).map((row) => ({ ...row, diff: fromJson<FlagVersionWire['diff']>(row.diff) }))
}

export async function readVersion(db: Db, flag: string, version: number): Promise<Flag | undefined> {
  const row = await tables(db)
    .selectFrom('flag_version')
    .select('body')
    .where('flag', '=', flag)
    .where('version', '=', version)
    .executeTakeFirst()
  return row && fromJson<Flag>(row.body)
}

// ── proposals and scheduled changes ─────────────────────────────────────────────────────────────────────────
const numberOf = (id: string): number => Number(/^[a-z](\d{1,9})$/.exec(id)?.[1] ?? 0)
const nextNumber = (last: { number: number | null } | undefined): number => (last?.number ?? 0) + 1

export async function insertProposal(tx: Db, make: (id: string) => ProposalWire): Promise<ProposalWire> {
  const last = await tables(tx)
    .selectFrom('flag_proposal')
    .select((it) => it.fn.max('number').as('number'))
    .executeTakeFirst()
  const number = nextNumber(last)
  const proposal = make(`p${number}`)
  await tables(tx)
    .insertInto('flag_proposal')
    .values({ number, flag: proposal.flag, state: proposal.state, body: JSON.stringify(proposal) })
    .execute()
  return proposal
}
export async function putProposal(tx: Db, proposal: ProposalWire): Promise<void> {
  await tables(tx)
    .updateTable('flag_proposal')
    .set({ state: proposal.state, body: JSON.stringify(proposal) })
    .where('number', '=', numberOf(proposal.id))
    .execute()
}
export async function readProposal(db: Db, id: string): Promise<ProposalWire | undefined> {
  const row = await tables(db).selectFrom('flag_proposal').select('body').where('number', '=', numberOf(id)).executeTakeFirst()
  return row && fromJson<ProposalWire>(row.body)
}
export async function listProposals(
  db: Db,
  asking: { flag?: string | undefined; state?: string | undefined; limit: number },
): Promise<ProposalWire[]> {
  let query = tables(db).selectFrom('flag_proposal').select('body').orderBy('number', 'desc').limit(asking.limit)
  if (asking.flag !== undefined) query = query.where('flag', '=', asking.flag)
  if (asking.state !== undefined) query = query.where('state', '=', asking.state)
  return (await query.execute()).map((row) => fromJson<ProposalWire>(row.body))
}

export async function insertScheduled(tx: Db, make: (id: string) => ScheduledWire): Promise<ScheduledWire> {
  const last = await tables(tx)
    .selectFrom('flag_scheduled')
    .select((it) => it.fn.max('number').as('number'))
    .executeTakeFirst()
  const number = nextNumber(last)
  const scheduled = make(`s${number}`)
  const { flag, state, at } = scheduled
  await tables(tx)
    .insertInto('flag_scheduled')
    .values({ number, flag, state, at, body: JSON.stringify(scheduled) })
    .execute()
  return scheduled
}
export async function putScheduled(tx: Db, scheduled: ScheduledWire): Promise<void> {
  await tables(tx)
    .updateTable('flag_scheduled')
    .set({ state: scheduled.state, body: JSON.stringify(scheduled) })
    .where('number', '=', numberOf(scheduled.id))
    .execute()
}
export async function readScheduled(db: Db, id: string): Promise<ScheduledWire | undefined> {
  const row = await tables(db).selectFrom('flag_scheduled').select('body').where('number', '=', numberOf(id)).executeTakeFirst()
  return row && fromJson<ScheduledWire>(row.body)
}
/** Those that wait: of one flag, or whose time has come. The earliest first. */
export async function waitingScheduled(db: Db, by: { flag: string } | { dueAt: number }): Promise<ScheduledWire[]> {
  const waiting = tables(db)
    .selectFrom('flag_scheduled')
    .select('body')
    .where('state', '=', 'waiting')
    .orderBy('at')
    .orderBy('number')
    .limit(1_000)
  const rows = await ('flag' in by ? waiting.where('flag', '=', by.flag) : waiting.where('at', '<=', by.dueAt)).execute()
  return rows.map((row) => fromJson<ScheduledWire>(row.body))
}

// ── rings ───────────────────────────────────────────────────────────────────────────────────────────────────
/** Without `all`, the lowest first. */
export async function readRings(db: Db): Promise<Ring[]> {
  const rows = await tables(db).selectFrom('ring').select('body').orderBy('place').execute()
  return rows.map((row) => fromJson<Ring>(row.body))
}
export async function replaceRings(tx: Db, rings: readonly Ring[]): Promise<void> {
  await tables(tx).deleteFrom('ring').execute()
  if (rings.length === 0) return
  await tables(tx)
    .insertInto('ring')
    .values(rings.map((ring, place) => ({ name: ring.name, place, source: ring.source, body: toJson(ring) })))
    .execute()
}
