/** Two captures, or two environments, side by side. */
import { sql } from '@belay/columns'
import { sayCount } from '@belay/base'
import type { Answer, routes } from '@belay/protocol'
import { compareSessions, type SessionRecord } from '@belay/tcp'
import { all, environmentOf, type Ground, rangeOf } from './ground.ts'
import { networkProblem } from './problems.ts'

type Compared = Answer<typeof routes.network.compare>
type Side = Compared['a'] & { readonly records: readonly SessionRecord[] }

/** A record has about 4 kB, and an answer of the column store at most 32 MiB. */
const recordsMax = 4_000
/** The same question gives the same answer. */
const seed = 1

/** @throws Problem `network-capture-unknown`, `network-environment-unknown`, `network-range-unclear`, `network-nothing-to-compare` */
export async function readComparison(ground: Ground, ask: { a: string; b: string }): Promise<Compared> {
  const [a, b] = await Promise.all([readSide(ground, ask.a), readSide(ground, ask.b)])
  const resources = a.resources !== null && b.resources !== null ? { a: used(a.resources), b: used(b.resources) } : undefined
  const comparison = compareSessions(a.records, b.records, { seed, ...(resources && { resources }) }) as Compared['comparison']
  return { a: told(a), b: told(b), comparison, notes: [...drawn('A', a), ...drawn('B', b)] }
}

const told = ({ records: _, ...side }: Side): Compared['a'] => side
const drawn = (name: string, { sessions, of }: Side): string[] =>
  sessions < of ? [`Of the ${sayCount(of, 'session')} of ${name}, ${sessions.toLocaleString('en')} were drawn evenly.`] : []
const used = ({ cpuMs, memoryBytes }: NonNullable<Side['resources']>) => ({
  ...(cpuMs !== null && { cpuMs }),
  ...(memoryBytes !== null && { memoryBytes }),
})

async function readSide(ground: Ground, asked: string): Promise<Side> {
  const { columns } = ground
  const { conditions, name, resources } = asked.startsWith('environment:')
    ? await ofEnvironment(ground, asked)
    : await ofCapture(ground, asked)
  const [rows, [count]] = await Promise.all([
    columns.query<{ record: string }>(
      sql`SELECT s.record AS record FROM tcp_sessions AS s WHERE ${conditions} ORDER BY cityHash64(s.capture, s.number) LIMIT ${recordsMax}`,
    ),
    columns.query<{ n: number }>(sql`SELECT toFloat64(count()) AS n FROM tcp_sessions AS s WHERE ${conditions}`),
  ])
  if (rows.length === 0) throw networkProblem('network-nothing-to-compare', { side: name })
  // Series are kept apart, and none is compared.
  const records = rows.map(({ record }) => ({ ...JSON.parse(record), series: noSeries }) as SessionRecord)
  return { asked, name, resources, sessions: records.length, of: count?.n ?? records.length, records: inOrder(records) }
}

const none = { bytes: [], goodBytes: [], resent: [], rttMs: [], inFlight: [] }
const noSeries: SessionRecord['series'] = { stepMs: 0, directions: [none, none] }

/** As they happened: sessions of two captures are paired in their order. */
const inOrder = (records: readonly SessionRecord[]) => [...records].sort((a, b) => a.startedMs - b.startedMs || a.number - b.number)

async function ofCapture(ground: Ground, id: string) {
  const capture = (await ground.captures.named([id])).get(id)
  if (capture === undefined) throw networkProblem('network-capture-unknown', { capture: id })
  const { environment, label, summary, resources } = capture
  const conditions = all([sql`s.environment = ${environment}`, sql`s.capture = ${id}`])
  return { conditions, name: label === '' ? summary.name : label, resources }
}

async function ofEnvironment(ground: Ground, asked: string) {
  const [name, range] = asked.slice('environment:'.length).split('@') as [string, string | undefined]
  const environment = await environmentOf(ground, name)
  const conditions = [sql`s.environment = ${environment}`]
  if (range !== undefined) {
    const [from, to] = range.split('-').map(Number) as [number, number]
    const it = rangeOf({ from, to }, ground.clock.now())
    conditions.push(sql`s.ts >= ${new Date(it.from)} AND s.ts < ${new Date(it.to)}`)
  }
  return { conditions: all(conditions), name: environment, resources: null }
}
