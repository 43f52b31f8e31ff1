import type { RingWire } from '@belay/protocol'
import type { Tone } from '../../words.ts'
import { type Exposure, type Rung, rungsOf, sayPercent } from './exposure.ts'
import { slice } from './MiniLadder.tsx'
import './ladder.css'

const radiusPx = 8

function RungPicture({ rung, now, climbing, wanted }: { rung: Rung; now: boolean; climbing: boolean; wanted: boolean }) {
  return (
    <svg width="26" height="26" viewBox="-13 -13 26 26" aria-hidden="true">
      {now && climbing && <circle className="halo" r="13" />}
      <circle className="ring" r={radiusPx} />
      {rung.share > 0 && rung.share < 1 && <path className="share" d={slice(rung.share, radiusPx - 1)} />}
      {rung.share === 1 && <path className="glyph" d="M-3.2 .2 -1 2.5 3.4 -2.6" />}
      {wanted && <circle className="wanted" r="11.5" />}
    </svg>
  )
}

/** Middle of the nth of `count` columns of one width, in percent. */
const middle = (nth: number, count: number): number => ((nth + 0.5) / count) * 100

/**
 * A flag's place on the ladder of rings. Every rung is a button: it asks for the exposure to reach to there. `wanted`:
 * another exposure, not yet done, drawn over it. `cut`: nobody is served by it now (killed, off).
 */
export function Ladder({
  rings,
  exposure,
  tone,
  cut = false,
  wanted,
  onChoose,
  whyNot,
}: {
  rings: readonly RingWire[]
  exposure: Exposure | null
  tone: Tone
  cut?: boolean
  wanted?: Exposure | null | undefined
  onChoose: (ring: string) => void
  whyNot?: string | undefined
}) {
  const names = rings.map((it) => it.name)
  const rungs = rungsOf(names, exposure)
  const at = exposure === null ? -1 : names.indexOf(exposure.ring)
  const wantedAt = wanted == null ? -1 : names.indexOf(wanted.ring)
  const [first, count] = [middle(0, names.length), names.length]
  return (
    <div className={`ladder tone-${tone} ${cut ? 'ladder-cut' : ''}`} role="group" aria-label="Rings, lowest first">
      <i className="ladder-line" style={{ left: `${first}%`, width: `${middle(count - 1, count) - first}%` }} />
      {at > 0 && <i className="ladder-line ladder-climbed" style={{ left: `${first}%`, width: `${middle(at, count) - first}%` }} />}
      {wantedAt > at && (
        <i
          className="ladder-line ladder-wanted"
          style={{ left: `${middle(Math.max(0, at), count)}%`, width: `${middle(wantedAt, count) - middle(Math.max(0, at), count)}%` }}
        />
      )}
      {rings.map((ring, index) => {
        const rung = rungs[index] ?? { ring: ring.name, share: 0 }
        const now = index === at
        const state = rung.share === 1 ? 'rung-reached' : rung.share > 0 ? 'rung-part rung-reached' : 'rung-ahead'
        const says = now && exposure !== null ? sayPercent(exposure.percent) : index < at ? '100%' : ''
        return (
          <button
            type="button"
            key={ring.name}
            className={`rung-button ${state} ${now ? 'rung-now' : ''}`}
            aria-current={now ? 'step' : undefined}
            aria-disabled={whyNot !== undefined}
            aria-description={whyNot}
            data-tip={whyNot ?? `${ring.says}\nPress to expose up to here`}
            onClick={() => whyNot === undefined && onChoose(ring.name)}
          >
            <span className="rung-name clip">{ring.name}</span>
            <RungPicture rung={rung} now={now} climbing={tone === 'climb'} wanted={index === wantedAt && wanted != null} />
            <span className="rung-share clip">{says === '' ? <span className="hidden">not reached</span> : says}</span>
            <span className="rung-who clip">{ring.says}</span>
          </button>
        )
      })}
    </div>
  )
}
