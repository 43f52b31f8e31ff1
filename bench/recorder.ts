/**
 * What recording costs a service, beside OpenTelemetry's auto-instrumentations with their OTLP exporter, and how true
 * the CPU time is that it tells. Services take turns in random order, so a neighbour disturbs all alike; CPU time of the
 * whole process by request is what counts, since requests per second swing with the machine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresForTests, temporaryFolder } from '@belay/testkit'
import pg from 'pg'
import { load } from './contenders/recorder/load.ts'
import {
  type Instrumentation,
  instrumentations,
  type Service,
  startCollector,
  startNeighbours,
  startService,
} from './contenders/recorder/processes.ts'
import { type BenchOptions, median, type Row, row } from './measure.ts'

export const about = "What the recorder costs a service beside OpenTelemetry's auto-instrumentations, and how true its CPU time is."

const handlers = [
  ['/queries', '3 queries'],
  ['/awaits', '20 awaits and a setImmediate'],
  ['/work', '3 ms of CPU and 4 queries'],
] as const
/** Turns of one contender at one handler for each round; of the duty cycle of ten seconds they see every part. */
const sizes = {
  whole: { turnsPerRound: 4, turnMs: 1_500, warmUpMs: 3_000, accuracyMs: 12_000 },
  quick: { turnsPerRound: 1, turnMs: 1_000, warmUpMs: 1_000, accuracyMs: 3_000 },
}
type Size = (typeof sizes)['whole']
const connections = 20

export async function rows({ rounds, quick, note }: BenchOptions): Promise<Row[]> {
  const size = quick ? sizes.quick : sizes.whole
  const found = await postgresForTests()
  if ('skipped' in found) throw new Error(found.skipped)
  await using database = found
  await fill(database.url)
  return [...(await costs(database.url, rounds, size, note)), ...(await accuracy(database.url, size, note))]
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query("create table item as select id, 'item ' || id as name from generate_series(1, 1000) id")
    await client.query('alter table item add primary key (id)')
  } finally {
    await client.end()
  }
}

type Turn = { readonly cpuUs: number; readonly perSecond: number; readonly p99Ms: number }
const byInstrumentation = <T>(make: (how: Instrumentation) => T) =>
  Object.fromEntries(instrumentations.map((how) => [how, make(how)])) as Record<Instrumentation, T>

async function costs(database: string, rounds: number, size: Size, note: BenchOptions['note']): Promise<Row[]> {
  await using folder = await temporaryFolder()
  await using collector = await startCollector(false)
  await using services = new AsyncDisposableStack()
  const started = byInstrumentation<Service | undefined>(() => undefined)
  for (const how of instrumentations)
    started[how] = services.use(await startService(how, { database, collector: collector.url, folder: folder.path }))
  const of = (how: Instrumentation) => started[how] as Service
  const result: Row[] = []
  for (const [path, name] of handlers) {
    note(`${name}: ${rounds * size.turnsPerRound} turns of ${size.turnMs} ms each for ${instrumentations.join(', ')}`)
    for (const how of instrumentations) await turn(of(how), path, size.warmUpMs)
    const turns = byInstrumentation<Turn[]>(() => [])
    for (let nth = 0; nth < rounds * size.turnsPerRound; nth++) {
      for (const how of shuffled(instrumentations)) turns[how].push(await turn(of(how), path, size.turnMs))
    }
    result.push(...costRows(name, turns))
  }
  for (const how of instrumentations) {
    const { rss } = await of(how).usage()
    result.push(row({ name: `memory, ${how}`, unit: 'MB', ours: rss / 1e6 }))
  }
  return result
}

