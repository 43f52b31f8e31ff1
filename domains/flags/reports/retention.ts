/** Deletes what is older than it is kept for, or more than there is room for: the oldest first, in short transactions. */
import { setImmediate } from 'node:timers/promises'
import type { Db, Store } from '@belay/store'
import { sql } from 'kysely'
import { aheadMaxMs, batchKeptMs, dayMs, eventsMax, exposuresMax, hourMs, hoursMax, keptMs, minutesKeptMs, minutesMax } from './limits.ts'
import { changeUnits } from './store.ts'

/** Rows that one transaction moves or deletes: some 20 ms. */
const rowsAtOnce = 2_000

export type Bounds = { readonly minutes: number; readonly hours: number; readonly exposures: number; readonly events: number }
export const usualBounds: Bounds = { minutes: minutesMax, hours: hoursMax, exposures: exposuresMax, events: eventsMax }

type Timed = { readonly table: 'flag_minute' | 'flag_hour' | 'flag_exposure' | 'flag_event'; readonly column: 'at' | 'first_at' }

export async function sweepReports(store: Store, nowMs: number, bounds: Bounds = usualBounds): Promise<void> {
  const until = (it: Timed, max: number, ageMs: number, sliceMs: number) => oldestKept(store.read, it, { nowMs, max, ageMs, sliceMs })
  // Whole hours, so that none stands half in each table.
  const minutesUntil = await until({ table: 'flag_minute', column: 'at' }, bounds.minutes, minutesKeptMs, hourMs)
  await repeat(store, (tx) => rollMinutes(tx, minutesUntil - (minutesUntil % hourMs)))

  const hoursUntil = await until({ table: 'flag_hour', column: 'at' }, bounds.hours, keptMs, dayMs)
  await repeat(store, (tx) =>
    rowsOf(
      sql`delete from flag_hour where (variant_id, at) in
    (select variant_id, at from flag_hour where at < ${hoursUntil} limit ${sql.lit(rowsAtOnce)}) returning 1 as one`,
      tx,
    ),
  )
  const exposuresUntil = await until({ table: 'flag_exposure', column: 'first_at' }, bounds.exposures, keptMs, dayMs)
  await repeat(store, (tx) => deleteExposures(tx, exposuresUntil))
  const eventsUntil = await until({ table: 'flag_event', column: 'at' }, bounds.events, keptMs, dayMs)
  await repeat(store, (tx) =>
    rowsOf(
      sql`delete from flag_event where id in
    (select id from flag_event where at < ${eventsUntil} limit ${sql.lit(rowsAtOnce)}) returning 1 as one`,
      tx,
    ),
  )
  await repeat(store, (tx) =>
    rowsOf(
      sql`delete from flag_report_batch where (environment, source, batch) in
    (select environment, source, batch from flag_report_batch where taken_at < ${nowMs - batchKeptMs} limit ${sql.lit(rowsAtOnce)})
    returning 1 as one`,
      tx,
    ),
  )
  await store.write((tx) => deleteNames(tx, nowMs - keptMs - dayMs))
}

/** The beginning of what is kept: not older than `ageMs`, and not more than `max` rows. Counted a slice at a time, newest first. */
async function oldestKept(
  db: Db,
  { table, column }: Timed,
  { nowMs, max, ageMs, sliceMs }: { nowMs: number; max: number; ageMs: number; sliceMs: number },
): Promise<number> {
  const oldest = nowMs - ageMs
  let rows = 0
  for (let end = nowMs + aheadMaxMs; end > oldest; end -= sliceMs) {
    const begin = Math.max(oldest, end - sliceMs)
    const count = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}
      where ${sql.ref(column)} >= ${begin} and ${sql.ref(column)} < ${end}`.execute(db)
    rows += count.rows[0]?.count ?? 0
    if (rows > max) return end
    await setImmediate()
  }
  return oldest
}

/** Runs the work in one transaction after the other until it finds nothing more to do. */
async function repeat(store: Store, work: (tx: Db) => Promise<number>): Promise<void> {
  while ((await store.write(work)) > 0);
}
const rowsOf = async (statement: ReturnType<typeof sql>, tx: Db): Promise<number> => (await statement.execute(tx)).rows.length

type Minute = { variant_id: number; at: number }
/** Adds the oldest minutes to their hours. */
async function rollMinutes(tx: Db, until: number): Promise<number> {
  const oldest = sql`select variant_id, at, count from flag_minute where at < ${until} order by at, variant_id limit ${sql.lit(rowsAtOnce)}`
  const hour = sql.lit(hourMs)
  await sql`insert into flag_hour (variant_id, at, count)
    select variant_id, at - at % ${hour}, sum(count) from (${oldest}) as oldest where true group by variant_id, at - at % ${hour}
    on conflict (variant_id, at) do update set count = flag_hour.count + excluded.count`.execute(tx)
  const { rows } = await sql<Minute>`delete from flag_minute where (variant_id, at) in
    (select variant_id, at from (${oldest}) as oldest) returning variant_id, at`.execute(tx)
  return rows.length
}

async function deleteExposures(tx: Db, until: number): Promise<number> {
  const { rows } = await sql<{ variant_id: number }>`delete from flag_exposure where (reported, unit, variant_id) in
    (select reported, unit, variant_id from flag_exposure where first_at < ${until} limit ${sql.lit(rowsAtOnce)})
    returning variant_id`.execute(tx)
  const gone = new Map<number, number>()
  for (const { variant_id } of rows) gone.set(variant_id, (gone.get(variant_id) ?? 0) - 1)
  await changeUnits(tx, gone)
  return rows.length
}

/** Names of which nothing is kept any more. */
async function deleteNames(tx: Db, until: number): Promise<void> {
  await sql`delete from flag_reported_variant where reported in (select id from flag_reported where last_at < ${until})`.execute(tx)
  await sql`delete from flag_reported where last_at < ${until}`.execute(tx)
  await sql`delete from flag_event_name where last_at < ${until}`.execute(tx)
}
