import type { Clock } from '@belay/base'
import { dialectFor } from './dialect.ts'
import type { Engine } from './engine.ts'
import { columnsProblem } from './problems.ts'
import { quoted } from './sql.ts'
import type { ColumnMigrations } from './types.ts'

/** Filling a new table from a large one may take so long. */
const stepMsMax = 3_600_000
const lookMsMax = 30_000

/**
 * Runs the steps that this store has not seen yet. The engine has no transactions over several statements, so each
 * statement may be run again (IF NOT EXISTS), and a step is noted when all of its own have run: two servers that start
 * at once both run it, which does no harm, and note it once.
 */
export async function runMigrations(
  engine: Engine,
  sets: readonly ColumnMigrations[],
  it: { readonly cluster: string | undefined; readonly clock: Clock },
): Promise<void> {
  const dialect = dialectFor(it.cluster)
  await engine.makeDatabase()
  await engine.command(notes(it.cluster), { timeoutMs: stepMsMax })
  for (const { room, steps } of sets) {
    const rows = (await engine.rows(`SELECT DISTINCT step FROM belay_migrations WHERE room = ${quoted(room)}`, {
      timeoutMs: lookMsMax,
    })) as { step: string }[]
    const done = new Set(rows.map((row) => row.step))
    const known = steps.map((step) => step.name)
    const newer = [...done].sort().find((step) => !known.includes(step))
    if (newer !== undefined) throw columnsProblem('columns-newer', { room, step: newer })
    // A replica may not know yet what another server noted; what is run again does no harm.
    for (const { name, up } of steps.filter((step) => !done.has(step.name))) {
      for (const statement of up(dialect)) await engine.command(statement, { timeoutMs: stepMsMax })
      await engine.insertRows({
        table: 'belay_migrations',
        rows: [{ room, step: name, at: Math.floor(it.clock.now() / 1_000) }],
        token: `migration/${room}/${name}`,
      })
    }
  }
}

/** On a cluster one table for all servers, whatever their shard. */
function notes(cluster: string | undefined): string {
  const columns = '(room String, step String, at DateTime)'
  return cluster === undefined
    ? `CREATE TABLE IF NOT EXISTS belay_migrations ${columns} ENGINE = MergeTree ORDER BY (room, step) SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`
    : `CREATE TABLE IF NOT EXISTS belay_migrations ON CLUSTER ${quoted(cluster)} ${columns} ENGINE = ReplicatedMergeTree('/clickhouse/tables/{database}/belay_migrations', '{shard}-{replica}') ORDER BY (room, step) SETTINGS replicated_deduplication_window = 1000`
}
