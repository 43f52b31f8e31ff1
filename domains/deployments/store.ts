/** Deployments and what was tried of them. */
import type { Db } from '@belay/store'
import { activeStates, type Course, type Direction, type ItemRun, type RunState } from './model/advance.ts'
import type { Plan } from './model/plan.ts'
import { forgetOutput } from './output-store.ts'
import { type DeploymentTables, numberOf, tables } from './tables.ts'

export type DeploymentState = 'waiting-approval' | 'running' | 'undoing' | 'waiting' | 'held' | 'passed' | 'undone' | 'failed' | 'aborted'
export type Deployment = {
  readonly id: string
  readonly kind: Plan['kind']
  readonly environment: string
  readonly release: string
  readonly from: string | null
  readonly state: DeploymentState
  readonly because: string | null
  readonly plan: Plan
  readonly actor: string
  readonly reason: string | null
  readonly forced: boolean
  readonly course: Course
  readonly approval: { readonly needed: boolean; readonly by: string | null; readonly at: number | null }
  readonly rehearsal: string | null
  /** For a rollback: the deployment that it undoes. */
  readonly undoes: string | null
  readonly createdAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
}
export type Run = ItemRun & { readonly startedAt: number; readonly endedAt: number | null; readonly outputHash: string | null }
const toDeployment = (row: DeploymentTables['deployment']): Deployment => ({
  id: `d${row.number}`,
  kind: row.kind as Plan['kind'],
  environment: row.environment,
  release: row.release,
  from: row.from_release,
  state: row.state as DeploymentState,
  because: row.because,
  plan: JSON.parse(row.plan) as Plan,
  actor: row.actor,
  reason: row.reason,
  forced: row.forced === 1,
  course: { direction: row.direction as Direction, because: row.turned_because, aborted: row.aborted === 1 },
  approval: { needed: row.approval_needed === 1, by: row.approved_by, at: row.approved_at },
  rehearsal: row.rehearsal === null ? null : `r${row.rehearsal}`,
  undoes: row.undoes === null ? null : `d${row.undoes}`,
  createdAt: row.created_at,
  startedAt: row.started_at,
  endedAt: row.ended_at,
})

type Fresh = Omit<
  Deployment,
  'id' | 'from' | 'because' | 'course' | 'approval' | 'startedAt' | 'endedAt' | 'environment' | 'release' | 'kind'
> & { readonly approvalNeeded: boolean }

/** At three a day nearly a year. What was said is dropped after that; facts, plans and runs (with the hash of what was said) stay. */
const outputsKept = 1_000

/** The next number, counted inside the transaction: numbers have no holes and no sequence to keep in step on two databases. */
export async function addDeployment(tx: Db, it: Fresh): Promise<Deployment> {
  const last = await tables(tx).selectFrom('deployment').select('number').orderBy('number', 'desc').limit(1).executeTakeFirst()
  const row: DeploymentTables['deployment'] = {
    number: (last?.number ?? 0) + 1,
    kind: it.plan.kind,
    environment: it.plan.environment,
    release: it.plan.release,
    from_release: it.plan.from,
    state: it.state,
    because: null,
    plan: JSON.stringify(it.plan),
    actor: it.actor,
    reason: it.reason,
    forced: it.forced ? 1 : 0,
    direction: 'do',
    turned_because: null,
    aborted: 0,
    approval_needed: it.approvalNeeded ? 1 : 0,
    approved_by: null,
    approved_at: null,
    rehearsal: it.rehearsal === null ? null : numberOf(it.rehearsal),
    undoes: it.undoes === null ? null : numberOf(it.undoes),
    created_at: it.createdAt,
    started_at: null,
    ended_at: null,
  }
  await tables(tx).insertInto('deployment').values(row).execute()
  await forgetOutput(tx, row.number - outputsKept)
  return toDeployment(row)
}

export type DeploymentChange = Partial<{
  state: DeploymentState
  because: string | null
  course: Course
  approvedBy: string
  approvedAt: number
  startedAt: number
  endedAt: number | null
}>

export async function changeDeployment(tx: Db, id: string, it: DeploymentChange): Promise<void> {
  await tables(tx)
    .updateTable('deployment')
    .set({
      ...(it.state === undefined ? {} : { state: it.state }),
      ...(it.because === undefined ? {} : { because: it.because }),
      ...(it.course === undefined
        ? {}
        : { direction: it.course.direction, turned_because: it.course.because, aborted: it.course.aborted ? 1 : 0 }),
      ...(it.approvedBy === undefined ? {} : { approved_by: it.approvedBy, approved_at: it.approvedAt ?? null }),
      ...(it.startedAt === undefined ? {} : { started_at: it.startedAt }),
      ...(it.endedAt === undefined ? {} : { ended_at: it.endedAt }),
    })
    .where('number', '=', numberOf(id))
    .execute()
}

