/**
 *     npm run fuzz -- [--mutations 10000000] [--seed N] [--workers N] [--captures FOLDER] [--only INPUT]
 *
 * Makes that many mutated packets and files and judges what the analysis makes of them: nothing is thrown but CaptureError,
 * nothing takes long, numbers add up, and memory does not grow. Each input is made again from the seed and its number
 * (--only). Threads do the work, so that one that hangs is seen.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { createAnalyser } from '../analyser.ts'
import { pcap } from '../fixtures.ts'
import { analyseFile } from '../node.ts'
import { CaptureError } from '../read/index.ts'
import { judge } from './judge.ts'
import { mutatedFile, mutatedInput, mutatedPackets } from './mutate.ts'
import { Random } from './random.ts'
import { type Seeds, seedsOf } from './seeds.ts'

type Work = { readonly seed: number; readonly first: number; readonly step: number; readonly mutations: number; readonly captures: string }
type Report = {
  readonly mutations: number
  readonly inputs: number
  readonly packets: number
  readonly sessions: number
  readonly refused: number
  readonly heapMb: number
  readonly finding?: string
}

/** An input takes milliseconds; a thread that says nothing for so long hangs. */
const silentMsMax = 120_000
/** Of a thread's memory, from its first quarter to its end: what collecting leaves by chance. */
const growthMbMax = 24
const growthShareMax = 0.2
/** Of captures that are mutated: what is longer is more of the same. */
const smallMax = 100_000

if (isMainThread) await command()
else await work(workerData as Work)

async function command(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mutations: { type: 'string', default: '10000000' },
      seed: { type: 'string', default: process.env.BELAY_SEED ?? String(Date.now() % 1e9) },
      workers: { type: 'string', default: String(availableParallelism()) },
      captures: { type: 'string', default: join(import.meta.dirname, '../../../../shared/data') },
      only: { type: 'string' },
    },
  })
  const seed = Number(values.seed)
  if (values.only !== undefined) {
    const random = new Random(seed, Number(values.only))
    say(JSON.stringify(judge(mutatedInput(random, seedsOf(capturesIn(values.captures))).file, random)))
    return
  }
  const threads = Number(values.workers)
  const mutations = Math.ceil(Number(values.mutations) / threads)
  say(`seed ${seed}, ${threads} threads`)
  const began = performance.now()
  const said: Report[] = []
  const shown = setInterval(() => say(`${line(said)} in ${Math.round((performance.now() - began) / 1000)} s`), 15_000)
  const ends = Array.from({ length: threads }, (_, first) =>
    thread({ seed, first, step: threads, mutations, captures: values.captures }, (report) => (said[first] = report)),
  )
  const findings = (await Promise.all(ends)).flatMap((finding) => finding ?? [])
  clearInterval(shown)
  say(`${line(said)} in ${Math.round((performance.now() - began) / 1000)} s, ${findings.length} findings`)
  for (const finding of findings) process.stderr.write(`${finding}\n`)
  process.exitCode = findings.length === 0 ? 0 : 1
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function line(reports: readonly Report[]): string {
  const sum = (field: 'mutations' | 'inputs' | 'packets' | 'sessions' | 'refused') =>
    reports.reduce((total, report) => total + report[field], 0)
  const memory = reports.map(({ heapMb }) => heapMb.toFixed(0)).join(' and ')
  return `${sum('mutations')} mutations in ${sum('inputs')} files, ${sum('packets')} packets and ${sum('sessions')} sessions analysed, ${sum('refused')} files refused, ${memory} MB kept`
}

/** @returns what it found, if anything */
function thread(order: Work, tell: (report: Report) => void): Promise<string | undefined> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: order })
    let last = performance.now()
    let finding: string | undefined
    const watch = setInterval(() => {
      if (performance.now() - last < silentMsMax) return
      finding = `thread ${order.first} has said nothing for ${silentMsMax / 1000} s`
      void worker.terminate()
    }, 1000)
    worker.on('message', (report: Report) => {
      last = performance.now()
      finding ??= report.finding
      tell(report)
    })
    worker.on('error', (error) => {
      finding ??= String(error)
    })
    worker.on('exit', () => {
      clearInterval(watch)
      resolve(finding)
    })
  })
}

