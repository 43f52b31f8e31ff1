import { sayCount } from '@belay/base'
import { type CallMeasure, callMeasures, type DifferenceWire, type FlagCostWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { sayClock } from '../../../time.ts'
import { Panel } from '../../Page.tsx'
import { useNow } from '../../useNow.ts'
import { measureWords, sayDifference, sayMany, tellDifference } from '../figures.ts'
import { Interval } from '../Interval.tsx'
import { reachOf, sayTests } from './flagCosts.ts'

/** The surest are what one came for. */
const shownFirst = 12

/** Two variants of a flag over the time in which both were seen: each method by each measure. */
export function FlagCost({ it }: { it: FlagCostWire }) {
  const nowAt = useNow(60_000)
  const [all, setAll] = useState(false)
  const rows = all ? it.rows : it.rows.slice(0, shownFirst)
  return (
    <Panel
      title={`${it.flag}: ${it.variant} against ${it.against}`}
      aside={
        <span className="soft">
          {it.environment}, {sayClock(it.from, nowAt)} to {sayClock(it.to, nowAt)}
        </span>
      }
    >
      <p className="cost-says">
        {it.says} <span className="soft">{sayTests(it)}</span>{' '}
        <Link to="/flags/$key" params={{ key: it.flag }} className="link">
          To the flag
        </Link>
      </p>
      {rows.length > 0 && (
        <div className="scroll-x">
          <table className="list cost-matrix">
            <thead>
              <tr>
                <th>Method</th>
                <th className="num">Calls</th>
                {callMeasures.map((measure) => (
                  <th key={measure}>{measureWords[measure].says}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.service} ${row.method}`}>
                  <td>
                    <Link
                      to="/calls/method"
                      search={{ environment: it.environment, service: row.service, method: row.method }}
                      className="mono link"
                      data-row=""
                    >
                      {row.method}
                    </Link>
                  </td>
                  <td
                    className="num soft"
                    data-tip={`${sayMany(row.count.after)} with ${it.variant}, ${sayMany(row.count.before)} with ${it.against}`}
                  >
                    {sayMany(row.count.after)} / {sayMany(row.count.before)}
                  </td>
                  {callMeasures.map((measure) => (
                    <td key={measure}>
                      <CostCell measure={measure} it={row.differences[measure]} reach={reachOf(it, measure)} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length < it.rows.length && (
        <button type="button" className="btn small plain" onClick={() => setAll(true)}>
          {sayCount(it.rows.length - rows.length, 'more method')}
        </button>
      )}
    </Panel>
  )
}

function CostCell({ measure, it, reach }: { measure: CallMeasure; it: DifferenceWire; reach: number }) {
  if (it.few)
    return (
      <span className="no-change" data-tip={tellDifference(measure, it)}>
        too few calls
      </span>
    )
  const of = (value: number) => (it.before > 0 ? value / it.before : value)
  const tone = !it.shown ? 'none' : it.difference > 0 ? 'dearer' : 'cheaper'
  return (
    <span className="cost-cell" data-tip={tellDifference(measure, it)}>
      <Interval
        low={of(it.low)}
        high={of(it.high)}
        middle={of(it.difference)}
        reach={reach}
        tone={tone}
        says={`99% interval of ${measureWords[measure].says}`}
      />
      {it.shown ? (
        <span className={`changed is-${tone}`}>{sayDifference(measure, it)}</span>
      ) : (
        <span className="no-change">no change shown</span>
      )}
    </span>
  )
}
