/** An interval around zero: where its bar does not touch the middle line, the sign is sure. */
const heightPx = 14

export function Interval({
  low,
  high,
  middle,
  reach,
  tone,
  says,
  widthPx = 56,
}: {
  low: number
  high: number
  middle: number
  /** Half of the axis: what is further out is cut, with a mark that it goes on. */
  reach: number
  tone: 'dearer' | 'cheaper' | 'none'
  says: string
  widthPx?: number
}) {
  const x = (value: number) => widthPx / 2 + (Math.max(-reach, Math.min(reach, value)) / reach) * (widthPx / 2 - 4)
  const [from, to] = [x(low), x(high)]
  const y = heightPx / 2
  return (
    <svg
      className={`interval tone-${tone}`}
      width={widthPx}
      height={heightPx}
      viewBox={`0 0 ${widthPx} ${heightPx}`}
      role="img"
      aria-label={says}
    >
      <line className="interval-zero" x1={widthPx / 2} x2={widthPx / 2} y1={0} y2={heightPx} />
      <line className="interval-bar" x1={from} x2={Math.max(to, from + 1.5)} y1={y} y2={y} />
      {low < -reach && <path className="interval-end" d={`M4 ${y - 3.5} .8 ${y} 4 ${y + 3.5}`} />}
      {high > reach && <path className="interval-end" d={`M${widthPx - 4} ${y - 3.5} ${widthPx - 0.8} ${y} ${widthPx - 4} ${y + 3.5}`} />}
      <circle cx={x(middle)} cy={y} r={3} />
    </svg>
  )
}
