/** The table as a file for a spreadsheet: every figure in full, times in ms. Pure. */
import { callMeasures, type CallRowWire } from '@belay/protocol'
import { isTime } from './figures.ts'

const stats = ['mean', 'p50', 'p95', 'p99', 'max', 'total', 'share'] as const

/** A field that a spreadsheet would take for a formula is made a text: names of methods come from outside. */
const field = (text: string): string => {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
const number = (value: number | null): string => (value === null ? '' : String(Number(value.toFixed(6))))

export function csvOf(rows: readonly CallRowWire[]): string {
  const heads = callMeasures.flatMap((it) => stats.map((stat) => `${it}_${stat}${isTime(it) && stat !== 'share' ? '_ms' : ''}`))
  const compared = callMeasures.flatMap((it) => ['difference', 'low', 'high'].map((part) => `${it}_${part}${isTime(it) ? '_ms' : ''}`))
  const lines = rows.map((row) =>
    [
      field(row.service),
      field(row.method),
      number(row.count),
      number(row.errors),
      number(row.mix),
      ...callMeasures.flatMap((it) =>
        stats.map((stat) => {
          const value = row[it].n === 0 ? null : row[it][stat]
          return number(value !== null && isTime(it) && stat !== 'share' ? value / 1_000 : value)
        }),
      ),
      number(row.external.mean / 1_000),
      number(row.repeats?.max ?? null),
      field(row.repeats?.statement ?? ''),
      ...callMeasures.flatMap((it) => {
        const its = row.compared?.[it]
        return [its?.difference, its?.low, its?.high].map((value) =>
          number(value === undefined || its?.few === true ? null : isTime(it) ? value / 1_000 : value),
        )
      }),
    ].join(','),
  )
  return `${[['service', 'method', 'count', 'errors', 'mix', ...heads, 'external_mean_ms', 'equal_statements', 'statement', ...compared].join(','), ...lines].join('\n')}\n`
}
