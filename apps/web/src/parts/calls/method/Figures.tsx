import { type CallMethodWire, callMeasures } from '@belay/protocol'
import { Difference } from '../Difference.tsx'
import { isTime, measureWords, sayFigure, sayMany, sayPer, sayShare, sayTime, sayTotal } from '../figures.ts'
import { Interval } from '../Interval.tsx'

const quantiles = ['p50', 'p95', 'p99', 'max'] as const

/** Every figure of a method in one small table, with the budget and the comparison beside each measure. */
export function Figures({ it, comparedWith }: { it: CallMethodWire; comparedWith: string | undefined }) {
  const { row, budget } = it
  const compared = row.compared
  const hasBudget = budget !== null && callMeasures.some((measure) => budget[measure] !== null)
  const reach = Math.max(
    0.1,
    ...callMeasures.flatMap((measure) => {
      const its = compared?.[measure]
      return its === undefined || its.few || its.relative === null ? [] : [Math.min(0.5, Math.abs(its.relative) * 1.5)]
    }),
  )
  return (
    <div className="scroll-x">
      <table className="list method-figures">
        <thead>
          <tr>
            <th>A call takes</th>
            <th className="num">mean</th>
            {quantiles.map((stat) => (
              <th key={stat} className="num">
                {stat}
              </th>
            ))}
            <th className="num">total</th>
            <th className="num">of all methods</th>
            {hasBudget && <th className="num">budget</th>}
            {compared !== null && <th className="num">against {comparedWith ?? 'before'}</th>}
            {compared !== null && <th aria-label="Interval of 99%" />}
          </tr>
        </thead>
        <tbody>
          {callMeasures.map((measure) => {
            const its = row[measure]
            const limit = budget?.[measure] ?? null
            const difference = compared?.[measure]
            const total = isTime(measure) ? sayTotal(its.total) : { value: sayMany(its.total), unit: '' }
            return (
              <tr key={measure}>
                <td className="nowrap">
                  {measureWords[measure].says}
                  {measure === 'cpu' && row.cpuEstimated && <span className="soft"> (estimated)</span>}
                  {measure === 'cpu' && its.n < row.count && its.n > 0 && <span className="soft"> (of {sayMany(its.n)} calls)</span>}
                </td>
                {its.n === 0 ? (
                  <td className="soft num" colSpan={7}>
                    not measured
                  </td>
                ) : (
                  <>
                    <td className="num nowrap">
                      <span className="strong">{isTime(measure) ? sayTime(its.mean).value : sayPer(its.mean)}</span>
                      {isTime(measure) && <span className="figure-unit">{sayTime(its.mean).unit}</span>}
                    </td>
                    {quantiles.map((stat) => {
                      const value = its[stat]
                      return (
                        <td key={stat} className="num nowrap" data-tip={value === null ? 'Not kept for this range' : undefined}>
                          {value === null ? '–' : isTime(measure) ? sayBare(value) : sayPer(value)}
                        </td>
                      )
                    })}
                    <td className="num nowrap">
                      {total.value}
                      {total.unit !== '' && <span className="figure-unit unit-wide">{total.unit}</span>}
                    </td>
                    <td className="num">{sayShare(its.share)}</td>
                  </>
                )}
                {hasBudget && (
                  <td className="num nowrap">
                    {limit === null ? (
                      <span className="soft">none</span>
                    ) : (
                      <span className={its.mean > limit ? 'ink-fall strong' : ''}>
                        {its.mean > limit ? 'over ' : 'within '}
                        {sayFigure(measure, limit)}
                      </span>
                    )}
                  </td>
                )}
                {difference !== undefined && (
                  <td className="num nowrap">
                    <Difference measure={measure} it={difference} />
                  </td>
                )}
                {difference !== undefined && (
                  <td>
                    {!difference.few && difference.before > 0 && (
                      <Interval
                        low={difference.low / difference.before}
                        high={difference.high / difference.before}
                        middle={difference.difference / difference.before}
                        widthPx={150}
                        reach={reach}
                        tone={difference.shown ? (difference.difference > 0 ? 'dearer' : 'cheaper') : 'none'}
                        says={`99% interval of ${measureWords[measure].says}`}
                      />
                    )}
                  </td>
                )}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

const sayBare = (us: number): string => {
  const { value, unit } = sayTime(us)
  return unit === 'ms' ? value : `${value} ${unit}`
}
