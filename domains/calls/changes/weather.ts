/**
 * Whether a difference outlasts the weather. Calls of one moment are slow together: a burst of load, a restart beside, a
 * cold cache. Tests of single calls take a thousand of them for a thousand witnesses, where there is one moment; so what
 * a release is said to have changed must also hold between moments, each with one mean (batch means; Law and Kelton,
 * Simulation Modeling and Analysis, chapter 9).
 */
import { type Columns, join, raw, sql } from '@belay/columns'
import { callMeasures } from '@belay/protocol'
import { type Moments, welch } from '@belay/stats'
import type { Arrival } from './store.ts'
import { columnsOf, type Judged } from './verdict.ts'

/** So many moments of each side: enough for a test, few enough to be long against the bursts. */
const moments = 12
const spanMs = { min: 5_000, max: 4 * 3_600_000 }
/** A moment with fewer calls is a moment of single calls. */
const callsMin = 3
/** Two means that agree say nothing of how far moments differ. */
const momentsMin = 3
const pMax = 0.01

/** How long a moment is when the new release has been there for so long. */
export const momentMs = (sinceMs: number): number => Math.round(Math.min(spanMs.max, Math.max(spanMs.min, sinceMs / moments)))

/**
 * @param before means of the moments of one side. A measure that never varies, such as a count of statements, needs no
 *   number of moments.
 */
export function outlasts(before: readonly number[], after: readonly number[]): boolean {
  const [b, a] = [momentsOf(before), momentsOf(after)]
  if (b.n === 0 || a.n === 0) return false
  const isConstant = [...before].every((mean) => mean === before[0]) && [...after].every((mean) => mean === after[0])
  if (isConstant) return before[0] !== after[0]
  if (b.n < momentsMin || a.n < momentsMin) return false
  return welch(b, a).p < pMax
}

function momentsOf(means: readonly number[]): Moments {
  return {
    n: means.length,
    sum: means.reduce((sum, mean) => sum + mean, 0),
    sumSquares: means.reduce((sum, mean) => sum + mean ** 2, 0),
  }
}

/** Takes back what does not outlast the weather; asks the column store only about what was to be shown. */
export async function withWeather(
  columns: Pick<Columns, 'query'>,
  arrival: Arrival,
  judged: readonly Judged[],
  now: number,
): Promise<Judged[]> {
  const methods = [...new Set(judged.filter(({ shown }) => shown).map(({ method }) => method))]
  if (methods.length === 0) return [...judged]
  const means = await readMeans(columns, arrival, methods, now)
  return judged.map((one) => {
    if (!one.shown) return one
    const of = means.get(one.method)?.[one.measure] ?? { before: [], after: [] }
    // Nobody called shortly before it came: the same hours of the week before are all there is, and were compared.
    return { ...one, shown: of.before.length === 0 || outlasts(of.before, of.after) }
  })
}

type Sides = Record<(typeof callMeasures)[number], { before: number[]; after: number[] }>

async function readMeans(
  columns: Pick<Columns, 'query'>,
  { environment, service, release, before, at }: Arrival,
  methods: readonly string[],
  now: number,
): Promise<Map<string, Sides>> {
  const eachMs = momentMs(now - at)
  const seconds = Math.max(1, Math.round(eachMs / 1_000))
  const span = moments * eachMs
  const means = callMeasures.map((measure) => {
    const { stem, count } = columnsOf[measure]
    const value = raw(stem === 'stc' || stem === 'txc' ? `c.${stem}` : `c.${stem}_us`)
    const n = count === 'cpu_n' ? sql`countIf(c.cpu_n = 1)` : sql`count()`
    const sum = count === 'cpu_n' ? sql`sumIf(${value}, c.cpu_n = 1)` : sql`sum(${value})`
    return sql`if(${n} >= ${callsMin}, ${sum} / ${n}, NULL) AS ${raw(measure)}`
  })
  const rows = await columns.query<{ method: string; is_after: number } & Record<string, number | string | null>>(
    sql`SELECT c.method AS method, c.release = ${release} AS is_after,
        intDiv(toUnixTimestamp(c.ts), ${seconds}) AS moment, ${join(means, ', ')}
      FROM calls AS c
      WHERE c.environment = ${environment} AND c.service = ${service} AND c.method IN ${methods} AND c.n = 1
        AND c.ts >= ${new Date(at - span)} AND c.ts < ${new Date(at + span)}
        AND (c.release = ${before} OR (c.release = ${release} AND c.ts >= ${new Date(at)}))
      GROUP BY method, is_after, moment`,
  )
  const all = new Map<string, Sides>()
  for (const row of rows) {
    const sides = all.get(row.method) ?? emptySides()
    all.set(row.method, sides)
    for (const measure of callMeasures) {
      const mean = row[measure]
      if (mean !== null && mean !== undefined) sides[measure][Number(row.is_after) === 1 ? 'after' : 'before'].push(Number(mean))
    }
  }
  return all
}

const emptySides = (): Sides =>
  Object.fromEntries(callMeasures.map((measure) => [measure, { before: [] as number[], after: [] as number[] }])) as Sides
