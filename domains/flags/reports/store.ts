/** The tables of what services report, and nobody else's. Flags, variants and events stand in the large ones as numbers. */
import { setImmediate } from 'node:timers/promises'
import { type Db, type Dialect, dialectOf, type Migrations } from '@belay/store'
import { sql } from 'kysely'
import { jsonRows } from './json-rows.ts'

/** A number that the database gives each new row. */
const numbered = (db: Db) => {
  const type = { sqlite: 'integer primary key', postgres: 'integer generated always as identity primary key' } satisfies Record<
    Dialect,
    string
  >
  return sql.raw(type[dialectOf(db)])
}

export const reportMigrations: Migrations = {
  domain: 'flag-reports',
  steps: {
    '001-reports': async (db) => {
      const run = (statement: ReturnType<typeof sql>) => statement.execute(db)
      const id = numbered(db)
      await run(sql`create table flag_reported (id ${id}, environment text not null, flag text not null,
        last_at bigint not null, unique (environment, flag))`)
      await run(sql`create table flag_reported_variant (id ${id}, reported integer not null, variant text not null,
        units integer not null, unique (reported, variant))`)
      for (const span of ['minute', 'hour'] as const) {
        const table = sql.table(`flag_${span}`)
        await run(sql`create table ${table} (variant_id integer not null, at bigint not null, count bigint not null,
          primary key (variant_id, at))`)
        await run(sql`create index ${sql.ref(`flag_${span}_at`)} on ${table} (at)`)
      }
      await run(sql`create table flag_exposure (reported integer not null, unit text not null, variant_id integer not null,
        first_at bigint not null, crossed integer not null, primary key (reported, unit, variant_id))`)
      await run(sql`create index flag_exposure_at on flag_exposure (first_at)`)
      await run(sql`create index flag_exposure_crossed on flag_exposure (reported, unit) where crossed = 1`)
      await run(sql`create table flag_event_name (id ${id}, environment text not null, name text not null,
        last_at bigint not null, unique (environment, name))`)
      await run(sql`create table flag_event (id ${id}, name_id integer not null, at bigint not null, unit text,
        value double precision, attributes text not null)`)
      await run(sql`create index flag_event_at on flag_event (at)`)
      await run(sql`create index flag_event_by_name on flag_event (name_id, at)`)
      await run(sql`create table flag_report_batch (environment text not null, source text not null, batch bigint not null,
        taken_at bigint not null, primary key (environment, source, batch))`)
      await run(sql`create index flag_report_batch_at on flag_report_batch (taken_at)`)
    },
  },
}

/** A slice takes some 5 ms; on SQLite, which answers synchronously, others then have their turn. */
const sliceRows = 1_000
async function inSlices<Row>(rows: readonly Row[], work: (slice: readonly Row[]) => Promise<void>): Promise<void> {
  for (let start = 0; start < rows.length; start += sliceRows) {
    if (start > 0) await setImmediate()
    await work(rows.slice(start, start + sliceRows))
  }
}

/** False: it was taken before. */
export async function putBatch(tx: Db, it: { environment: string; source: string; batch: number; takenAt: number }): Promise<boolean> {
  const { rows } = await sql`insert into flag_report_batch (environment, source, batch, taken_at)
    values (${it.environment}, ${it.source}, ${it.batch}, ${it.takenAt}) on conflict do nothing returning batch`.execute(tx)
  return rows.length > 0
}

type Named = { readonly name: string; readonly at: number }
/**
 * The numbers of flags or events, and notes that they were seen at `at`. New ones are added as long as the environment
 * has fewer than `max`; those beyond are missing in the answer.
 */
