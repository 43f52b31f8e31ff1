import { sayDuration } from '@belay/base'
import { useElementSize } from '@mantine/hooks'
import { type KeyboardEvent, memo, type MouseEvent, useMemo, useRef, useState } from 'react'
import { sayOneUnit } from '../../time.ts'
import { type Bar, type Chart, mostTelling, neighbour, type Way } from './bars.ts'
import { type Scale, scaleOf, ticksOf } from './scale.ts'
import './timeline.css'

export type Chosen = { readonly item: number; readonly direction: 'do' | 'undo' }
type Shape = { readonly rowPx: number; readonly barPx: number; readonly topPx: number }

/** Above this many hosts the rows stand closer; a fleet is read as a pattern, not bar by bar. */
const roomyHostsMax = 14
const roomy: Shape = { rowPx: 36, barPx: 18, topPx: 7 }
const dense: Shape = { rowPx: 25, barPx: 14, topPx: 4 }
const axisPx = 24
const ways: Readonly<Record<string, Way>> = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' }

const stateSays: Readonly<Record<Bar['state'], string>> = {
  running: 'runs',
  done: 'done',
  failed: 'failed',
  interrupted: 'interrupted, nobody knows whether it ran to its end',
  skipped: 'skipped',
  ahead: 'still ahead',
}

const isMeasured = (bar: Bar): boolean => bar.state === 'done' || bar.state === 'failed'
const nameBar = (bar: Bar): string => `${bar.direction === 'undo' ? 'undo ' : ''}${bar.step}`
const tookOf = (bar: Bar): string => sayDuration(bar.endMs - bar.startMs)

/** What a bar says to a pointer and to a screen reader; begins with what is written on it. */
function sayBar(bar: Bar): string {
  const where = isMeasured(bar) ? `${nameBar(bar)} ${tookOf(bar)} on ${bar.host}` : `${nameBar(bar)} on ${bar.host}`
  const state = `${stateSays[bar.state]}${bar.reversed ? ', since undone' : ''}${bar.attempt > 1 ? `, try ${bar.attempt}` : ''}`
  const times = [
    !isMeasured(bar) && bar.state !== 'ahead' ? `${tookOf(bar)} so far` : '',
    bar.expectedMs === null ? '' : `rehearsed in ${sayDuration(bar.expectedMs)}`,
  ]
    .filter(Boolean)
    .join(', ')
  return [`${where}: ${state}`, times, bar.because].filter(Boolean).join('\n')
}

/** The most that fits: sign, step and time; then less and less. A bar too narrow for any says it by its tip. */
function labelOf(bar: Bar, widthPx: number): string {
  const undo = bar.direction === 'undo'
  const sign = bar.state === 'failed' ? '✕ ' : bar.state === 'interrupted' ? '? ' : ''
  const wishes = [
    ...(isMeasured(bar) ? [`${sign}${nameBar(bar)} ${tookOf(bar)}`] : []),
    `${sign}${nameBar(bar)}`,
    ...(undo ? [bar.step, 'undo'] : []),
    ...(sign === '' ? [] : [sign.trim()]),
  ]
  return wishes.find((wish) => wish.length * 6.1 + (undo ? 18 : 13) <= widthPx) ?? ''
}

/** A bar of the undo points back: its left end is an arrow's head. */
function barPath(widthPx: number, heightPx: number, back: boolean): string {
  const r = Math.min(4, widthPx / 2)
  if (!back)
    return `M${r} 0H${widthPx - r}q${r} 0 ${r} ${r}V${heightPx - r}q0 ${r} ${-r} ${r}H${r}q${-r} 0 ${-r} ${-r}V${r}q0 ${-r} ${r} ${-r}z`
  const head = Math.min(7, widthPx * 0.6)
  return `M0 ${heightPx / 2}L${head} 0H${widthPx}V${heightPx}H${head}z`
}

type BarProps = {
  readonly bar: Bar
  readonly x: number
  readonly widthPx: number
  readonly expectedPx: number
  readonly shape: Shape
  readonly chosen: boolean
  readonly tabbable: boolean
}

const isSame = <T extends object>(a: T, b: T): boolean => (Object.keys(a) as (keyof T)[]).every((key) => a[key] === b[key])
/** The chart is made anew many times a second; a bar that did not change is not drawn again. */
const isSameBar = ({ bar: a, ...before }: BarProps, { bar: b, ...after }: BarProps): boolean => isSame(before, after) && isSame(a, b)

