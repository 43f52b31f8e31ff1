/**
 * Which batches were taken: one row for each sender, in the state store, so that a batch that is sent again counts once
 * whichever server it comes to. A sender numbers its batches; numbers may come out of order, and some never come.
 */
import type { Db, Migrations, Store } from '@belay/store'
import { sql } from 'kysely'
import type { Claim } from './types.ts'

export const claimMigrations: Migrations = {
  domain: 'call-claims',
  steps: {
    '001-claims': async (db) => {
      await sql`create table call_claim (source text not null primary key, upto bigint not null, beyond text not null,
        at bigint not null)`.execute(db)
      await sql`create index call_claim_at on call_claim (at)`.execute(db)
      await sql`create table call_spool (spool text not null primary key, segment bigint not null, position bigint not null,
        refused text not null)`.execute(db)
    },
  },
}

/** All of `upto` and below was taken, and those of `beyond`. */
export type Taken = { readonly upto: number; readonly beyond: readonly number[] }

/** A sender that skips more numbers than this has given those up: it sends in order, a few at a time. */
const beyondMax = 1_000

/** Undefined: it was taken before. */
export function claimed(taken: Taken, batch: number): Taken | undefined {
  if (batch <= taken.upto || taken.beyond.includes(batch)) return undefined
  const beyond = [...taken.beyond, batch].toSorted((a, b) => a - b)
  let { upto } = taken
  while (beyond.length > 0 && (beyond[0] === upto + 1 || beyond.length > beyondMax)) upto = beyond.shift() as number
  return { upto, beyond }
}

/** Where the spool of a server stands: entries of `segment` before `position` were decided, those of `refused` against. */
export type Standing = { readonly segment: number; readonly position: number; readonly refused: readonly number[] }

/**
 * Decides about entries that lie in the spool, and notes in the same transaction that they were decided; so that after
 * a crash nobody has to guess whether a claim that stands is the entry's own or another server's.
 * @returns for each claim, in order, whether it is new. On the disk when this resolves.
 */
export function decide(store: Store, it: { spool: string; from: Standing; claims: readonly Claim[]; now: number }): Promise<boolean[]> {
  const { spool, from, claims, now } = it
  return store.write(async (tx) => {
    const known = new Map<string, Taken>()
    const changed = new Set<string>()
    for (const { source, upto, beyond } of await rowsOf(tx, [...new Set(claims.map((it) => it.source))]))
      known.set(source, { upto, beyond: JSON.parse(beyond) as number[] })
    const fresh = claims.map(({ source, batch }) => {
      const next = claimed(known.get(source) ?? { upto: 0, beyond: [] }, batch)
      if (next === undefined) return false
      known.set(source, next)
      changed.add(source)
      return true
    })
    for (const source of changed) {
      const { upto, beyond } = known.get(source) as Taken
      await sql`insert into call_claim (source, upto, beyond, at) values (${source}, ${upto}, ${JSON.stringify(beyond)}, ${now})
        on conflict (source) do update set upto = excluded.upto, beyond = excluded.beyond, at = excluded.at`.execute(tx)
    }
    const refused = [...from.refused, ...fresh.flatMap((isNew, i) => (isNew ? [] : [from.position + i]))]
    await sql`insert into call_spool (spool, segment, position, refused)
      values (${spool}, ${from.segment}, ${from.position + claims.length}, ${JSON.stringify(refused)})
      on conflict (spool) do update set segment = excluded.segment, position = excluded.position, refused = excluded.refused`.execute(tx)
    return fresh
  })
}

export async function standingOf(store: Store, spool: string): Promise<Standing | undefined> {
  const { rows } = await sql<{ segment: number; position: number; refused: string }>`
    select segment, position, refused from call_spool where spool = ${spool}`.execute(store.read)
  const [row] = rows
  return row && { ...row, refused: JSON.parse(row.refused) as number[] }
}

async function rowsOf(db: Db, sources: readonly string[]): Promise<{ source: string; upto: number; beyond: string }[]> {
  const { rows } = await sql<{ source: string; upto: number; beyond: string }>`
    select source, upto, beyond from call_claim where source in (${sql.join(sources)})`.execute(db)
  return rows
}

/**
 * Recorders keep what they could not send for a week; exporters of OpenTelemetry try for some minutes. Access logs may be
 * sent again as long as their lines are not too old to be taken.
 */
const keptMs = { usual: 8 * 86_400_000, otlp: 3_600_000, log: 400 * 86_400_000 }
/** Bodies of OpenTelemetry have no number; their hash claims them. */
export const otlpPrefix = 'otlp.'
export const logPrefix = 'log.'

export async function sweepClaims(store: Store, now: number): Promise<void> {
  await store.write(async (tx) => {
    await sql`delete from call_claim where (at < ${now - keptMs.usual} and source not like ${`${logPrefix}%`})
      or (at < ${now - keptMs.otlp} and source like ${`${otlpPrefix}%`})
      or at < ${now - keptMs.log}`.execute(tx)
  })
}
