import type { Db, Migrations } from '@belay/store'
import { sql } from 'kysely'
import { activeStates, type Course, type Direction, type ItemRun, type RunState } from './model/advance.ts'
import type { Plan } from './model/plan.ts'

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
export type Phase = {
  readonly name: 'baseline' | 'deploy' | 'tests' | 'undo' | 'deploy-again'
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

type DeploymentTables = {
  deployment: {
    number: number
    kind: string
    environment: string
    release: string
    from_release: string | null
    state: string
    because: string | null
    plan: string
    actor: string
    reason: string | null
    forced: number
    direction: string
    turned_because: string | null
    aborted: number
    approval_needed: number
    approved_by: string | null
    approved_at: number | null
    rehearsal: number | null
    undoes: number | null
    created_at: number
    started_at: number | null
    ended_at: number | null
  }
  deployment_run: {
    deployment: number
    item: number
    direction: string
    attempt: number
    state: string
    because: string | null
    started_at: number
    ended_at: number | null
    output_hash: string | null
  }
  deployment_output: {
    seq: number
    deployment: number
    item: number
    direction: string
    at: number
    text: string
    job: string | null
    upto: number
  }
  rehearsal: {
    number: number
    release: string
    environment: string
    state: string
    because: string | null
    actor: string
    chaos: number
    with_undo: number
    started_at: number
    ended_at: number | null
    phases: string
    kills: string
  }
}
const tables = (db: Db) => db.withTables<DeploymentTables>()

export const deploymentMigrations: Migrations = {
  domain: 'deployments',
  steps: {
    '001-deployments': async (db) => {
      await db.schema
        .createTable('deployment')
        .addColumn('number', 'integer', (it) => it.primaryKey())
        .addColumn('kind', 'text', (it) => it.notNull())
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('release', 'text', (it) => it.notNull())
        .addColumn('from_release', 'text')
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('because', 'text')
        .addColumn('plan', 'text', (it) => it.notNull())
        .addColumn('actor', 'text', (it) => it.notNull())
        .addColumn('reason', 'text')
        .addColumn('forced', 'integer', (it) => it.notNull())
        .addColumn('direction', 'text', (it) => it.notNull())
        .addColumn('turned_because', 'text')
        .addColumn('aborted', 'integer', (it) => it.notNull())
        .addColumn('approval_needed', 'integer', (it) => it.notNull())
        .addColumn('approved_by', 'text')
        .addColumn('approved_at', 'bigint')
        .addColumn('rehearsal', 'integer')
        .addColumn('undoes', 'integer')
        .addColumn('created_at', 'bigint', (it) => it.notNull())
        .addColumn('started_at', 'bigint')
        .addColumn('ended_at', 'bigint')
        .execute()
      // The database itself keeps the promise of one deployment at a time in an environment.
      const active = sql.join(activeStates.map((state) => sql.lit(state)))
      await sql`create unique index deployment_one_at_a_time on deployment (environment) where state in (${active})`.execute(db)
      await db.schema
        .createTable('deployment_run')
        .addColumn('deployment', 'integer', (it) => it.notNull())
        .addColumn('item', 'integer', (it) => it.notNull())
        .addColumn('direction', 'text', (it) => it.notNull())
        .addColumn('attempt', 'integer', (it) => it.notNull())
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('because', 'text')
        .addColumn('started_at', 'bigint', (it) => it.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('output_hash', 'text')
        .addPrimaryKeyConstraint('deployment_run_key', ['deployment', 'item', 'direction', 'attempt'])
        .execute()
      await createOutput(db)
      await db.schema
        .createTable('rehearsal')
        .addColumn('number', 'integer', (it) => it.primaryKey())
        .addColumn('release', 'text', (it) => it.notNull())
        .addColumn('environment', 'text', (it) => it.notNull())
        .addColumn('state', 'text', (it) => it.notNull())
        .addColumn('because', 'text')
        .addColumn('actor', 'text', (it) => it.notNull())
        .addColumn('chaos', 'integer', (it) => it.notNull())
        .addColumn('with_undo', 'integer', (it) => it.notNull())
        .addColumn('started_at', 'bigint', (it) => it.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('phases', 'text', (it) => it.notNull())
        .addColumn('kills', 'text', (it) => it.notNull())
        .execute()
    },
  },
}

async function createOutput(db: Db): Promise<void> {
  await db.schema
    .createTable('deployment_output')
    .addColumn('seq', 'integer', (it) => it.primaryKey())
    .addColumn('deployment', 'integer', (it) => it.notNull())
    .addColumn('item', 'integer', (it) => it.notNull())
    .addColumn('direction', 'text', (it) => it.notNull())
    .addColumn('at', 'bigint', (it) => it.notNull())
    .addColumn('text', 'text', (it) => it.notNull())
    .addColumn('job', 'text')
    .addColumn('upto', 'integer', (it) => it.notNull())
    .execute()
  await db.schema.createIndex('deployment_output_of').on('deployment_output').columns(['deployment', 'seq']).execute()
}

const numberOf = (id: string) => Number(/^[dr](\d{1,9})$/.exec(id)?.[1] ?? -1)

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
  await tables(tx)
    .deleteFrom('deployment_output')
    .where('deployment', '=', row.number - outputsKept)
    .execute()
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

export type OutputRow = { seq: number; index: number; direction: Direction; at: number; text: string }

export async function addOutput(
  tx: Db,
  deployment: string,
  it: Omit<OutputRow, 'seq'> & { job: string | null; upto: number },
): Promise<OutputRow> {
  const last = await tables(tx).selectFrom('deployment_output').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  const seq = (last?.seq ?? 0) + 1
  await tables(tx)
    .insertInto('deployment_output')
    .values({
      seq,
      deployment: numberOf(deployment),
      item: it.index,
      direction: it.direction,
      at: it.at,
      text: it.text,
      job: it.job,
      upto: it.upto,
    })
    .execute()
  return { seq, index: it.index, direction: it.direction, at: it.at, text: it.text }
}

export async function outputOf(
  db: Db,
  deployment: string,
  asking: { after: number; limit: number; index?: number | undefined; direction?: Direction | undefined },
): Promise<{ output: OutputRow[]; more: boolean }> {
  let query = tables(db)
    .selectFrom('deployment_output')
    .select(['seq', 'item', 'direction', 'at', 'text'])
    .where('deployment', '=', numberOf(deployment))
    .where('seq', '>', asking.after)
    .orderBy('seq')
    .limit(asking.limit + 1)
  if (asking.index !== undefined) query = query.where('item', '=', asking.index)
  if (asking.direction !== undefined) query = query.where('direction', '=', asking.direction)
  const found = await query.execute()
  return {
    output: found
      .slice(0, asking.limit)
      .map((row) => ({ seq: row.seq, index: row.item, direction: row.direction as Direction, at: row.at, text: row.text })),
    more: found.length > asking.limit,
  }
}

/** How far the output of a host's job is already kept, in bytes of that job's output. */
export async function outputKept(db: Db, deployment: string, job: string): Promise<number> {
  const row = await tables(db)
    .selectFrom('deployment_output')
    .select((of) => of.fn.max('upto').as('upto'))
    .where('deployment', '=', numberOf(deployment))
    .where('job', '=', job)
    .executeTakeFirst()
  return Number(row?.upto ?? 0)
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
