/** The ledger's two tables and nothing else's: the facts, and the head that the next fact follows. */
import { invariant } from '@belay/base'
import { type Db, dialectOf, type Flag, type Migrations, statement } from '@belay/store'
import { sql } from 'kysely'
import { beginning, type Head, type StoredFact } from './model.ts'

type LedgerTables = {
  fact: StoredFact
  /** One row. Kept beside the facts so that cutting off the newest ones is noticed. */
  ledger_head: { id: number; seq: number; at: number; hash: string; behind: Flag }
}
export const ledgerTables = (db: Db) => db.$extendTables<LedgerTables>()

export const ledgerMigrations: Migrations = {
  domain: 'ledger',
  steps: {
    '001-facts': async (db) => {
      await db.schema
        .createTable('fact')
        .addColumn('seq', dialectOf(db) === 'sqlite' ? 'integer' : 'bigint', (it) => it.primaryKey())
        .addColumn('at', 'bigint', (it) => it.notNull())
        .addColumn('actor', 'text', (it) => it.notNull())
        .addColumn('kind', 'text', (it) => it.notNull())
        .addColumn('subject', 'text', (it) => it.notNull())
        .addColumn('says', 'text', (it) => it.notNull())
        .addColumn('data', 'text', (it) => it.notNull())
        .addColumn('hash', 'text', (it) => it.notNull())
        .addColumn('previous', 'text', (it) => it.notNull())
        .execute()
      await db.schema.createIndex('fact_by_subject').on('fact').columns(['subject', 'seq']).execute()
      await db.schema
        .createTable('ledger_head')
        .addColumn('id', 'integer', (it) => it.primaryKey())
        .addColumn('seq', 'bigint', (it) => it.notNull())
        .addColumn('at', 'bigint', (it) => it.notNull())
        .addColumn('hash', 'text', (it) => it.notNull())
        .addColumn('behind', 'integer', (it) => it.notNull())
        .execute()
      await ledgerTables(db).insertInto('ledger_head').values({ id: 1, seq: 0, at: 0, hash: beginning, behind: 0 }).execute()
      await refuseChanges(db)
    },
  },
}

/** Append-only in the database too: a mistake in a query, or a hand in the database's shell, is refused there. */
async function refuseChanges(db: Db): Promise<void> {
  if (dialectOf(db) === 'sqlite') {
    for (const change of ['update', 'delete'])
      await sql`create trigger ${sql.raw(`fact_refuses_${change}`)} before ${sql.raw(change)} on fact
        begin select raise(abort, 'facts are append-only'); end`.execute(db)
    return
  }
  await sql`create function fact_refuses_change() returns trigger language plpgsql as
    $$ begin raise exception 'facts are append-only'; end $$`.execute(db)
  await sql`create trigger fact_refuses_change before update or delete or truncate on fact
    for each statement execute function fact_refuses_change()`.execute(db)
}

export type StoredHead = Head & { readonly behind: Flag }

const selectHead = statement((db, at: { id: number }) =>
  ledgerTables(db).selectFrom('ledger_head').select(['seq', 'at', 'hash', 'behind']).where('id', '=', at.id),
)
const insertFact = statement((db, row: StoredFact) =>
  ledgerTables(db).insertInto('fact').values({
    seq: row.seq,
    at: row.at,
    actor: row.actor,
    kind: row.kind,
    subject: row.subject,
    says: row.says,
    data: row.data,
    hash: row.hash,
    previous: row.previous,
  }),
)
const moveHead = statement((db, it: StoredHead & { before: number }) =>
  ledgerTables(db)
    .updateTable('ledger_head')
    .set({ seq: it.seq, at: it.at, hash: it.hash, behind: it.behind })
    .where('id', '=', 1)
    .where('seq', '=', it.before)
    .returning('id'),
)

/** Undefined only when somebody has deleted it. */
export async function readHead(db: Db): Promise<StoredHead | undefined> {
  const [head] = await selectHead(db, { id: 1 })
  return head
}

/** Puts the fact behind `before`. Writes are serial, so nobody can have come between; the comparison proves it. */
export async function putFact(tx: Db, row: StoredFact, before: Head, behind: Flag): Promise<void> {
  await insertFact(tx, row)
  const moved = await moveHead(tx, { seq: row.seq, at: row.at, hash: row.hash, behind, before: before.seq })
  invariant(moved.length === 1, `only one writer at a time appends after fact ${before.seq}`)
}

export type FactQuery = {
  /** Exact, or a prefix that ends with a dot. */
  readonly kind?: string | undefined
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  /** Somewhere in the sentence, whatever the case. */
  readonly text?: string | undefined
  /** Only facts with a higher `seq`. */
  readonly after?: number | undefined
  /** Only facts with a lower `seq`. */
  readonly before?: number | undefined
  readonly order?: 'newest' | 'oldest' | undefined
  readonly limit?: number | undefined
}

export async function readFacts(db: Db, query: FactQuery, limit: number): Promise<StoredFact[]> {
  const { kind, subject, actor, text, after, before } = query
  let found = ledgerTables(db).selectFrom('fact').selectAll()
  if (kind?.endsWith('.')) found = found.where(sql`substr(kind, 1, ${sql.lit(kind.length)})`, '=', kind)
  else if (kind !== undefined) found = found.where('kind', '=', kind)
  if (subject !== undefined) found = found.where('subject', '=', subject)
  if (actor !== undefined) found = found.where('actor', '=', actor)
  if (text !== undefined) found = found.where(sql<boolean>`lower(says) like lower(${`%${text.replace(/[\\%_]/g, '\\$&')}%`}) escape '\\'`)
  if (after !== undefined) found = found.where('seq', '>', after)
  if (before !== undefined) found = found.where('seq', '<', before)
  return await found
    .orderBy('seq', query.order === 'oldest' ? 'asc' : 'desc')
    .limit(limit)
    .execute()
}
