import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { type PointerEvent as ReactPointerEvent, useCallback, useEffect, useRef, useState } from 'react'
import { type Box, boxOf, inkOf, type Sheet, toNs } from './canvas.ts'
import type { Bounds, TimeView } from './view.ts'

export type GraphProps = {
  readonly name: string
  /** What the graph shows, for those who cannot see it. */
  readonly says: string
  readonly view: TimeView
  readonly heightPx: number
  readonly hasTimes: boolean
  /** A change of it draws anew. */
  readonly draw: (sheet: Sheet) => void
  /** The numbers at the bottom and the top, where a box may choose them. */
  readonly heightOf?: (() => Bounds) | undefined
  /** The pointer is over a point; undefined: it left. */
  readonly onHover?: ((at: { x: number; y: number } | undefined, box: Box) => void) | undefined
  /** What keys zoom about; undefined: the middle. */
  readonly about?: (() => number | undefined) | undefined
  /** A key that the graph itself does not know. @returns whether it meant something */
  readonly onKey?: ((key: string) => boolean) | undefined
}

/** One turn of a usual wheel makes it a quarter nearer. */
const wheelPx = 380
/** A keystroke moves by so much of what is shown. */
const keyShare = 0.12
/** A stroke of the pointer that is shorter was a click. */
const boxPxMin = 6

type Drag =
  | { readonly kind: 'pan'; x: number; y: number }
  | { readonly kind: 'box'; readonly x: number; readonly y: number; toX: number; toY: number }