async function turn(service: Service, path: string, ms: number): Promise<Turn> {
  const before = await service.usage()
  const { latency, requests, non2xx, errors } = await load(service.url, [path], ms, connections)
  if (non2xx + errors > 0) throw new Error(`${path} failed ${non2xx + errors} times`)
  const after = await service.usage()
  return { cpuUs: (after.cpuUs - before.cpuUs) / requests.total, perSecond: (requests.total * 1_000) / ms, p99Ms: latency.p99 }
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    ;[result[last], result[other]] = [result[other] as T, result[last] as T]
  }
  return result
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Of the duty cycle the mean counts: its median would see the seconds in which nothing is measured. */
function costRows(name: string, turns: Record<Instrumentation, Turn[]>): Row[] {
  const middle = (how: Instrumentation, of: keyof Turn) => median(turns[how].map((it) => it[of]))
  const average = (how: Instrumentation) => mean(turns[how].map((it) => it.cpuUs))
  const none = middle('none', 'cpuUs')
  const peer = (value: number) => ({ name: 'OpenTelemetry', value })
  const relative = (how: Instrumentation) => middle(how, 'perSecond') / middle('none', 'perSecond')
  return [
    row({ name: `${name}: CPU without any`, unit: 'µs/request', ours: none }),
    row({
      name: `${name}: added CPU, always measured`,
      unit: 'µs/request',
      ours: middle('exact', 'cpuUs') - none,
      peer: peer(middle('opentelemetry', 'cpuUs') - none),
      goal: { of: 'ratio', atMost: 0.1 },
    }),
    row({
      name: `${name}: added CPU, duty cycle`,
      unit: '%',
      ours: (average('sampled') / average('none') - 1) * 100,
      peer: peer((average('opentelemetry') / average('none') - 1) * 100),
      goal: { of: 'ours', atMost: 3 },
    }),
    row({ name: `${name}: throughput, of none's`, unit: '', ours: relative('exact'), peer: peer(relative('opentelemetry')) }),
    row({ name: `${name}: p99`, unit: 'ms', ours: middle('exact', 'p99Ms'), peer: peer(middle('opentelemetry', 'p99Ms')) }),
  ]
}

/** Milliseconds that each burns; what else it does is measured beside it, by its twin that burns nothing. */
const burns = [
  ['slice', 5, '5 ms at once'],
  ['queries', 2.5, '2.5 ms in 5 slices with 4 queries'],
  ['awaits', 1.75, '1.75 ms over 10 awaits and a Promise.all'],
] as const
const situations = [
  ['10 at once', { connections: 10, neighbours: 0 }],
  ['100 at once', { connections: 100, neighbours: 0 }],
  ['100 at once beside 3 busy processes', { connections: 100, neighbours: 3 }],
] as const

type Sums = Readonly<Record<string, { readonly calls: number; readonly measured: number; readonly cpuUs: number }>>

async function accuracy(database: string, size: Size, note: BenchOptions['note']): Promise<Row[]> {
  const result: Row[] = []
  for (const how of ['exact', 'sampled'] as const) {
    for (const [where, { connections, neighbours }] of situations) {
      note(`CPU time of known burns, ${how}, ${where}`)
      await using folder = await temporaryFolder()
      await using collector = await startCollector(true)
      await using service = await startService(how, { database, collector: collector.url, folder: folder.path })
      await using _ = await startNeighbours(neighbours)
      await service.calibrate()
      const paths = burns.flatMap(([kind, ms]) => ['with', 'without'].map((part) => `/burn/${kind}/${part}?ms=${ms}`))
      paths.push('/burn/wait/without?ms=0')
      // A window in ten seconds: sampled needs longer to see as much.
      const { requests } = await load(service.url, paths, size.accuracyMs * (how === 'sampled' ? 2 : 1), connections)
      result.push(...accuracyRows(await sumsOf(collector.url, requests.total), how, where))
    }
  }
  return result
}

/** The last batch is on its way for some seconds, and for more beside busy neighbours. */
async function sumsOf(collector: string, calls: number): Promise<Sums> {
  for (let waitedMs = 0; ; waitedMs += 500) {
    const sums = (await (await fetch(`${collector}/sums`)).json()) as Sums
    const told = Object.values(sums).reduce((sum, it) => sum + it.calls, 0)
    if (told >= calls) return sums
    if (waitedMs > 30_000) throw new Error(`of ${calls} calls ${told} were told`)
    await sleep(500)
  }
}

function accuracyRows(sums: Sums, how: string, where: string): Row[] {
  const meanMs = (kind: string, part: string): number => {
    const sum = sums[`GET /burn/${kind}/${part}`]
    return sum === undefined || sum.measured === 0 ? Number.NaN : sum.cpuUs / sum.measured / 1_000
  }
  return [
    ...burns.map(([kind, ms, name]) =>
      row({
        name: `${how}, ${where}: ${name}, off by (beside ${meanMs(kind, 'without').toFixed(2)} ms of its own)`,
        unit: '%',
        ours: Math.abs((meanMs(kind, 'with') - meanMs(kind, 'without')) / ms - 1) * 100,
        goal: { of: 'ours', atMost: 5 },
      }),
    ),
    row({ name: `${how}, ${where}: a call that only waits`, unit: 'ms', ours: meanMs('wait', 'without') }),
  ]
}
