/** What items said, piece by piece. */
import type { Db } from '@belay/store'
import type { Direction } from './model/advance.ts'
import { numberOf, tables } from './tables.ts'

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

export async function forgetOutput(tx: Db, deploymentNumber: number): Promise<void> {
  await tables(tx).deleteFrom('deployment_output').where('deployment', '=', deploymentNumber).execute()
}