async function work({ seed, first, step, mutations, captures }: Work): Promise<void> {
  const seeds = seedsOf(capturesIn(captures))
  const counted = { mutations: 0, inputs: 0, packets: 0, sessions: 0, refused: 0, heapMb: 0 }
  const tell = (finding?: string) => parentPort?.postMessage({ ...counted, finding } satisfies Report)
  const folder = mkdtempSync(join(tmpdir(), 'belay-fuzz-'))
  let early = 0
  let told = performance.now()
  try {
    for (let index = first; counted.mutations < mutations; index += step) {
      const random = new Random(seed, index)
      const input = mutatedInput(random, seeds)
      try {
        const { packets, sessions, refused } = judge(input.file, random)
        counted.packets += packets
        counted.sessions += sessions
        counted.refused += refused ? 1 : 0
        if (random.once(200)) {
          await packed(random, seeds, join(folder, 'capture'))
          counted.mutations += 1
        }
      } catch (error) {
        tell(`input ${index} of seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`)
        return
      }
      counted.inputs += 1
      counted.mutations += input.mutations
      const part = counted.mutations / mutations
      if (part > 0.25 && early === 0) early = collected()
      if (performance.now() - told > 10_000) {
        counted.heapMb = collected()
        told = performance.now()
        tell()
      }
    }
    counted.heapMb = collected()
    tell(
      counted.heapMb > early * (1 + growthShareMax) + growthMbMax
        ? `memory grew from ${early} MB to ${counted.heapMb} MB`
        : longLived(seed, first, seeds),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A packed file whose packing is damaged, read as a file is read. */
async function packed(random: Random, seeds: Seeds, path: string): Promise<void> {
  const conversation = random.pick(seeds.conversations)
  const file = pcap(mutatedPackets(random, conversation, seeds, 200).captured, { linkType: conversation.linkType })
  writeFileSync(path, mutatedFile(random, random.once(2) ? gzipSync(file) : zstdCompressSync(file)))
  try {
    await analyseFile(path, { onSession: () => {} })
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error
  }
}

/** One capture of half a million mutated packets: what one analyser keeps is bounded by its live sessions. */
function longLived(seed: number, thread: number, seeds: Seeds): string | undefined {
  const random = new Random(seed, -1 - thread)
  const analyser = createAnalyser({ onSession: () => {}, liveMax: 1000 })
  let early = 0
  let packets = 0
  analyser.write(pcap([]))
  for (let round = 0; round < 5000; round++) {
    // One link type to a file.
    const conversation = random.pick(seeds.conversations.filter(({ linkType }) => linkType === 1))
    const { captured } = mutatedPackets(random, conversation, seeds, 100)
    packets += captured.length
    analyser.write(pcap(captured.map((packet) => ({ ...packet, at: packet.at + round * 1e9 }))).subarray(24))
    if (round === 1250) early = collected()
  }
  const end = collected()
  analyser.end()
  return end > early * (1 + growthShareMax) + growthMbMax
    ? `an analyser of ${packets} packets grew from ${early} MB to ${end} MB`
    : undefined
}

/** What is left after everything that can be collected has been, MB. */
function collected(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}

/** Small ones, unpacked. */
function capturesIn(folder: string): Uint8Array[] {
  if (!existsSync(folder)) return []
  const names = globSync('**/*.{pcap,pcapng,gz}', { cwd: folder }).toSorted()
  return names
    .map((name) => readFileSync(join(folder, name)))
    .map((file) => (file[0] === 0x1f ? new Uint8Array(gunzipSync(file)) : file))
    .filter((file) => file.length < smallMax)
}
