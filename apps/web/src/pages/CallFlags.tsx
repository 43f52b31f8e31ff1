import { sayCount } from '@belay/base'
import { routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { FlagCost } from '../parts/calls/changes/FlagCost.tsx'
import { dearFlags } from '../parts/calls/changes/flagCosts.ts'
import { Notes, StoreNotice } from '../parts/calls/Notices.tsx'
import { RangePick } from '../parts/calls/RangePick.tsx'
import { rangeQuery } from '../parts/calls/asked.ts'
import { useFacets, useRangeNow } from '../parts/calls/useCalls.ts'
import { Empty } from '../parts/Empty.tsx'
import { PageHead } from '../parts/Page.tsx'
import { Pick } from '../parts/Pick.tsx'
import '../parts/calls/calls.css'
import '../parts/calls/table.css'
import '../parts/calls/changes/changes.css'

const page = getRouteApi('/calls/flags')
const againMs = 30_000

/** For each flag of which two variants were seen at once: what one costs against the other. */
export function CallFlagsPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/calls/flags' })
  const nowAt = useRangeNow()
  const { flag, ...filter } = search
  const facets = useFacets({ environment: filter.environment }).data
  const { day, ...range } = rangeQuery(filter, nowAt)
  const from = day === undefined ? range.from : Date.parse(day)
  const to = day === undefined ? range.to : Date.parse(day) + 86_400_000
  const list = useQuery({
    ...ask(routes.calls.flagCosts, { query: { environment: filter.environment, from, to } }),
    placeholderData: (before) => before,
    refetchInterval: againMs,
  })
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })
  const flags = list.data?.flags ?? []
  const shown = flag === undefined ? flags : flags.filter((it) => it.flag === flag)
  const dear = dearFlags(flags)
  const known = [...new Set(flags.map((it) => it.flag))]
  return (
    <>
      <PageHead
        title={
          list.data === undefined || flags.length === 0
            ? 'Cost of flags'
            : dear.length === 0
              ? known.length === 1
                ? `${known[0]} is not shown to change a cost`
                : `None of ${sayCount(known.length, 'flag')} is shown to change a cost`
              : `${dear.slice(0, 3).join(', ')}${dear.length > 3 ? ` and ${dear.length - 3} more` : ''} ${dear.length === 1 ? 'changes' : 'change'} what calls cost`
        }
        tab="Cost of flags"
        over={
          <Link to="/calls" search={{ environment: filter.environment }} className="link soft">
            Calls
          </Link>
        }
        sub="Each flag of which two variants were seen at the same time: what every method costs with the one, against the other."
      />
      <div className="filters">
        <Pick
          label="Environment"
          value={filter.environment}
          options={facets?.environments ?? []}
          onChange={(environment) => set({ environment })}
        />
        <Pick label="Flag" value={flag} options={known} onChange={(value) => set({ flag: value })} />
        <RangePick filter={filter} onChange={set} />
      </div>
      <StoreNotice facets={facets} />
      <Answered query={list} height={320}>
        {({ notes }) =>
          shown.length === 0 ? (
            <div className="panel">
              <Empty title={flag === undefined ? 'No flag had two variants at once' : `${flag} did not have two variants at once`}>
                A call tells which variants it met. As soon as two variants of a flag are given to some each, their calls are compared here.
              </Empty>
            </div>
          ) : (
            <>
              {shown.map((it) => (
                <FlagCost key={`${it.flag} ${it.variant} ${it.environment}`} it={it} />
              ))}
              <Notes notes={notes} />
            </>
          )
        }
      </Answered>
    </>
  )
}
