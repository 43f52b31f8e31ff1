import { useElementSize } from '@mantine/hooks'
import { sayShort } from '../../time.ts'
import { ropeWords } from '../../words.ts'
import { useNow } from '../useNow.ts'
import { drawRope, type RopeRow, type RungMark } from './geometry.ts'
import './rope.css'

const rungSays = { passed: 'passed', now: 'here now', fell: 'fell here', ahead: 'still ahead' } as const

/** What a rung's circle holds, so that its state can be read without colour. */
function RungGlyph({ mark, row }: { mark: RungMark; row: RopeRow }) {
  const { state } = mark.rung
  if (state === 'fell') return <path className="glyph" d="M-2.6 -2.6 2.6 2.6M2.6 -2.6 -2.6 2.6" />
  if (state === 'ahead') return null
  if (row.state === 'held' && state === 'now') return <path className="glyph" d="M-1.8 -2.6V2.6M1.8 -2.6V2.6" />
  if (state === 'now') return <circle className="glyph-dot" r="2.2" />
  return <path className="glyph" d="M-2.8 .2 -.8 2.2 2.9 -2.2" />
}

/** One release's way from code to production. Its words stand beside it; this picture repeats them for the eye. */
export function Rope({ row, progress }: { row: RopeRow; progress?: number | undefined }) {
  const { ref, width } = useElementSize()
  const nowAt = useNow(60_000)
  const picture = drawRope(row, width || 420, progress)
  const says = `${row.release} is ${ropeWords[row.state].says}: ${row.rungs.map((rung) => `${rung.name} ${rungSays[rung.state]}`).join(', ')}`
  return (
    <div ref={ref} className={`rope tone-${ropeWords[row.state].tone}`} style={{ height: picture.height }}>
      {width > 0 && (
        <svg width={width} height={picture.height} role="img" aria-label={says}>
          <line className="ahead" x1={picture.marks[0]?.x} x2={picture.marks.at(-1)?.x} y1={picture.lineY} y2={picture.lineY} />
          <line className="climbed" x1={picture.marks[0]?.x} x2={picture.climbedX} y1={picture.lineY} y2={picture.lineY} />
          {picture.fall && (
            <>
              <path className="fall" d={picture.fall} />
              <path className="fall-head" d={`M${(picture.landX ?? 0) + 9} ${picture.lineY + 7}l6.5 2.4l-5 4.4z`} />
            </>
          )}
          {picture.marks.map((mark) => (
            <g key={mark.rung.name} transform={`translate(${mark.x} ${picture.lineY})`} className={`rung rung-${mark.rung.state}`}>
              {mark.rung.state === 'now' && row.state === 'climbing' && <circle className="halo" r="11" />}
              <circle className="ring" r={mark.rung.state === 'ahead' ? 5 : 6.5} />
              <RungGlyph mark={mark} row={row} />
              <text y={picture.labelY - picture.lineY} textAnchor={mark.anchor}>
                {mark.rung.name}
              </text>
              {mark.rung.at !== null && !picture.fall && (
                <text className="when" y={picture.timeY - picture.lineY + 4} textAnchor={mark.anchor}>
                  {sayShort(mark.rung.at, nowAt)}
                </text>
              )}
            </g>
          ))}
          {progress !== undefined && row.state === 'climbing' && (
            <path className="climber" transform={`translate(${picture.tipX} ${picture.lineY})`} d="M-3.5 -5 3.5 0 -3.5 5z" />
          )}
        </svg>
      )}
    </div>
  )
}
