/**
 * The whole analysis of captures, beside what people use today: tshark's list of conversations, tshark with the fields
 * of its TCP analysis, and tcptrace with all its figures. Each contender is a process of its own that reads the same
 * file from the page cache; they take turns.
 */
import { join } from 'node:path'
import { temporaryFolder } from '@belay/testkit'
import { type BenchOptions, interleaved, median, type Row, row } from './measure.ts'
import { type CapturePlan, writeCapture } from './tcp/captures.ts'
import { type Argv, type Cost, measured, tsharkVersion, whyNoPeers } from './tcp/processes.ts'

export const about = 'Captures of 1 and 5 million packets: speed and memory of the whole analysis, beside tshark and tcptrace.'

type Plan = CapturePlan & {
  readonly name: string
  /** Of packets per second of CPU, ours to the peer's. */
  readonly goals: { readonly fields: number; readonly tcptrace: number } | null
  /** tshark takes minutes for a large one. */
  readonly tsharkRounds: number
}

const million = 1_000_000
/** Full frames only of a million packets: five million would be 5 GB, and no reader does more with them than skip. */
const whole: readonly Plan[] = [
  plan('1M packets, 10 sessions', { packets: million, sessions: 10, live: 10, goals: { fields: 60, tcptrace: 1 } }),
  plan('1M packets, 10 sessions, full frames', { packets: million, sessions: 10, live: 10, snaplen: 262_144, goals: null }),
  plan('1M packets, 50,000 sessions', { packets: million, sessions: 50_000, live: 1_000, goals: { fields: 20, tcptrace: 3 } }),
  plan('5M packets, 50,000 sessions', {
    packets: 5 * million,
    sessions: 50_000,
    live: 1_000,
    goals: { fields: 60, tcptrace: 3 },
    tsharkRounds: 1,
  }),
]
const quick: readonly Plan[] = [
  plan('100k packets, 10 sessions', { packets: million / 10, sessions: 10, live: 10, goals: null }),
  plan('100k packets, 5,000 sessions', { packets: million / 10, sessions: 5_000, live: 500, goals: null }),
]
/** The same sessions, always as many at once; only one capture is five times as long. */
const growth = { sessionPackets: 100, live: 1_000, shorter: million, longer: 5 * million, atMost: 1.15 }

type Made = Omit<Plan, 'goals' | 'tsharkRounds'>
function plan(
  name: string,
  given: Partial<Made> & Pick<Made, 'packets' | 'sessions' | 'live'> & { goals: Plan['goals']; tsharkRounds?: number },
): Plan {
  return { name, snaplen: 128, seed: 1, tsharkRounds: 2, ...given }
}

/** What tshark says of a segment; asking for them makes it do its whole analysis. */
const fields = [
  ...['frame.number', 'tcp.stream', 'tcp.len'],
  ...['flags', 'retransmission', 'fast_retransmission', 'spurious_retransmission', 'out_of_order', 'lost_segment', 'ack_lost_segment'],
  ...['duplicate_ack', 'zero_window', 'window_full', 'window_update', 'keep_alive', 'ack_rtt', 'bytes_in_flight', 'initial_rtt'],
].map((name) => (name.includes('.') ? name : `tcp.analysis.${name}`))

const contenders = {
  belay: (file) => [process.execPath, join(import.meta.dirname, 'tcp/analyse.ts'), file, '1'],
  workers: (file) => [process.execPath, join(import.meta.dirname, 'tcp/analyse.ts'), file, '2'],
  conversations: (file) => ['tshark', '-n', '-q', '-z', 'conv,tcp', '-r', file],
  fields: (file) => ['tshark', '-n', '-r', file, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])],
  tcptrace: (file) => ['tcptrace', '-n', '-l', '-r', file],
} as const satisfies Record<string, (file: string) => Argv>
type Contender = keyof typeof contenders
const names = Object.keys(contenders) as Contender[]

export async function rows({ rounds, quick: isQuick, note }: BenchOptions): Promise<Row[]> {
  const missing = whyNoPeers()
  if (missing !== undefined) throw new Error(missing)
  await using folder = await temporaryFolder()
  const made: Row[] = []
  for (const one of isQuick ? quick : whole) made.push(...(await rowsOf(one, rounds, folder.path, note)))
  made.push(...(await growthRows(isQuick, rounds, folder.path, note)))
  return made
}

