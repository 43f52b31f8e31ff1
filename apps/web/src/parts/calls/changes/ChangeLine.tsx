import { type CallChangeWire, routes } from '@belay/protocol'
import { useInViewport } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ask } from '../../../api.ts'
import { measureWords, sayDelta, sayMany, sayP, sayRelative } from '../figures.ts'
import { readCause, sayFromTo, sayInterval } from '../says.ts'
import { Spark } from '../Spark.tsx'

const dayMs = 86_400_000
/** As much of the trend on either side of a change as one needs to believe it. */
const asideMs = { release: 12 * 3_600_000, trend: 14 * dayMs, flag: 12 * 3_600_000 } as const

/** An arrow that points where the cost went. */
function Direction({ dearer }: { dearer: boolean }) {
  return (
    <span className={`direction ${dearer ? 'ink-dearer' : 'ink-cheaper'}`}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        <path d={dearer ? 'M6 2 10.5 9.5h-9z' : 'M6 10 1.5 2.5h9z'} fill="currentColor" />
      </svg>
      <span className="hidden">{dearer ? 'dearer' : 'cheaper'}</span>
    </span>
  )
}

function SmallTrend({ it }: { it: CallChangeWire }) {
  const { ref, inViewport } = useInViewport()
  const [seen, setSeen] = useState(false)
  useEffect(() => {
    if (inViewport) setSeen(true)
  }, [inViewport])
  const aside = asideMs[it.kind]
  const { data } = useQuery({
    ...ask(routes.calls.trend, {
      query: {
        environment: it.environment,
        service: it.service,
        method: it.method,
        measure: it.measure,
        from: it.at - aside,
        to: it.at + aside,
      },
    }),
    enabled: seen,
    // What is past stays as it was, and a list of changes must not ask for each again and again.
    staleTime: 300_000,
    retry: false,
  })
  const points = data?.points ?? []
  const at = points.findIndex((point) => point.at >= it.at)
  return (
    <span ref={ref} className="small-trend">
      {points.length > 1 && (
        <Spark
          points={points.map((point) => point.mean)}
          changedAt={at < 0 ? null : at}
          dearer={it.dearer}
          says={`Trend of ${measureWords[it.measure].says} around the change`}
        />
      )}
    </span>
  )
}

/** One change: which way, what, how much, how sure, since what. */
export function ChangeLine({ it, named = true }: { it: CallChangeWire; named?: boolean }) {
  const cause = it.cause === null ? undefined : readCause(it.cause)
  return (
    <li className="change-line">
      <Direction dearer={it.dearer} />
      <div className="change-what">
        <div>
          {named && (
            <Link
              to="/calls/method"
              search={{ environment: it.environment, service: it.service, method: it.method, measure: it.measure }}
              className="mono strong link"
              data-row=""
            >
              {it.method}
            </Link>
          )}{' '}
          <span className="nowrap">{measureWords[it.measure].says}</span> <span className="strong nowrap">{sayFromTo(it)}</span>
          <span className="soft"> {it.kind === 'flag' ? 'with' : 'since'} </span>
          {cause === undefined ? (
            <span className="soft">nothing that Belay knows of</span>
          ) : (
            <>
              {cause.kind === 'flag' && <span className="soft">the flag </span>}
              {cause.path === undefined ? (
                <span className="strong">{cause.name}</span>
              ) : (
                <Link to={cause.path} className="strong link">
                  {cause.name}
                </Link>
              )}
            </>
          )}
        </div>
        {it.statement !== null && (
          <div className="change-statement">
            <span className="soft">repeats </span>
            <code title={it.statement}>{it.statement}</code>
          </div>
        )}
      </div>
      <div className="change-size">
        <span className={`strong ${it.dearer ? 'ink-dearer' : 'ink-cheaper'}`}>
          {it.relative === null ? sayDelta(it.measure, it.after - it.before) : sayRelative(it.relative)}
        </span>
        <span
          className="soft"
          data-tip={`${it.says}\n99% interval ${sayInterval(it)}, ${sayP(it.p)}\n${sayMany(it.n.before)} calls before, ${sayMany(it.n.after)} after`}
        >
          {sayInterval(it)}
          <span className="change-p">, {sayP(it.p)}</span>
        </span>
      </div>
      <SmallTrend it={it} />
    </li>
  )
}
