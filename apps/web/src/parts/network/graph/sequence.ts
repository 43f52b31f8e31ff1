/**
 * The time-sequence graph, drawn on a canvas. Whatever the number of segments, one column of pixels gets a few marks:
 * the range of what was sent in it, one step of each line, and each shape once in a place.
 */
import { type Box, drawAxes, type Ink, type Sheet, toX, within } from './canvas.ts'
import { markNames, type Mark, type Picture } from './picture.ts'
import { placeOf, type Pyramid } from './pyramid.ts'
import type { Bounds, TimeView } from './view.ts'

/** What can be shown and hidden. */
export type Layers = { readonly acks: boolean; readonly window: boolean; readonly sacks: boolean; readonly marks: boolean }

/** Up to so many are drawn each for itself; it is then that single segments can be told apart. */
const singleMax = 1_500
/** A window that reaches farther than this beyond what was sent would press the rest flat; its line leaves the graph instead. */
const windowRoom = 0.6

/** The sequence numbers that are shown: those chosen, or those of what the time that is shown has. */
export function heightOf(picture: Picture, view: TimeView, layers: Layers): Bounds {
  if (view.height !== undefined) return view.height
  let [low, high] = [Infinity, -Infinity]
  const take = (t: Float64Array, range: Pyramid, isLine: boolean) => {
    const from = placeOf(t, view.from)
    const to = placeOf(t, view.to, from)
    if (!range.range(isLine ? Math.max(0, from - 1) : from, to)) return
    low = Math.min(low, range.min)
    high = Math.max(high, range.max)
  }
  take(picture.sent.t, picture.sentRange, false)
  if (layers.marks) take(picture.marks.t, picture.marksRange, false)
  if (layers.acks || low > high) take(picture.acks.t, picture.ackRange, true)
  if (low > high) [low, high] = [0, 1]
  if (layers.window) {
    const most = high + Math.max(high - low, 1) * windowRoom
    const before = high
    take(picture.acks.t, picture.edgeRange, true)
    // Its line is above all that is shown: no room is kept for it either.
    if (high > most) high = picture.edgeRange.min > most ? before : most
  }
  const room = Math.max((high - low) * 0.04, 1)
  return [low - room, high + room]
}

export type Scene = Sheet & {
  readonly picture: Picture
  readonly layers: Layers
  readonly say: (value: number, step: number) => string
}

export function drawSequence(scene: Scene): void {
  const { ctx, box, view, ink, picture, layers } = scene
  const bounds = heightOf(picture, view, layers)
  drawAxes(ctx, box, view, ink, { low: bounds[0], high: bounds[1], say: scene.say, hasTimes: scene.hasTimes })
  within(ctx, box, () => {
    if (layers.window) drawLine(scene, bounds, picture.acks.edge, picture.edgeRange, ink.held, [4, 3])
    if (layers.acks) drawLine(scene, bounds, picture.acks.ack, picture.ackRange, ink.top, [])
    drawRanges(scene, bounds, picture.sent, picture.sentRange, ink.ink, 1.4)
    if (layers.sacks)
      drawRanges(
        scene,
        bounds,
        { t: picture.sacks.t, low: picture.sacks.left, high: picture.sacks.right },
        picture.sackRange,
        ink.climb,
        2.2,
      )
    if (layers.marks) drawMarks(scene, bounds)
  })
}

const yOf = ({ top, height }: Box, [low, high]: Bounds, value: number): number => top + height - ((value - low) / (high - low)) * height

/** Upright strokes from one number to another. */
function drawRanges(
  { ctx, box, view }: Scene,
  bounds: Bounds,
  { t, low, high }: { readonly t: Float64Array; readonly low: Float64Array; readonly high: Float64Array },
  range: Pyramid,
  colour: string,
  widthPx: number,
): void {
  const from = placeOf(t, view.from)
  const to = placeOf(t, view.to, from)
  ctx.fillStyle = colour
  if (to - from <= singleMax) {
    for (let i = from; i < to; i++) {
      const top = yOf(box, bounds, high[i] as number)
      ctx.fillRect(toX(box, view, t[i] as number) - widthPx / 2, top, widthPx, Math.max(1.4, yOf(box, bounds, low[i] as number) - top))
    }
    return
  }
  const perPx = (view.to - view.from) / box.width
  for (let x = 0, at = from; x < box.width && at < to; x++) {
    const next = placeOf(t, view.from + (x + 1) * perPx, at, to)
    if (next > at && range.range(at, next)) {
      const top = yOf(box, bounds, range.max)
      ctx.fillRect(box.left + x, top, 1, Math.max(1.4, yOf(box, bounds, range.min) - top))
    }
    at = next
  }
}

