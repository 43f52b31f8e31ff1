import { type Columns, kinds, labels } from '@belay/tcp'
import { useComputedColorScheme } from '@mantine/core'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { kindWords, labelWords, markWords, sayData, sayMs, sayNumber, sayRate } from '../words.ts'
import { type Box, inkOf, type Sheet } from './canvas.ts'
import { Graph } from './Graph.tsx'
import { Labelled } from './Labelled.tsx'
import { drawArea, drawDots, drawRate } from './lines.ts'
import { type Mark, markNames, pictureOf } from './picture.ts'
import { placeOf } from './pyramid.ts'
import { drawSequence, drawShapes, heightOf, type Layers, nearest, placeOfSegment } from './sequence.ts'
import { TimeView } from './view.ts'

export type GraphsProps = {
  readonly columns: Columns
  readonly fromClient: boolean
  readonly absolute: boolean
  /** A moment that somebody wants to see, ns; a new object for each wish. */
  readonly wanted: { readonly atNs: number } | undefined
  /** The graphs stand: for those who measure. */
  readonly onReady?: () => void
}

const sequencePx = 380
const smallPx = 118

/** Numbers of a grid: as they are where one can tell them apart, else as amounts. */
const sayPlain = (value: number): string => sayNumber(value)
const sayAmount = (value: number): string => sayData(value)