const BarMark = memo(function BarMark({ bar, x, widthPx, expectedPx, shape, chosen, tabbable }: BarProps) {
  const label = labelOf(bar, widthPx)
  return (
    // An SVG group cannot be a button element.
    <g
      role="button"
      tabIndex={tabbable ? 0 : -1}
      aria-pressed={chosen}
      aria-label={sayBar(bar)}
      data-tip={sayBar(bar)}
      data-bar={bar.key}
      className={`bar bar-${bar.state} bar-${bar.direction} ${bar.reversed ? 'bar-reversed' : ''} ${chosen ? 'bar-chosen' : ''}`}
      style={{ transform: `translate(${x}px, 0)` }}
    >
      <rect className="reach" x={-1} y={-3} width={widthPx + 2} height={shape.barPx + 8} />
      {expectedPx > 0 && bar.state !== 'ahead' && <rect className="expected" y={0} width={expectedPx} height={shape.barPx + 4.5} rx={3} />}
      <path className="body" d={barPath(widthPx, shape.barPx, bar.direction === 'undo')} />
      {label !== '' && (
        <text x={bar.direction === 'undo' ? 10 : 7} y={shape.barPx / 2 + 4}>
          {label}
        </text>
      )}
    </g>
  )
}, isSameBar)

/** The way back: from where it broke, through every undo in the order in which they ran. */
function FallLine({ chart, yOf, scale, shape }: { chart: Chart; yOf: (bar: Bar) => number; scale: Scale; shape: Shape }) {
  const undos = chart.bars.filter((bar) => bar.direction === 'undo').sort((a, b) => a.startMs - b.startMs)
  const broke = chart.bars.filter((bar) => bar.state === 'failed' && bar.direction === 'do').sort((a, b) => b.endMs - a.endMs)[0]
  if (undos.length === 0) return null
  const at = (bar: Bar, ms: number) => `${scale.toX(ms).toFixed(1)} ${(yOf(bar) + shape.barPx / 2).toFixed(1)}`
  const points = [...(broke ? [at(broke, broke.endMs)] : []), ...undos.map((bar) => at(bar, bar.startMs))]
  return <path className="fall-line" d={`M${points.join('L')}`} />
}

type TimelineProps = {
  readonly chart: Chart
  readonly chosen: Chosen | undefined
  readonly onChoose: (chosen: Chosen) => void
  readonly label: string
}

