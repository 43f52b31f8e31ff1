import { sayCount } from '@belay/base'
import { type CallMethodWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useCallback } from 'react'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { ChangeLine } from '../parts/calls/changes/ChangeLine.tsx'
import { sayMany, sayShare } from '../parts/calls/figures.ts'
import { Filters } from '../parts/calls/Filters.tsx'
import { Distribution } from '../parts/calls/method/Distribution.tsx'
import { Divisions } from '../parts/calls/method/Divisions.tsx'
import { Exemplars } from '../parts/calls/method/Exemplars.tsx'
import { Figures } from '../parts/calls/method/Figures.tsx'
import { Trend } from '../parts/calls/method/Trend.tsx'
import { Notes, StoreNotice } from '../parts/calls/Notices.tsx'
import { sayMethod } from '../parts/calls/says.ts'
import { everything, isNarrowed, queryOf, sayCompared, sayRange } from '../parts/calls/asked.ts'
import { type CallsFilter } from '../parts/calls/search.ts'
import { useChanges, useFacets, useRangeNow } from '../parts/calls/useCalls.ts'
import { Empty } from '../parts/Empty.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import '../parts/calls/calls.css'
import '../parts/calls/table.css'
import '../parts/calls/method/method.css'
import '../parts/calls/changes/changes.css'
import '../parts/flags/evaluations.css'

const page = getRouteApi('/calls/method')
const againMs = 15_000

export function CallMethodPage() {
  const { service, method } = page.useSearch()
  if (service === undefined || method === undefined)
    return (
      <>
        <PageHead title="Which method?" sub="The address names none." />
        <Link to="/calls" className="link">
          To all methods
        </Link>
      </>
    )
  return <Asked key={`${service} ${method}`} service={service} method={method} />
}

function Asked({ service, method }: { service: string; method: string }) {
  const { measure, trace, method: _, service: __, ...filter } = page.useSearch()
  const navigate = useNavigate({ from: '/calls/method' })
  const nowAt = useRangeNow()
  const shown = useQuery({
    ...ask(routes.calls.show, { query: { ...queryOf(filter, nowAt), service, method } }),
    placeholderData: (before) => before,
    refetchInterval: againMs,
  })
  const facets = useFacets(filter).data
  const set = useCallback(
    (change: CallsFilter & { measure?: typeof measure; trace?: string | undefined }) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false }),
    [navigate],
  )
  const onRange = useCallback(
    (from: number, to: number) => {
      const say = (at: number) => `${new Date(at).toISOString().slice(0, 16)}Z`
      // Another look, which the back button leaves.
      void navigate({
        search: (before) => ({ ...before, range: undefined, day: undefined, from: say(from), to: say(to) }),
        resetScroll: false,
      })
    },
    [navigate],
  )
  const filters = <Filters filter={filter} facets={facets} environment={shown.data?.environment} without={['service']} onChange={set} />
  return (
    <>
      {shown.data === undefined && <PageHead title={method} sub={service} />}
      <Answered query={shown} height={520}>
        {(it) => (
          <>
            <Head it={it} filter={filter} />
            {filters}
            <StoreNotice facets={facets} />
            <Notes notes={it.notes} />
            {it.row.count === 0 ? (
              <div className="panel">
                <Empty title={`No call of ${method} fits, ${sayRange(filter)}`}>
                  {isNarrowed(filter) ? (
                    <button type="button" className="btn small" onClick={() => set(everything)}>
                      Show all
                    </button>
                  ) : (
                    'Look at a longer range.'
                  )}
                </Empty>
              </div>
            ) : (
              <div className={shown.isPlaceholderData ? 'is-old' : ''}>
                <Panel title="What a call costs">
                  <Figures it={it} comparedWith={filter.compare === undefined ? undefined : sayCompared(filter.compare)} />
                </Panel>
                <Trend
                  filter={filter}
                  service={service}
                  method={method}
                  measure={measure ?? 'real'}
                  onMeasure={(one) => set({ measure: one === 'real' ? undefined : one })}
                  onRange={onRange}
                />
                <Found filter={filter} service={service} method={method} />
                <div className="divisions">
                  <Distribution it={it} />
                  <Repeated it={it} />
                </div>
                <Divisions divisions={it.divisions} filter={filter} service={service} method={method} />
                <Exemplars filter={filter} service={service} method={method} trace={trace} onTrace={(one) => set({ trace: one })} />
              </div>
            )}
          </>
        )}
      </Answered>
      {shown.data === undefined && shown.error !== null && filters}
    </>
  )
}

function Head({ it, filter }: { it: CallMethodWire; filter: CallsFilter }) {
  const { row } = it
  const changes = useChanges(filter, { service: row.service, method: row.method })
  return (
    <PageHead
      title={sayMethod(it, changes)}
      tab={row.method}
      over={
        <>
          <Link to="/calls" search={filter} className="link soft">
            Calls
          </Link>
          <span className="soft">/</span>
          <span className="soft">{row.service}</span>
          <span className="soft">/</span>
          <code className="strong method-name">{row.method}</code>
        </>
      }
      sub={
        <>
          {`${sayMany(row.count)} ${row.count === 1 ? 'call' : 'calls'} in ${it.environment}, ${sayRange(filter)}`}
          {` · ${row.errors === 0 ? 'none failed' : `${sayMany(row.errors)} failed (${sayShare(row.errors / Math.max(1, row.count))})`}`}
          {row.external.count > 0 &&
            ` · ${sayShare(Math.min(1, row.external.mean / Math.max(1, row.real.mean)))} of its time waits for other services`}
        </>
      }
    />
  )
}

function Found({ filter, service, method }: { filter: CallsFilter; service: string; method: string }) {
  const changes = useChanges(filter, { service, method })
  if (changes.length === 0) return null
  return (
    <Panel title={`${sayCount(changes.length, 'change')} found`}>
      <ul className="changes">
        {changes.map((it) => (
          <ChangeLine key={it.id} it={it} named={false} />
        ))}
      </ul>
    </Panel>
  )
}

function Repeated({ it }: { it: CallMethodWire }) {
  return (
    <Panel title="Statements that repeat within a call">
      {it.repeated.length === 0 ? (
        <Empty title="No statement repeats">Each call runs a statement fewer than five times.</Empty>
      ) : (
        <ul className="repeated">
          {it.repeated.map((one) => (
            <li key={one.statement}>
              <span className="repeat-badge">up to × {one.max}</span>
              <span className="soft nowrap">in {sayCount(one.calls, 'call')}</span>
              <code>{one.statement}</code>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
