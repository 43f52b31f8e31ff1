import { sparkOf } from './spark.ts'

const widthPx = 96
const heightPx = 18

/** The trend of a row, with the place of a change marked in the colour of its direction. */
export function Spark({
  points,
  changedAt,
  dearer,
  says,
}: {
  points: readonly (number | null)[]
  changedAt: number | null
  dearer: boolean | undefined
  says: string
}) {
  const { d, dots } = sparkOf(points, widthPx, heightPx)
  const markX = changedAt === null || points.length < 2 ? undefined : Math.round((changedAt / (points.length - 1)) * (widthPx - 3) + 1.5)
  return (
    <svg className="spark" width={widthPx} height={heightPx} viewBox={`0 0 ${widthPx} ${heightPx}`} role="img" aria-label={says}>
      {markX !== undefined && (
        <line className={dearer === undefined ? '' : dearer ? 'is-dearer' : 'is-cheaper'} x1={markX} x2={markX} y1={0} y2={heightPx} />
      )}
      <path d={d} />
      {dots.map((dot) => (
        <circle key={dot.x} cx={dot.x} cy={dot.y} r={1} />
      ))}
    </svg>
  )
}
