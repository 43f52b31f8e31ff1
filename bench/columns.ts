import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@belay/base'
import { type Columns, openColumns, raw, sql } from '@belay/columns'
import { temporaryFolder } from '@belay/testkit'
import { Session } from 'chdb'
import { type BenchOptions, elapsedMs, interleaved, type Row, row } from './measure.ts'

export const about = 'Ways into the embedded column store, its memory, its way back after kill -9, beside the bare engine in this process.'

const sizes = {
  whole: { rowsOfFile: 100_000, filesBeforeKill: 50, rowsOfMonth: 2_000_000 },
  quick: { rowsOfFile: 20_000, filesBeforeKill: 5, rowsOfMonth: 200_000 },
}

/** A call as `domains/calls` stores it, and how the engine makes one up: 200 methods of very different weight, 3 releases, two flags. */
const columns = [
  ['ts', 'DateTime64(3)', "toDateTime64('2026-01-05 00:00:00', 3) + number / 250", 'CODEC(Delta(8), ZSTD(1))'],
  ['service', 'LowCardinality(String)', "['api', 'web', 'worker'][1 + number % 3]", ''],
  ['environment', 'LowCardinality(String)', "'production'", ''],
  ['release', 'LowCardinality(String)', "concat('v', toString(intDiv(number, 40000)))", ''],
  ['lane', 'LowCardinality(String)', "if(rand(1) % 20 = 0, 'candidate', 'stable')", ''],
  ['host', 'LowCardinality(String)', "concat('host', toString(rand(2) % 8))", ''],
  ['method', 'LowCardinality(String)', "concat('Items.method', toString(floor(pow(200, (rand(3) % 10000) / 10000))))", ''],
  ['audience', 'LowCardinality(String)', "['customer', 'customer', 'customer', 'staff', 'robot'][1 + rand(4) % 5]", ''],
  ['account', 'String', "concat('account-', toString(rand(5) % 5000))", 'CODEC(ZSTD(1))'],
  [
    'variants',
    'Array(LowCardinality(String))',
    "[concat('search=', ['on', 'off'][1 + rand(6) % 2]), concat('cart=', ['a', 'b'][1 + rand(7) % 2])]",
    '',
  ],
  ['status', 'UInt16', 'if(rand(8) % 100 = 0, 500, 200)', ''],
  ['failed', 'UInt8', 'rand(8) % 100 = 0', ''],
  ['n', 'UInt8', '1', ''],
  ['real_us', 'UInt32', 'toUInt32(exp(9 + 0.6 * randNormal(0, 1, 1)))', 'CODEC(T64, ZSTD(1))'],
  ['cpu_us', 'UInt32', 'toUInt32(exp(7 + 0.6 * randNormal(0, 1, 2)))', 'CODEC(T64, ZSTD(1))'],
  ['cpu_n', 'UInt8', '1', ''],
  ['dbt_us', 'UInt32', 'toUInt32(exp(8 + 0.6 * randNormal(0, 1, 3)))', 'CODEC(T64, ZSTD(1))'],
  ['dbw_us', 'UInt32', 'toUInt32(exp(8 + 0.6 * randNormal(0, 1, 4)))', 'CODEC(T64, ZSTD(1))'],
  ['ext_us', 'UInt32', '0', 'CODEC(T64, ZSTD(1))'],
  ['ext', 'UInt16', '0', 'CODEC(T64, ZSTD(1))'],
  ['loop_us', 'UInt32', 'rand(9) % 500', 'CODEC(T64, ZSTD(1))'],
  ['stc', 'UInt16', 'rand(10) % 7', 'CODEC(T64, ZSTD(1))'],
  ['txc', 'UInt16', 'rand(11) % 3', 'CODEC(T64, ZSTD(1))'],
  ['rows', 'UInt32', 'rand(12) % 100', 'CODEC(T64, ZSTD(1))'],
  ['rep', 'UInt16', 'rand(13) % 3', 'CODEC(T64, ZSTD(1))'],
  ['repeated', 'LowCardinality(String)', "if(rand(13) % 3 > 1, 'SELECT * FROM item WHERE id = ?', '')", ''],
  ['in_bytes', 'UInt32', 'rand(14) % 2000', 'CODEC(T64, ZSTD(1))'],
  ['out_bytes', 'UInt32', 'rand(15) % 20000', 'CODEC(T64, ZSTD(1))'],
  ['trace', 'FixedString(16)', 'randomFixedString(16)', 'CODEC(NONE)'],
  ['span', 'UInt64', 'rand64(16)', 'CODEC(NONE)'],
  ['origin', "Enum8('recorder' = 1, 'otlp' = 2, 'log' = 3)", "'recorder'", ''],
  ['marks', 'UInt8', '0', ''],
] as const
const fileColumns = columns.map(([name, type]) => [name, type] as const)
const definition = columns.map(([name, type, , codec]) => `${name} ${type} ${codec}`).join(', ')
const structure = columns.map(([name, type]) => `${name} ${type.replaceAll("'", "\\'")}`).join(', ')
const order = 'environment, service, method, ts'