/** A line of steps: what was said last holds until something else is said. */
function drawLine(
  { ctx, box, view, picture }: Scene,
  bounds: Bounds,
  values: Float64Array,
  range: Pyramid,
  colour: string,
  dash: number[],
): void {
  const { t } = picture.acks
  const from = placeOf(t, view.from)
  const to = placeOf(t, view.to, from)
  if (to === 0) return
  // What was said before the left edge still holds there.
  let y = yOf(box, bounds, values[Math.max(0, from - 1)] as number)
  const start = from > 0 ? box.left : toX(box, view, t[0] as number)
  const end = box.left + box.width
  if (to - from <= singleMax) {
    ctx.strokeStyle = colour
    ctx.lineWidth = 1.3
    ctx.setLineDash(dash)
    ctx.beginPath()
    ctx.moveTo(start, y)
    for (let i = from; i < to; i++) {
      const x = toX(box, view, t[i] as number)
      ctx.lineTo(x, y)
      y = yOf(box, bounds, values[i] as number)
      ctx.lineTo(x, y)
    }
    ctx.lineTo(end, y)
    ctx.stroke()
    ctx.setLineDash([])
    return
  }
  // Upright pixels instead of a path: without a graphics card a path of thousands of corners takes ten times as long.
  ctx.fillStyle = colour
  const [on, off] = [dash[0] ?? 1, dash[1] ?? 0]
  const perPx = (view.to - view.from) / box.width
  for (let x = 0, at = from; x < box.width; x++) {
    const next = placeOf(t, view.from + (x + 1) * perPx, at, to)
    let [top, bottom] = [y, y]
    if (next > at && range.range(at, next)) {
      top = Math.min(y, yOf(box, bounds, range.max))
      bottom = Math.max(y, yOf(box, bounds, range.min))
      y = yOf(box, bounds, values[next - 1] as number)
    }
    at = next
    if (x % (on + off) < on && box.left + x >= start - 1) ctx.fillRect(box.left + x, top - 0.65, 1, bottom - top + 1.3)
  }
}

/** Shapes stand in cells; a cell shows each shape once. Many would hide what they mark, so they stand farther apart. */
const cellsPx = { few: 5, many: 13 }
const fewMarks = 300

function drawMarks({ ctx, box, view, picture, ink }: Scene, bounds: Bounds): void {
  const { t, low, high, mark } = picture.marks
  const from = placeOf(t, view.from)
  const to = placeOf(t, view.to, from)
  const cellPx = to - from <= fewMarks ? cellsPx.few : cellsPx.many
  const columns = Math.ceil(box.width / cellPx) + 1
  const rows = Math.ceil(box.height / cellPx) + 1
  const taken = new Uint16Array(columns * rows)
  const places: number[][] = markNames.map(() => [])
  const isFew = to - from <= singleMax
  for (let i = from; i < to; i++) {
    const x = toX(box, view, t[i] as number)
    const y = yOf(box, bounds, ((low[i] as number) + (high[i] as number)) / 2)
    if (y < box.top || y > box.top + box.height) continue
    const cell = Math.floor((x - box.left) / cellPx) + columns * Math.floor((y - box.top) / cellPx)
    const bit = 1 << (mark[i] as number)
    if (((taken[cell] as number) & bit) !== 0) continue
    taken[cell] = (taken[cell] as number) | bit
    places[mark[i] as number]?.push(x, y)
    if (!isFew) continue
    const top = yOf(box, bounds, high[i] as number)
    ctx.fillStyle = ink[shapes[markNames[mark[i] as number] as Mark].tone]
    ctx.fillRect(x - 0.9, top, 1.8, Math.max(1.4, yOf(box, bounds, low[i] as number) - top))
  }
  for (const [at, name] of markNames.entries()) {
    const its = places[at] ?? []
    if (its.length > 0) drawShapes(ctx, name, its, ink)
  }
}

type Tone = 'fall' | 'held' | 'climb' | 'soft' | 'ink'
/** The shape of each mark, and its colour; no two of one colour have like shapes. */
export const shapes: Readonly<
  Record<Mark, { readonly tone: Tone; readonly filled: boolean; readonly path: (p: Pen, x: number, y: number) => void }>
> = {
  fast: { tone: 'fall', filled: true, path: (p, x, y) => polygon(p, x, y, [0, -5, 4.6, 3.4, -4.6, 3.4]) },
  timeout: { tone: 'fall', filled: true, path: (p, x, y) => polygon(p, x, y, [-3.8, -3.8, 3.8, -3.8, 3.8, 3.8, -3.8, 3.8]) },
  tail: { tone: 'held', filled: true, path: (p, x, y) => polygon(p, x, y, [0, -5.2, 5.2, 0, 0, 5.2, -5.2, 0]) },
  spurious: { tone: 'held', filled: false, path: (p, x, y) => cross(p, x, y, 3.8) },
  reordered: { tone: 'climb', filled: false, path: (p, x, y) => circle(p, x, y, 4) },
  lostBefore: { tone: 'fall', filled: true, path: (p, x, y) => polygon(p, x, y, [0, 5, 4.6, -3.4, -4.6, -3.4]) },
  duplicate: { tone: 'soft', filled: false, path: (p, x, y) => plus(p, x, y, 4.2) },
  probe: { tone: 'held', filled: false, path: (p, x, y) => polygon(p, x, y, [-3.8, -3.8, 3.8, -3.8, 3.8, 3.8, -3.8, 3.8]) },
  keepAlive: { tone: 'soft', filled: true, path: (p, x, y) => circle(p, x, y, 2.6) },
  reset: { tone: 'fall', filled: false, path: (p, x, y) => cross(p, x, y, 5.4) },
  hole: { tone: 'fall', filled: false, path: (p, x, y) => open(p, x, y, [-4.6, -3.4, 0, 4.4, 4.6, -3.4]) },
}

