import type { Engine } from './engine.ts'
import { quoted } from './sql.ts'

type Size = { readonly table: string; readonly rows: number; readonly bytes: number }

/** Of what is in use now; on a cluster each row once, whatever the number of replicas. */
export async function sizesOf(engine: Engine, prefix: string, cluster: string | undefined): Promise<Size[]> {
  const parts = cluster === undefined ? 'system.parts' : `cluster(${quoted(cluster)}, system.parts)`
  const name = cluster === undefined ? 'table' : "replaceRegexpOne(table, '_local$', '')"
  const rows = (await engine.rows(
    `SELECT ${name} AS name, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM ${parts} WHERE active AND database = currentDatabase() AND startsWith(table, ${quoted(prefix)}) GROUP BY name ORDER BY name`,
    { timeoutMs: 30_000 },
  )) as { name: string; rows: string; bytes: string }[]
  return rows.map((row) => ({ table: row.name, rows: Number(row.rows), bytes: Number(row.bytes) }))
}