/** The time-sequence graph and what happened under it at the same time; one axis of time for all. */
export function SessionGraphs({ columns, fromClient, absolute, wanted, onReady }: GraphsProps) {
  const picture = useMemo(() => pictureOf(columns, fromClient), [columns, fromClient])
  const view = useMemo(() => new TimeView(picture.endNs), [picture])
  const [layers, setLayers] = useState<Layers>({ acks: true, window: true, sacks: true, marks: true })
  const [of, setOf] = useState<number>()
  useEffect(() => setOf(undefined), [picture])
  useEffect(() => onReady?.(), [onReady, picture])
  useEffect(() => {
    if (wanted === undefined) return
    // A moment with what led to it and what came of it; nearer, when one looks at less already.
    const span = Math.min(view.to - view.from, Math.max(picture.endNs / 12, 200e6))
    view.show(wanted.atNs - span / 2, wanted.atNs + span / 2, undefined)
  }, [wanted, view, picture])

  const base = columns.bases[fromClient ? 0 : 1]
  const say = useCallback(
    (value: number, step: number) =>
      absolute ? sayPlain((((value + base) % 2 ** 32) + 2 ** 32) % 2 ** 32) : step < 1_000 ? sayPlain(value) : sayAmount(value),
    [absolute, base],
  )
  const sheet = useRef<Pick<Sheet, 'box'>>(undefined)
  const drawMain = useCallback(
    (it: Sheet) => {
      sheet.current = it
      drawSequence({ ...it, picture, layers, say })
      if (of === undefined) return
      const at = placeOfSegment({ box: it.box, view, picture, layers }, of)
      if (at === undefined) return
      it.ctx.beginPath()
      it.ctx.arc(at.x, at.y, 8, 0, 2 * Math.PI)
      it.ctx.strokeStyle = it.ink.ink
      it.ctx.lineWidth = 1.5
      it.ctx.stroke()
    },
    [picture, layers, say, view, of],
  )
  const onHover = useCallback(
    (at: { x: number; y: number } | undefined, box: Box) => {
      if (at !== undefined) setOf((before) => nearest({ box, view, picture, layers }, at.x, at.y) ?? before)
    },
    [view, picture, layers],
  )
  /** To the next, or the last, mark from the segment that is told, else from the left edge. */
  const walk = useCallback(
    (by: 1 | -1) => {
      const { t, of: places } = picture.marks
      const here = of === undefined ? -1 : places.indexOf(of)
      const next =
        here >= 0
          ? here + by
          : by === 1
            ? placeOf(t, of === undefined ? view.from : (columns.t[of] as number))
            : placeOf(t, of === undefined ? view.to : (columns.t[of] as number)) - 1
      const found = places[next]
      if (found === undefined) return
      const at = t[next] as number
      if (at < view.from || at > view.to) view.show(at - (view.to - view.from) / 2, at + (view.to - view.from) / 2, undefined)
      setOf(found)
    },
    [picture, of, view, columns],
  )
  const onKey = useCallback(
    (key: string) => {
      if (key === 'n' || key === 'p') walk(key === 'n' ? 1 : -1)
      return key === 'n' || key === 'p'
    },
    [walk],
  )
  /** The segment that is told, while it is in sight: what buttons and keys zoom about. */
  const about = useCallback(() => {
    const at = of === undefined ? undefined : columns.t[of]
    return at !== undefined && at >= view.from && at <= view.to ? at : undefined
  }, [of, columns, view])
  const nearer = (factor: number) => view.zoom(factor, about() ?? (view.from + view.to) / 2)
  const drawRtt = useCallback((it: Sheet) => drawDots(it, picture.rtt, picture.rttRange, sayMs), [picture])
  const drawFlight = useCallback((it: Sheet) => drawArea(it, picture.flight, picture.flightRange, sayAmount), [picture])
  const drawThroughput = useCallback((it: Sheet) => drawRate(it, picture.carried, sayRate), [picture])
  const height = useCallback(() => heightOf(picture, view, layers), [picture, view, layers])
  const to = fromClient ? 'to the server' : 'to the client'
  const marked = markNames.filter((_, at) => (picture.counts[at] ?? 0) > 0)

  return (
    <div className="graphs">
      <div className="graph-tools">
        <Legend
          layers={layers}
          onLayer={(name) => setLayers((before) => ({ ...before, [name]: !before[name] }))}
          marked={marked}
          counts={(mark) => picture.counts[markNames.indexOf(mark)] ?? 0}
          hasSacks={picture.sacks.t.length > 0}
        />
        <span className="row push graph-buttons">
          {picture.marks.t.length > 0 && (
            <>
              <button type="button" className="btn small" onClick={() => walk(-1)} aria-label="Mark before" data-tip="Mark before (p)">
                ‹
              </button>
              <button type="button" className="btn small" onClick={() => walk(1)} aria-label="Next mark" data-tip="Next mark (n)">
                ›
              </button>
            </>
          )}
          <button type="button" className="btn small" onClick={() => nearer(0.5)} aria-label="Nearer" data-tip="Nearer (+)">
            +
          </button>
          <button type="button" className="btn small" onClick={() => nearer(2)} aria-label="Farther" data-tip="Farther (−)">
            −
          </button>
          <button type="button" className="btn small" onClick={() => view.reset()} data-tip="Show all (0, or two clicks)">
            All
          </button>
        </span>
      </div>
      <Labelled name="Sequence numbers">
        <Graph
          name="Time-sequence graph"
          says={`${sayNumber(picture.sent.t.length)} segments ${to}, ${sayNumber(picture.marks.t.length)} marked. Arrows move, + and − zoom, 0 shows all, n and p go from mark to mark.`}
          view={view}
          heightPx={sequencePx}
          hasTimes
          draw={drawMain}
          heightOf={height}
          onHover={onHover}
          onKey={onKey}
          about={about}
        />
      </Labelled>
      <p className="graph-told" aria-live="polite" data-told="">
        {of === undefined ? (
          <span className="soft">
            Point at a segment to read it. Drag to move, turn the wheel to zoom, drag with Shift to choose a box.
          </span>
        ) : (
          <Told columns={columns} of={of} absolute={absolute} />
        )}
      </p>
      <Labelled name="Round trips">
        <Graph
          name="Round trips"
          says={`${sayNumber(picture.rtt.t.length)} samples over time`}
          view={view}
          heightPx={smallPx}
          hasTimes={false}
          draw={drawRtt}
        />
      </Labelled>
      <Labelled name="Bytes in flight">
        <Graph
          name="Bytes in flight"
          says="sent and not yet acknowledged, over time"
          view={view}
          heightPx={smallPx}
          hasTimes={false}
          draw={drawFlight}
        />
      </Labelled>
      <Labelled name="Throughput" aside={<span className="soft">at its foot what was sent again</span>}>
        <Graph
          name="Throughput"
          says="payload over time, and how much of it was sent again"
          view={view}
          heightPx={smallPx + 18}
          hasTimes
          draw={drawThroughput}
        />
      </Labelled>
      {columns.dropped > 0 && (
        <p className="soft">{`${sayNumber(columns.dropped)} segments after the first ${sayNumber(columns.count)} are not shown.`}</p>
      )}
    </div>
  )
}

const ACK = 16
const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE'] as const