export async function rows({ rounds, quick, note }: BenchOptions): Promise<Row[]> {
  const { rowsOfFile, filesBeforeKill, rowsOfMonth } = quick ? sizes.quick : sizes.whole
  // Text has to be made and parsed; this many take about as long.
  const rowsAsText = rowsOfFile / 10
  await using folder = await temporaryFolder()
  const home = join(folder.path, 'ours')
  const path = join(folder.path, 'rows')
  const ours = openColumns({ folder: home, clock: systemClock, log: note })
  const bare = new Session(join(folder.path, 'peer'))
  try {
    const startMs = await elapsedMs(() => ours.query(sql`SELECT 1`))
    const opened = memoryMb(engineOf(home))
    await makeTables(ours)
    await bare.queryAsync(`CREATE TABLE calls (${definition}) ENGINE = MergeTree PARTITION BY toDate(ts) ORDER BY (${order})`)
    note(`a file of ${rowsOfFile} rows`)
    await ours.command(raw(`INSERT INTO FUNCTION file('${path}', 'RowBinary', '${structure}') ${madeUp(rowsOfFile)}`))
    const text = await ours.query<Record<string, unknown>>(
      raw(`SELECT * REPLACE (hex(trace) AS trace) FROM file('${path}', 'RowBinary', '${structure}') LIMIT ${rowsAsText}`),
    )
    const asText = text.map((it) => ({ ...it, trace: String(it['trace']).slice(0, 16) }))

    let nth = 0
    const file = (table: string) => rate(rowsOfFile, () => ours.insertFile({ table, columns: fileColumns, path, token: `${nth++}` }))
    const cpu = { files: 0, seconds: 0 }
    note(`${rounds} rounds of each way in`)
    const speed = await interleaved(rounds, {
      bare: () => rate(rowsOfFile, () => bare.queryAsync(`INSERT INTO calls SELECT * FROM file('${path}', 'RowBinary', '${structure}')`)),
      file: async () => {
        const before = cpuSeconds(engineOf(home))
        const perSecond = await file('calls')
        cpu.files++
        cpu.seconds += cpuSeconds(engineOf(home)) - before
        return perSecond
      },
      views: () => file('viewed'),
      text: () => rate(rowsAsText, () => ours.insertRows({ table: 'calls', rows: asText, token: `${nth++}` })),
    })
    const roundTrips = await interleaved(200, { one: () => elapsedMs(() => ours.query(sql`SELECT 1`)) })

    note(`${filesBeforeKill} files, then kill -9`)
    for (let it = 0; it < filesBeforeKill; it++) await file('calls')
    const worked = memoryMb(engineOf(home))
    const [before] = await ours.query<{ n: string }>(sql`SELECT count() AS n FROM calls`)
    const reopenMs: number[] = []
    for (let round = 0; round < rounds; round++) reopenMs.push(await killed(ours, home))
    const [after] = await ours.query<{ n: string }>(sql`SELECT count() AS n FROM calls`)
    note(`${rowsOfMonth} different rows, merged`)
    await ours.command(raw(`INSERT INTO month ${madeUp(rowsOfMonth)}`), { timeoutMs: 600_000 })
    await ours.command(sql`OPTIMIZE TABLE month FINAL`, { timeoutMs: 600_000 })
    const [size] = await ours.sizes('month')
    const bytes = (size?.bytes ?? 0) / Math.max(1, size?.rows ?? 0)

    const peer = { name: 'bare engine in this process: no token, no flush', value: speed.bare }
    return [
      row({
        name: `file of ${rowsOfFile.toLocaleString('en')} rows`,
        unit: 'rows/s',
        ours: speed.file,
        peer,
        goal: { of: 'ratio', atLeast: 0.7 },
      }),
      row({ name: 'the same with a view by hour', unit: 'rows/s', ours: speed.views, peer }),
      row({ name: 'rows as text (JSONCompactEachRow)', unit: 'rows/s', ours: speed.text, peer }),
      row({ name: 'CPU of the engine per million rows of a file', unit: 's', ours: (cpu.seconds / (cpu.files * rowsOfFile)) * 1_000_000 }),
      row({ name: 'bytes on disk per row, merged', unit: 'B', ours: bytes }),
      row({ name: 'first question, engine asleep', unit: 'ms', ours: startMs }),
      row({ name: 'a question that asks nothing', unit: 'ms', ours: roundTrips.one }),
      row({ name: 'memory, opened', unit: 'MB', ours: opened }),
      row({ name: 'memory, after all inserts', unit: 'MB', ours: worked, goal: { of: 'ours', atMost: 1_000 } }),
      row({
        name: 'from kill -9 to the next answer, with the pause before a restart',
        unit: 'ms',
        ours: reopenMs.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] as number,
      }),
      row({
        name: 'acknowledged rows that kill -9 lost',
        unit: 'rows',
        ours: Number(before?.n) - Number(after?.n),
        goal: { of: 'ours', atMost: 0 },
      }),
    ]
  } finally {
    await ours.close()
    bare.close()
  }
}

