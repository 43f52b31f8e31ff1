import type { CallMethodWire } from '@belay/protocol'
import { useElementSize } from '@mantine/hooks'
import { Panel } from '../../Page.tsx'
import { sayMany, sayShare, sayTime } from '../figures.ts'
import { barsOf } from './distribution.ts'

const heightPx = 118
const topPx = 16
const bottomPx = 18

const time = (us: number): string => {
  const { value, unit } = sayTime(us)
  return `${value} ${unit}`
}

/** How many calls took how long. The axis grows by a factor, because times do. */
export function Distribution({ it }: { it: CallMethodWire }) {
  const { ref, width } = useElementSize()
  const { bars, ticks, toX } = barsOf(it.distribution, Math.max(1, width), heightPx)
  const all = it.distribution.reduce((sum, one) => sum + one.count, 0)
  const { p50, p95, p99 } = it.row.real
  const marks = [
    { name: 'p50', us: p50 },
    { name: 'p95', us: p95 },
    { name: 'p99', us: p99 },
  ].flatMap((mark) => (mark.us === null ? [] : [{ ...mark, us: mark.us, x: toX(mark.us) }]))
  return (
    <Panel title="How long its calls take">
      <div ref={ref} style={{ minHeight: topPx + heightPx + bottomPx }}>
        {width > 0 &&
          (bars.length === 0 ? (
            <p className="soft">The distribution is kept only with the single calls, for some weeks.</p>
          ) : (
            <svg
              className="distribution"
              width={width}
              height={topPx + heightPx + bottomPx}
              viewBox={`0 ${-topPx} ${width} ${topPx + heightPx + bottomPx}`}
              role="img"
              aria-label={`Real time of ${sayMany(all)} calls: ${marks.map((mark) => `${mark.name} ${time(mark.us)}`).join(', ')}, at most ${time(it.row.real.max)}`}
            >
              <line className="axis" x1={0} x2={width} y1={heightPx} y2={heightPx} />
              {bars.map((bar) => (
                <g
                  key={bar.upToUs}
                  data-tip={`${time(bar.fromUs)} to ${time(bar.upToUs)}\n${sayMany(bar.count)} calls, ${sayShare(bar.count / all)}`}
                >
                  <rect className="counts-hover" x={bar.x} width={bar.width} y={0} height={heightPx} />
                  <rect className="bar" x={bar.x} width={Math.max(1, bar.width - 1)} y={bar.y} height={heightPx - bar.y} />
                </g>
              ))}
              {marks.map((mark, at) => (
                <g key={mark.name}>
                  <line className="mark" x1={mark.x} x2={mark.x} y1={-2} y2={heightPx} />
                  {mark.x - (marks[at - 1]?.x ?? -100) > 30 && (
                    <text x={Math.min(width - 14, Math.max(14, mark.x))} y={-6} textAnchor="middle">
                      {mark.name}
                    </text>
                  )}
                </g>
              ))}
              {ticks.map((tick) => (
                <text
                  key={tick.us}
                  x={tick.x}
                  y={heightPx + 14}
                  textAnchor={tick.x < 16 ? 'start' : tick.x > width - 20 ? 'end' : 'middle'}
                >
                  {time(tick.us)}
                </text>
              ))}
            </svg>
          ))}
      </div>
    </Panel>
  )
}