export function drawShapes(ctx: CanvasRenderingContext2D, name: Mark, places: readonly number[], ink: Ink): void {
  const { tone, filled, path } = shapes[name]
  ctx.beginPath()
  for (let i = 0; i < places.length; i += 2) path(ctx, places[i] as number, places[i + 1] as number)
  if (filled) {
    // A rim in the ground's colour keeps what overlaps apart.
    ctx.strokeStyle = ink.panel
    ctx.lineWidth = 1.6
    ctx.stroke()
    ctx.fillStyle = ink[tone]
    ctx.fill()
    return
  }
  ctx.strokeStyle = ink[tone]
  ctx.lineWidth = 1.6
  ctx.stroke()
}

type Pen = Pick<CanvasRenderingContext2D, 'moveTo' | 'lineTo' | 'arc' | 'closePath'>
function open(p: Pen, x: number, y: number, corners: readonly number[]): void {
  for (let i = 0; i < corners.length; i += 2) {
    const [dx, dy] = [corners[i] as number, corners[i + 1] as number]
    if (i === 0) p.moveTo(x + dx, y + dy)
    else p.lineTo(x + dx, y + dy)
  }
}
function polygon(p: Pen, x: number, y: number, corners: readonly number[]): void {
  open(p, x, y, corners)
  p.closePath()
}
function circle(p: Pen, x: number, y: number, radius: number): void {
  p.moveTo(x + radius, y)
  p.arc(x, y, radius, 0, 2 * Math.PI)
}
function cross(p: Pen, x: number, y: number, reach: number): void {
  p.moveTo(x - reach, y - reach)
  p.lineTo(x + reach, y + reach)
  p.moveTo(x + reach, y - reach)
  p.lineTo(x - reach, y + reach)
}
function plus(p: Pen, x: number, y: number, reach: number): void {
  p.moveTo(x - reach, y)
  p.lineTo(x + reach, y)
  p.moveTo(x, y - reach)
  p.lineTo(x, y + reach)
}

/** A pointer within this many pixels of something means it. */
const nearPx = 9
/** Of more than these in reach the nearest cannot be told by eye. */
const lookedAtMax = 40_000

/** The place in the trace of what is nearest to a point of the canvas: a mark before a segment, that before an acknowledgement. */
export function nearest(scene: Pick<Scene, 'box' | 'view' | 'picture' | 'layers'>, x: number, y: number): number | undefined {
  const { box, view, picture, layers } = scene
  const bounds = heightOf(picture, view, layers)
  const perPx = (view.to - view.from) / box.width
  const at = view.from + (x - box.left) * perPx
  const look = (t: Float64Array, low: Float64Array, high: Float64Array, of: Uint32Array): number | undefined => {
    const from = placeOf(t, at - nearPx * perPx)
    const to = Math.min(placeOf(t, at + nearPx * perPx, from), from + lookedAtMax)
    let [found, best]: [number | undefined, number] = [undefined, nearPx * nearPx]
    for (let i = from; i < to; i++) {
      const dx = ((t[i] as number) - at) / perPx
      const [top, bottom] = [yOf(box, bounds, high[i] as number), yOf(box, bounds, low[i] as number)]
      const dy = y < top ? top - y : y > bottom ? y - bottom : 0
      const distance = dx * dx + dy * dy
      if (distance >= best) continue
      best = distance
      found = of[i]
    }
    return found
  }
  const { sent, marks, acks } = picture
  return (
    (layers.marks ? look(marks.t, marks.low, marks.high, marks.of) : undefined) ??
    look(sent.t, sent.low, sent.high, sent.of) ??
    (layers.acks ? look(acks.t, acks.ack, acks.ack, acks.of) : undefined)
  )
}

/** Where a segment of the trace is drawn; undefined: it is not, or not on this stretch. */
export function placeOfSegment(
  scene: Pick<Scene, 'box' | 'view' | 'picture' | 'layers'>,
  of: number,
): { x: number; y: number } | undefined {
  const { box, view, picture, layers } = scene
  const { columns } = picture
  const isMine = (columns.fromClient[of] === 1) === picture.fromClient
  const x = toX(box, view, columns.t[of] as number)
  const value = isMine ? (columns.seq[of] as number) + (columns.length[of] as number) / 2 : (columns.ack[of] as number)
  const y = yOf(box, heightOf(picture, view, layers), value)
  return x < box.left || x > box.left + box.width || y < box.top || y > box.top + box.height ? undefined : { x, y }
}