async function makeTables(ours: Columns): Promise<void> {
  await ours.migrate([
    {
      room: 'bench',
      steps: [
        {
          name: '001-calls',
          up: (it) => [
            ...['calls', 'viewed', 'month'].flatMap((name) =>
              it.table({ name, columns: definition, family: 'MergeTree', partitionBy: 'toDate(ts)', orderBy: order }),
            ),
            ...it.table({
              name: 'viewed_hour',
              columns:
                't DateTime, service LowCardinality(String), method LowCardinality(String), release LowCardinality(String), n SimpleAggregateFunction(sum, UInt64), real SimpleAggregateFunction(sum, UInt64), real_max SimpleAggregateFunction(max, UInt32)',
              family: 'AggregatingMergeTree',
              orderBy: 'service, method, release, t',
            }),
            ...it.view({
              name: 'viewed_to_hour',
              from: 'viewed',
              to: 'viewed_hour',
              select:
                'SELECT toStartOfHour(c.ts) AS t, c.service AS service, c.method AS method, c.release AS release, count() AS n, sum(c.real_us) AS real, max(c.real_us) AS real_max FROM viewed AS c GROUP BY t, service, method, release',
            }),
          ],
        },
      ],
    },
  ])
}

/** Selects so many calls. */
function madeUp(count: number): string {
  const select = columns.map(([name, type, value]) => `CAST(${value}, '${type.replaceAll("'", "\\'")}') AS ${name}`).join(', ')
  return `SELECT ${select} FROM numbers(${count})`
}

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  return (count / (await elapsedMs(work))) * 1_000
}

/** Milliseconds until the engine that was killed answers again. */
async function killed(ours: Columns, home: string): Promise<number> {
  process.kill(engineOf(home), 'SIGKILL')
  return elapsedMs(async () => {
    for (;;) {
      try {
        await ours.query(sql`SELECT count() FROM calls`)
        if (ours.state().state === 'ready') return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  })
}

/** The engine writes its process into the file that it locks. */
const engineOf = (home: string) => Number(/PID: (\d+)/.exec(readFileSync(join(home, 'status'), 'utf8'))?.[1])
const memoryMb = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
/** A tick is 10 ms. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}
