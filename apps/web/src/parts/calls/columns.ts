/** The columns of the table of calls: what each shows and is sorted by, and which find room. Pure. */
import type { CallMeasure, CallRowWire } from '@belay/protocol'
import type { Rank } from './search.ts'

type Stat = 'mean' | 'p50' | 'p95' | 'p99' | 'max' | 'total' | 'share'
export type Column = {
  /** In the address, as what is sorted by. */
  readonly key: string
  readonly head: string
  /** In full, for a tip and for who cannot see what stands beside it. */
  readonly says: string
  readonly widthPx: number
  /** The higher, the sooner it gives way when there is no room. */
  readonly yields: number
  readonly kind: 'count' | 'errors' | 'figure' | 'share' | 'change' | 'spark'
  readonly measure?: CallMeasure
  readonly stat?: Stat
  /** The one that the eye should find. */
  readonly strong?: boolean
  /** Null: nothing is known, which is sorted last in either order. */
  readonly value: (row: CallRowWire) => number | null
}

export const measureOf = (rank: Rank): CallMeasure => (rank === 'mix' ? 'real' : rank)

const statWords: Readonly<Record<Stat, string>> = {
  mean: 'avg',
  p50: 'p50',
  p95: 'p95',
  p99: 'p99',
  max: 'max',
  total: 'total',
  share: 'share',
}
const statWidths: Readonly<Record<Stat, number>> = { mean: 80, p50: 58, p95: 60, p99: 60, max: 58, total: 78, share: 92 }
const names: Readonly<Record<CallMeasure, string>> = { real: 'Real', cpu: 'Cpu', db: 'Db', statements: 'Stc', transactions: 'Txc' }

function figure(measure: CallMeasure, stat: Stat, yields: number, head: string = statWords[stat], strong = false): Column {
  return {
    key: `${measure}.${stat}`,
    head,
    says: `${names[measure]} ${statWords[stat]}`,
    widthPx: statWidths[stat],
    yields,
    kind: stat === 'share' ? 'share' : 'figure',
    measure,
    stat,
    strong,
    value: (row) => (row[measure].n === 0 ? null : row[measure][stat]),
  }
}
const mean = (measure: CallMeasure, yields: number) => figure(measure, 'mean', yields, `${names[measure]} avg`, true)
const lean = (measure: CallMeasure, yields: number): Column => ({ ...figure(measure, 'mean', yields, names[measure]), widthPx: 46 })

const count: Column = {
  key: 'count',
  head: 'Count',
  says: 'Count of calls',
  widthPx: 64,
  yields: 3,
  kind: 'count',
  value: (row) => row.count,
}
const errors: Column = {
  key: 'errors',
  head: 'Errors',
  says: 'Errors: calls that failed',
  widthPx: 54,
  yields: 6,
  kind: 'errors',
  value: (row) => row.errors,
}
const spark: Column = { key: 'spark', head: 'Trend', says: 'Trend', widthPx: 110, yields: 5, kind: 'spark', value: () => null }
const repeats: Column = {
  key: 'repeats',
  head: 'Equal',
  says: 'Equal statements within one call',
  widthPx: 62,
  yields: 7,
  kind: 'count',
  value: (row) => row.repeats?.max ?? null,
}

/** What is sorted by in the column of changes: sizes that are shown before those that are not. */
export type ChangeOf = (row: CallRowWire) => { readonly size: number } | null

function change(rank: Rank, head: string, of: ChangeOf): Column {
  return {
    key: 'change',
    head,
    says: head,
    widthPx: 118,
    yields: 2,
    kind: 'change',
    measure: measureOf(rank),
    value: (row) => of(row)?.size ?? null,
  }
}

/** All columns of a tab, in their order. */
export function columnsOf(rank: Rank, changeHead: string, changeOf: ChangeOf): readonly Column[] {
  const end = [change(rank, changeHead, changeOf), spark]
  if (rank === 'mix')
    return [
      count,
      errors,
      mean('real', 0),
      figure('real', 'p95', 8),
      figure('real', 'max', 9),
      mean('cpu', 4),
      figure('cpu', 'max', 10),
      mean('db', 7),
      figure('db', 'max', 11),
      lean('statements', 8),
      lean('transactions', 9),
      ...end,
    ]
  const measure = measureOf(rank)
  const isCount = measure === 'statements' || measure === 'transactions'
  const others = (['real', 'cpu', 'db'] as const).filter((it) => it !== measure)
  return [
    count,
    errors,
    figure(measure, 'total', 5, `${names[measure]} total`),
    figure(measure, 'share', 6),
    mean(measure, 0),
    ...(isCount ? [] : [figure(measure, 'p50', 8)]),
    figure(measure, 'p95', 7),
    figure(measure, 'p99', 10),
    figure(measure, 'max', 9),
    ...(measure === 'statements' ? [repeats] : []),
    ...others.map((it, at) => ({ ...mean(it, 11 + at), strong: false })),
    ...end,
  ]
}

/** The number before the name, and the least room for a name that one can still read. */
export const rankPx = 36
/** Below this width the number gives way too. */
export const narrowPx = 560
const namePx = 200
const narrowNamePx = 120
/** On both sides of a row; see table.css. */
const paddingPx = 22

/** Those that find room in so many pixels, in their order. */
export function fitColumns(columns: readonly Column[], widthPx: number): readonly Column[] {
  let left = widthPx - paddingPx - (widthPx < narrowPx ? narrowNamePx : namePx + rankPx)
  const fits = new Set<Column>()
  for (const it of [...columns].sort((a, b) => a.yields - b.yields)) {
    if (it.widthPx > left) break
    left -= it.widthPx
    fits.add(it)
  }
  return columns.filter((it) => fits.has(it))
}

export type Order = { readonly key: string; readonly turned: boolean }

/** A tab ranks by what its calls take together; `mix` by its blend. */
export function rankValue(rank: Rank): (row: CallRowWire) => number {
  return rank === 'mix' ? (row) => row.mix : (row) => row[rank].total
}

/** Rows in order, equal ones by name: a look at the same figures never shuffles them. */
export function sortRows(
  rows: readonly CallRowWire[],
  rank: Rank,
  columns: readonly Column[],
  order: Order | undefined,
): readonly CallRowWire[] {
  const byName = (a: CallRowWire, b: CallRowWire) => compareNames(a.method, b.method) || compareNames(a.service, b.service)
  if (order?.key === 'method') return [...rows].sort((a, b) => (order.turned ? byName(b, a) : byName(a, b)))
  const column = columns.find((it) => it.key === order?.key)
  const valueOf = column?.value ?? rankValue(rank)
  const turn = column !== undefined && order?.turned === true ? -1 : 1
  // Each value is found once, not at each comparison: thousands of rows sort while a key is held down.
  return rows
    .map((row) => ({ row, value: valueOf(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return a.value === b.value ? byName(a.row, b.row) : a.value === null ? 1 : -1
      return (b.value - a.value) * turn || byName(a.row, b.row)
    })
    .map(({ row }) => row)
}
// localeCompare of thousands of names takes as long as all the rest.
const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** All words that were typed stand somewhere in the name of the method or of its service. */
export function findRows(rows: readonly CallRowWire[], typed: string): readonly CallRowWire[] {
  const words = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((it) => it !== '')
  if (words.length === 0) return rows
  return rows.filter((row) => {
    const name = `${row.service} ${row.method}`.toLowerCase()
    return words.every((word) => name.includes(word))
  })
}
