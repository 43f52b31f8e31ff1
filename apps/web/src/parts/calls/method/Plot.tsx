import type { MarkWire } from '@belay/protocol'
import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Box, PlotData } from './trend.ts'

const heightPx = 232
/** A stroke of the pointer that is shorter was a click. */
const selectPxMin = 8
/** Beyond this many, dots would hide the line. */
const dotsMax = 80

export type PlotProps = {
  readonly data: PlotData
  readonly marks: readonly MarkWire[]
  readonly show: { readonly p95: boolean; readonly max: boolean }
  /** The axis' words for a value. */
  readonly say: (value: number) => string
  /** The position that the pointer is over; undefined when it left. */
  readonly onHover: (index: number | undefined) => void
  readonly onSelect: (from: number, to: number) => void
  /** Where the axis of time lies, for what is drawn around the plot. */
  readonly onBox: (box: Box) => void
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

function optionsOf({ data, show, say }: PlotProps, width: number, handlers: React.RefObject<PlotProps>): uPlot.Options {
  const [ink, soft, line, edge] = [colour('--ink'), colour('--soft'), colour('--line'), colour('--edge')]
  const main = colour('--climb-mark')
  const band = colour('--climb-bg')
  const font = `11px ${colour('--sans')}`
  const axis: uPlot.Axis = { stroke: soft, font, grid: { stroke: line, width: 1 }, ticks: { show: false } }
  const points = { show: data.at.length <= dotsMax, size: 4, width: 1 }
  const tellBox = (plot: uPlot) => {
    const { min, max } = plot.scales['x'] ?? {}
    handlers.current.onBox({
      leftPx: plot.bbox.left / devicePixelRatio,
      widthPx: plot.bbox.width / devicePixelRatio,
      from: (min ?? 0) * 1_000,
      to: (max ?? 0) * 1_000,
    })
  }
  return {
    width,
    height: heightPx,
    padding: [6, 22, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.06 : 1] } },
    axes: [
      { ...axis, size: 26, space: 74, values: (_, splits, __, ___, increment) => splits.map((it) => sayTick(it * 1_000, increment)) },
      { ...axis, size: 66, values: (_, splits) => splits.map(say) },
    ],
    series: [
      {},
      { label: 'p50', show: show.p95, stroke: 'transparent', points: { show: false } },
      { label: 'p95', show: show.p95, stroke: soft, width: 1, points: { show: false } },
      { label: 'max', show: show.max, stroke: edge, width: 1.2, dash: [2, 3], points: { ...points, size: 3, fill: edge, stroke: edge } },
      // The last is drawn on top of the band.
      { label: 'mean', stroke: main, width: 1.8, points: { ...points, fill: main, stroke: main } },
    ],
    bands: [{ series: [2, 1], fill: band }],
    hooks: {
      ready: [tellBox],
      setSize: [tellBox],
      setScale: [tellBox],
      setCursor: [(plot) => handlers.current.onHover(plot.cursor.idx ?? undefined)],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select
          if (wide >= selectPxMin) handlers.current.onSelect(plot.posToVal(left, 'x') * 1_000, plot.posToVal(left + wide, 'x') * 1_000)
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
      drawAxes: [
        (plot) => {
          const { ctx } = plot
          ctx.save()
          ctx.strokeStyle = ink
          ctx.globalAlpha = 0.45
          ctx.lineWidth = devicePixelRatio
          ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
          for (const mark of handlers.current.marks) {
            const x = Math.round(plot.valToPos(mark.at / 1_000, 'x', true))
            if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue
            ctx.beginPath()
            ctx.moveTo(x, plot.bbox.top)
            ctx.lineTo(x, plot.bbox.top + plot.bbox.height)
            ctx.stroke()
          }
          ctx.restore()
        },
      ],
    },
  }
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
/** "10:00" within a day, "15 Aug" at its beginning and for longer steps. */
function sayTick(at: number, incrementS: number): string {
  const then = new Date(at)
  return incrementS >= 86_400 || (then.getHours() === 0 && then.getMinutes() === 0) ? day.format(then) : clock.format(then)
}

/** The plot itself, in a part of the page's code of its own: most views need none. */
export function Plot(props: PlotProps) {
  const { ref: frame, width } = useElementSize()
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const handlers = useRef(props)
  handlers.current = props
  const scheme = useComputedColorScheme('light')
  const { data, show, marks, say } = props
  const isSized = width > 0

  // Made anew for other colours, other series and another axis; new figures and another width only change it.
  useEffect(() => {
    const element = box.current
    if (!isSized || element === null) return
    const made = new uPlot(optionsOf(handlers.current, element.clientWidth, handlers), alignedOf(handlers.current.data), element)
    plot.current = made
    return () => {
      plot.current = undefined
      made.destroy()
    }
  }, [isSized, scheme, show.p95, show.max, say])
  useEffect(() => plot.current?.setData(alignedOf(data)), [data])
  useEffect(() => plot.current?.redraw(), [marks])
  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height: heightPx })
  }, [width])

  return (
    <div ref={frame} style={{ minHeight: heightPx }} onPointerLeave={() => handlers.current.onHover(undefined)}>
      <div ref={box} />
    </div>
  )
}

const alignedOf = ({ at, mean, p50, p95, max }: PlotData): uPlot.AlignedData => [at, p50, p95, max, mean]