export async function deploymentRow(db: Db, id: string): Promise<Deployment | undefined> {
  const row = await tables(db).selectFrom('deployment').selectAll().where('number', '=', numberOf(id)).executeTakeFirst()
  return row && toDeployment(row)
}

export async function deploymentRows(
  db: Db,
  asking: { environment?: string | undefined; release?: string | undefined; limit: number },
): Promise<Deployment[]> {
  let query = tables(db).selectFrom('deployment').selectAll().orderBy('number', 'desc').limit(asking.limit)
  if (asking.environment !== undefined) query = query.where('environment', '=', asking.environment)
  if (asking.release !== undefined) query = query.where('release', '=', asking.release)
  return (await query.execute()).map(toDeployment)
}

export async function activeDeployments(db: Db, environment?: string): Promise<Deployment[]> {
  let query = tables(db)
    .selectFrom('deployment')
    .selectAll()
    .where('state', 'in', [...activeStates])
    .orderBy('number')
  if (environment !== undefined) query = query.where('environment', '=', environment)
  return (await query.execute()).map(toDeployment)
}

/** The last deployment that passed in an environment, brought `release` there and was not rolled back since. */
export async function lastPassed(db: Db, environment: string, release: string): Promise<Deployment | undefined> {
  const row = await tables(db)
    .selectFrom('deployment')
    .selectAll()
    .where('environment', '=', environment)
    .where('release', '=', release)
    .where('state', '=', 'passed')
    .where('kind', '!=', 'rollback')
    .where('number', 'not in', (of) =>
      of
        .selectFrom('deployment as undoing')
        .select('undoing.undoes')
        .where('undoing.state', '=', 'passed')
        .where('undoing.undoes', 'is not', null)
        .$castTo<{ undoes: number }>(),
    )
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && toDeployment(row)
}

const toRun = (row: DeploymentTables['deployment_run']): Run => ({
  index: row.item,
  direction: row.direction as Direction,
  state: row.state as RunState,
  attempt: row.attempt,
  because: row.because,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  outputHash: row.output_hash,
})

/** In the order in which they began; the last of an item and direction counts. */
export async function runsOf(db: Db, deployment: string): Promise<Run[]> {
  const all = await tables(db)
    .selectFrom('deployment_run')
    .selectAll()
    .where('deployment', '=', numberOf(deployment))
    .orderBy('attempt')
    .orderBy('started_at')
    .execute()
  return all.map(toRun)
}

/** How far deployments of a list are: items done, in one query. */
export async function doneCounts(db: Db, deployments: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (deployments.length === 0) return new Map()
  const counted = await tables(db)
    .selectFrom('deployment_run')
    .select(['deployment', (of) => of.fn.countAll<number>().as('count')])
    .where('deployment', 'in', deployments.map(numberOf))
    .where('direction', '=', 'do')
    .where('state', '=', 'done')
    .groupBy('deployment')
    .execute()
  return new Map(counted.map((row) => [`d${row.deployment}`, Number(row.count)]))
}

export async function addRun(
  tx: Db,
  deployment: string,
  it: { index: number; direction: Direction; attempt: number; startedAt: number },
): Promise<void> {
  await tables(tx)
    .insertInto('deployment_run')
    .values({
      deployment: numberOf(deployment),
      item: it.index,
      direction: it.direction,
      attempt: it.attempt,
      state: 'running',
      because: null,
      started_at: it.startedAt,
      ended_at: null,
      output_hash: null,
    })
    .execute()
}

export async function changeRun(
  tx: Db,
  deployment: string,
  it: { index: number; direction: Direction; attempt: number },
  change: { state: RunState; because: string | null; endedAt: number | null; outputHash?: string },
): Promise<void> {
  await tables(tx)
    .updateTable('deployment_run')
    .set({
      state: change.state,
      because: change.because,
      ended_at: change.endedAt,
      ...(change.outputHash === undefined ? {} : { output_hash: change.outputHash }),
    })
    .where('deployment', '=', numberOf(deployment))
    .where('item', '=', it.index)
    .where('direction', '=', it.direction)
    .where('attempt', '=', it.attempt)
    .execute()
}
