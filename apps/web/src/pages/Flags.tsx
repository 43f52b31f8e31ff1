import { sayCount } from '@belay/base'
import { flagKinds, flagStandingWire, type FlagSummaryWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef } from 'react'
import { ask } from '../api.ts'
import { ActionButton } from '../parts/Allowed.tsx'
import { Failure } from '../parts/Answered.tsx'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { MiniLadder } from '../parts/flags/MiniLadder.tsx'
import { NewFlagDialog } from '../parts/flags/NewFlagDialog.tsx'
import { Proposals } from '../parts/flags/Proposals.tsx'
import { StaleChip, WaitingChip } from '../parts/flags/StaleChip.tsx'
import { useFlags } from '../parts/flags/useFlags.ts'
import { useEnvironments, useLadder } from '../parts/flags/useLadder.ts'
import { PageHead } from '../parts/Page.tsx'
import { Pick } from '../parts/Pick.tsx'
import { Time } from '../parts/Time.tsx'
import { oneOf } from '../search.ts'
import '../parts/flags/flags.css'

const page = getRouteApi('/flags')
const rowPx = 50
/** So many rows before the end the next page is asked for. */
const aheadRows = 30
/** More ladders than this would leave no room for the names; each flag's own page has all. */
const columnsMax = 3
const states = flagStandingWire.shape.state.options

export function FlagsPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/flags' })
  const { new: making, ...filter } = search
  const { list, flags, head } = useFlags(filter)
  const { names: rings } = useLadder()
  const environments = useEnvironments()
  const proposals = useQuery(ask(routes.proposals.list, { query: { state: 'open' } }))
  const columns = useMemo(() => {
    const others = environments.map((it) => it.name).filter((it) => it !== filter.environment)
    return [...(filter.environment === undefined ? [] : [filter.environment]), ...others].slice(0, columnsMax)
  }, [environments, filter.environment])
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })
  const filtered = Object.values(filter).some((it) => it !== undefined)
  return (
    <>
      <PageHead
        title="Flags"
        sub={
          head === undefined
            ? 'What is switched in the code, and who gets it.'
            : `${sayCount(head.total, 'flag')}${filtered ? ' fit' : ', by key'}. Each climbs the rings ${rings.join(', ')}.`
        }
      >
        <ActionButton needs="flag.change" look="main" onClick={() => set({ new: 'yes' })}>
          New flag
        </ActionButton>
      </PageHead>
      <Proposals proposals={proposals.data?.proposals ?? []} named />
      <div className="filters">
        <FilterField label="Find flags" placeholder="Key, words, owner, tag" value={search.text} onChange={(text) => set({ text })} />
        <Pick label="Kind" value={search.kind} options={flagKinds} onChange={(kind) => set({ kind: oneOf(kind, flagKinds) })} />
        <Pick label="Tag" value={search.tag} options={head?.tags ?? []} onChange={(tag) => set({ tag })} />
        <Pick label="Owner" value={search.owner} options={head?.owners ?? []} onChange={(owner) => set({ owner })} />
        <Pick
          label="Environment"
          value={search.environment}
          options={environments.map((it) => it.name)}
          onChange={(environment) => set({ environment })}
        />
        <Pick label="State" value={search.state} options={states} onChange={(state) => set({ state: oneOf(state, states) })} />
        <button
          type="button"
          className="btn"
          aria-pressed={search.stale === 'yes'}
          onClick={() => set({ stale: search.stale === 'yes' ? undefined : 'yes' })}
        >
          Stale
        </button>
        <button
          type="button"
          className="btn"
          aria-pressed={search.archived === 'yes'}
          onClick={() => set({ archived: search.archived === 'yes' ? undefined : 'yes' })}
        >
          Archived
        </button>
        {filtered && (
          <Link to="/flags" className="btn plain" replace>
            Clear
          </Link>
        )}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {head === undefined ? (
        list.error === null && <div className="waiting" style={{ height: 400 }} role="status" aria-label="Loading" />
      ) : flags.length === 0 ? (
        <div className="panel">
          {filtered ? (
            <Empty title="No flag fits this filter">
              <Link to="/flags" className="link">
                Show all
              </Link>
            </Empty>
          ) : (
            <Empty title="No flag yet" command="belay flag create inline-comments">
              A flag lets new code climb ring by ring, and takes it back within a second. Make one:
            </Empty>
          )}
        </div>
      ) : (
        <Rows list={list} flags={flags} columns={columns} rings={rings} />
      )}
      {making === 'yes' && <NewFlagDialog onClose={() => set({ new: undefined })} />}
    </>
  )
}

