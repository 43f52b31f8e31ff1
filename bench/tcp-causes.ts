/** Whether sessions with known causes get their cause: a table of confusion, over parameters that vary with a seed. */
import { seededRandom } from '@belay/base'
import { analyseFile } from '@belay/tcp/node'
import { limits, type SessionRecord } from '@belay/tcp'
import { type Cause, type CauseRun, causes, makeSession, temporaryFolder, whyNoDelay, whyNoNetwork } from '@belay/testkit'
import { type BenchOptions, type Row, row } from './measure.ts'

export const about =
  'TCP sessions made with known causes between namespaces: how often the limit named is the right one, and how far from the kernel.'

const seed = Number(process.env['BELAY_SEED'] ?? 5)
/** Long enough for congestion control to settle at 20 to 60 ms a round trip. */
const seconds = 5
/** Repetitions of each cause for every `--rounds`. */
const perRound = 4
/** At once, for a machine of two cores: a session that waits for a core is limited by its program. */
const atOnce = 5

type Judged = { readonly cause: Cause; readonly end: 'client' | 'server'; readonly named: string; readonly points: number }

export async function rows({ rounds, quick, note }: BenchOptions): Promise<Row[]> {
  const why = whyNoNetwork() ?? whyNoDelay()
  if (why !== undefined) throw new Error(`These sessions cannot be made here: ${why}.`)
  const random = seededRandom(seed)
  const made = Array.from({ length: quick ? 1 : rounds * perRound }, () => causes(quick ? 2 : seconds, random)).flat()
  const judged: Judged[] = []
  for (let at = 0; at < made.length; at += atOnce) {
    note(`sessions ${at + 1} to ${Math.min(made.length, at + atOnce)} of ${made.length}`)
    judged.push(...(await Promise.all(made.slice(at, at + atOnce).map(judge))).flat())
  }
  note(`seed ${seed}\n${confusion(judged)}`)
  const goalShare = { of: 'ours', atLeast: 95 } as const
  const right = (end: Judged['end']) => {
    const ofEnd = judged.filter((one) => one.end === end)
    return (100 * ofEnd.filter(({ cause, named }) => named === cause.limit).length) / ofEnd.length
  }
  const far = (end: Judged['end']) => {
    const points = judged.filter((one) => one.end === end).map((one) => one.points)
    return points.toSorted((one, other) => one - other)[Math.ceil(points.length * 0.95) - 1] ?? Number.NaN
  }
  return [
    row({ name: "right limit, sender's capture", unit: '%', ours: right('client'), goal: goalShare }),
    row({ name: "right limit, receiver's capture", unit: '%', ours: right('server'), goal: goalShare }),
    row({
      name: "receiver's share against rwnd_limited, p95, sender's capture",
      unit: 'points',
      ours: far('client'),
      goal: { of: 'ours', atMost: 5 },
    }),
    row({
      name: "receiver's share against rwnd_limited, p95, receiver's capture",
      unit: 'points',
      ours: far('server'),
      goal: { of: 'ours', atMost: 5 },
    }),
  ]
}

async function judge(cause: Cause): Promise<Judged[]> {
  await using folder = await temporaryFolder()
  const run = await makeSession(cause, folder.path)
  return Promise.all((['client', 'server'] as const).map((end) => judgeEnd(cause, end, run)))
}

async function judgeEnd(cause: Cause, end: 'client' | 'server', run: CauseRun): Promise<Judged> {
  const records: SessionRecord[] = []
  await analyseFile(run[end], { onSession: (record) => records.push(record) })
  const [record] = records
  if (record === undefined) throw new Error(`The ${end}'s capture of "${cause.name}" has no session.`)
  const points = (100 * Math.abs(record.limits.receiver - run.kernel.rwndLimitedMs)) / (record.duration * 1000)
  return { cause, end, named: record.verdict.limit, points }
}

/** Rows: what was made; columns: what was named; each cell from the sender's and from the receiver's capture. */
function confusion(judged: readonly Judged[]): string {
  const columns = [...limits, 'none'].filter((limit) => judged.some(({ named }) => named === limit))
  const names = [...new Set(judged.map(({ cause }) => cause.name))]
  const lines = names.map((name) => {
    const of = judged.filter(({ cause }) => cause.name === name)
    const times = (end: Judged['end'], limit: string) => of.filter((one) => one.end === end && one.named === limit).length
    const cells = columns.map((limit) => `${times('client', limit)} / ${times('server', limit)}`)
    return `| ${[name, of[0]?.cause.limit, ...cells, Math.max(...of.map(({ points }) => points)).toFixed(1)].join(' | ')} |`
  })
  return [`| made | right | ${columns.join(' | ')} | points off at most |`, `|${'---|'.repeat(columns.length + 3)}`, ...lines].join('\n')
}
