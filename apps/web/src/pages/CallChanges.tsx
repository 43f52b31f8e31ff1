import { callMeasures, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { ChangeLine } from '../parts/calls/changes/ChangeLine.tsx'
import { daysOf, sayLooked } from '../parts/calls/changes/days.ts'
import { readCause } from '../parts/calls/says.ts'
import { changeDirections, changeKinds } from '../parts/calls/search.ts'
import { useFacets } from '../parts/calls/useCalls.ts'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { PageHead } from '../parts/Page.tsx'
import { Pick } from '../parts/Pick.tsx'
import { useNow } from '../parts/useNow.ts'
import { oneOf } from '../search.ts'
import '../parts/calls/calls.css'
import '../parts/calls/table.css'
import '../parts/calls/changes/changes.css'

const page = getRouteApi('/calls/changes')
const againMs = 20_000
const shownFirst = 100
const shownMost = 500

/** What got dearer and what got cheaper, by day, with the release or flag that did it. */
export function CallChangesPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/calls/changes' })
  const nowAt = useNow(30_000)
  const { environment, kind, service, method, cause, measure, way, all } = search
  const facets = useFacets({ environment }).data
  const list = useQuery({
    ...ask(routes.calls.changes, {
      query: { environment, kind, service, cause, limit: all === 'yes' ? shownMost : shownFirst },
    }),
    placeholderData: (before) => before,
    refetchInterval: againMs,
  })
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })
  const filtered = [kind, service, method, cause, measure, way].some((it) => it !== undefined)
  const its = cause === undefined ? undefined : readCause(cause)
  return (
    <>
      <PageHead
        title={list.data?.digest || 'Changes of cost'}
        tab="Changes of cost"
        over={
          <Link to="/calls" search={{ environment }} className="link soft">
            Calls
          </Link>
        }
        sub="What got dearer or cheaper, found without anyone asking: at each release, every night in the trends, between the variants of flags."
      />
      <div className="filters">
        <FilterField
          label="Find methods"
          placeholder="Part of a method's name"
          value={method}
          onChange={(value) => set({ method: value })}
        />
        <Pick
          label="Environment"
          value={environment}
          options={facets?.environments ?? []}
          onChange={(value) => set({ environment: value })}
        />
        <Pick label="Service" value={service} options={facets?.services ?? []} onChange={(value) => set({ service: value })} />
        <Pick label="Found in" value={kind} options={changeKinds} onChange={(value) => set({ kind: oneOf(value, changeKinds) })} />
        <Pick label="Measure" value={measure} options={callMeasures} onChange={(value) => set({ measure: oneOf(value, callMeasures) })} />
        <Pick label="Way" value={way} options={changeDirections} onChange={(value) => set({ way: oneOf(value, changeDirections) })} />
        {its !== undefined && (
          <button
            type="button"
            className="btn"
            onClick={() => set({ cause: undefined })}
            aria-label={`Because of ${its.name}: show every cause`}
          >
            because of {its.name} ×
          </button>
        )}
        {filtered && (
          <Link to="/calls/changes" search={{ environment }} className="btn plain" replace>
            Clear
          </Link>
        )}
      </div>
      <Answered query={list} height={420}>
        {({ changes, more, lookedAt }) => {
          const needle = method?.toLowerCase() ?? ''
          const shown = changes.filter(
            (it) =>
              it.method.toLowerCase().includes(needle) &&
              (measure === undefined || it.measure === measure) &&
              (way === undefined || it.dearer === (way === 'dearer')),
          )
          const looked = sayLooked(lookedAt, nowAt)
          if (shown.length === 0)
            return (
              <div className="panel">
                {filtered ? (
                  <Empty title="No change fits this filter">{looked}</Empty>
                ) : lookedAt.release === null && lookedAt.trend === null && lookedAt.flag === null ? (
                  <Empty title="Not looked at yet">
                    A release is compared with the one before when both have had thirty calls of a method; trends are looked at every night.
                  </Empty>
                ) : (
                  <Empty title="Nothing changed">{looked}</Empty>
                )}
              </div>
            )
          return (
            <>
              <p className="soft looked">{looked}</p>
              {daysOf(shown, nowAt).map((day) => (
                <section key={day.says} aria-label={day.says}>
                  <h2 className="day-title">{day.says}</h2>
                  <div className="panel">
                    <ul className="changes">
                      {day.changes.map((it) => (
                        <ChangeLine key={it.id} it={it} />
                      ))}
                    </ul>
                  </div>
                </section>
              ))}
              {more &&
                (all === 'yes' ? (
                  <p className="soft">The latest {shownMost} are shown; the ledger has all.</p>
                ) : (
                  <button type="button" className="btn" onClick={() => set({ all: 'yes' })}>
                    Show more
                  </button>
                ))}
            </>
          )
        }}
      </Answered>
    </>
  )
}
