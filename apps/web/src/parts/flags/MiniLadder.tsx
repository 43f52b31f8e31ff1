import type { FlagStandingWire } from '@belay/protocol'
import { flagWords } from '../../words.ts'
import { Sign } from '../Chip.tsx'
import { sayPercent } from './exposure.ts'
import './ladder.css'

const stepPx = 14
const radiusPx = 4

/** What stands beside the picture: the least that tells where it is. */
function sayGlance({ state, ring, percent }: FlagStandingWire): string {
  if (state === 'climbing' && ring !== null) return percent === 100 || percent === null ? ring : `${ring} ${sayPercent(percent)}`
  if (state === 'top') return 'everybody'
  if (state === 'resting') return 'default'
  return flagWords[state].says
}

/** One flag's ladder in one environment, small enough for a list: a dot a ring, filled as far as it is reached. */
export function MiniLadder({ standing, rings }: { standing: FlagStandingWire; rings: readonly string[] }) {
  const { tone } = flagWords[standing.state]
  const exposed = standing.state === 'climbing' || standing.state === 'top'
  const at = exposed && standing.ring !== null ? rings.indexOf(standing.ring) : -1
  const share = (standing.percent ?? 100) / 100
  const width = Math.max(0, rings.length - 1) * stepPx + 2 * (radiusPx + 1)
  const xOf = (index: number) => radiusPx + 1 + index * stepPx
  return (
    <span
      className={`mini-ladder tone-${tone}`}
      data-tip={`${standing.environment}: ${standing.says}${standing.own ? '' : '\nas in every environment without its own setting'}`}
    >
      <svg width={width} height={12} aria-hidden="true">
        <line className="ahead" x1={xOf(0)} x2={xOf(rings.length - 1)} y1={6} y2={6} />
        {at > 0 && <line className="climbed" x1={xOf(0)} x2={xOf(at)} y1={6} y2={6} />}
        {rings.map((ring, index) => (
          <g key={ring} transform={`translate(${xOf(index)} 6)`}>
            <circle className={index < at || (index === at && share === 1) ? 'dot-reached' : 'dot-ahead'} r={radiusPx} />
            {index === at && share < 1 && <path className="dot-part" d={slice(share, radiusPx)} />}
          </g>
        ))}
      </svg>
      <span className={`clip ink-${tone}`}>
        {standing.state === 'killed' && <Sign tone="fall" size={9} />} {sayGlance(standing)}
      </span>
    </span>
  )
}

/** A slice of a circle from the top, clockwise: how much of a ring is reached. */
export function slice(share: number, radius: number): string {
  if (share <= 0) return ''
  if (share >= 1) return `M0 ${-radius}A${radius} ${radius} 0 1 1 0 ${radius}A${radius} ${radius} 0 1 1 0 ${-radius}z`
  const angle = share * 2 * Math.PI
  const round = (value: number) => Math.round(value * 100) / 100
  return `M0 0V${-radius}A${radius} ${radius} 0 ${share > 0.5 ? 1 : 0} 1 ${round(Math.sin(angle) * radius)} ${round(-Math.cos(angle) * radius)}z`
}
