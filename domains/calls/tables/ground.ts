/** What all questions about calls stand on: the store, the clock, and what the rest of the house knows. */
import type { Clock } from '@belay/base'
import type { CallsSpec } from '@belay/cloudfile'
import { type Columns, sql } from '@belay/columns'
import type { Ledger } from '@belay/ledger'
import type { Intake } from '../intake/types.ts'
import { edgeOf } from './edges.ts'
import { type Plan, planOf } from './plan.ts'
import { dayMs, type Range, type Selection } from './selection.ts'

export type TablesOptions = {
  readonly columns: Pick<Columns, 'query' | 'state'>
  readonly ledger: Pick<Ledger, 'list'>
  readonly clock: Pick<Clock, 'now'>
  /** Those of belay.yaml and the sandboxes. */
  readonly environments: () => Promise<readonly { readonly name: string; readonly kind: string }[]>
  /** Of belay.yaml, by method: times in ms. */
  readonly budgets: () => CallsSpec['budgets']
  /** What was taken and is not in the store yet. */
  readonly intake: Pick<Intake, 'state'>
}
export type Ground = TablesOptions & {
  plan(selection: Selection, range: Range, options?: { quantiles?: boolean; squares?: boolean }): Promise<Plan>
  rowsPerDay(environment: string): Promise<number>
  /** The first call of all; null: there was none. */
  firstAt(environment: string): Promise<number | null>
}

/** How many calls a day has changes slowly; one page asks for several plans. */
const volumeForMs = 60_000

export function groundOf(options: TablesOptions): Ground {
  const { columns, clock } = options
  const volumes = new Map<string, { readonly at: number; readonly rowsPerDay: Promise<number> }>()

  /** Of the busiest of the last 31 days. */
  async function readVolume(environment: string): Promise<number> {
    const since = Math.floor((clock.now() - 31 * dayMs) / dayMs)
    const [row] = await columns.query<{ most: number }>(
      sql`SELECT toFloat64(max(n)) AS most FROM (SELECT sum(c.n) AS n FROM calls_day AS c WHERE c.environment = ${environment} AND c.t >= toDate(${since}) GROUP BY c.t)`,
    )
    return Number(row?.most ?? 0)
  }

  /** The first call, for as long as it is the first: to a minute, as rows go only by days. */
  const firsts = new Map<string, { readonly at: number; readonly first: Promise<number | null> }>()
  function firstAt(environment: string): Promise<number | null> {
    const now = clock.now()
    const known = firsts.get(environment)
    if (known !== undefined && now - known.at < volumeForMs) return known.first
    if (firsts.size > 1_000) firsts.clear()
    const first = edgeOf(columns, environment, 'min')
    firsts.set(environment, { at: now, first })
    first.catch(() => firsts.delete(environment))
    return first
  }

  function rowsPerDay(environment: string): Promise<number> {
    const now = clock.now()
    const known = volumes.get(environment)
    if (known !== undefined && now - known.at < volumeForMs) return known.rowsPerDay
    // Names come from whoever asks; forgetting all of them costs one small query each.
    if (volumes.size > 1_000) volumes.clear()
    const asked = readVolume(environment)
    volumes.set(environment, { at: now, rowsPerDay: asked })
    asked.catch(() => volumes.delete(environment))
    return asked
  }

  return {
    ...options,
    rowsPerDay,
    firstAt,
    async plan(selection, range, how = {}) {
      return planOf(selection, range, { ...how, now: clock.now(), rowsPerDay: await rowsPerDay(selection.environment) })
    },
  }
}
