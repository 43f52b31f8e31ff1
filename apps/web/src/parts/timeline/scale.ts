/**
 * Time to pixels for a chart whose steps last from 5 ms to 30 min. A linear scale would make the short ones
 * invisible and a pause of hours would squeeze everything else, so the axis is bent, the same for all hosts: what
 * begins together stands together, and order is kept. A stretch holds at least `barMinPx` where a bar needs it, and a
 * long pause in which nothing ran is cut to `pausePx`. Where nothing is short and nothing pauses it is linear.
 */
export type Span = { readonly startMs: number; readonly endMs: number }
export type Pause = { readonly fromX: number; readonly toX: number; readonly startMs: number; readonly ms: number }
export type Scale = {
  readonly widthPx: number
  readonly toX: (ms: number) => number
  /** Short steps are drawn wider than their share. */
  readonly bent: boolean
  readonly pauses: readonly Pause[]
}

/** A pointer can hit it and an eye can see its colour and hatching. */
export const barMinPx = 9
/** Wide enough for the axis' break sign and its label. */
export const pausePx = 44
/** A pause shorter than this share of the worked time says something about pace and is drawn as it was. */
const pauseShareMax = 0.35
const pauseMsMin = 10_000

/** So many short steps that their least widths fill the chart: it grows and scrolls, and length still means time. */
const sharePartMin = 0.4

export function scaleOf(spans: readonly Span[], spanMs: number, availablePx: number): Scale {
  const cuts = [...new Set([0, spanMs, ...spans.flatMap((span) => [span.startMs, span.endMs])])]
    .filter((ms) => ms >= 0 && ms <= spanMs)
    .sort((a, b) => a - b)
  const stretches = cuts.slice(1).map((endMs, at) => ({ startMs: cuts[at] ?? 0, endMs, ms: endMs - (cuts[at] ?? 0) }))
  const at = new Map(cuts.map((ms, index) => [ms, index]))

  const covered = coverage(cuts, spans, at)
  const workedMs = stretches.reduce((sum, it, index) => sum + (covered[index] ? it.ms : 0), 0)
  const isPause = stretches.map((it, index) => !covered[index] && it.ms > pauseMsMin && it.ms > workedMs * pauseShareMax)

  const shareMs = stretches.map((it, index) => (isPause[index] ? 0 : it.ms))
  const floorPx = stretches.map((_, index): number => (isPause[index] ? pausePx : 0))
  const sum = (values: readonly number[], from = 0, to = values.length) => {
    let total = 0
    for (let index = from; index < to; index++) total += values[index] ?? 0
    return total
  }
  const totalMs = Math.max(sum(shareMs), 1)

  // Each short bar lifts the floor under itself; lifting leaves less to share, which makes further bars short.
  // Four rounds come within a pixel; the shortest go first, so that long ones count what those added inside them.
  const bars = spans
    .map((span) => ({ from: at.get(span.startMs) ?? 0, to: at.get(span.endMs) ?? 0, ms: span.endMs - span.startMs }))
    .filter((bar) => bar.to > bar.from)
    .sort((a, b) => a.ms - b.ms)
  const share = () => Math.max(availablePx - sum(floorPx), availablePx * sharePartMin) / totalMs
  let pxPerMs = share()
  let bent = false
  for (let round = 0; round < 4; round++) {
    for (const bar of bars) {
      if (bar.ms * pxPerMs >= barMinPx) break
      const missing = barMinPx - (bar.ms * pxPerMs + sum(floorPx, bar.from, bar.to))
      if (missing <= 0.5) continue
      bent = true
      for (let index = bar.from; index < bar.to; index++)
        floorPx[index] = (floorPx[index] ?? 0) + (missing * (stretches[index]?.ms ?? 0)) / bar.ms
    }
    pxPerMs = share()
  }

  const xs = [0]
  for (let index = 0; index < stretches.length; index++) xs.push((xs[index] ?? 0) + (floorPx[index] ?? 0) + (shareMs[index] ?? 0) * pxPerMs)
  const toX = (ms: number): number => {
    const index = Math.min(Math.max(upperBound(cuts, ms) - 1, 0), stretches.length - 1)
    const stretch = stretches[index]
    if (stretch === undefined) return 0
    const part = Math.min(1, Math.max(0, (ms - stretch.startMs) / stretch.ms))
    return (xs[index] ?? 0) + part * ((xs[index + 1] ?? 0) - (xs[index] ?? 0))
  }
  const pauses = stretches.flatMap((it, index) =>
    isPause[index] ? [{ fromX: xs[index] ?? 0, toX: xs[index + 1] ?? 0, startMs: it.startMs, ms: it.ms }] : [],
  )
  return { widthPx: xs.at(-1) ?? 0, toX, bent, pauses }
}

