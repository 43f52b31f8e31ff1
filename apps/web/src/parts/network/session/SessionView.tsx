import { sayCount } from '@belay/base'
import type { NetworkCallWire } from '@belay/protocol'
import { type Columns, type SessionRecord, storyOf, summaryOf } from '@belay/tcp'
import { Link } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useCallback, useMemo, useRef, useState } from 'react'
import { parts } from '../../../code.ts'
import { Failure } from '../../Answered.tsx'
import { PageHead, Panel } from '../../Page.tsx'
import { Time } from '../../Time.tsx'
import { CallSplits } from '../CallSplits.tsx'
import { LimitBar } from '../LimitBar.tsx'
import type { SessionSearch } from '../search.ts'
import { asTitle, sayData, sayEnd, sayLife } from '../words.ts'
import { Directions } from './Directions.tsx'
import { Handshake } from './Handshake.tsx'
import { Score } from './Score.tsx'
import { Story } from './Story.tsx'
import '../../calls/calls.css'
import '../network.css'
import '../graph/graph.css'

const Graphs = lazy(() => parts.graphs().then((it) => ({ default: it.SessionGraphs })))
const Series = lazy(() => parts.seriesGraphs().then((it) => ({ default: it.SeriesGraphs })))

/** The segments of the session: on their way, here, or nowhere. */
export type Segments = { readonly columns: Columns | undefined; readonly error: Error | null; readonly retry: () => void } | 'not kept'

export function SessionView({
  record,
  from,
  segments,
  search,
  onSearch,
  calls,
  aside,
  notes,
}: {
  record: SessionRecord
  /** What it was taken from. */
  from: ReactNode
  segments: Segments
  search: SessionSearch
  onSearch: (change: SessionSearch) => void
  calls: readonly NetworkCallWire[]
  aside?: ReactNode
  notes?: ReactNode
}) {
  const story = useMemo(() => storyOf(record), [record])
  const graphs = useRef<HTMLDivElement>(null)
  const [wanted, setWanted] = useState<{ atNs: number }>()
  const onMoment = useCallback((ms: number) => {
    setWanted({ atNs: ms * 1e6 })
    graphs.current?.scrollIntoView({ block: 'start', behavior: 'smooth' })
  }, [])
  const [out, back] = record.directions
  const fromClient = search.way === undefined ? out.bytes >= back.bytes : search.way === 'client'
  const name = `${sayEnd(record.client)} → ${sayEnd(record.server)}`
  const kept = segments !== 'not kept'
  return (
    <>
      <PageHead
        title={asTitle(summaryOf(record))}
        tab={name}
        over={
          <>
            <Link to="/network" className="link soft">
              Network
            </Link>
            <span className="soft">/</span>
            {from}
            <span className="soft">/</span>
            <code className="strong method-name">{name}</code>
          </>
        }
        sub={
          <>
            <Time at={record.startedMs} as="clock" />
            {`, ${sayLife(record.duration)} · ${sayCount(out.packets + back.packets, 'packet')} · ${sayData(out.bytes)} to the server, ${sayData(back.bytes)} to the client · session ${record.number}`}
            {aside}
          </>
        }
      />
      {notes}
      <div className="session-top">
        <div>
          <Panel title="Where its time went">
            <LimitBar record={record} />
          </Panel>
          <Panel title="The story">
            <Story story={story} onMoment={kept ? onMoment : undefined} />
          </Panel>
        </div>
        <div>
          <Panel title="Score">
            <Score score={record.score} />
          </Panel>
          <Panel title="Handshake, close, capture">
            <Handshake record={record} />
          </Panel>
        </div>
      </div>
      <div ref={graphs} className="graphs-place">
        <Panel
          title="Over time"
          aside={
            <>
              {kept && (
                <div className="segments" role="group" aria-label="Sequence numbers">
                  {(['relative', 'absolute'] as const).map((it) => (
                    <button
                      key={it}
                      type="button"
                      className="segment-button"
                      aria-pressed={(search.numbers ?? 'relative') === it}
                      onClick={() => onSearch({ numbers: it === 'relative' ? undefined : it })}
                    >
                      {it}
                    </button>
                  ))}
                </div>
              )}
              <div className="segments" role="group" aria-label="Direction">
                {(['client', 'server'] as const).map((it) => (
                  <button
                    key={it}
                    type="button"
                    className="segment-button"
                    aria-pressed={fromClient === (it === 'client')}
                    onClick={() => onSearch({ way: it })}
                  >
                    {it === 'client' ? 'To the server' : 'To the client'}
                  </button>
                ))}
              </div>
            </>
          }
        >
          {kept ? (
            <OverTime segments={segments} fromClient={fromClient} absolute={search.numbers === 'absolute'} wanted={wanted} />
          ) : (
            <>
              <p className="store-notice">
                The single segments of this session were not kept, so there is no time-sequence graph. Open the capture in this browser
                (Network) to see it.
              </p>
              <Suspense fallback={<div className="waiting" style={{ height: 400 }} role="status" aria-label="Loading" />}>
                <Series record={record} fromClient={fromClient} />
              </Suspense>
            </>
          )}
        </Panel>
      </div>
      {calls.length > 0 && (
        <Panel title={`${sayCount(calls.length, 'call')} travelled in it, the slowest first`}>
          <CallSplits calls={calls} linked={false} />
        </Panel>
      )}
      <Panel title="Each direction">
        <Directions record={record} />
      </Panel>
    </>
  )
}

/** What the graphs will need, so that nothing moves when they come. */
const graphsPx = 872

function OverTime({
  segments,
  fromClient,
  absolute,
  wanted,
}: {
  segments: Exclude<Segments, 'not kept'>
  fromClient: boolean
  absolute: boolean
  wanted: { atNs: number } | undefined
}) {
  if (segments.error !== null) return <Failure error={segments.error} retry={segments.retry} />
  const waiting = (
    <div className="waiting" style={{ height: graphsPx }} role="status" aria-label="Loading">
      <p className="late-word soft">Every segment of the session is on its way.</p>
    </div>
  )
  if (segments.columns === undefined) return waiting
  return (
    <Suspense fallback={waiting}>
      <Graphs columns={segments.columns} fromClient={fromClient} absolute={absolute} wanted={wanted} />
    </Suspense>
  )
}
