/**
 * Where imports of a log ended. A log that has grown is imported in the same batches as before, so those are known again
 * by their hashes, and only what is new counts.
 */
import type { Db, Migrations } from '@belay/store'
import { sql } from 'kysely'
import { ageMaxMs, endsMax } from './limits.ts'
import { logProblem } from './problems.ts'

/** After so many lines the content had this hash. */
export type LogEnd = { readonly lines: number; readonly hash: string }

export const logMigrations: Migrations = {
  domain: 'call-logs',
  steps: {
    '001-ends': async (db) => {
      await sql`create table call_log_end (log text not null, lines bigint not null, hash text not null, at bigint not null,
        primary key (log, lines, hash))`.execute(db)
    },
  },
}

/** @param log hash of its first line, and of what it was imported as. @throws Problem `calls-log-too-often` */
export async function endsOf(db: Db, log: string): Promise<LogEnd[]> {
  const { rows } = await sql<{ lines: number; hash: string }>`
    select lines, hash from call_log_end where log = ${log} limit ${endsMax}`.execute(db)
  // With some of them forgotten, other batches would be made, and calls counted twice.
  if (rows.length >= endsMax) throw logProblem('calls-log-too-often', { max: endsMax })
  return rows.map(({ lines, hash }) => ({ lines: Number(lines), hash }))
}

export async function noteEnd(tx: Db, log: string, { lines, hash }: LogEnd, now: number): Promise<void> {
  await sql`insert into call_log_end (log, lines, hash, at) values (${log}, ${lines}, ${hash}, ${now})
    on conflict (log, lines, hash) do update set at = excluded.at`.execute(tx)
  // Its lines are too old to be imported again.
  await sql`delete from call_log_end where at < ${now - ageMaxMs}`.execute(tx)
}
