import type { CallChangeWire, CallMeasure, CallRowWire } from '@belay/protocol'
import { type Column, measureOf } from './columns.ts'
import { Difference } from './Difference.tsx'
import { isTime, measureWords, sayDelta, sayMany, sayP, sayPer, sayRelative, sayShare, sayTime, sayTotal } from './figures.ts'
import { sayInterval } from './says.ts'
import type { Rank } from './search.ts'
import { Spark } from './Spark.tsx'

/** What is compared, or, when nothing is, the change that was found in this range. */
function ChangeCell({ row, measure, change }: { row: CallRowWire; measure: CallMeasure; change: CallChangeWire | undefined }) {
  if (row.compared !== null) return <Difference measure={measure} it={row.compared[measure]} />
  if (change === undefined) return <span className="no-change">no change shown</span>
  return (
    <span
      className={`changed ${change.dearer ? 'is-dearer' : 'is-cheaper'}`}
      data-tip={`${change.says}\n99% interval ${sayInterval(change)}, ${sayP(change.p)}`}
    >
      {change.relative === null ? sayDelta(change.measure, change.after - change.before) : sayRelative(change.relative)}
    </span>
  )
}

/** CPU time is not always measured call by call, and then a mark says so. */
function cpuMark(row: CallRowWire, isSampled: boolean): string | undefined {
  if (row.cpuEstimated) return "An estimate: this service reports no CPU time per call, so its processes' time is divided by regression"
  if (isSampled && row.cpu.n < row.count) return `Sampled: measured on ${sayMany(row.cpu.n)} of ${sayMany(row.count)} calls`
  return undefined
}

function Figure({ column, row, isSampled }: { column: Column; row: CallRowWire; isSampled: boolean }) {
  const { measure, stat } = column
  if (measure === undefined || stat === undefined) return null
  const its = row[measure]
  const value = its.n === 0 ? null : its[stat]
  if (value === null)
    return (
      <span className="soft" data-tip={its.n === 0 ? 'Not measured' : 'Only sums are kept for this range: no quantiles'}>
        –
      </span>
    )
  const said =
    stat === 'total'
      ? isTime(measure)
        ? sayTotal(value)
        : { value: sayMany(value), unit: '' }
      : isTime(measure)
        ? sayTime(value)
        : { value: sayPer(value), unit: '' }
  // A unit stands beside the figure that the eye looks for; the others are in ms too, unless they say.
  const unit = column.strong || stat === 'total' || said.unit === 's' ? said.unit : ''
  const mark = measure === 'cpu' && stat === 'mean' ? cpuMark(row, isSampled) : undefined
  return (
    <>
      {mark !== undefined && (
        <span className="figure-mark" data-tip={mark}>
          <span className="hidden">{row.cpuEstimated ? 'estimated ' : 'sampled '}</span>
          <span aria-hidden="true">{row.cpuEstimated ? '≈' : '◔'}</span>
        </span>
      )}
      <span className={column.strong ? 'figure-strong' : ''}>{said.value}</span>
      {unit !== '' && <span className="figure-unit">{unit}</span>}
    </>
  )
}

export function Cell({
  column,
  row,
  rank,
  isSampled,
  change,
}: {
  column: Column
  row: CallRowWire
  rank: Rank
  isSampled: boolean
  change: CallChangeWire | undefined
}) {
  const measure = measureOf(rank)
  switch (column.kind) {
    case 'count':
      return (
        <span role="cell" className="num">
          {column.key === 'repeats' ? (row.repeats?.max ?? <span className="soft">–</span>) : sayMany(row.count)}
        </span>
      )
    case 'errors':
      return (
        <span role="cell" className="num">
          {row.errors === 0 ? (
            <span className="soft">0</span>
          ) : (
            <span className="ink-fall" data-tip={`${sayShare(row.errors / Math.max(1, row.count))} of its calls failed`}>
              {sayMany(row.errors)}
            </span>
          )}
        </span>
      )
    case 'share': {
      const share = column.measure === undefined ? 0 : row[column.measure].share
      return (
        <span role="cell" className="num share-cell">
          <i style={{ width: `${Math.min(1, share * 2) * 46}px` }} />
          {sayShare(share)}
        </span>
      )
    }
    case 'change':
      return (
        <span role="cell" className="num">
          <ChangeCell row={row} measure={measure} change={change} />
        </span>
      )
    case 'spark': {
      const dearer = row.compared?.[measure].shown === true ? row.compared[measure].difference > 0 : change?.dearer
      return (
        <span role="cell" className="num spark-cell">
          <Spark
            points={row.spark}
            changedAt={row.changedAt}
            dearer={dearer}
            says={`Trend of ${measureWords[measure].says}${row.changedAt === null ? '' : ', with a change'}`}
          />
        </span>
      )
    }
    case 'figure':
      return (
        <span role="cell" className="num">
          <Figure column={column} row={row} isSampled={isSampled} />
        </span>
      )
  }
}
