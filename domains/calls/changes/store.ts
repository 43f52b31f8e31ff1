/** The tables of changes of cost and of the releases that were looked at, and nobody else's. */
import type { Ledger } from '@belay/ledger'
import type { CallChangeWire } from '@belay/protocol'
import { type Db, fromJson, type Migrations, type Store, toJson } from '@belay/store'
import { sql } from 'kysely'

export type ChangeKind = CallChangeWire['kind']
type ChangeTables = {
  /** `source`: which look found it (a release that came, a flag): what the same look finds again, or no longer, is this. */
  call_change: {
    id: string
    environment: string
    service: string
    method: string
    kind: ChangeKind
    cause: string | null
    source: string
    at: number
    found_at: number
    body: string
  }
  /** A release's first calls in an environment, by service, with the one that was there before. */
  call_arrival: { environment: string; service: string; release: string; at: number; before: string }
  call_change_look: { kind: ChangeKind; at: number }
}
const tables = (db: Db) => db.withTables<ChangeTables>()

export const changeMigrations: Migrations = {
  domain: 'call-changes',
  steps: {
    '001-changes': async (db) => {
      await sql`create table call_change (id text not null primary key, environment text not null, service text not null,
        method text not null, kind text not null, cause text, source text not null, at bigint not null, found_at bigint not null,
        body text not null)`.execute(db)
      await sql`create index call_change_found on call_change (found_at)`.execute(db)
      await sql`create index call_change_source on call_change (source)`.execute(db)
      await sql`create index call_change_method on call_change (environment, service, method)`.execute(db)
      await sql`create table call_arrival (environment text not null, service text not null, release text not null,
        at bigint not null, before text not null, primary key (environment, service, release, at))`.execute(db)
      await sql`create index call_arrival_at on call_arrival (at)`.execute(db)
      await sql`create table call_change_look (kind text not null primary key, at bigint not null)`.execute(db)
    },
  },
}

// ── changes ─────────────────────────────────────────────────────────────────────────────────────────────────
export type Found = Omit<CallChangeWire, 'foundAt'>

/** One look tells no more than this; what is beyond it would be read by nobody. */
const perLookMax = 500

/**
 * Keeps what a look found, and tells the ledger of what is new, in one transaction.
 * @param it.stands of changes that this look found earlier and not now: whether they stand. What does not is taken back.
 */
export async function keepChanges(
  { store, ledger }: { store: Store; ledger: Pick<Ledger, 'append'> },
  it: { source: string; found: readonly Found[]; now: number; stands: (change: CallChangeWire) => boolean },
): Promise<{ added: number; withdrawn: number }> {
  const { source, now } = it
  const found = it.found.slice(0, perLookMax)
  return store.write(async (tx) => {
    const known = new Map((await ofSource(tx, source)).map((change) => [change.id, change]))
    let added = 0
    let withdrawn = 0
    for (const change of found) {
      const before = known.get(change.id)
      known.delete(change.id)
      const whole: CallChangeWire = {
        ...change,
        at: before?.at ?? change.at,
        statement: change.statement ?? before?.statement ?? null,
        foundAt: before?.foundAt ?? now,
      }
      if (before !== undefined && toJson(before) === toJson(whole)) continue
      await putChange(tx, source, whole)
      if (before !== undefined) continue
      added++
      await ledger.append(tx, factOf('calls.changed', `found that ${whole.says}, in ${whole.environment}`, whole))
    }
    for (const gone of known.values()) {
      if (it.stands(gone)) continue
      withdrawn++
      await tables(tx).deleteFrom('call_change').where('id', '=', gone.id).execute()
      await ledger.append(
        tx,
        factOf('calls.change-withdrawn', `took back that ${gone.says}, in ${gone.environment}: more calls do not bear it out`, gone),
      )
    }
    return { added, withdrawn }
  })
}

const factOf = (kind: string, says: string, it: CallChangeWire) => {
  const { id, environment, measure, before, after, relative, p, n, cause, statement } = it
  return {
    actor: 'belay',
    kind,
    subject: `call:${it.service}/${it.method}`,
    says,
    data: { id, environment, service: it.service, method: it.method, measure, before, after, relative, p, n, cause, statement, at: it.at },
  }
}

