/** The page of one method. */
import { sayDuration } from '@belay/base'
import { raw, sql } from '@belay/columns'
import { type CallFilter, type CallMethodWire, type CallRowWire, callMeasures } from '@belay/protocol'
import { beforeOf } from './before.ts'
import { readDivisions, recentOf } from './divisions.ts'
import type { Ground } from './ground.ts'
import { totalsOf } from './measures.ts'
import { checkMethod, environmentOf } from './places.ts'
import { repeatedStatements } from './repeats.ts'
import { conditions, type Range, rangeOf, type Selection, selectionOf, stemsOf, withOnly } from './selection.ts'
import { key, readSums } from './sums.ts'
import { readEstimates, readRows } from './table.ts'

export type MethodFilter = Omit<CallFilter, 'service'> & { readonly service: string; readonly method: string }

/** @throws Problem `calls-service-unknown`, `calls-method-unknown` when it never was called in this environment. */
export async function ofMethod(
  ground: Ground,
  ask: MethodFilter,
): Promise<{ environment: string; selection: Selection; others: Selection; range: Range }> {
  const environment = await environmentOf(ground, ask.environment)
  await checkMethod(ground, environment, ask.service, ask.method)
  const { service, method, ...filter } = ask
  const others = selectionOf(filter, environment)
  return {
    environment,
    others,
    selection: withOnly(withOnly(others, 'service', service), 'method', method),
    range: rangeOf(ask, ground.clock.now()),
  }
}

export async function readMethod(ground: Ground, ask: MethodFilter & { readonly compare?: string | undefined }): Promise<CallMethodWire> {
  const { environment, selection, others, range } = await ofMethod(ground, ask)
  const before = ask.compare === undefined ? undefined : await beforeOf(ground, ask.compare, selection, range)
  const all = await ground.plan(others, range, { quantiles: false })
  const [everybody, estimates] = await Promise.all([
    readSums(ground.columns, {
      selection: others,
      parts: all.parts,
      keys: [key('service'), key('method')],
      sums: ['n', 'cpu_n', ...stemsOf(others).map((stem) => `${stem}_sum`)],
    }),
    readEstimates(ground, environment, all),
  ])
  const totals = totalsOf(everybody, others, estimates)
  const { rows, plan, notes } = await readRows(ground, before?.after ?? selection, range, { rank: 'real', before, totals })
  const row = rows[0] ?? emptyRow(ask.service, ask.method)
  const recent = recentOf(plan, row.count, ground.clock.now())
  const [divisions, distribution, repeated] = await Promise.all([
    readDivisions(ground, selection, plan, recent, row.count),
    readDistribution(ground, selection, recent),
    repeatedStatements(ground, selection, plan),
  ])
  return {
    row,
    from: plan.from,
    to: plan.to,
    environment,
    distribution,
    divisions,
    repeated,
    budget: budgetOf(ground, ask.method),
    notes:
      recent.from > plan.from
        ? [
            ...notes,
            `The distribution, and what is divided by host, status or account, is of the last ${sayDuration(recent.to - recent.from)}.`,
          ]
        : notes,
  }
}

/** Two buckets for each doubling: seen as a shape, and read to within 20 %. */
const bucketsPerDoubling = 2

/** Real time; buckets without calls between others are told with 0. */
async function readDistribution({ columns }: Ground, selection: Selection, range: Range): Promise<CallMethodWire['distribution']> {
  if (range.from >= range.to) return []
  const value = raw(selection.real === 'own' ? 'greatest(toInt64(c.real_us) - toInt64(c.ext_us), 1)' : 'greatest(c.real_us, 1)')
  const rows = await columns.query<{ bucket: number; n: number }>(
    sql`SELECT toInt32(ceil(log2(${value}) * ${bucketsPerDoubling})) AS bucket, toFloat64(sum(c.n)) AS n FROM calls AS c
      WHERE ${conditions(selection, 'calls', range)} AND c.n = 1 GROUP BY bucket ORDER BY bucket`,
  )
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) return []
  const counts = new Map(rows.map(({ bucket, n }) => [bucket, n]))
  return Array.from({ length: last.bucket - first.bucket + 1 }, (_, nth) => ({
    upToUs: 2 ** ((first.bucket + nth) / bucketsPerDoubling),
    count: counts.get(first.bucket + nth) ?? 0,
  }))
}

/** Limits in the units of figures: µs, and numbers per call. */
function budgetOf(ground: Pick<Ground, 'budgets'>, method: string): CallMethodWire['budget'] {
  const budgets = ground.budgets()
  const budget = Object.hasOwn(budgets, method) ? budgets[method] : undefined
  if (budget === undefined) return null
  const us = (ms: number | undefined) => (ms === undefined ? null : ms * 1_000)
  return {
    real: us(budget.real),
    cpu: us(budget.cpu),
    db: us(budget.db),
    statements: budget.statements ?? null,
    transactions: budget.transactions ?? null,
  }
}

/** A method that is known and had no call in the range. */
function emptyRow(service: string, method: string): CallRowWire {
  const none = { n: 0, mean: 0, p50: null, p95: null, p99: null, max: 0, total: 0, share: 0 }
  const figures = Object.fromEntries(callMeasures.map((measure) => [measure, none])) as Record<(typeof callMeasures)[number], typeof none>
  return {
    service,
    method,
    count: 0,
    errors: 0,
    mix: 0,
    ...figures,
    external: { mean: 0, count: 0 },
    repeats: null,
    spark: [],
    changedAt: null,
    cpuEstimated: false,
    compared: null,
  }
}