type RowsProps = {
  readonly list: Pick<ReturnType<typeof useFlags>['list'], 'hasNextPage' | 'isFetchingNextPage' | 'fetchNextPage'>
  readonly flags: readonly FlagSummaryWire[]
  readonly columns: readonly string[]
  readonly rings: readonly string[]
}

/** Only the rows in sight are drawn. */
function Rows({ list: { hasNextPage, isFetchingNextPage, fetchNextPage }, flags, columns, rings }: RowsProps) {
  const box = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({ count: flags.length, getScrollElement: () => box.current, estimateSize: () => rowPx, overscan: 12 })
  const rows = virtual.getVirtualItems()
  const last = rows.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= flags.length - aheadRows) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, flags.length])
  const template = { '--flag-columns': columns.length } as React.CSSProperties
  return (
    <div className="panel flags-panel" style={template}>
      <div className="flag-row flag-head" aria-hidden="true">
        <span>Flag</span>
        {columns.map((it) => (
          <span key={it} className="flag-column">
            {it}
          </span>
        ))}
        <span className="flag-marks" />
        <span className="flag-when num">Changed</span>
      </div>
      {/* Focusable so that the keyboard can scroll it. */}
      <div
        className="flags-list"
        ref={box}
        tabIndex={0}
        role="group"
        aria-label="Flags by key"
        style={{ height: flags.length * rowPx + 2 }}
      >
        <div style={{ height: virtual.getTotalSize() }}>
          {rows.map((row) => {
            const it = flags[row.index]
            return it === undefined ? null : <Row key={it.key} it={it} top={row.start} columns={columns} rings={rings} />
          })}
        </div>
      </div>
    </div>
  )
}

function Row({ it, top, columns, rings }: { it: FlagSummaryWire; top: number; columns: readonly string[]; rings: readonly string[] }) {
  return (
    <Link
      to="/flags/$key"
      params={{ key: it.key }}
      className="flag-row flag-line"
      style={{ transform: `translateY(${top}px)`, height: rowPx }}
      data-row=""
    >
      <span className="flag-name">
        <span className="clip">
          <span className="mono strong">{it.key}</span>
          {it.kind !== 'release' && <span className="tag">{it.kind}</span>}
          {it.tags.map((tag) => (
            <span key={tag} className="tag">
              {tag}
            </span>
          ))}
        </span>
        <span className="soft clip flag-says">{it.description || it.variants.join(', ')}</span>
      </span>
      {columns.map((environment) => {
        const standing = it.standings.find((one) => one.environment === environment)
        return (
          <span key={environment} className="flag-column">
            <span className="hidden">{environment}: </span>
            {standing && <MiniLadder standing={standing} rings={rings} />}
          </span>
        )
      })}
      <span className="flag-marks">
        {it.archivedAt !== null && <span className="chip">archived</span>}
        {it.proposals > 0 && <WaitingChip count={it.proposals} />}
        {it.stale[0] && <StaleChip stale={it.stale} />}
      </span>
      <span className="flag-when soft">
        <Time at={it.changedAt} />
        <span className="clip">{it.changedBy}</span>
      </span>
    </Link>
  )
}
