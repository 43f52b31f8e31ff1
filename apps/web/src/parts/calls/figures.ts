/** Figures as the pages of calls say them. Times come in µs. Pure. */
import type { CallMeasure, DifferenceWire } from '@belay/protocol'

export const isTime = (measure: string): boolean => measure === 'real' || measure === 'cpu' || measure === 'db'

/** A trailing `.0` says nothing. */
const trim = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
const grouped = (value: number): string => Math.round(value).toLocaleString('en')

/** Two or three digits that matter, whatever the size: "0.04", "6.2", "36", "1,890". */
function digits(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 0.005) return '<0.01'
  if (size < 0.995) return trim(value.toFixed(2))
  if (size < 9.95) return trim(value.toFixed(1))
  return grouped(value)
}

export type Said = { readonly value: string; readonly unit: string }

/** From here on milliseconds are hard to read. */
const secondsFromMs = 10_000

/** A time in ms, so that a column can be compared at a glance; only the very long in s. */
export function sayTime(us: number): Said {
  const ms = us / 1_000
  if (Math.abs(ms) < secondsFromMs) return { value: digits(ms), unit: 'ms' }
  return { value: digits(ms / 1_000), unit: 's' }
}

/** Statements and transactions of one call. */
export const sayPer = (count: number): string => digits(count)

/** A figure of this measure with its unit: "36 ms", "3.2". */
export function sayFigure(measure: CallMeasure, value: number): string {
  if (!isTime(measure)) return sayPer(value)
  const { value: said, unit } = sayTime(value)
  return `${said} ${unit}`
}

/** All the time that calls took together: "812 ms", "12.3 s", "4.1 min", "2.3 h", "1.8 d". */
export function sayTotal(us: number): Said {
  const ms = us / 1_000
  for (const [unit, size] of totals) if (ms >= size) return { value: digits(ms / size), unit }
  return { value: digits(ms), unit: 'ms' }
}
const totals = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** "31,204", "12.4 M". */
export function sayMany(count: number): string {
  if (count < 10_000_000) return grouped(count)
  if (count < 1e9) return `${digits(count / 1e6)} M`
  return `${digits(count / 1e9)} G`
}

/** "23%", "0.4%"; without a sign. */
export function sayShare(share: number): string {
  const percent = share * 100
  if (percent === 0) return '0%'
  if (percent < 0.05) return '<0.1%'
  return `${percent < 9.95 ? trim(percent.toFixed(1)) : grouped(percent)}%`
}

/** "+23%", "−4%", "× 12" when it is more than ten times what it was. */
export function sayRelative(relative: number): string {
  if (relative >= 9) return `× ${digits(relative + 1)}`
  const said = sayShare(Math.abs(relative))
  return said === '0%' ? '0%' : `${relative < 0 ? '−' : '+'}${said}`
}

/** "+8 ms", "−0.5". */
export function sayDelta(measure: CallMeasure, value: number): string {
  return `${value < 0 ? '−' : '+'}${sayFigure(measure, Math.abs(value))}`
}

/** The size of a difference: in percent, or in the measure's unit where there was nothing before. */
export const sayDifference = (measure: CallMeasure, it: Pick<DifferenceWire, 'relative' | 'difference'>): string =>
  it.relative === null ? sayDelta(measure, it.difference) : sayRelative(it.relative)

/** "p 0.02", "p < 0.001": more digits would claim more than a test can tell. */
export const sayP = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p ${p.toFixed(p < 0.1 ? 3 : 2)}`)

export const measureWords: Readonly<Record<CallMeasure, { readonly short: string; readonly says: string }>> = {
  real: { short: 'Real', says: 'real time' },
  cpu: { short: 'Cpu', says: 'CPU time' },
  db: { short: 'Db', says: 'database time' },
  statements: { short: 'Stc', says: 'statements' },
  transactions: { short: 'Txc', says: 'transactions' },
}
export const rankWords: Readonly<Record<string, { readonly short: string; readonly says: string }>> = {
  mix: { short: 'Mix', says: 'By the share of all real, CPU and database time, a third each' },
  cpu: { short: 'Cpu', says: 'By the CPU time of all calls together' },
  real: { short: 'Real', says: 'By the real time of all calls together' },
  db: { short: 'Dbt', says: 'By the database time of all calls together' },
  statements: { short: 'Stc', says: 'By the number of statements' },
  transactions: { short: 'Txc', says: 'By the number of transactions' },
}

/** Everything about a difference, for the tip. */
export function tellDifference(measure: CallMeasure, it: DifferenceWire): string {
  const { says } = measureWords[measure]
  if (it.few) return `${says}: too few calls on one side to compare (fewer than 30)`
  return [
    `${says}: ${sayFigure(measure, it.before)} before, ${sayFigure(measure, it.after)} after`,
    `${sayDelta(measure, it.difference)}, 99% interval ${sayDelta(measure, it.low)} to ${sayDelta(measure, it.high)}`,
    it.shown ? `${sayP(it.p)}, corrected for the number of methods` : `${sayP(it.p)}: no change shown, which is not the same as none`,
  ].join('\n')
}