async function rowsOf(of: Plan, rounds: number, folder: string, note: BenchOptions['note']): Promise<Row[]> {
  const file = join(folder, 'capture.pcap')
  const { packets, sessions, bytes } = writeCapture(file, of)
  note(`${of.name}: ${packets} packets, ${sessions} sessions, ${Math.round(bytes / 2 ** 20)} MiB`)
  const costs = await costsOf(file, rounds, of.tsharkRounds, folder, note)
  const peers = {
    fields: `tshark ${tsharkVersion()}, tcp.analysis.*`,
    conversations: `tshark ${tsharkVersion()}, conv,tcp`,
    tcptrace: 'tcptrace -l -r',
  }
  const speed = (name: string, who: Contender, part: 'cpuS' | 'wallS', peer: keyof typeof peers, atLeast?: number) =>
    row({
      name: `${of.name}: ${name}`,
      unit: part === 'cpuS' ? 'packets/s CPU' : 'packets/s',
      ours: packets / costs[who][part],
      peer: { name: peers[peer], value: packets / costs[peer][part] },
      ...(atLeast === undefined ? {} : { goal: { of: 'ratio', atLeast } as const }),
    })
  const memory = (peer: keyof typeof peers, atMost?: number) =>
    row({
      name: `${of.name}: memory`,
      unit: 'MiB',
      ours: costs.belay.memoryMiB,
      peer: { name: peers[peer], value: costs[peer].memoryMiB },
      ...(atMost === undefined ? {} : { goal: { of: 'ratio', atMost } as const }),
    })
  const { goals } = of
  return [
    speed('CPU', 'belay', 'cpuS', 'fields', goals?.fields),
    speed('CPU', 'belay', 'cpuS', 'conversations'),
    speed('CPU', 'belay', 'cpuS', 'tcptrace', goals?.tcptrace),
    speed('time', 'belay', 'wallS', 'fields'),
    speed('time', 'belay', 'wallS', 'conversations'),
    speed('time', 'belay', 'wallS', 'tcptrace'),
    speed('time, two workers', 'workers', 'wallS', 'tcptrace'),
    row({
      name: `${of.name}: time, two workers`,
      unit: 'packets/s',
      ours: packets / costs.workers.wallS,
      peer: { name: 'one', value: packets / costs.belay.wallS },
    }),
    memory('fields', goals === null ? undefined : 0.1),
    memory('conversations'),
    memory('tcptrace'),
  ]
}

/** The median of each part of each contender's cost. */
async function costsOf(
  file: string,
  rounds: number,
  tsharkRounds: number,
  folder: string,
  note: BenchOptions['note'],
): Promise<Record<Contender, Cost>> {
  const seen = new Map<Contender, Cost[]>(names.map((name) => [name, []]))
  const turn = (name: Contender) => async () => {
    const mine = seen.get(name) as Cost[]
    const heavy = name === 'fields' || name === 'conversations'
    if (heavy && mine.length >= tsharkRounds) return 0
    const cost = await measured(contenders[name](file), folder)
    note(`  ${name}: ${cost.wallS} s, ${cost.cpuS.toFixed(2)} s CPU, ${Math.round(cost.memoryMiB)} MiB`)
    mine.push(cost)
    return cost.wallS
  }
  // Whoever reads first would pay for the disk, and ours for its types.
  await measured(contenders.tcptrace(file), folder)
  await measured(contenders.belay(file), folder)
  await interleaved(rounds, Object.fromEntries(names.map((name) => [name, turn(name)])) as Record<Contender, () => Promise<number>>)
  const part = (costs: readonly Cost[], which: keyof Cost) => median(costs.map((cost) => cost[which]))
  return Object.fromEntries(
    names.map((name) => {
      const mine = seen.get(name) as Cost[]
      return [name, { wallS: part(mine, 'wallS'), cpuS: part(mine, 'cpuS'), memoryMiB: part(mine, 'memoryMiB') }]
    }),
  ) as Record<Contender, Cost>
}

async function growthRows(isQuick: boolean, rounds: number, folder: string, note: BenchOptions['note']): Promise<Row[]> {
  const { sessionPackets, live, atMost } = growth
  const by = isQuick ? 10 : 1
  const [shorter, longer] = [growth.shorter / by, growth.longer / by]
  const peak = async (packets: number) => {
    const file = join(folder, `${packets}.pcap`)
    writeCapture(file, { packets, sessions: packets / sessionPackets, live: live / by, snaplen: 128, seed: 2 })
    const costs: Cost[] = []
    for (let round = 0; round < Math.min(rounds, 3); round++) costs.push(await measured(contenders.belay(file), folder))
    return median(costs.map((cost) => cost.memoryMiB))
  }
  note(`memory: ${live / by} live sessions, ${shorter} and ${longer} packets`)
  const [few, many] = [await peak(shorter), await peak(longer)]
  const said = (packets: number) => `${packets / million}M packets`
  return [
    row({
      name: `memory, always ${(live / by).toLocaleString('en')} live sessions, ${said(longer)}`,
      unit: 'MiB',
      ours: many,
      peer: { name: said(shorter), value: few },
      ...(isQuick ? {} : { goal: { of: 'ratio', atMost } as const }),
    }),
  ]
}
