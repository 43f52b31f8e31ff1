/** The smaller graphs under the time-sequence graph: round trips, bytes in flight, throughput. */
import { drawAxes, type Sheet, toX, within } from './canvas.ts'
import type { Picture } from './picture.ts'
import { placeOf, type Pyramid } from './pyramid.ts'

type Values = { readonly t: Float64Array; readonly value: Float64Array }
type Say = (value: number, step: number) => string

const singleMax = 1_500

/** Each sample a dot; where they are too many, the range of each column of pixels. */
export function drawDots(sheet: Sheet, values: Values, range: Pyramid, say: Say): void {
  const { ctx, box, view, ink } = sheet
  const from = placeOf(values.t, view.from)
  const to = placeOf(values.t, view.to, from)
  const high = range.range(from, to) && range.max > 0 ? range.max * 1.08 : 1
  drawAxes(ctx, box, view, ink, { low: 0, high, say, hasTimes: sheet.hasTimes })
  const y = (value: number) => box.top + box.height - (value / high) * box.height
  within(ctx, box, () => {
    ctx.fillStyle = ink.climb
    if (to - from <= singleMax) {
      for (let i = from; i < to; i++)
        ctx.fillRect(toX(box, view, values.t[i] as number) - 1.2, y(values.value[i] as number) - 1.2, 2.4, 2.4)
      return
    }
    perColumn(sheet, values.t, from, to, (x, first, next) => {
      if (!range.range(first, next)) return
      const top = y(range.max) - 1
      ctx.fillRect(x, top, 1, Math.max(2, y(range.min) - top))
    })
  })
}

/** What holds until it changes, as an area; `rangeOf` tells its least and greatest where many changes share a column. */
export function drawArea(sheet: Sheet, values: Values, range: Pyramid, say: Say): void {
  const { ctx, box, view, ink } = sheet
  const from = placeOf(values.t, view.from)
  const to = placeOf(values.t, view.to, from)
  const high = range.range(Math.max(0, from - 1), to) && range.max > 0 ? range.max * 1.08 : 1
  drawAxes(ctx, box, view, ink, { low: 0, high, say, hasTimes: sheet.hasTimes })
  if (to === 0) return
  const y = (value: number) => box.top + box.height - (value / high) * box.height
  const end = to === values.t.length ? toX(box, view, values.t[to - 1] as number) : box.left + box.width
  const start = from > 0 ? box.left : toX(box, view, values.t[0] as number)
  let last = y(from > 0 ? (values.value[from - 1] as number) : 0)
  within(ctx, box, () => {
    if (to - from <= singleMax) {
      ctx.strokeStyle = ink.climb
      ctx.lineWidth = 1.3
      ctx.beginPath()
      ctx.moveTo(start, last)
      for (let i = from; i < to; i++) {
        const x = toX(box, view, values.t[i] as number)
        ctx.lineTo(x, last)
        last = y(values.value[i] as number)
        ctx.lineTo(x, last)
      }
      ctx.lineTo(end, last)
      ctx.stroke()
      return
    }
    // Upright pixels, as in the time-sequence graph: a path of so many corners is slow.
    ctx.fillStyle = ink.climb
    let drawn = start
    perColumn(sheet, values.t, from, to, (x, first, next) => {
      if (x > drawn) ctx.fillRect(drawn, last - 0.65, x - drawn, 1.3)
      if (!range.range(first, next)) return
      const top = Math.min(last, y(range.max))
      ctx.fillRect(x, top - 0.65, 1, Math.max(last, y(range.min)) - top + 1.3)
      last = y(values.value[next - 1] as number)
      drawn = x + 1
    })
    if (end > drawn) ctx.fillRect(drawn, last - 0.65, end - drawn, 1.3)
  })
}

/** A rate is told for stretches of about this width: narrower ones would show packets, not a rate. */
const stretchPx = 6

/** Bits a second of payload, with what of it had been sent before hatched by another colour and a line of its own. */
export function drawRate(sheet: Sheet, { t, bytes, again }: Picture['carried'], say: Say): void {
  const { ctx, box, view, ink } = sheet
  const count = Math.max(1, Math.floor(box.width / stretchPx))
  const span = (view.to - view.from) / count
  const rates = new Float64Array(count)
  const agains = new Float64Array(count)
  const until = (column: Float64Array, place: number) => (place === 0 ? 0 : (column[place - 1] as number))
  let high = 0
  for (let i = 0, first = placeOf(t, view.from); i < count; i++) {
    const next = placeOf(t, view.from + (i + 1) * span, first)
    rates[i] = ((until(bytes, next) - until(bytes, first)) * 8e9) / span
    agains[i] = ((until(again, next) - until(again, first)) * 8e9) / span
    high = Math.max(high, rates[i] as number)
    first = next
  }
  high = high > 0 ? high * 1.08 : 1
  drawAxes(ctx, box, view, ink, { low: 0, high, say, hasTimes: sheet.hasTimes })
  const y = (value: number) => box.top + box.height - (value / high) * box.height
  within(ctx, box, () => {
    const wide = box.width / count
    ctx.beginPath()
    ctx.moveTo(box.left, y(0))
    for (let i = 0; i < count; i++) {
      ctx.lineTo(box.left + i * wide, y(rates[i] as number))
      ctx.lineTo(box.left + (i + 1) * wide, y(rates[i] as number))
    }
    ctx.lineTo(box.left + box.width, y(0))
    ctx.globalAlpha = 0.14
    ctx.fillStyle = ink.climb
    ctx.fill()
    ctx.globalAlpha = 1
    ctx.strokeStyle = ink.climb
    ctx.lineWidth = 1.3
    ctx.stroke()
    ctx.fillStyle = ink.fall
    for (let i = 0; i < count; i++) {
      const its = agains[i] as number
      if (its > 0) ctx.fillRect(box.left + i * wide, Math.min(y(its), y(0) - 2), Math.max(1, wide - 1), y(0) - Math.min(y(its), y(0) - 2))
    }
  })
}

/** Goes through the columns of pixels that have values. */
function perColumn(
  { box, view }: Pick<Sheet, 'box' | 'view'>,
  t: Float64Array,
  from: number,
  to: number,
  draw: (x: number, first: number, next: number) => void,
): void {
  const perPx = (view.to - view.from) / box.width
  for (let x = 0, at = from; x < box.width && at < to; x++) {
    const next = placeOf(t, view.from + (x + 1) * perPx, at, to)
    if (next > at) draw(box.left + x, at, next)
    at = next
  }
}
