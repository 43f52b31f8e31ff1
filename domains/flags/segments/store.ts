/** The tables of segments and nobody else's. */
import { setImmediate } from 'node:timers/promises'
import type { JsonLogic } from '@belay/flag-evaluator'
import { type Db, fromJson, type Migrations, statement, toJson } from '@belay/store'

type SegmentTables = {
  segment: {
    key: string
    description: string
    /** Null: a list. */
    rule: string | null
    /** Segments that the rule names, as JSON. */
    refs: string
    /** Of a list: the attribute whose value stands in it. */
    attribute: string
    /** Which chunks are the list's; null: a rule. */
    list: number | null
    chunks: number
    size: number
    bytes: number
    /** Hash of the list's content. */
    content: string
    version: number
    /** Of all segments together; what has a higher one than a server has seen is news to it. */
    revision: number
    changed_at: number
    changed_by: string
  }
  /** Emptied ones stay, with an empty hash: that they are empty is news to other servers. */
  segment_chunk: { list: number; chunk: number; revision: number; hash: string; keys: string }
  /** Lists that no segment points to: being written (and when that was last so), or waiting to be deleted (0). */
  segment_leftover: { list: number; touched_at: number }
  segment_revision: { id: number; revision: number }
}
const tables = (db: Db) => db.$extendTables<SegmentTables>()

export const segmentMigrations: Migrations = {
  domain: 'segments',
  steps: {
    '001-segments': async (db) => {
      await db.schema
        .createTable('segment')
        .addColumn('key', 'text', (it) => it.primaryKey())
        .addColumn('description', 'text', (it) => it.notNull())
        .addColumn('rule', 'text')
        .addColumn('refs', 'text', (it) => it.notNull())
        .addColumn('attribute', 'text', (it) => it.notNull())
        .addColumn('list', 'bigint')
        .addColumn('chunks', 'integer', (it) => it.notNull())
        .addColumn('size', 'integer', (it) => it.notNull())
        .addColumn('bytes', 'bigint', (it) => it.notNull())
        .addColumn('content', 'text', (it) => it.notNull())
        .addColumn('version', 'integer', (it) => it.notNull())
        .addColumn('revision', 'bigint', (it) => it.notNull())
        .addColumn('changed_at', 'bigint', (it) => it.notNull())
        .addColumn('changed_by', 'text', (it) => it.notNull())
        .execute()
      await db.schema
        .createTable('segment_chunk')
        .addColumn('list', 'bigint', (it) => it.notNull())
        .addColumn('chunk', 'integer', (it) => it.notNull())
        .addColumn('revision', 'bigint', (it) => it.notNull())
        .addColumn('hash', 'text', (it) => it.notNull())
        .addColumn('keys', 'text', (it) => it.notNull())
        .addPrimaryKeyConstraint('segment_chunk_key', ['list', 'chunk'])
        .execute()
      await db.schema
        .createTable('segment_leftover')
        .addColumn('list', 'bigint', (it) => it.primaryKey())
        .addColumn('touched_at', 'bigint', (it) => it.notNull())
        .execute()
      await db.schema
        .createTable('segment_revision')
        .addColumn('id', 'integer', (it) => it.primaryKey())
        .addColumn('revision', 'bigint', (it) => it.notNull())
        .execute()
      await tables(db).insertInto('segment_revision').values({ id: 1, revision: 0 }).execute()
    },
  },
}

/** A segment as it is stored. */
export type SegmentRow = {
  readonly key: string
  readonly description: string
  readonly rule: JsonLogic | undefined
  readonly references: readonly string[]
  readonly by: string
  readonly list: number | null
  readonly chunks: number
  readonly size: number
  readonly bytes: number
  readonly content: string
  readonly version: number
  readonly revision: number
  readonly changedAt: number
  readonly changedBy: string
}
const rowOf = (row: SegmentTables['segment']): SegmentRow => ({
  key: row.key,
  description: row.description,
  rule: row.rule === null ? undefined : fromJson<JsonLogic>(row.rule),
  references: fromJson<string[]>(row.refs),
  by: row.attribute,
  list: row.list,
  chunks: row.chunks,
  size: row.size,
  bytes: row.bytes,
  content: row.content,
  version: row.version,
  revision: row.revision,
  changedAt: row.changed_at,
  changedBy: row.changed_by,
})
const columnsOf = (it: SegmentRow): SegmentTables['segment'] => ({
  key: it.key,
  description: it.description,
  rule: it.rule === undefined ? null : toJson(it.rule),
  refs: toJson(it.references),
  attribute: it.by,
  list: it.list,
  chunks: it.chunks,
  size: it.size,
  bytes: it.bytes,
  content: it.content,
  version: it.version,
  revision: it.revision,
  changed_at: it.changedAt,
  changed_by: it.changedBy,
})

const selectRevision = statement((db, at: { id: number }) =>
  tables(db).selectFrom('segment_revision').select('revision').where('id', '=', at.id),
)
/** The newest revision of anything here. */
export async function readRevision(db: Db): Promise<number> {
  const [row] = await selectRevision(db, { id: 1 })
  return row?.revision ?? 0
}
/** A number that is higher than all before it, and belongs to this transaction. */
export async function nextRevision(tx: Db): Promise<number> {
  const { revision } = await tables(tx)
    .updateTable('segment_revision')
    .set((it) => ({ revision: it('revision', '+', 1) }))
    .returning('revision')
    .executeTakeFirstOrThrow()
  return revision
}