async function putChange(tx: Db, source: string, it: CallChangeWire): Promise<void> {
  const { id, environment, service, method, kind, cause, at } = it
  const row = { environment, service, method, kind, cause, source, at, found_at: it.foundAt, body: toJson(it) }
  await tables(tx)
    .insertInto('call_change')
    .values({ id, ...row })
    .onConflict((on) => on.column('id').doUpdateSet(row))
    .execute()
}

async function ofSource(db: Db, source: string): Promise<CallChangeWire[]> {
  const rows = await tables(db).selectFrom('call_change').select('body').where('source', '=', source).execute()
  return rows.map(({ body }) => fromJson<CallChangeWire>(body))
}

export type ChangeQuery = {
  readonly environment?: string | undefined
  /** Found, or begun, between these. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly service?: string | undefined
  readonly method?: string | undefined
  readonly kind?: ChangeKind | undefined
  readonly cause?: string | undefined
  readonly limit: number
}

/** The newest first. */
export async function readChanges(db: Db, query: ChangeQuery): Promise<{ changes: CallChangeWire[]; more: boolean }> {
  const { from, to, limit } = query
  let rows = tables(db)
    .selectFrom('call_change')
    .select('body')
    .orderBy('found_at', 'desc')
    .orderBy('id')
    .limit(limit + 1)
  for (const column of ['environment', 'service', 'method', 'kind', 'cause'] as const) {
    const wanted = query[column]
    if (wanted !== undefined) rows = rows.where(column, '=', wanted)
  }
  if (from !== undefined) rows = rows.where((it) => it.or([it('at', '>=', from), it('found_at', '>=', from)]))
  if (to !== undefined) rows = rows.where((it) => it.or([it('at', '<', to), it('found_at', '<', to)]))
  const all = (await rows.execute()).map(({ body }) => fromJson<CallChangeWire>(body))
  return { changes: all.slice(0, limit), more: all.length > limit }
}

// ── arrivals ────────────────────────────────────────────────────────────────────────────────────────────────
/** `at`: when its first calls came, or its deployment began. */
export type Arrival = {
  readonly environment: string
  readonly service: string
  readonly release: string
  readonly at: number
  readonly before: string
}

export async function readArrivals(db: Db, since: number): Promise<Arrival[]> {
  return await tables(db).selectFrom('call_arrival').selectAll().where('at', '>=', since).orderBy('at').execute()
}
export async function addArrivals(store: Store, arrivals: readonly Arrival[]): Promise<void> {
  if (arrivals.length === 0) return
  await store.write(async (tx) => {
    await tables(tx)
      .insertInto('call_arrival')
      .values([...arrivals])
      .onConflict((on) => on.doNothing())
      .execute()
  })
}

// ── looks ───────────────────────────────────────────────────────────────────────────────────────────────────
export async function readLooks(db: Db): Promise<Record<ChangeKind, number | null>> {
  const rows = await tables(db).selectFrom('call_change_look').selectAll().execute()
  const at = (kind: ChangeKind) => rows.find((row) => row.kind === kind)?.at ?? null
  return { release: at('release'), trend: at('trend'), flag: at('flag') }
}
export async function noteLook(store: Store, kind: ChangeKind, at: number): Promise<void> {
  await store.write(async (tx) => {
    await tables(tx)
      .insertInto('call_change_look')
      .values({ kind, at })
      .onConflict((on) => on.column('kind').doUpdateSet({ at }))
      .execute()
  })
}

/** As long as hours are kept, so that the same month of last year can be read with what changed in it. */
const keptMs = 400 * 86_400_000
export async function sweepChanges(store: Store, now: number): Promise<void> {
  await store.write(async (tx) => {
    await tables(tx)
      .deleteFrom('call_change')
      .where('found_at', '<', now - keptMs)
      .execute()
    await tables(tx)
      .deleteFrom('call_arrival')
      .where('at', '<', now - keptMs)
      .execute()
  })
}
