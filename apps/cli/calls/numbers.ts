/** How figures of calls are written for eyes: few digits, in columns whose points stand below one another. Pure. */
import type { CallMeasure, DifferenceWire } from '@belay/protocol'
import type { Paint } from '../terminal.ts'

/** What the columns of a measure are headed by, on the page and here. Times are in ms. */
export const measureTitles: Readonly<Record<CallMeasure, string>> = {
  real: 'real ms',
  cpu: 'cpu ms',
  db: 'db ms',
  statements: 'stc',
  transactions: 'txc',
}
export const isTime = (measure: CallMeasure): boolean => measure === 'real' || measure === 'cpu' || measure === 'db'

const formats = [0, 1, 2, 3].map(
  (digits) => new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
) as readonly Intl.NumberFormat[]

/** Three digits that matter, and no more than three after the point: `1,890`, `36.2`, `0.42`, `0.004`. */
export function digits(value: number): string {
  const rounded = Number(value.toPrecision(3))
  const size = Math.abs(rounded)
  if (size === 0) return '0'
  if (size < 0.0005) return value < 0 ? '−0.000' : '<0.001'
  const format = formats[size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3]
  return (format?.format(rounded) ?? '').replace('-', '−')
}

/** A figure of a measure: times come in µs and are written in ms. */
export const figure = (value: number | null, measure: CallMeasure): string =>
  value === null
    ? '–'
    : isTime(measure)
      ? digits(value / 1_000)
      : digits(value)
          .replace(/(\.\d*?)0+$/, '$1')
          .replace(/\.$/, '')

/** With its unit, where no heading says it. */
export const figureWithUnit = (value: number, measure: CallMeasure): string =>
  isTime(measure) ? `${digits(value / 1_000)} ms` : `${figure(value, measure)} ${measure === 'statements' ? 'statements' : 'transactions'}`

/** Pads figures on their right until their points, written or not, stand below one another. */
export function alignPoints(texts: readonly string[]): readonly string[] {
  const tails = texts.map((text) => (/\d\.\d/.test(text) ? text.length - text.lastIndexOf('.') : 0))
  const widest = Math.max(0, ...tails)
  return texts.map((text, index) => text + ' '.repeat(widest - (tails[index] ?? 0)))
}

/** `23.4%`; what is not nothing is never written as nothing. */
export function sayShare(share: number): string {
  const percent = share * 100
  if (percent > 0 && percent < 0.05) return '<0.1%'
  return `${percent.toFixed(1)}%`
}

export const sayNumber = (count: number): string => count.toLocaleString('en')

/** `+34%`, `−3.2%` */
export function signedPercent(relative: number): string {
  const percent = relative * 100
  const size = Math.abs(percent)
  const text = size >= 10 ? Math.round(size).toLocaleString('en') : size.toFixed(1)
  return `${percent < 0 ? '−' : '+'}${text}%`
}
const signed = (value: number, measure: CallMeasure): string =>
  `${value < 0 ? '' : '+'}${isTime(measure) ? digits(value / 1_000) : digits(value)}`

/** The interval: in per cent where there is something to compare with, else in the measure's own unit. */
function sayInterval({ low, high, before, relative }: DifferenceWire, measure: CallMeasure): string {
  if (low === 0 && high === 0) return '±0'
  return relative === null || before === 0
    ? `${signed(low, measure)}…${signed(high, measure)}`
    : `${signedPercent(low / before).replace('%', '')}…${signedPercent(high / before)}`
}

/**
 * A difference with its interval: `+34% +28…+41%`. One that is not shown is not zero: then the interval alone stands
 * there, dim. Less cost is green, more is red.
 */
export function sayDifference(it: DifferenceWire, measure: CallMeasure, paint: Paint): string {
  if (it.few) return paint('dim', 'few calls')
  if (it.before === 0 && it.after === 0) return paint('dim', '–')
  const interval = sayInterval(it, measure)
  if (!it.shown) return paint('dim', interval)
  const size = it.relative === null ? signed(it.difference, measure) : signedPercent(it.relative)
  return `${paint(it.difference > 0 ? 'red' : 'green', size)} ${paint('dim', interval)}`
}

const blocks = '▁▂▃▄▅▆▇█'

/**
 * A line of small bars that begin at zero, so that twice as high is twice as dear; blank where no call was. More
 * points than `width` are averaged. The bar of a change that was found is red.
 */
export function sparkline(points: readonly (number | null)[], changedAt: number | null, width: number, paint: Paint): string {
  const bars = squeezed(points, width)
  const top = Math.max(0, ...bars.map((it) => it ?? 0))
  const marked = changedAt === null ? -1 : Math.floor((changedAt * bars.length) / Math.max(1, points.length))
  const drawn = bars.map((it) => {
    if (it === null) return ' '
    return blocks[top === 0 ? 0 : Math.min(7, Math.floor((it / top) * 8))] ?? ' '
  })
  if (marked < 0 || marked >= drawn.length) return drawn.join('')
  return `${drawn.slice(0, marked).join('')}${paint('red', drawn[marked] ?? ' ')}${drawn.slice(marked + 1).join('')}`
}

function squeezed(points: readonly (number | null)[], width: number): readonly (number | null)[] {
  if (points.length <= width) return points
  return Array.from({ length: width }, (_, nth) => {
    const some = points
      .slice(Math.floor((nth * points.length) / width), Math.floor(((nth + 1) * points.length) / width))
      .filter((it) => it !== null)
    return some.length === 0 ? null : some.reduce((sum, it) => sum + it, 0) / some.length
  })
}

/** `███▌`: a share of `width` characters, to an eighth of one; what is not nothing is seen. */
export function bar(share: number, width: number): string {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(Math.min(1, share) * width * 8))
  return '█'.repeat(Math.floor(eighths / 8)) + (['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '')
}
