import { createHash } from 'node:crypto'
import { columnsProblem } from './problems.ts'
import { quoted } from './sql.ts'

/**
 * Which shard an insert goes to. A token is remembered by each shard on its own, and a distributed table that spreads
 * the rows of one insert spreads them differently when it comes again; so the whole of an insert goes to one shard,
 * chosen by its token, and finds there whether it was counted before.
 */
export type Shards = { settingsFor(token: string): Promise<{ readonly insert_shard_id?: number }> }

export function openShards(cluster: string | undefined, rows: (sql: string) => Promise<unknown[]>): Shards {
  // Asked once: an insert that comes again in the life of this server must find its shard, whatever was added meanwhile.
  let count: Promise<number> | undefined

  async function ask(name: string): Promise<number> {
    const [row] = (await rows(`SELECT uniqExact(shard_num) AS shards FROM system.clusters WHERE cluster = ${quoted(name)}`)) as {
      shards: string
    }[]
    const shards = Number(row?.shards ?? 0)
    if (shards === 0) throw columnsProblem('columns-refused', { because: `the server knows no cluster ${name} (CLICKHOUSE_CLUSTER)` })
    return shards
  }

  return {
    async settingsFor(token) {
      if (cluster === undefined) return {}
      count ??= ask(cluster)
      try {
        return { insert_shard_id: shardOf(token, await count) }
      } catch (error) {
        count = undefined
        throw error
      }
    },
  }
}

/** From 1 on, as ClickHouse counts them. */
export function shardOf(token: string, shards: number): number {
  return (createHash('sha256').update(token).digest().readUInt32BE() % shards) + 1
}