/** For each stretch between two cuts: does a bar lie over it? */
function coverage(cuts: readonly number[], spans: readonly Span[], at: ReadonlyMap<number, number>): boolean[] {
  const steps = new Array<number>(cuts.length + 1).fill(0)
  for (const span of spans) {
    const from = at.get(span.startMs)
    const to = at.get(span.endMs)
    if (from === undefined || to === undefined) continue
    steps[from] = (steps[from] ?? 0) + 1
    steps[to] = (steps[to] ?? 0) - 1
  }
  let depth = 0
  return cuts.slice(1).map((_, index) => {
    depth += steps[index] ?? 0
    return depth > 0
  })
}

/** The first index whose value is greater than `value`. */
function upperBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low
}

const niceMs = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
  3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
]
/** Labels closer than this run into each other. */
const tickPxMin = 62

export type Tick = { readonly x: number; readonly ms: number; readonly says: string }

/** Round moments along the axis, none too close to its neighbour. Their step fits the time in which something ran. */
export function ticksOf(scale: Scale, spanMs: number): Tick[] {
  const workedMs = Math.max(1, spanMs - scale.pauses.reduce((sum, pause) => sum + pause.ms, 0))
  const most = Math.max(2, Math.floor(scale.widthPx / (tickPxMin * 1.3)))
  const step = niceMs.find((ms) => workedMs / ms <= most) ?? 86_400_000 * Math.ceil(workedMs / 86_400_000 / most)
  const ticks: Tick[] = []
  const clear = (x: number) =>
    scale.pauses.every((pause) => x < pause.fromX - tickPxMin / 2 || x > pause.toX + tickPxMin / 2) &&
    x - (ticks.at(-1)?.x ?? -tickPxMin) >= tickPxMin
  // Walks around the pauses, in which hours may hold no tick at all.
  for (const [fromMs, toMs] of workedOf(scale, spanMs)) {
    for (let ms = Math.ceil(fromMs / step) * step; ms <= toMs; ms += step) {
      const x = scale.toX(ms)
      const says = sayTick(ms)
      if (clear(x) && says !== ticks.at(-1)?.says) ticks.push({ x, ms, says })
    }
  }
  return ticks
}

/** The stretches of time between the pauses. */
function workedOf(scale: Scale, spanMs: number): [number, number][] {
  const worked: [number, number][] = []
  let fromMs = 0
  for (const pause of scale.pauses) {
    worked.push([fromMs, pause.startMs])
    fromMs = pause.startMs + pause.ms
  }
  return [...worked, [fromMs, spanMs]]
}

/** "0 s", "250 ms", "40 s", "2 min", "1:30 min", "1:05 h". */
export function sayTick(ms: number): string {
  if (ms === 0) return '0 s'
  if (ms < 1_000) return `${ms} ms`
  if (ms < 60_000) return `${ms / 1_000} s`
  const [big, small, unit] = ms < 3_600_000 ? [60_000, 1_000, 'min'] : [3_600_000, 60_000, 'h']
  const rest = Math.round((ms % big) / small)
  return `${Math.floor(ms / big)}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`} ${unit}`
}