async function numbersOf(
  tx: Db,
  table: { name: 'flag_reported' | 'flag_event_name'; column: 'flag' | 'name'; max: number },
  environment: string,
  names: readonly Named[],
): Promise<Map<string, number>> {
  const numbers = new Map<string, number>()
  const times = new Map(names.map(({ name, at }) => [name, at]))
  const [target, column] = [sql.table(table.name), sql.ref(table.column)]
  await inSlices(names, async (slice) => {
    const rows = jsonRows(
      tx,
      { seen: 'text' },
      slice.map(({ name }) => ({ seen: name })),
    )
    const known = await sql<{ id: number; name: string; last_at: number }>`select id, ${column} as name, last_at from ${target}
      where environment = ${environment} and ${column} in (select it.seen from ${rows} as it)`.execute(tx)
    for (const { id, name } of known.rows) numbers.set(name, id)
    const later = known.rows.flatMap(({ id, name, last_at }) => {
      const at = times.get(name) ?? 0
      return at > last_at ? [{ number: id, seen_at: at }] : []
    })
    if (later.length > 0)
      await sql`update ${target} set last_at = it.seen_at
        from ${jsonRows(tx, { number: 'bigint', seen_at: 'bigint' }, later)} as it where id = it.number`.execute(tx)
  })
  const unknown = names.filter(({ name }) => !numbers.has(name))
  if (unknown.length === 0) return numbers
  const count = await sql<{ count: number }>`select count(*) as count from ${target} where environment = ${environment}`.execute(tx)
  await inSlices(unknown.slice(0, Math.max(0, table.max - (count.rows[0]?.count ?? 0))), async (slice) => {
    const rows = jsonRows(tx, { name: 'text', at: 'bigint' }, slice)
    const added = await sql<{ id: number; name: string }>`insert into ${target} (environment, ${column}, last_at)
      select ${environment}, it.name, it.at from ${rows} as it where true returning id, ${column} as name`.execute(tx)
    for (const { id, name } of added.rows) numbers.set(name, id)
  })
  return numbers
}
export const flagNumbers = (tx: Db, environment: string, flags: readonly Named[], max: number) =>
  numbersOf(tx, { name: 'flag_reported', column: 'flag', max }, environment, flags)
export const eventNumbers = (tx: Db, environment: string, events: readonly Named[], max: number) =>
  numbersOf(tx, { name: 'flag_event_name', column: 'name', max }, environment, events)

export type VariantRow = { readonly id: number; readonly reported: number; readonly variant: string; readonly units: number }
/** Variants of flags, new ones added as long as the flag has fewer than `max`. */
export async function variantRows(tx: Db, wanted: readonly { reported: number; variant: string }[], max: number): Promise<VariantRow[]> {
  const flags = [...new Set(wanted.map(({ reported }) => reported))].map((reported) => ({ reported }))
  const found: VariantRow[] = []
  await inSlices(flags, async (slice) => {
    const { rows } = await sql<VariantRow>`select id, reported, variant, units from flag_reported_variant
      where reported in (select reported from ${jsonRows(tx, { reported: 'bigint' }, slice)} as it)`.execute(tx)
    found.push(...rows)
  })
  const known = new Map<number, Set<string>>()
  for (const { reported, variant } of found) known.set(reported, (known.get(reported) ?? new Set()).add(variant))
  const missing = wanted.filter(({ reported, variant }) => {
    const variants = known.get(reported) ?? new Set()
    if (variants.has(variant) || variants.size >= max) return false
    known.set(reported, variants.add(variant))
    return true
  })
  await inSlices(missing, async (slice) => {
    const { rows } = await sql<VariantRow>`insert into flag_reported_variant (reported, variant, units)
      select it.reported, it.variant, 0 from ${jsonRows(tx, { reported: 'bigint', variant: 'text' }, slice)} as it where true
      returning id, reported, variant, units`.execute(tx)
    found.push(...rows)
  })
  return found
}

export async function addCounts(tx: Db, counts: readonly { variant_id: number; at: number; count: number }[]): Promise<void> {
  await inSlices(counts, async (slice) => {
    await sql`insert into flag_minute (variant_id, at, count)
      select it.variant_id, it.at, it.count
      from ${jsonRows(tx, { variant_id: 'bigint', at: 'bigint', count: 'bigint' }, slice)} as it where true
      on conflict (variant_id, at) do update set count = flag_minute.count + excluded.count`.execute(tx)
  })
}

