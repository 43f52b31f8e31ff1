/** Deletes what is older than it is kept for, or more than there is room for: the oldest first, in short transactions. */
import { setImmediate } from 'node:timers/promises'
import type { Db, Store } from '@belay/store'
import { sql } from 'kysely'
import {
  aheadMaxMs,
  batchKeptMs,
  dayMs,
  eventsMax,
  exposuresMax,
  hourMs,
  hoursMax,
  keptMs,
  minuteMs,
  minutesKeptMs,
  minutesMax,
} from './limits.ts'
import { changeUnits } from './store.ts'

/** Counting so many takes some milliseconds, in which on SQLite nobody else has a turn. */
const sliceRows = 50_000
/** Rows that one transaction moves or deletes: some 20 ms. */
const rowsAtOnce = 2_000

export type Bounds = { readonly minutes: number; readonly hours: number; readonly exposures: number; readonly events: number }
export const usualBounds: Bounds = { minutes: minutesMax, hours: hoursMax, exposures: exposuresMax, events: eventsMax }

type Timed = { readonly table: 'flag_minute' | 'flag_hour' | 'flag_exposure' | 'flag_event'; readonly column: 'at' | 'first_at' }

export async function sweepReports(store: Store, nowMs: number, bounds: Bounds = usualBounds): Promise<void> {
  const until = (it: Timed, max: number, ageMs: number) => oldestKept(store.read, it, { nowMs, max, ageMs })
  const minutesUntil = await until({ table: 'flag_minute', column: 'at' }, bounds.minutes, minutesKeptMs)
  // Whole hours, so that none stands half in each table.
  await repeat(store, (tx) => rollMinutes(tx, Math.ceil(minutesUntil / hourMs) * hourMs))
  const hoursUntil = await until({ table: 'flag_hour', column: 'at' }, bounds.hours, keptMs)
  await repeat(store, (tx) => deleteSome(tx, 'flag_hour', 'variant_id, at', 'at', hoursUntil))
  const exposuresUntil = await until({ table: 'flag_exposure', column: 'first_at' }, bounds.exposures, keptMs)
  await repeat(store, (tx) => deleteExposures(tx, exposuresUntil))
  const eventsUntil = await until({ table: 'flag_event', column: 'at' }, bounds.events, keptMs)
  await repeat(store, (tx) => deleteSome(tx, 'flag_event', 'id', 'at', eventsUntil))
  await repeat(store, (tx) => deleteSome(tx, 'flag_report_batch', 'environment, source, batch', 'taken_at', nowMs - batchKeptMs))
  await store.write((tx) => deleteNames(tx, nowMs - keptMs - dayMs))
}

/**
 * The beginning of what is kept: not older than `ageMs`, and not more than `max` rows. Counted newest first, in slices
 * that grow while there is little in them and shrink around the border.
 */
async function oldestKept(db: Db, { table, column }: Timed, it: { nowMs: number; max: number; ageMs: number }): Promise<number> {
  const oldest = it.nowMs - it.ageMs
  let widthMs = hourMs
  let rows = 0
  for (let end = it.nowMs + aheadMaxMs; end > oldest; ) {
    const begin = Math.max(oldest, end - widthMs)
    const found = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}
      where ${sql.ref(column)} >= ${begin} and ${sql.ref(column)} < ${end}`.execute(db)
    const count = found.rows[0]?.count ?? 0
    if (rows + count > it.max) {
      if (widthMs <= minuteMs) return end
      widthMs = Math.max(minuteMs, Math.floor(widthMs / 8))
    } else {
      rows += count
      end = begin
      widthMs = count < sliceRows ? widthMs * 2 : Math.max(minuteMs, Math.floor(widthMs / 2))
    }
    await setImmediate()
  }
  return oldest
}

/** Runs the work in one transaction after the other until it finds nothing more to do. */
async function repeat(store: Store, work: (tx: Db) => Promise<number>): Promise<void> {
  while ((await store.write(work)) > 0);
}

/** Deletes some of the rows that are older; answers how many. `key`: the columns that tell rows apart. */
async function deleteSome(tx: Db, table: string, key: string, column: string, until: number): Promise<number> {
  const { rows } = await sql`delete from ${sql.table(table)} where (${sql.raw(key)}) in
    (select ${sql.raw(key)} from ${sql.table(table)} where ${sql.ref(column)} < ${until} limit ${sql.lit(rowsAtOnce)})
    returning 1 as gone`.execute(tx)
  return rows.length
}

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
