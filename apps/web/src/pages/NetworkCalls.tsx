import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { FilterField } from '../parts/FilterField.tsx'
import { Empty } from '../parts/Empty.tsx'
import { Notes, Trouble, Waiting } from '../parts/calls/Notices.tsx'
import { CallSplits } from '../parts/network/CallSplits.tsx'
import { reasons, type SlowSearch } from '../parts/network/search.ts'
import { asTitle } from '../parts/network/words.ts'
import { TimePick } from '../parts/network/TimePick.tsx'
import { useFacets, useSlowCalls } from '../parts/network/useNetwork.ts'
import { PageHead } from '../parts/Page.tsx'
import { Pick } from '../parts/Pick.tsx'
import '../parts/calls/calls.css'
import '../parts/network/network.css'

const page = getRouteApi('/network/calls')
const words = { network: 'Network', server: 'Server', unknown: 'Not known' } as const

/** Which calls were slow because of the network, and which because of the server. */
export function NetworkCallsPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/network/calls' })
  const facets = useFacets(search.environment).data
  const list = useSlowCalls(search)
  const it = list.data
  const set = (change: SlowSearch) => void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })
  return (
    <>
      <PageHead
        title={it === undefined ? 'Slow calls' : asTitle(it.says)}
        tab="Slow calls"
        over={
          <>
            <Link to="/network" className="link soft">
              Network
            </Link>
            <span className="soft">/</span>
            <span className="soft">Slow calls</span>
          </>
        }
        sub="Each call beside the TCP turn that carried it: what the network took, and what the server took."
      />
      <div className="calls-bar">
        <div className="segments" role="group" aria-label="What made it slow">
          <button
            type="button"
            className="segment-button"
            aria-pressed={search.because === undefined}
            onClick={() => set({ because: undefined })}
          >
            All
          </button>
          {reasons.map((one) => (
            <button
              key={one}
              type="button"
              className="segment-button"
              aria-pressed={search.because === one}
              onClick={() => set({ because: one })}
            >
              {words[one]}
              {it !== undefined && <span className="soft"> {it.reasons[one].toLocaleString('en')}</span>}
            </button>
          ))}
        </div>
        <FilterField label="Method" placeholder="A method’s whole name" value={search.method} onChange={(method) => set({ method })} />
        <FilterField label="Service" placeholder="A service" value={search.service} onChange={(service) => set({ service })} main={false} />
        {(facets?.environments.length ?? 0) > 1 && (
          <Pick
            label="Environment"
            value={search.environment}
            options={facets?.environments ?? []}
            onChange={(environment) => set({ environment })}
          />
        )}
        <TimePick times={search} onChange={set} usual="last 24 hours" />
      </div>
      <Trouble error={list.error} retry={() => void list.refetch()} />
      {it === undefined ? (
        list.error === null && <Waiting height={420} />
      ) : (
        <div className={list.isPlaceholderData ? 'is-old' : ''}>
          <Notes notes={it.notes} />
          <div className="panel">
            {it.calls.length === 0 ? (
              <Empty title="No call fits" command="belay tcp live --send">
                A call is seen here when its service records calls and a capture holds the connection that carried it. Capture on the host
                of the service, or before it:
              </Empty>
            ) : (
              <CallSplits calls={it.calls} />
            )}
          </div>
        </div>
      )}
    </>
  )
}
