/**
 * Which captures came, who sent them, and which of their parts are kept: in the state store, so that a part that is sent again
 * counts once whichever server it comes to. A part is noted before it goes into the column store and marked when it is there; what
 * a crash left in between is sent again by its sender and finds the same tokens.
 */
import { type Clock, sayCount } from '@belay/base'
import type { Ledger } from '@belay/ledger'
import type { CapturePartWire } from '@belay/protocol'
import { type Db, type Flag, fromFlag, fromJson, type Migrations, type Store, toFlag, toJson } from '@belay/store'
import { sql } from 'kysely'
import { networkProblem } from './problems.ts'
import { sessionDays } from './schema.ts'

type Tables = {
  network_capture: {
    id: string
    environment: string
    host: string
    label: string
    actor: string
    sent_at: number
    /** The part that the summary is of, and the number of the last one; 0: not known yet. */
    part: number
    last_part: number
    complete: Flag
    summary: string
    resources: string
  }
  network_part: { capture: string; part: number; at: number; kept: Flag }
}
const tables = (db: Db) => db.withTables<Tables>()

export const networkMigrations: Migrations = {
  domain: 'network',
  steps: {
    '001-captures': async (db) => {
      await sql`create table network_capture (id text not null primary key, environment text not null, host text not null,
        label text not null, actor text not null, sent_at bigint not null, part bigint not null, last_part bigint not null,
        complete integer not null, summary text not null, resources text not null)`.execute(db)
      await sql`create index network_capture_sent on network_capture (sent_at)`.execute(db)
      await sql`create table network_part (capture text not null, part bigint not null, at bigint not null, kept integer not null,
        primary key (capture, part))`.execute(db)
    },
  },
}

export type Capture = {
  readonly id: string
  readonly environment: string
  readonly host: string
  readonly label: string
  readonly actor: string
  readonly sentAt: number
  readonly complete: boolean
  readonly summary: CapturePartWire['capture']
  readonly resources: CapturePartWire['resources']
}

export type CaptureQuery = {
  readonly environment?: string | undefined
  /** When it was sent. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly text?: string | undefined
  readonly offset: number
  readonly limit: number
}

export type Captures = {
  /**
   * Notes that a part is coming.
   * @returns when it came for the first time, which its rows are filed under; undefined: it is kept already.
   * @throws Problem `network-capture-taken`
   */
  begin(part: CapturePartWire, actor: string): Promise<number | undefined>
  /** The column store has it. With the last of all parts the capture becomes a fact. @returns false: another request was first. */
  kept(part: CapturePartWire): Promise<boolean>
  list(query: CaptureQuery): Promise<{ captures: Capture[]; more: boolean }>
  named(ids: readonly string[]): Promise<Map<string, Capture>>
}

const dayMs = 86_400_000

