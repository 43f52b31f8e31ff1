/** How often two networks are said to differ that do not, and how surely those that do are told apart. Chance is measured, and time. */
import { seededRandom } from '@belay/base'
import { compareSessions } from '@belay/tcp'
import { carriedBy, type Network } from '@belay/tcp/samples'
import { type BenchOptions, elapsedMs, type Row, row } from './measure.ts'

export const about =
  'Comparisons of two networks: false alarms over all measures together, differences found, and how long 5,000 sessions a side take.'

const seed = Number(process.env['BELAY_SEED'] ?? 20_260_303)
const plain: Network = { rttMs: 20, loss: 0.003, mbps: 20 }
const sizes = { whole: { alarms: 1_000, found: 200 }, quick: { alarms: 100, found: 30 } }
/** Sessions a side: the fewest that can show anything, a morning's, a busy day's. */
const sides = [6, 20, 200]
const worse: readonly (readonly [name: string, network: Network, sessions: number])[] = [
  ['round trips 50 % longer, 20 sessions a side', { ...plain, rttMs: 30 }, 20],
  ['round trips 20 % longer, 100 sessions a side', { ...plain, rttMs: 24 }, 100],
  ['1.5 % lost where 0.3 % was, 50 sessions a side', { ...plain, loss: 0.015 }, 50],
  ['20 % of sessions refused, 60 sessions a side', { ...plain, refuses: 0.2 }, 60],
]

export async function rows({ quick, note }: BenchOptions): Promise<Row[]> {
  const { alarms, found } = quick ? sizes.quick : sizes.whole
  const random = seededRandom(seed)
  const many = (network: Network, count: number) => Array.from({ length: count }, (_, nth) => carriedBy(network, random, nth))
  const out: Row[] = []
  note(`seed ${seed}`)
  for (const count of sides) {
    note(`${alarms} comparisons of one network with itself, ${count} sessions a side`)
    const share = shareOf(alarms, (nth) => differs(many(plain, count), many(plain, count), nth))
    out.push(row({ name: `false alarms, ${count} sessions a side`, unit: '%', ours: share, goal: { of: 'ours', atMost: 5 } }))
  }
  note(`${alarms} comparisons of one network with itself, 16 requests in pairs`)
  const requests = (): number[] => Array.from({ length: 16 }, (_, nth) => Math.round(2_000 * 1.7 ** ((nth * 7) % 16)))
  const through = (bytes: readonly number[]) => bytes.map((size, nth) => carriedBy(plain, random, nth, size))
  const inPairs = shareOf(alarms, (nth) => differs(through(requests()), through(requests()), nth))
  out.push(row({ name: 'false alarms, 16 pairs', unit: '%', ours: inPairs, goal: { of: 'ours', atMost: 5 } }))
  for (const [name, network, count] of worse) {
    note(name)
    const share = shareOf(
      found,
      (nth) => compareSessions(many(plain, count), many(network, count), { seed: nth }).outcome === 'better in A',
    )
    out.push(row({ name: `found: ${name}`, unit: '%', ours: share, goal: { of: 'ours', atLeast: 80 } }))
  }
  const [a, b] = [many(plain, 5_000), many({ ...plain, rttMs: 21 }, 5_000)]
  out.push(row({ name: '5,000 sessions a side compared', unit: 'ms', ours: await elapsedMs(() => compareSessions(a, b, { seed })) }))
  return out
}

function differs(a: Parameters<typeof compareSessions>[0], b: Parameters<typeof compareSessions>[0], nth: number): boolean {
  return compareSessions(a, b, { seed: nth }).measures.some(({ outcome }) => outcome !== 'no difference shown')
}

function shareOf(rounds: number, holds: (nth: number) => boolean): number {
  let count = 0
  for (let nth = 0; nth < rounds; nth++) if (holds(nth)) count++
  return (100 * count) / rounds
}