/** A canvas with an axis of time: pans by dragging, zooms by wheel, by a box (with Shift) and by keys; two clicks show all again. */
export function Graph({ name, says, view, heightPx, hasTimes, draw, heightOf, onHover, onKey, about }: GraphProps) {
  const { ref: frame, width } = useElementSize()
  const canvas = useRef<HTMLCanvasElement>(null)
  const scheme = useComputedColorScheme('light')
  const drag = useRef<Drag>(undefined)
  const [chosen, setChosen] = useState<{ left: number; top: number; width: number; height: number }>()
  const box = boxOf(width, heightPx, hasTimes)
  const [pointers] = useState(() => new Map<number, number>())

  const told = useRef({ draw, heightOf, onHover, onKey, about, box })
  told.current = { draw, heightOf, onHover, onKey, about, box }

  const redraw = useRef<() => void>(() => {})
  useEffect(() => {
    const element = canvas.current
    // What is opaque need not be mixed with what lies beneath: a third less work for whoever has no graphics card.
    const ctx = element?.getContext('2d', { alpha: false })
    if (!element || !ctx || width === 0) return
    const scale = Math.min(window.devicePixelRatio, 2)
    element.width = Math.round(width * scale)
    element.height = Math.round(heightPx * scale)
    const ink = inkOf(element)
    let asked = 0
    const paint = () => {
      asked = 0
      ctx.setTransform(scale, 0, 0, scale, 0, 0)
      ctx.fillStyle = ink.panel
      ctx.fillRect(0, 0, width, heightPx)
      told.current.draw({ ctx, box: told.current.box, view, ink, hasTimes })
    }
    // Many changes within a frame are one drawing.
    const ask = () => {
      if (asked === 0) asked = requestAnimationFrame(paint)
    }
    redraw.current = ask
    paint()
    const leave = view.watch(ask)
    return () => {
      leave()
      cancelAnimationFrame(asked)
      redraw.current = () => {}
    }
  }, [view, width, heightPx, hasTimes, scheme])
  useEffect(() => redraw.current(), [draw])

  const place = (event: { clientX: number; clientY: number }) => {
    const its = canvas.current?.getBoundingClientRect()
    return { x: event.clientX - (its?.left ?? 0), y: event.clientY - (its?.top ?? 0) }
  }
  const numberAt = useCallback((y: number): number | undefined => {
    const its = told.current.heightOf?.()
    const { top, height } = told.current.box
    return its === undefined ? undefined : its[0] + ((top + height - y) / height) * (its[1] - its[0])
  }, [])

  // Listened to by hand: the page must not scroll meanwhile, and React's own listener may not say so.
  useEffect(() => {
    const element = canvas.current
    if (element === null) return
    const onWheel = (event: WheelEvent) => {
      event.preventDefault()
      const its = told.current.box
      const span = view.to - view.from
      const turn = event.deltaMode === 1 ? 16 : 1
      // Sideways, or with Shift: along the axis.
      const along = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return view.pan((along * turn * span) / its.width)
      const rect = element.getBoundingClientRect()
      view.zoom(2 ** ((event.deltaY * turn) / wheelPx), toNs(its, view, event.clientX - rect.left), numberAt(event.clientY - rect.top))
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [view, numberAt])

  const onPointerDown = (event: ReactPointerEvent<HTMLCanvasElement>) => {
    if (event.button !== 0) return
    event.currentTarget.setPointerCapture(event.pointerId)
    pointers.set(event.pointerId, event.clientX)
    const { x, y } = place(event)
    drag.current = event.shiftKey ? { kind: 'box', x, y, toX: x, toY: y } : { kind: 'pan', x, y }
  }
  const onPointerMove = (event: ReactPointerEvent<HTMLCanvasElement>) => {
    const { x, y } = place(event)
    const its = drag.current
    const span = view.to - view.from
    if (pointers.size === 2 && pointers.has(event.pointerId)) {
      // Two fingers: what was between them stays between them.
      const [a = 0, b = 0] = [...pointers.values()]
      const other = pointers.get(event.pointerId) === a ? b : a
      const before = Math.abs((pointers.get(event.pointerId) ?? 0) - other)
      pointers.set(event.pointerId, event.clientX)
      const after = Math.abs(event.clientX - other)
      const rect = event.currentTarget.getBoundingClientRect()
      if (before > 10 && after > 10) view.zoom(before / after, toNs(box, view, (event.clientX + other) / 2 - rect.left))
      return
    }
    if (its?.kind === 'pan') {
      const bounds = view.height
      const up = bounds === undefined ? 0 : ((y - its.y) / box.height) * (bounds[1] - bounds[0])
      view.pan(((its.x - x) / box.width) * span, up)
      its.x = x
      its.y = y
    } else if (its?.kind === 'box') {
      its.toX = x
      its.toY = y
      const hasHeight = told.current.heightOf !== undefined
      setChosen({
        left: Math.min(its.x, x),
        width: Math.abs(x - its.x),
        top: hasHeight ? Math.min(its.y, y) : box.top,
        height: hasHeight ? Math.abs(y - its.y) : box.height,
      })
    } else told.current.onHover?.({ x, y }, box)
  }
  const onPointerUp = (event: ReactPointerEvent<HTMLCanvasElement>) => {
    pointers.delete(event.pointerId)
    const its = drag.current
    drag.current = undefined
    setChosen(undefined)
    if (its?.kind !== 'box' || Math.abs(its.toX - its.x) < boxPxMin) return
    const [from, to] = [toNs(box, view, Math.min(its.x, its.toX)), toNs(box, view, Math.max(its.x, its.toX))]
    const [low, high] = [numberAt(Math.max(its.y, its.toY)), numberAt(Math.min(its.y, its.toY))]
    view.show(from, to, low !== undefined && high !== undefined && high - low > 0 ? [low, high] : view.height)
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const span = view.to - view.from
    const middle = told.current.about?.() ?? (view.from + view.to) / 2
    if (event.key === 'ArrowLeft') view.pan(-span * keyShare)
    else if (event.key === 'ArrowRight') view.pan(span * keyShare)
    else if (event.key === '+' || event.key === '=' || event.key === 'ArrowUp') view.zoom(0.7, middle)
    else if (event.key === '-' || event.key === 'ArrowDown') view.zoom(1 / 0.7, middle)
    else if (event.key === 'Home' || event.key === '0') view.reset()
    else if (!(told.current.onKey?.(event.key) ?? false)) return
    event.preventDefault()
  }

  return (
    <div ref={frame} className="graph" style={{ height: heightPx }}>
      <canvas
        ref={canvas}
        className="graph-canvas"
        style={{ width, height: heightPx }}
        tabIndex={0}
        role="img"
        aria-label={`${name}: ${says}`}
        data-graph={name}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={onPointerUp}
        onPointerLeave={() => told.current.onHover?.(undefined, box)}
        onDoubleClick={() => view.reset()}
        onKeyDown={onKeyDown}
      />
      {chosen && <div className="graph-box" style={chosen} />}
    </div>
  )
}
