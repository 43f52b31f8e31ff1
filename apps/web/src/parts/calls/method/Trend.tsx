import { type CallMeasure, routes, type TrendWire, trendMeasures } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useMemo, useState } from 'react'
import { ask } from '../../../api.ts'
import { parts } from '../../../code.ts'
import { pathOfSubject } from '../../../paths.ts'
import { sayClock } from '../../../time.ts'
import { Failure } from '../../Answered.tsx'
import { Empty } from '../../Empty.tsx'
import { Panel } from '../../Page.tsx'
import { useNow } from '../../useNow.ts'
import { measureWords, sayFigure, sayMany } from '../figures.ts'
import { isMovingRange, queryOf } from '../asked.ts'
import { type CallsFilter } from '../search.ts'
import { useRangeNow } from '../useCalls.ts'
import { type Box, labelsOf, type MarkLabel, plotOf } from './trend.ts'

const Plot = lazy(() => parts.plot().then((it) => ({ default: it.Plot })))

type Measure = (typeof trendMeasures)[number]
const names: Readonly<Record<Measure, string>> = {
  real: 'Real',
  cpu: 'Cpu',
  db: 'Db',
  statements: 'Statements',
  transactions: 'Transactions',
  count: 'Calls',
  errors: 'Errors',
}
const grainWords = { minute: 'a minute', hour: 'an hour', day: 'a day' } as const
const againMs = 15_000
const isCount = (measure: Measure): measure is 'count' | 'errors' => measure === 'count' || measure === 'errors'

/** One measure over time, and what happened meanwhile. */
export function Trend({
  filter,
  service,
  method,
  measure,
  onMeasure,
  onRange,
}: {
  filter: CallsFilter
  service: string
  method: string
  measure: Measure
  onMeasure: (measure: Measure) => void
  onRange: (from: number, to: number) => void
}) {
  const nowAt = useRangeNow()
  const { compare: _, ...query } = queryOf(filter, nowAt)
  const trend = useQuery({
    ...ask(routes.calls.trend, { query: { ...query, service, method, measure } }),
    placeholderData: (before) => before,
    refetchInterval: isMovingRange(filter, nowAt) ? againMs : false,
  })
  const it = trend.data
  return (
    <Panel
      title="Over time"
      aside={
        <div className="segments" role="group" aria-label="Measure">
          {trendMeasures.map((one) => (
            <button key={one} type="button" className="segment-button" aria-pressed={one === measure} onClick={() => onMeasure(one)}>
              {names[one]}
            </button>
          ))}
        </div>
      }
    >
      {trend.error !== null && <Failure error={trend.error} retry={() => void trend.refetch()} />}
      {it === undefined ? (
        trend.error === null && <div className="waiting" style={{ height: 290 }} role="status" aria-label="Loading" />
      ) : it.points.length === 0 ? (
        <Empty title="No call in this range" />
      ) : (
        <Shown it={it} onRange={onRange} />
      )}
    </Panel>
  )
}

function Shown({ it, onRange }: { it: TrendWire; onRange: (from: number, to: number) => void }) {
  const { measure } = it
  const data = useMemo(() => plotOf(it), [it])
  const [hovered, setHovered] = useState<number>()
  const [box, setBox] = useState<Box>()
  const [show, setShow] = useState({ p95: true, max: false })
  const hasP95 = data.p95.some((one) => one !== null)
  const hasMax = !isCount(measure) && data.max.some((one) => one !== null)
  const say = useCallback((value: number) => (isCount(measure) ? sayMany(value) : sayFigure(measure, value)), [measure])
  const labels = useMemo(() => (box === undefined ? [] : labelsOf(it.marks, box)), [it.marks, box])
  const onSelect = useCallback((from: number, to: number) => to - from >= 120_000 && onRange(from, to), [onRange])
  return (
    <>
      <Readout it={it} data={data} at={hovered} say={say} />
      <div className="mark-labels">
        {labels.map((label) => (
          <Mark key={`${label.mark.at} ${label.mark.name}`} label={label} />
        ))}
      </div>
      <Suspense fallback={<div style={{ height: 232 }} />}>
        <Plot
          data={data}
          marks={it.marks}
          show={{ p95: show.p95 && hasP95, max: show.max && hasMax }}
          say={say}
          onHover={setHovered}
          onSelect={onSelect}
          onBox={setBox}
        />
      </Suspense>
      <div className="trend-legend">
        <span>
          <i className="key-mean" />{' '}
          {isCount(measure) ? `per ${grainWords[it.grain].slice(it.grain === 'hour' ? 3 : 2)}` : `mean of ${grainWords[it.grain]}`}
        </span>
        {hasP95 && (
          <button type="button" className="btn small plain" aria-pressed={show.p95} onClick={() => setShow({ ...show, p95: !show.p95 })}>
            <i className="key-band" /> p50 to p95
          </button>
        )}
        {hasMax && (
          <button type="button" className="btn small plain" aria-pressed={show.max} onClick={() => setShow({ ...show, max: !show.max })}>
            <i className="key-max" /> max
          </button>
        )}
        <span className="soft push">Draw over a stretch to look closer.</span>
      </div>
    </>
  )
}