/** One segment in words. */
function Told({ columns, of, absolute }: { columns: Columns; of: number; absolute: boolean }) {
  const fromClient = columns.fromClient[of] === 1
  const flags = columns.flags[of] ?? 0
  const mine = absolute ? columns.bases[fromClient ? 0 : 1] : 0
  const theirs = absolute ? columns.bases[fromClient ? 1 : 0] : 0
  const number = (value: number) => sayNumber(absolute ? value % 2 ** 32 : value)
  const seq = columns.seq[of] ?? 0
  const length = columns.length[of] ?? 0
  const kind = columns.kind[of] ?? -1
  const bits = columns.labels[of] ?? 0
  const its = labels.filter((_, at) => (bits & (1 << at)) !== 0).map((it) => labelWords[it])
  const first = of === 0 ? 0 : (columns.sackEnd[of - 1] ?? 0)
  const sacks = Array.from(
    { length: (columns.sackEnd[of] ?? 0) - first },
    (_, at) => `${number((columns.sackLeft[first + at] ?? 0) + theirs)}–${number((columns.sackRight[first + at] ?? 0) + theirs)}`,
  )
  const kindName = kinds[kind]
  return (
    <>
      <span className="strong">frame {sayNumber(columns.frame[of] ?? 0)}</span>
      <span>{sayMs((columns.t[of] ?? 0) / 1e6)}</span>
      <span>{fromClient ? 'client → server' : 'server → client'}</span>
      <span>{flagNames.filter((_, at) => (flags & (1 << at)) !== 0).join(' ')}</span>
      <span>
        seq {number(seq + mine)}
        {length > 0 && ` to ${number(seq + length + mine)}, ${sayNumber(length)} B`}
      </span>
      {(flags & ACK) !== 0 && <span>{`ack ${number((columns.ack[of] ?? 0) + theirs)}`}</span>}
      <span>window {sayData(columns.window[of] ?? 0)}</span>
      {sacks.length > 0 && <span>SACK {sacks.join(', ')}</span>}
      {kindName !== undefined && <span className={kind > 0 ? 'strong' : 'soft'}>{kindWords[kindName]}</span>}
      <span className="soft">{its.length === 0 ? 'no label of tshark' : `tshark: ${its.join(', ')}`}</span>
    </>
  )
}

const layerWords = { acks: 'acknowledged', window: 'window', sacks: 'SACK', marks: 'marks' } as const

function Legend({
  layers,
  onLayer,
  marked,
  counts,
  hasSacks,
}: {
  layers: Layers
  onLayer: (name: keyof Layers) => void
  marked: readonly Mark[]
  counts: (mark: Mark) => number
  hasSacks: boolean
}) {
  // The shapes are drawn in the scheme's colours.
  useComputedColorScheme('light')
  const lines: readonly (keyof Layers)[] = hasSacks ? ['acks', 'window', 'sacks'] : ['acks', 'window']
  return (
    <ul className="graph-legend" aria-label="What is drawn">
      <li>
        <i className="key-sent" aria-hidden="true" /> sent
      </li>
      {lines.map((name) => (
        <li key={name}>
          <button type="button" className="legend-button" aria-pressed={layers[name]} onClick={() => onLayer(name)}>
            <i className={`key-${name}`} aria-hidden="true" /> {layerWords[name]}
          </button>
        </li>
      ))}
      {marked.length > 0 && (
        <li>
          <button type="button" className="legend-button" aria-pressed={layers.marks} onClick={() => onLayer('marks')}>
            marks
          </button>
        </li>
      )}
      {layers.marks &&
        marked.map((mark) => (
          <li key={mark}>
            <Shape mark={mark} /> {markWords[mark]} <span className="soft">{sayNumber(counts(mark))}</span>
          </li>
        ))}
    </ul>
  )
}

const shapePx = 14
/** The shape as the graph draws it. */
function Shape({ mark }: { mark: Mark }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  // Drawn after every rendering: it is small, and the scheme may have changed.
  useEffect(() => {
    const ctx = canvas.current?.getContext('2d')
    if (!ctx || canvas.current === null) return
    ctx.setTransform(2, 0, 0, 2, 0, 0)
    ctx.clearRect(0, 0, shapePx, shapePx)
    drawShapes(ctx, mark, [shapePx / 2, shapePx / 2], inkOf(canvas.current))
  })
  return <canvas ref={canvas} width={2 * shapePx} height={2 * shapePx} style={{ width: shapePx, height: shapePx }} aria-hidden="true" />
}
