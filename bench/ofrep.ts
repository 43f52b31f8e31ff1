/** Serving flags over HTTP: Belay's server beside Unleash's, with the same fifty flags, users and connections. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BenchOptions, interleaved, median, type Row, row } from './measure.ts'
import { type BelayServer, startBelay } from './ofrep/belay.ts'
import type { LoadFigures, LoadPlan } from './ofrep/load.ts'
import type { StreamsPlan } from './ofrep/streams.ts'
import { startUnleash, type UnleashServer, unleashVersion } from './ofrep/unleash.ts'
import { flagCount, flags } from './ofrep/world.ts'

export const about = 'Serving 50 flags over HTTP beside unleash-server, and how soon a kill reaches 1,000 open streams.'

/** Enough to keep one process busy, few enough that what is measured is its work and not a queue. */
const connections = 16
const warmUpMs = 500
const measureMs = 2_000
const streamCount = 1_000
const peerName = `unleash-server ${unleashVersion}`

export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  note('starts the servers')
  const streams: Row[] = []
  for (const kind of streamKinds) streams.push(...(await streamRows(kind, rounds, note)))
  await using belay = await startBelay()
  const unleash = await startUnleash(note)
  if ('skipped' in unleash) throw new Error(unleash.skipped)
  await using _ = unleash
  return [...(await requestRows(belay, unleash, rounds, note)), ...streams]
}

// ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────
async function requestRows(belay: BelayServer, unleash: UnleashServer, rounds: number, note: (text: string) => void): Promise<Row[]> {
  const frontend = { port: unleash.port, status: 200, requests: unleash.frontend() }
  const contests = [
    { name: `all ${flagCount} flags for one user`, ours: { port: belay.port, status: 200, requests: belay.bulk() }, peer: frontend },
    { name: 'one flag for one user', ours: { port: belay.port, status: 200, requests: belay.single() }, peer: frontend },
    {
      name: 'definitions',
      ours: { port: belay.port, status: 200, requests: belay.definitions() },
      peer: { port: unleash.port, status: 200, requests: unleash.features() },
    },
    {
      name: 'definitions, unchanged (304)',
      ours: { port: belay.port, status: 304, requests: belay.definitions(await belay.definitionsTag()) },
      peer: { port: unleash.port, status: 304, requests: unleash.features(await unleash.featuresTag()) },
    },
  ]
  const made: Row[] = []
  for (const { name, ours, peer } of contests) {
    note(name)
    const figures: Record<'ours' | 'peer', LoadFigures[]> = { ours: [], peer: [] }
    const measured = (who: 'ours' | 'peer', of: typeof ours) => async () => {
      const it = await run({ ...of, connections, warmUpMs, measureMs })
      figures[who].push(it)
      return it.perSecond
    }
    const perSecond = await interleaved(rounds, { ours: measured('ours', ours), peer: measured('peer', peer) })
    const p99Ms = (who: 'ours' | 'peer') => median(figures[who].map((it) => it.p99Ms))
    made.push(
      row({
        name,
        unit: 'answers/s',
        ours: perSecond.ours,
        peer: { name: peerName, value: perSecond.peer },
        goal: { of: 'ratio', atLeast: 5 },
      }),
      row({
        name: `${name}: 99 of 100 within`,
        unit: 'ms',
        ours: p99Ms('ours'),
        peer: { name: peerName, value: p99Ms('peer') },
        goal: { of: 'ratio', atMost: 0.5 },
      }),
    )
  }
  return made
}

async function run(plan: LoadPlan): Promise<LoadFigures> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'ofrep', 'load.ts')], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(plan))
  return (await json(child.stdout)) as LoadFigures
}

// ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────
type StreamKind = {
  readonly name: string
  readonly stream: (belay: BelayServer) => Promise<string>
  /** In what each client waits for, and nowhere before. */
  readonly mark: string
  /** What each client then asks at once, as a page does. */
  readonly refetch?: (belay: BelayServer) => string | undefined
}
const streamKinds: readonly StreamKind[] = [
  { name: 'OFREP streams, the event', stream: (belay) => belay.ofrepStream(), mark: 'refetchEvaluation' },
  {
    name: 'OFREP streams, the new flags',
    stream: (belay) => belay.ofrepStream(),
    mark: 'refetchEvaluation',
    refetch: (belay) => belay.bulk()[1],
  },
  { name: 'streams of definitions, the patch', stream: async (belay) => belay.sdkStream(), mark: 'event: patch' },
]

/** From the moment at which a kill is asked for to the one at which each client has it; with a server of its own, for its memory. */
async function streamRows({ name, stream, mark, refetch }: StreamKind, rounds: number, note: (text: string) => void): Promise<Row[]> {
  note(name)
  await using belay = await startBelay()
  await run({ port: belay.port, status: 200, requests: belay.bulk(), connections, warmUpMs: 0, measureMs: 1_000 })
  const before = residentBytes(belay.pid)
  const streams = await openStreams(belay, { stream: await stream(belay), mark, refetch: refetch?.(belay) })
  await sleep(500)
  const each = (residentBytes(belay.pid) - before) / streamCount
  const last: number[] = []
  const p99: number[] = []
  for (let nth = 0; nth < rounds; nth++) {
    const key = climbing[nth % climbing.length]?.key as string
    const sentMs = performance.timeOrigin + performance.now()
    const [times] = await Promise.all([streams.next(), belay.kill(key)])
    const waited = times.map((time) => time - sentMs).sort((a, b) => a - b)
    last.push(waited.at(-1) as number)
    p99.push(waited[Math.floor(streamCount * 0.99)] as number)
    await Promise.all([streams.next(), belay.restore(key)])
  }
  await streams.close()
  return [
    row({
      name: `kill, ${streamCount.toLocaleString('en')} ${name}: 99 of 100 within`,
      unit: 'ms',
      ours: median(p99),
      goal: { of: 'ours', atMost: 1_000 },
    }),
    row({ name: `kill, ${name}: the last of all rounds`, unit: 'ms', ours: Math.max(...last), goal: { of: 'ours', atMost: 1_000 } }),
    row({ name: `memory for each of these`, unit: 'KB', ours: each / 1_024 }),
  ]
}
const climbing = flags.filter(({ kind }) => kind !== 'on')

async function openStreams(belay: BelayServer, plan: StreamsPlan) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'ofrep', 'streams.ts'), String(belay.port), String(streamCount)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(plan))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return {
    next: async () => JSON.parse(String((await lines.next()).value)) as number[],
    async close() {
      child.kill()
      await new Promise((resolve) => child.once('close', resolve))
    },
  }
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
}
