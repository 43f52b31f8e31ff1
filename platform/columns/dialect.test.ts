import { columnsForTests } from '@belay/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { callsLike } from './columns.contract.ts'
import { dialectFor } from './dialect.ts'
import { sql } from './index.ts'
import { shardOf } from './shards.ts'

const statements = (cluster: string | undefined) => callsLike('calls').steps.flatMap((step) => step.up(dialectFor(cluster)))

test('on a cluster each shard stores and rolls up its own rows, and one table stands before them all', () => {
  const [local, distributed, , , view] = statements('blue')
  expect(local).toContain(
    "`calls_local` ON CLUSTER 'blue' (ts DateTime64(3), v UInt64, method LowCardinality(String)) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/calls_local', '{replica}') PARTITION BY toDate(ts) ORDER BY (method, ts)",
  )
  expect(local).toContain('replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800')
  expect(distributed).toBe(
    "CREATE TABLE IF NOT EXISTS `calls` ON CLUSTER 'blue' AS `calls_local` ENGINE = Distributed('blue', currentDatabase(), 'calls_local', rand())",
  )
  expect(view).toMatch(/ON CLUSTER 'blue' TO `calls_hour_local` AS SELECT .* FROM `calls_local` AS c GROUP BY/)
})

test('columns are added where rows are stored before the table in front of them knows of them', () => {
  const add = (cluster: string | undefined) => dialectFor(cluster).addColumns({ table: 'calls', columns: ['peer String', 'local String'] })
  expect(add(undefined)).toEqual(['ALTER TABLE `calls` ADD COLUMN IF NOT EXISTS peer String, ADD COLUMN IF NOT EXISTS local String'])
  expect(add('blue').map((it) => it.slice(0, 52))).toEqual([
    "ALTER TABLE `calls_local` ON CLUSTER 'blue' ADD COLU",
    "ALTER TABLE `calls` ON CLUSTER 'blue' ADD COLUMN IF ",
  ])
})

test('every statement for a cluster is one that the engine can read', async () => {
  await using store = await columnsForTests()
  for (const statement of statements('blue')) {
    const [read] = await store.columns.query<{ text: string }>(sql`SELECT formatQuerySingleLine(${statement}) AS text`)
    expect(read?.text).toMatch(/^CREATE (TABLE|MATERIALIZED VIEW) IF NOT EXISTS calls\w* ON CLUSTER blue/)
  }
})

test('a view that does not say what it reads from is refused before a shard counts what others store', () => {
  const view = (select: string) => dialectFor('blue').view({ name: 'v', from: 'calls', to: 'hours', select })
  expect(() => view('SELECT 1 FROM calls_other')).toThrow('reads once FROM calls')
  expect(() => view('SELECT 1 FROM calls JOIN (SELECT 1 FROM calls)')).toThrow('reads once FROM calls')
  expect(view('SELECT calls.a FROM calls WHERE calls.b')[0]).toContain('FROM `calls_local` AS `calls` WHERE calls.b')
})

test('a token finds the same shard each time, and tokens spread over all of them', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (token, shards) => {
      const shard = shardOf(token, shards)
      expect(shard).toBe(shardOf(token, shards))
      expect(shard >= 1 && shard <= shards).toBe(true)
    }),
  )
  const counts = [0, 0, 0, 0]
  for (let nth = 0; nth < 4_000; nth++) counts[shardOf(`segment ${nth}`, 4) - 1]!++
  expect(Math.min(...counts)).toBeGreaterThan(900)
})