export type ExposureRow = { readonly reported: number; readonly unit: string; readonly variant_id: number; readonly at: number }
/** Adds those that are new, keeps the first time of those that are not, and marks the units that met several variants. */
export async function addExposures(tx: Db, exposures: readonly ExposureRow[]): Promise<void> {
  const added = new Map<number, number>()
  await inSlices(exposures, async (slice) => {
    const rows = jsonRows(tx, { reported: 'bigint', unit: 'text', variant_id: 'bigint', at: 'bigint' }, slice)
    const fresh = await sql<{ variant_id: number }>`insert into flag_exposure (reported, unit, variant_id, first_at, crossed)
      select it.reported, it.unit, it.variant_id, it.at, 0 from ${rows} as it where true
      on conflict (reported, unit, variant_id) do nothing returning variant_id`.execute(tx)
    for (const { variant_id } of fresh.rows) added.set(variant_id, (added.get(variant_id) ?? 0) + 1)
    if (fresh.rows.length < slice.length)
      await sql`update flag_exposure set first_at = it.at from ${rows} as it
        where flag_exposure.reported = it.reported and flag_exposure.unit = it.unit
        and flag_exposure.variant_id = it.variant_id and first_at > it.at`.execute(tx)
    if (fresh.rows.length > 0)
      await sql`update flag_exposure set crossed = 1 from ${rows} as it
        where flag_exposure.reported = it.reported and flag_exposure.unit = it.unit and crossed = 0
        and exists (select 1 from flag_exposure as other where other.reported = it.reported and other.unit = it.unit
          and other.variant_id <> it.variant_id)`.execute(tx)
  })
  await changeUnits(tx, added)
}
/** Adds to the number of units of variants. */
export async function changeUnits(tx: Db, changes: ReadonlyMap<number, number>): Promise<void> {
  await inSlices(
    [...changes].map(([variant_id, count]) => ({ variant_id, count })),
    async (slice) => {
      await sql`update flag_reported_variant set units = units + it.count
        from ${jsonRows(tx, { variant_id: 'bigint', count: 'bigint' }, slice)} as it where id = it.variant_id`.execute(tx)
    },
  )
}

export type EventRow = { name_id: number; at: number; unit: string | null; value: number | null; attributes: string }
export async function addEvents(tx: Db, events: readonly EventRow[]): Promise<void> {
  const columns = { name_id: 'bigint', at: 'bigint', unit: 'text', value: 'double precision', attributes: 'text' } as const
  await inSlices(events, async (slice) => {
    await sql`insert into flag_event (name_id, at, unit, value, attributes)
      select it.name_id, it.at, it.unit, it.value, it.attributes from ${jsonRows(tx, columns, slice)} as it where true`.execute(tx)
  })
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────
export async function lastEvaluations(db: Db): Promise<{ flag: string; at: number }[]> {
  return (await sql<{ flag: string; at: number }>`select flag, max(last_at) as at from flag_reported group by flag`.execute(db)).rows
}
export async function variantsOf(db: Db, environment: string, flag: string): Promise<VariantRow[]> {
  const { rows } = await sql<VariantRow>`select v.id, v.reported, v.variant, v.units
    from flag_reported as f join flag_reported_variant as v on v.reported = f.id
    where f.environment = ${environment} and f.flag = ${flag} order by v.variant`.execute(db)
  return rows
}
/** Counts from `sinceAt` on, summed by step. As floating point: node:sqlite refuses to read an integer beyond 2^53. */
export async function countsOf(
  db: Db,
  variants: readonly number[],
  sinceAt: number,
  stepMs: number,
): Promise<{ variant_id: number; at: number; count: number }[]> {
  const ids = sql.join(variants)
  // Written out, not a parameter: PostgreSQL would not see that it groups by what it selects.
  const step = sql.lit(stepMs)
  const { rows } = await sql<{ variant_id: number; at: number; count: number }>`
    select variant_id, at - at % ${step} as at, sum(cast(count as double precision)) as count from (
      select variant_id, at, count from flag_minute where variant_id in (${ids}) and at >= ${sinceAt}
      union all
      select variant_id, at, count from flag_hour where variant_id in (${ids}) and at >= ${sinceAt}
    ) as counts group by variant_id, at - at % ${step}`.execute(db)
  return rows
}
export async function crossingsOf(
  db: Db,
  reported: number,
  limit: number,
): Promise<{ units: number; rows: { unit: string; variant_id: number; first_at: number }[] }> {
  const count = await sql<{ units: number }>`select count(distinct unit) as units from flag_exposure
    where reported = ${reported} and crossed = 1`.execute(db)
  const { rows } = await sql<{ unit: string; variant_id: number; first_at: number }>`
    select unit, variant_id, first_at from flag_exposure where reported = ${reported} and unit in (
      select distinct unit from flag_exposure where reported = ${reported} and crossed = 1 order by unit limit ${limit}
    ) order by unit, first_at, variant_id`.execute(db)
  return { units: count.rows[0]?.units ?? 0, rows }
}