export async function segmentRow(db: Db, key: string): Promise<SegmentRow | undefined> {
  const row = await tables(db).selectFrom('segment').selectAll().where('key', '=', key).executeTakeFirst()
  return row && rowOf(row)
}
export async function segmentRowsSince(db: Db, revision: number): Promise<SegmentRow[]> {
  return (await tables(db).selectFrom('segment').selectAll().where('revision', '>', revision).execute()).map(rowOf)
}
export async function segmentKeys(db: Db): Promise<string[]> {
  return (await tables(db).selectFrom('segment').select('key').execute()).map(({ key }) => key)
}
/** Which segments each rule names. */
export async function allReferences(db: Db): Promise<Map<string, string[]>> {
  const rows = await tables(db).selectFrom('segment').select(['key', 'refs']).execute()
  return new Map(rows.map(({ key, refs }) => [key, fromJson<string[]>(refs)]))
}
/** How many keys stand in all lists but this segment's. */
export async function sizeOfOthers(tx: Db, key: string): Promise<number> {
  const row = await tables(tx)
    .selectFrom('segment')
    .select((it) => it.fn.sum<number | null>('size').as('size'))
    .where('key', '<>', key)
    .executeTakeFirst()
  return Number(row?.size ?? 0)
}
export async function insertSegment(tx: Db, row: SegmentRow): Promise<void> {
  await tables(tx).insertInto('segment').values(columnsOf(row)).execute()
}
export async function updateSegment(tx: Db, row: SegmentRow): Promise<void> {
  await tables(tx).updateTable('segment').set(columnsOf(row)).where('key', '=', row.key).execute()
}
export async function deleteSegment(tx: Db, key: string): Promise<void> {
  await tables(tx).deleteFrom('segment').where('key', '=', key).execute()
}

// ── chunks ──────────────────────────────────────────────────────────────────────────────────────────────────
export type StoredChunk = SegmentTables['segment_chunk']
/** A statement takes so many; on PostgreSQL each costs a round trip. */
const chunksPerStatement = 32

/** Writes the chunks over those that are there. */
export async function putChunks(tx: Db, chunks: readonly StoredChunk[]): Promise<void> {
  for (let start = 0; start < chunks.length; start += chunksPerStatement) {
    await tables(tx)
      .insertInto('segment_chunk')
      .values(chunks.slice(start, start + chunksPerStatement))
      .onConflict((conflict) =>
        conflict.columns(['list', 'chunk']).doUpdateSet((row) => ({
          revision: row.ref('excluded.revision'),
          hash: row.ref('excluded.hash'),
          keys: row.ref('excluded.keys'),
        })),
      )
      .execute()
    await setImmediate()
  }
}
/** The texts of these chunks; one that is missing is empty. */
export async function chunkTexts(db: Db, list: number, chunks: readonly number[]): Promise<Map<number, string>> {
  const texts = new Map<number, string>()
  for (let start = 0; start < chunks.length; start += chunksPerStatement) {
    const rows = await tables(db)
      .selectFrom('segment_chunk')
      .select(['chunk', 'keys'])
      .where('list', '=', list)
      .where('chunk', 'in', chunks.slice(start, start + chunksPerStatement))
      .execute()
    for (const { chunk, keys } of rows) texts.set(chunk, keys)
    await setImmediate()
  }
  return texts
}
export async function chunkHashes(db: Db, list: number): Promise<Map<number, string>> {
  const rows = await tables(db)
    .selectFrom('segment_chunk')
    .select(['chunk', 'hash'])
    .where('list', '=', list)
    .where('hash', '<>', '')
    .execute()
  return new Map(rows.map(({ chunk, hash }) => [chunk, hash]))
}
/** Of the list's chunks that are newer than `since`, the next ones behind `after`. */
export async function chunkPage(db: Db, at: { list: number; since: number; after: number; limit: number }): Promise<StoredChunk[]> {
  return await tables(db)
    .selectFrom('segment_chunk')
    .selectAll()
    .where('list', '=', at.list)
    .where('revision', '>', at.since)
    .where('chunk', '>', at.after)
    .orderBy('chunk')
    .limit(at.limit)
    .execute()
}

// ── lists that no segment points to ─────────────────────────────────────────────────────────────────────────
export async function addLeftover(tx: Db, list: number, touchedAt: number): Promise<void> {
  await tables(tx).insertInto('segment_leftover').values({ list, touched_at: touchedAt }).execute()
}
/** False: it is gone. */
export async function touchLeftover(tx: Db, list: number, touchedAt: number): Promise<boolean> {
  const { numUpdatedRows } = await tables(tx)
    .updateTable('segment_leftover')
    .set({ touched_at: touchedAt })
    .where('list', '=', list)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
export async function deleteLeftover(tx: Db, list: number): Promise<boolean> {
  const { numDeletedRows } = await tables(tx).deleteFrom('segment_leftover').where('list', '=', list).executeTakeFirst()
  return numDeletedRows > 0n
}
export async function leftoversBefore(db: Db, touchedAt: number): Promise<number[]> {
  const rows = await tables(db).selectFrom('segment_leftover').select('list').where('touched_at', '<', touchedAt).execute()
  return rows.map(({ list }) => list)
}
/** Deletes some of its chunks; answers how many. */
export async function deleteChunks(tx: Db, list: number, limit: number): Promise<number> {
  const some = tables(tx).selectFrom('segment_chunk').select('chunk').where('list', '=', list).orderBy('chunk').limit(limit)
  const { numDeletedRows } = await tables(tx)
    .deleteFrom('segment_chunk')
    .where('list', '=', list)
    .where('chunk', 'in', some)
    .executeTakeFirst()
  return Number(numDeletedRows)
}