/** What is under the pointer, or the whole in a line. */
function Readout({
  it,
  data,
  at,
  say,
}: {
  it: TrendWire
  data: ReturnType<typeof plotOf>
  at: number | undefined
  say: (value: number) => string
}) {
  const nowAt = useNow(60_000)
  const seconds = at === undefined ? undefined : data.at[at]
  if (at === undefined || seconds === undefined) {
    const calls = it.points.reduce((sum, point) => sum + point.n, 0)
    return (
      <p className="readout soft">{`${sayMany(calls)} calls; ${it.marks.length === 0 ? 'nothing happened meanwhile' : `${it.marks.length} marks`}`}</p>
    )
  }
  const parts = [
    ['mean', data.mean[at]],
    ['p50', data.p50[at]],
    ['p95', data.p95[at]],
    ['max', data.max[at]],
  ] as const
  return (
    <p className="readout">
      <span className="strong">{sayClock(seconds * 1_000, nowAt)}</span>
      {data.n[at] == null ? (
        <span className="soft">no call</span>
      ) : (
        <>
          {parts.map(([name, value]) =>
            value == null || (isCount(it.measure) && name !== 'mean') ? null : (
              <span key={name}>
                <span className="soft">{isCount(it.measure) ? names[it.measure].toLowerCase() : name} </span>
                {say(value)}
              </span>
            ),
          )}
          {it.measure !== 'count' && <span className="soft">{sayMany(data.n[at] ?? 0)} calls</span>}
        </>
      )}
    </p>
  )
}

const signs = {
  deployment: 'M1.5 7.5 5 1.5l3.5 6z',
  ring: 'M5 1.6a3.2 3.2 0 1 1 0 6.4a3.2 3.2 0 1 1 0-6.4',
  flag: 'M2.5 9V1.5h5.5L6.6 3.6 8 5.8H2.5',
  change: 'M5 1 8.7 4.9 5 8.8 1.3 4.9z',
} as const

/** A change is named by its measure. */
const sayMeasure = (name: string): string => measureWords[name as CallMeasure]?.says ?? name

function Mark({ label: { x, mark, others } }: { label: MarkLabel }) {
  const nowAt = useNow(60_000)
  const path = pathOfSubject(mark.subject)
  const tip = [mark, ...others].map((it) => `${sayClock(it.at, nowAt)}  ${it.says}`).join('\n')
  const content = (
    <>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
        <path d={signs[mark.kind]} fill="currentColor" />
      </svg>
      <span className="clip">{mark.kind === 'change' ? sayMeasure(mark.name) : mark.name}</span>
      <span className="hidden">: {mark.says}</span>
      {others.length > 0 && <small>+{others.length}</small>}
    </>
  )
  const props = { className: `mark-label is-${mark.kind}`, style: { left: x }, 'data-tip': tip }
  return path === undefined ? (
    <span {...props} role="note" tabIndex={0}>
      {content}
    </span>
  ) : (
    <Link to={path} {...props}>
      {content}
    </Link>
  )
}
