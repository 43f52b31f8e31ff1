/** Sums as the figures of the protocol. */
import { type CallMeasure, callMeasures, type CallRowWire, type FiguresWire } from '@belay/protocol'
import type { Stem } from './schema.ts'
import type { Selection } from './selection.ts'
import { countOf, type SumRow } from './sums.ts'

export const stemOf = (measure: CallMeasure, { real }: Pick<Selection, 'real'>): Stem =>
  measure === 'real' ? real : ({ cpu: 'cpu', db: 'dbt', statements: 'stc', transactions: 'txc' } as const)[measure]

/** What all methods together come to, for shares. */
export type Totals = Readonly<Record<CallMeasure, number>>
/** µs of CPU per call by regression, by `keyOf`. */
export type Estimates = ReadonlyMap<string, number>

export const keyOf = (service: string, method: string): string => `${service}\n${method}`

export function totalsOf(rows: readonly SumRow[], selection: Selection, estimates: Estimates): Totals {
  const totals = { real: 0, cpu: 0, db: 0, statements: 0, transactions: 0 }
  for (const row of rows)
    for (const measure of callMeasures)
      totals[measure] +=
        (measure === 'cpu' ? estimatedTotal(row, estimates) : undefined) ?? Math.max(0, row.sum(`${stemOf(measure, selection)}_sum`))
  return totals
}

/** Of a method whose CPU time nobody measured, when an estimate is known. */
function estimatedTotal(row: SumRow, estimates: Estimates): number | undefined {
  if (row.sum('cpu_n') > 0) return undefined
  const mean = estimates.get(keyOf(row.keys[0] as string, row.keys[1] as string))
  return mean === undefined ? undefined : mean * row.sum('n')
}

/**
 * Mix is the mean of a method's shares of all real, CPU and DB time: a third each. Where nothing at all was measured of
 * one of them (no CPU time, no database), it is the mean of the others, so that all methods together still make 1.
 */
export function mixOf(shares: Readonly<Record<'real' | 'cpu' | 'db', number>>, totals: Totals): number {
  const counted = (['real', 'cpu', 'db'] as const).filter((it) => totals[it] > 0)
  return counted.length === 0 ? 0 : counted.reduce((sum, it) => sum + shares[it], 0) / counted.length
}

type Figured = Pick<CallRowWire, 'real' | 'cpu' | 'db' | 'statements' | 'transactions' | 'mix' | 'cpuEstimated'>

/** `row`'s keys are service and method. @param it.quantiles whether they are known. */
export function figuresOf(
  row: SumRow,
  it: { readonly selection: Selection; readonly totals: Totals; readonly estimates: Estimates; readonly quantiles: boolean },
): Figured {
  const estimated = estimatedTotal(row, it.estimates)
  const figures = Object.fromEntries(
    callMeasures.map((measure): [CallMeasure, FiguresWire] => {
      const share = (total: number) => (it.totals[measure] > 0 ? total / it.totals[measure] : 0)
      if (measure === 'cpu' && estimated !== undefined) {
        const n = row.sum('n')
        const mean = n === 0 ? 0 : estimated / n
        return [measure, { n, mean, p50: null, p95: null, p99: null, max: mean, total: estimated, share: share(estimated) }]
      }
      const stem = stemOf(measure, it.selection)
      const n = row.sum(countOf(stem))
      const total = Math.max(0, row.sum(`${stem}_sum`))
      const max = row.sum(`${stem}_max`)
      // A state of quantiles keeps a value to 8 bits, and must not say more than the largest.
      const [p50, p95, p99] = (n > 0 && it.quantiles ? row.quantiles(stem) : undefined)?.map((value) => Math.min(value, max)) ?? []
      return [
        measure,
        { n, mean: n === 0 ? 0 : total / n, p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null, max, total, share: share(total) },
      ]
    }),
  ) as Record<CallMeasure, FiguresWire>
  const shares = { real: figures.real.share, cpu: figures.cpu.share, db: figures.db.share }
  return { ...figures, mix: mixOf(shares, it.totals), cpuEstimated: estimated !== undefined }
}
