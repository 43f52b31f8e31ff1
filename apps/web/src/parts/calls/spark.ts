/** A line of a trend that is a finger wide. Pure. */
export type SparkPath = {
  /** One part for each stretch without gaps: where no call was, there is no line, and not a line at zero. */
  readonly d: string
  /** Stretches of one point only, which a line cannot show. */
  readonly dots: readonly { readonly x: number; readonly y: number }[]
}

/** A line that stays within this part of its top is drawn quieter, the quieter it is. */
const leastSwing = 0.4

export function sparkOf(points: readonly (number | null)[], widthPx: number, heightPx: number): SparkPath {
  const known = points.filter((it) => it !== null)
  if (known.length === 0) return { d: '', dots: [] }
  const top = Math.max(...known)
  // A wobble is not blown up to a mountain: the height is at least a part of the figure itself.
  const bottom = Math.min(top - Math.abs(top) * leastSwing, Math.min(...known))
  const pad = 1.5
  const x = (at: number) => round(pad + (points.length < 2 ? 0 : (at / (points.length - 1)) * (widthPx - 2 * pad)))
  const y = (value: number) => round(heightPx - pad - (top === bottom ? 1 : (value - bottom) / (top - bottom)) * (heightPx - 2 * pad))
  const parts: string[] = []
  const dots: { x: number; y: number }[] = []
  for (let at = 0; at < points.length; at++) {
    const value = points[at] ?? null
    if (value === null) continue
    const before = points[at - 1] ?? null
    const after = points[at + 1] ?? null
    if (before === null && after === null) dots.push({ x: x(at), y: y(value) })
    else parts.push(`${before === null ? 'M' : 'L'}${x(at)} ${y(value)}`)
  }
  return { d: parts.join(''), dots }
}
const round = (value: number): number => Math.round(value * 10) / 10