export function openCaptures({
  store,
  ledger,
  clock,
}: {
  store: Store
  ledger: Pick<Ledger, 'append'>
  clock: Pick<Clock, 'now'>
}): Captures {
  async function begin(it: CapturePartWire, actor: string): Promise<number | undefined> {
    const now = clock.now()
    return await store.write(async (tx) => {
      const db = tables(tx)
      const known = await db.selectFrom('network_capture').selectAll().where('id', '=', it.id).executeTakeFirst()
      const noted = await db
        .selectFrom('network_part')
        .selectAll()
        .where('capture', '=', it.id)
        .where('part', '=', it.part)
        .executeTakeFirst()
      // The same file may be sent by two people: what is kept is kept, whoever brings it again.
      if (noted !== undefined && fromFlag(noted.kept)) return undefined
      if (known === undefined) await forget(tx, now - sessionDays * dayMs)
      else refuse(it, actor, known)
      const summary = { part: it.part, summary: toJson(it.capture), resources: toJson(it.resources) }
      if (known === undefined)
        await db
          .insertInto('network_capture')
          .values({
            ...{ id: it.id, environment: it.environment, host: it.host, label: it.label, actor, sent_at: now },
            ...{ ...summary, last_part: it.last ? it.part : 0, complete: 0 },
          })
          .execute()
      else if (it.part >= known.part)
        await db
          .updateTable('network_capture')
          .set({ ...summary, last_part: it.last ? it.part : known.last_part })
          .where('id', '=', it.id)
          .execute()
      if (noted !== undefined) return noted.at
      await db.insertInto('network_part').values({ capture: it.id, part: it.part, at: now, kept: 0 }).execute()
      return now
    })
  }

  async function kept(it: CapturePartWire): Promise<boolean> {
    return await store.write(async (tx) => {
      const db = tables(tx)
      const { numUpdatedRows } = await db
        .updateTable('network_part')
        .set({ kept: 1 })
        .where('capture', '=', it.id)
        .where('part', '=', it.part)
        .where('kept', '=', 0)
        .executeTakeFirst()
      if (Number(numUpdatedRows) === 0) return false
      const capture = await db.selectFrom('network_capture').selectAll().where('id', '=', it.id).executeTakeFirst()
      if (capture === undefined || capture.last_part === 0 || fromFlag(capture.complete)) return true
      const { parts } = await db
        .selectFrom('network_part')
        .select((eb) => eb.fn.countAll<number>().as('parts'))
        .where('capture', '=', it.id)
        .where('kept', '=', 1)
        .executeTakeFirstOrThrow()
      if (Number(parts) < capture.last_part) return true
      await db
        .updateTable('network_capture')
        .set({ complete: toFlag(true) })
        .where('id', '=', it.id)
        .execute()
      const { name, sessions, packets } = captureOf(capture).summary
      const from = capture.host === '' ? '' : ` of ${capture.host}`
      await ledger.append(tx, {
        actor: capture.actor,
        kind: 'network.captured',
        subject: `capture:${it.id}`,
        says: `sent ${sayCount(sessions, 'TCP session')} of the capture ${name}${from} to ${capture.environment}`,
        data: {
          environment: capture.environment,
          host: capture.host,
          label: capture.label,
          name,
          sessions,
          packets,
          parts: capture.last_part,
        },
      })
      return true
    })
  }

  return {
    begin,
    kept,
    async list({ environment, from, to, text, offset, limit }) {
      let query = tables(store.read).selectFrom('network_capture').selectAll()
      if (environment !== undefined) query = query.where('environment', '=', environment)
      if (from !== undefined) query = query.where('sent_at', '>=', from)
      if (to !== undefined) query = query.where('sent_at', '<', to)
      if (text !== undefined && text !== '') {
        // `_` and `%` of a file's name are letters here.
        const like = `%${text.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
        query = query.where(
          sql<boolean>`(lower(id) like ${like} escape '\\' or lower(host) like ${like} escape '\\' or lower(label) like ${like} escape '\\'
            or lower(summary) like ${like} escape '\\')`,
        )
      }
      const rows = await query
        .orderBy('sent_at', 'desc')
        .orderBy('id')
        .offset(offset)
        .limit(limit + 1)
        .execute()
      return { captures: rows.slice(0, limit).map(captureOf), more: rows.length > limit }
    },
    async named(ids) {
      if (ids.length === 0) return new Map()
      const rows = await tables(store.read)
        .selectFrom('network_capture')
        .selectAll()
        .where('id', 'in', [...ids])
        .execute()
      return new Map(rows.map((row) => [row.id, captureOf(row)]))
    },
  }
}

function refuse(it: CapturePartWire, actor: string, known: Tables['network_capture']): void {
  const because =
    known.environment !== it.environment
      ? `it belongs to ${known.environment}`
      : known.actor !== actor
        ? `${known.actor} sends it`
        : known.last_part > 0 && (it.part > known.last_part || (it.last && it.part !== known.last_part))
          ? `part ${known.last_part} was said to be the last`
          : undefined
  if (because !== undefined) throw networkProblem('network-capture-taken', { capture: it.id, because })
}

/** Captures whose sessions are gone from the column store. */
async function forget(tx: Db, before: number): Promise<void> {
  await sql`delete from network_part where capture in (select id from network_capture where sent_at < ${before})
    and not exists (select 1 from network_part p where p.capture = network_part.capture and p.at >= ${before})`.execute(tx)
  await sql`delete from network_capture where sent_at < ${before}
    and not exists (select 1 from network_part p where p.capture = network_capture.id)`.execute(tx)
}

const captureOf = (row: Tables['network_capture']): Capture => ({
  id: row.id,
  environment: row.environment,
  host: row.host,
  label: row.label,
  actor: row.actor,
  sentAt: Number(row.sent_at),
  complete: fromFlag(row.complete),
  summary: fromJson(row.summary),
  resources: fromJson(row.resources),
})
