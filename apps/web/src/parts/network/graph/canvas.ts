/** What every graph of a session has: a box with axes, in the page's colours. */
import { sayTick, ticksOf, type TimeView } from './view.ts'

export type Box = { readonly left: number; readonly top: number; readonly width: number; readonly height: number }

export type Ink = {
  readonly ink: string
  readonly soft: string
  readonly faint: string
  readonly line: string
  readonly panel: string
  readonly climb: string
  readonly held: string
  readonly fall: string
  readonly top: string
  readonly font: string
}

/** What a graph is drawn on, and the stretch of time that it shows. */
export type Sheet = {
  readonly ctx: CanvasRenderingContext2D
  readonly box: Box
  readonly view: TimeView
  readonly ink: Ink
  readonly hasTimes: boolean
}

/** The colours of the scheme that is worn now. */
export function inkOf(element: Element): Ink {
  const style = getComputedStyle(element)
  const its = (name: string) => style.getPropertyValue(name).trim()
  return {
    ink: its('--ink'),
    soft: its('--soft'),
    faint: its('--faint'),
    line: its('--line'),
    panel: its('--panel'),
    climb: its('--climb-mark'),
    held: its('--held-mark'),
    fall: its('--fall-mark'),
    top: its('--top-mark'),
    font: `11px ${its('--sans')}`,
  }
}

/** Where the plot lies within its canvas: all graphs have the same left edge, so that their times stand above each other. */
export const boxOf = (widthPx: number, heightPx: number, hasTimes: boolean): Box => {
  const left = widthPx < 520 ? 54 : 78
  return { left, top: 8, width: Math.max(10, widthPx - left - 10), height: heightPx - 8 - (hasTimes ? 24 : 6) }
}

export const toX = (box: Box, view: TimeView, ns: number): number => box.left + ((ns - view.from) / (view.to - view.from)) * box.width
export const toNs = (box: Box, view: TimeView, x: number): number => view.from + ((x - box.left) / box.width) * (view.to - view.from)

const tickPx = { x: 96, y: 36 }

/** Grid, words along the left and, where there are any, along the bottom. Leaves the canvas as it found it. */
export function drawAxes(
  ctx: CanvasRenderingContext2D,
  box: Box,
  view: TimeView,
  ink: Ink,
  { low, high, say, hasTimes }: { low: number; high: number; say: (value: number, step: number) => string; hasTimes: boolean },
): void {
  const y = (value: number) => Math.round(box.top + box.height - ((value - low) / (high - low)) * box.height) + 0.5
  ctx.save()
  ctx.font = ink.font
  ctx.strokeStyle = ink.line
  ctx.fillStyle = ink.soft
  ctx.lineWidth = 1
  const times = ticksOf(view.from, view.to, Math.max(2, box.width / tickPx.x))
  const heights = ticksOf(low, high, Math.max(2, box.height / tickPx.y))
  ctx.beginPath()
  for (const at of times.values) {
    const x = Math.round(toX(box, view, at)) + 0.5
    ctx.moveTo(x, box.top)
    ctx.lineTo(x, box.top + box.height)
  }
  for (const value of heights.values) {
    ctx.moveTo(box.left, y(value))
    ctx.lineTo(box.left + box.width, y(value))
  }
  ctx.stroke()
  ctx.textAlign = 'right'
  ctx.textBaseline = 'middle'
  for (const value of heights.values) ctx.fillText(say(value, heights.step), box.left - 7, Math.max(y(value), box.top + 5))
  if (hasTimes) {
    ctx.textBaseline = 'top'
    for (const at of times.values) {
      const words = sayTick(at, times.step)
      const half = ctx.measureText(words).width / 2
      const x = Math.min(Math.max(toX(box, view, at), box.left + half), box.left + box.width - half)
      ctx.textAlign = 'center'
      ctx.fillText(words, x, box.top + box.height + 7)
    }
  }
  ctx.restore()
}

/** Nothing drawn in `draw` leaves the box. */
export function within(ctx: CanvasRenderingContext2D, box: Box, draw: () => void): void {
  ctx.save()
  ctx.beginPath()
  ctx.rect(box.left, box.top, box.width, box.height)
  ctx.clip()
  draw()
  ctx.restore()
}