/** Steps by hosts over time. Fills live; arrows walk from step to step, Enter shows one. */
export function Timeline({ chart, chosen, onChoose, label }: TimelineProps) {
  const { ref, width } = useElementSize()
  const svg = useRef<SVGSVGElement>(null)
  const [focused, setFocused] = useState<string>()
  const shape = chart.rows.length > roomyHostsMax ? dense : roomy
  const hostsPx = Math.min(180, Math.max(64, ...chart.rows.map((row) => row.host.length * 7.3 + 18)))

  const tops = useMemo(() => {
    let y = 0
    return new Map(
      chart.rows.map((row) => {
        const top = y
        y += shape.rowPx + (row.lanes - 1) * (shape.barPx + 6)
        return [row.host, { top, height: y - top }] as const
      }),
    )
  }, [chart.rows, shape])
  const heightPx = [...tops.values()].reduce((sum, it) => sum + it.height, 0)
  const yOf = (bar: Bar) => (tops.get(bar.host)?.top ?? 0) + shape.topPx + bar.lane * (shape.barPx + 6)

  const roomPx = Math.max(200, width - hostsPx - 14)
  const scale = useMemo(
    () =>
      scaleOf(
        chart.bars.map((bar) => ({ startMs: bar.startMs, endMs: Math.max(bar.endMs, bar.startMs + 1) })),
        chart.spanMs + 1,
        roomPx,
      ),
    [chart, roomPx],
  )
  const ticks = ticksOf(scale, chart.spanMs)
  const entry =
    chart.bars.find((bar) => bar.key === focused) ??
    chart.bars.find((bar) => bar.index === chosen?.item && bar.direction === chosen.direction) ??
    mostTelling(chart.bars) ??
    chart.bars[0]

  const choose = (bar: Bar) => {
    setFocused(bar.key)
    onChoose({ item: bar.index, direction: bar.direction })
  }
  // One listener for all bars, so that a bar needs nothing that changes from one drawing to the next.
  const barOf = (target: EventTarget): Bar | undefined => {
    const key = target instanceof Element ? target.closest('[data-bar]')?.getAttribute('data-bar') : undefined
    return chart.bars.find((bar) => bar.key === key)
  }
  const onClick = (event: MouseEvent) => {
    const bar = barOf(event.target)
    if (bar !== undefined) choose(bar)
  }
  const onKey = (event: KeyboardEvent) => {
    const bar = barOf(event.target)
    if (bar === undefined) return
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      return choose(bar)
    }
    const way = ways[event.key]
    if (way === undefined) return
    event.preventDefault()
    const next = neighbour(chart, bar, way)
    if (next === undefined) return
    setFocused(next.key)
    const mark = svg.current?.querySelector<SVGGElement>(`[data-bar="${next.key}"]`)
    mark?.focus()
    mark?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }

  return (
    // Focusable so that the keyboard can scroll it.
    <div
      className="timeline"
      ref={ref}
      role="group"
      aria-label={label}
      style={{ gridTemplateColumns: `${hostsPx}px ${scale.widthPx + 8}px` }}
    >
      <div className="tl-hosts" style={{ height: heightPx }}>
        {chart.rows.map((row) => (
          <div
            key={row.host}
            className="mono clip"
            style={{ height: tops.get(row.host)?.height, paddingTop: shape.topPx, lineHeight: `${shape.barPx}px` }}
          >
            {row.host}
          </div>
        ))}
      </div>
      <svg ref={svg} width={scale.widthPx + 8} height={heightPx} className="tl-chart" onClick={onClick} onKeyDown={onKey}>
        <defs>
          <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect className="hatch-ground" width="6" height="6" />
            <rect className="hatch-line" width="2.5" height="6" />
          </pattern>
        </defs>
        {ticks.map((tick) => (
          <line key={tick.ms} className="grid" x1={tick.x} x2={tick.x} y1={0} y2={heightPx} />
        ))}
        {chart.rows.slice(1).map((row) => (
          <line key={row.host} className="ground" x1={0} x2={scale.widthPx} y1={tops.get(row.host)?.top} y2={tops.get(row.host)?.top} />
        ))}
        {scale.pauses.map((pause) => (
          <g key={pause.fromX} className="pause">
            <rect x={pause.fromX} width={pause.toX - pause.fromX} height={heightPx} data-tip={`Nothing ran for ${sayDuration(pause.ms)}`} />
          </g>
        ))}
        <FallLine chart={chart} yOf={yOf} scale={scale} shape={shape} />
        {chart.bars.map((bar) => {
          const x = scale.toX(bar.startMs)
          const endX = scale.toX(Math.max(bar.endMs, bar.startMs + 1))
          return (
            <g key={bar.key} transform={`translate(0 ${yOf(bar)})`}>
              <BarMark
                bar={bar}
                x={x}
                widthPx={Math.max(4, endX - x - 1)}
                expectedPx={bar.expectedMs === null ? 0 : scale.toX(bar.startMs + bar.expectedMs) - x}
                shape={shape}
                chosen={bar.index === chosen?.item && bar.direction === chosen.direction}
                tabbable={bar.key === entry?.key}
              />
            </g>
          )
        })}
        {chart.nowMs !== undefined && (
          <line
            className="now-line"
            x1={0}
            x2={0}
            y1={0}
            y2={heightPx}
            style={{ transform: `translate(${scale.toX(chart.nowMs)}px, 0)` }}
          />
        )}
      </svg>
      <div className="tl-corner" />
      <svg width={scale.widthPx + 8} height={axisPx} className="tl-axis" aria-hidden="true">
        {ticks.map((tick) => (
          <text key={tick.ms} x={tick.x} y={16} textAnchor={tick.x < 12 ? 'start' : tick.x > scale.widthPx - 16 ? 'end' : 'middle'}>
            {tick.says}
          </text>
        ))}
        {scale.pauses.map((pause) => (
          <text key={pause.fromX} className="pause-says" x={(pause.fromX + pause.toX) / 2} y={16} textAnchor="middle">
            {sayOneUnit(pause.ms)}
          </text>
        ))}
      </svg>
    </div>
  )
}
