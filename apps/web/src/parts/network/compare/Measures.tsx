import type { Compared, Comparison, Costs } from '@belay/tcp'
import { Sign } from '../../Chip.tsx'
import { digits, sayData, sayMs, sayNumber, sayPercent, sayRate } from '../words.ts'
import { barOf } from './interval.ts'

export function sayValue(unit: Compared['unit'], value: number | null): string {
  if (value === null) return '–'
  switch (unit) {
    case 'ms':
      return sayMs(value)
    case 'bit/s':
      return sayRate(value)
    case 'share':
      return sayPercent(value)
    case 'points':
    case 'count':
    case 'ratio':
      return digits(value)
  }
}

/** "+12%", "−3.1 ms", "× 4": B against A. */
function sayChange(it: Compared): string {
  const { change, unit } = it
  if (change === null) return 'too few sessions'
  if (change.as === 'ratio') {
    if (change.estimate >= 3 || change.estimate <= 1 / 3) return `× ${digits(change.estimate)}`
    return signed(change.estimate - 1, sayPercent)
  }
  return signed(change.estimate, (value) => sayValue(unit, value))
}
const signed = (value: number, say: (value: number) => string): string => `${value > 0 ? '+' : value < 0 ? '−' : ''}${say(Math.abs(value))}`

function sayInterval(it: Compared): string | undefined {
  const { change, unit } = it
  if (change === null) return undefined
  const say = (value: number) => (change.as === 'ratio' ? signed(value - 1, sayPercent) : signed(value, (amount) => sayValue(unit, amount)))
  return `95% interval ${say(change.low)} to ${say(change.high)}`
}

/** Every measure of two sides: their medians, how far they lie apart, and whether that is shown. */
export function Measures({ comparison }: { comparison: Comparison }) {
  return (
    <div className="scroll-x" role="region" aria-label="Measures" tabIndex={0}>
      <table className="list compare-table">
        <thead>
          <tr>
            <th>Measure</th>
            <th className="num">A, median</th>
            <th className="num">B, median</th>
            <th className="num">B against A</th>
            <th className="compare-bar-head">
              <span>less in B</span>
              <span>more in B</span>
            </th>
            <th>Effect</th>
            <th>What is shown</th>
          </tr>
        </thead>
        <tbody>
          {comparison.measures.map((it) => (
            <tr key={it.measure}>
              <th scope="row">{it.label}</th>
              <td className="num nowrap" data-tip={sayRange(it, 'a')}>
                {sayValue(it.unit, it.a.median)}
              </td>
              <td className="num nowrap" data-tip={sayRange(it, 'b')}>
                {sayValue(it.unit, it.b.median)}
              </td>
              <td className={`num nowrap ${toneOf(it)}`}>{sayChange(it)}</td>
              <td>
                <Interval it={it} />
              </td>
              <td className="nowrap soft" data-tip={it.effect === null ? undefined : `Cliff’s delta ${it.effect.toFixed(2)}`}>
                {it.effectSize ?? '–'}
              </td>
              <td className="compare-says">
                <Outcome it={it} />
                <span className="soft">{it.because}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const sayRange = (it: Compared, side: 'a' | 'b'): string =>
  `${sayNumber(it[side].sessions)} sessions\nhalf of them ${sayValue(it.unit, it[side].p25)} to ${sayValue(it.unit, it[side].p75)}\nmean ${sayValue(it.unit, it[side].mean)}`
const toneOf = (it: Compared): string =>
  it.outcome === 'better in B' ? 'ink-top strong' : it.outcome === 'better in A' ? 'ink-fall strong' : 'soft'

function Outcome({ it }: { it: Compared }) {
  if (it.outcome === 'no difference shown') return <span className="no-change">no difference shown</span>
  const tone = it.outcome === 'better in B' ? 'top' : 'fall'
  return (
    <span className={`chip is-${tone}`}>
      <Sign tone={tone} />
      {it.outcome}
    </span>
  )
}

const barPx = { width: 150, height: 18 }

/** The interval as a bar around no difference. */
function Interval({ it }: { it: Compared }) {
  const bar = barOf(it.change, barPx.width)
  const { width, height } = barPx
  const middle = height / 2
  return (
    <svg
      className={`interval ${it.outcome === 'better in B' ? 'is-better' : it.outcome === 'better in A' ? 'is-worse' : ''}`}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={sayInterval(it) ?? 'too few sessions for an interval'}
      data-tip={sayInterval(it)}
    >
      <line className="interval-none" x1={width / 2} x2={width / 2} y1={0} y2={height} />
      {bar !== undefined && (
        <>
          <line className="interval-way" x1={width / 2} x2={bar.estimate} y1={middle} y2={middle} />
          {bar.isCut ? (
            // Beyond the scale: where it would be is told by the figures.
            <path d={bar.estimate < width / 2 ? `M7 ${middle - 5}l-5 5l5 5` : `M${width - 7} ${middle - 5}l5 5l-5 5`} />
          ) : (
            <>
              <rect x={bar.low} y={middle - 3} width={Math.max(2, bar.high - bar.low)} height={6} rx={2} />
              <circle cx={bar.estimate} cy={middle} r={3.4} />
            </>
          )}
        </>
      )}
    </svg>
  )
}

const costLines: readonly (readonly [name: string, of: (it: Costs) => string])[] = [
  ['Carried', (it) => sayData(it.goodBytes)],
  ['Bytes on the wire for each', (it) => (it.wireBytesPerGoodByte === null ? '–' : digits(it.wireBytesPerGoodByte))],
  ['Packets a megabyte', (it) => (it.packetsPerMegabyte === null ? '–' : digits(it.packetsPerMegabyte))],
  ['CPU time', (it) => (it.cpuMs === null ? 'not given' : sayMs(it.cpuMs))],
  ['CPU time a megabyte', (it) => (it.cpuMsPerMegabyte === null ? '–' : sayMs(it.cpuMsPerMegabyte))],
  ['Memory', (it) => (it.memoryBytes === null ? 'not given' : sayData(it.memoryBytes))],
]

/** What each side spends for what it carries. */
export function CostTable({ costs }: { costs: Comparison['costs'] }) {
  return (
    <table className="list figures-table">
      <thead>
        <tr>
          <th>For what it carries</th>
          <th className="num">A</th>
          <th className="num">B</th>
        </tr>
      </thead>
      <tbody>
        {costLines.map(([name, of]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className="num">{of(costs.a)}</td>
            <td className="num">{of(costs.b)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
