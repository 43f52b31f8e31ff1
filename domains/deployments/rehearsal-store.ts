/** Rehearsals, their phases and kills. */
import type { Db } from '@belay/store'
import { type DeploymentTables, numberOf, tables } from './tables.ts'

export type Phase = {
  readonly name: 'baseline' | 'deploy' | 'tests' | 'costs' | 'undo' | 'deploy-again'
  readonly state: 'pending' | 'running' | 'passed' | 'failed' | 'skipped'
  readonly deployment: string | null
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly because: string | null
  readonly output: string | null
}
export type Kill = { readonly afterItem: number; readonly moment: 'begun' | 'done'; readonly resumedMs: number | null }
export type Rehearsal = {
  readonly id: string
  readonly release: string
  readonly environment: string
  readonly state: 'running' | 'passed' | 'failed' | 'aborted'
  readonly because: string | null
  readonly actor: string
  readonly chaos: boolean
  readonly withUndo: boolean
  readonly startedAt: number
  readonly endedAt: number | null
  readonly phases: readonly Phase[]
  readonly kills: readonly Kill[]
}

const toRehearsal = (row: DeploymentTables['rehearsal']): Rehearsal => ({
  id: `r${row.number}`,
  release: row.release,
  environment: row.environment,
  state: row.state as Rehearsal['state'],
  because: row.because,
  actor: row.actor,
  chaos: row.chaos === 1,
  withUndo: row.with_undo === 1,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  phases: JSON.parse(row.phases) as Phase[],
  kills: JSON.parse(row.kills) as Kill[],
})

export async function addRehearsal(tx: Db, it: Omit<Rehearsal, 'id' | 'state' | 'because' | 'endedAt' | 'kills'>): Promise<Rehearsal> {
  const last = await tables(tx).selectFrom('rehearsal').select('number').orderBy('number', 'desc').limit(1).executeTakeFirst()
  const row: DeploymentTables['rehearsal'] = {
    number: (last?.number ?? 0) + 1,
    release: it.release,
    environment: it.environment,
    state: 'running',
    because: null,
    actor: it.actor,
    chaos: it.chaos ? 1 : 0,
    with_undo: it.withUndo ? 1 : 0,
    started_at: it.startedAt,
    ended_at: null,
    phases: JSON.stringify(it.phases),
    kills: '[]',
  }
  await tables(tx).insertInto('rehearsal').values(row).execute()
  return toRehearsal(row)
}

export async function changeRehearsal(
  tx: Db,
  id: string,
  it: Partial<Pick<Rehearsal, 'state' | 'because' | 'endedAt' | 'phases' | 'kills'>>,
): Promise<void> {
  await tables(tx)
    .updateTable('rehearsal')
    .set({
      ...(it.state === undefined ? {} : { state: it.state }),
      ...(it.because === undefined ? {} : { because: it.because }),
      ...(it.endedAt === undefined ? {} : { ended_at: it.endedAt }),
      ...(it.phases === undefined ? {} : { phases: JSON.stringify(it.phases) }),
      ...(it.kills === undefined ? {} : { kills: JSON.stringify(it.kills) }),
    })
    .where('number', '=', numberOf(id))
    .execute()
}

export async function rehearsalRow(db: Db, id: string): Promise<Rehearsal | undefined> {
  const row = await tables(db).selectFrom('rehearsal').selectAll().where('number', '=', numberOf(id)).executeTakeFirst()
  return row && toRehearsal(row)
}

export async function rehearsalRows(
  db: Db,
  asking: { release?: string | undefined; environment?: string | undefined; state?: Rehearsal['state'] | undefined; limit: number },
): Promise<Rehearsal[]> {
  let query = tables(db).selectFrom('rehearsal').selectAll().orderBy('number', 'desc').limit(asking.limit)
  if (asking.release !== undefined) query = query.where('release', '=', asking.release)
  if (asking.environment !== undefined) query = query.where('environment', '=', asking.environment)
  if (asking.state !== undefined) query = query.where('state', '=', asking.state)
  return (await query.execute()).map(toRehearsal)
}
