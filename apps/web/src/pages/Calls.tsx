import { sayCount } from '@belay/base'
import type { CallChangeWire, CallRowWire } from '@belay/protocol'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useMemo, useState } from 'react'
import { CallTable, keyOfRow, sampledServices } from '../parts/calls/CallTable.tsx'
import { columnsOf, findRows, measureOf, type Order, sortRows } from '../parts/calls/columns.ts'
import { csvOf } from '../parts/calls/csv.ts'
import { measureWords, rankWords, sayShare } from '../parts/calls/figures.ts'
import { Filters } from '../parts/calls/Filters.tsx'
import { NeverRecorded, Notes, StoreNotice, Trouble, Waiting } from '../parts/calls/Notices.tsx'
import { saveFile } from '../parts/calls/saveFile.ts'
import { foremost, sayTable } from '../parts/calls/says.ts'
import { everything, isNarrowed, sayCompared, sayRange } from '../parts/calls/asked.ts'
import { type CallsFilter, ranks } from '../parts/calls/search.ts'
import { useChanges, useFacets, useTable } from '../parts/calls/useCalls.ts'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { PageHead } from '../parts/Page.tsx'
import '../parts/calls/calls.css'

const page = getRouteApi('/calls')
const noRows: readonly CallRowWire[] = []

export function CallsPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/calls' })
  const { rank = 'mix', sort, order: turned, text: asked, ...filter } = search
  const facets = useFacets(filter).data
  const table = useTable(filter, rank)
  const found = useChanges(filter)
  const measure = measureOf(rank)
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })

  // The field answers each key at once; the address follows.
  const [typed, setTyped] = useState(asked ?? '')
  useEffect(() => setTyped(asked ?? ''), [asked])
  const text = useDeferredValue(typed)

  const it = table.data
  const rows = it?.rows ?? noRows
  const changes = useMemo(() => {
    const byMethod = new Map<string, CallChangeWire>()
    for (const one of found) {
      if (one.measure !== measure) continue
      const key = keyOfRow(one)
      const before = byMethod.get(key)
      byMethod.set(key, before === undefined ? one : (foremost([before, one]) ?? one))
    }
    return byMethod
  }, [found, measure])
  const changeHead =
    filter.compare === undefined
      ? 'Change found'
      : `${measureWords[measure].short} against ${filter.compare === 'previous' ? 'before' : sayCompared(filter.compare)}`
  const columns = useMemo(
    () =>
      columnsOf(rank, changeHead, (row) => {
        if (row.compared !== null) {
          const its = row.compared[measure]
          return its.shown ? { size: its.relative ?? its.difference } : null
        }
        const its = changes.get(keyOfRow(row))
        return its === undefined ? null : { size: its.relative ?? its.after - its.before }
      }),
    [rank, changeHead, measure, changes],
  )
  const order: Order | undefined = useMemo(
    () => (sort === undefined ? undefined : { key: sort, turned: turned === 'turned' }),
    [sort, turned],
  )
  const sorted = useMemo(() => sortRows(rows, rank, columns, order), [rows, rank, columns, order])
  const shown = useMemo(() => findRows(sorted, text), [sorted, text])
  const services = useMemo(() => new Set(rows.map((row) => row.service)).size > 1, [rows])
  const sampled = useMemo(() => sampledServices(facets), [facets])
  const never = facets !== undefined && facets.firstAt === null && rows.length === 0

  return (
    <>
      <PageHead
        title={it === undefined || never ? 'Calls' : it.total.count === 0 ? `No call, ${sayRange(filter)}` : sayTable(it, filter, found)}
        tab="Calls"
        sub="What each method of your API costs, by whom, and since when."
      />
      <div className="calls-bar">
        <div className="segments" role="group" aria-label="Rank by">
          {ranks.map((one) => (
            <button
              key={one}
              type="button"
              className="segment-button"
              aria-pressed={one === rank}
              data-tip={rankWords[one]?.says}
              onClick={() => set({ rank: one === 'mix' ? undefined : one, sort: undefined, order: undefined })}
            >
              {rankWords[one]?.short}
            </button>
          ))}
        </div>
        <FilterField
          label="Find methods"
          placeholder="Part of a method's name"
          value={asked}
          onChange={(value) => set({ text: value })}
          onType={setTyped}
        />
        <button
          type="button"
          className="btn push"
          disabled={shown.length === 0}
          data-tip="What is shown, with every figure"
          onClick={() => saveFile(`calls-${it?.environment ?? ''}.csv`, csvOf(shown))}
        >
          CSV
        </button>
      </div>
      <Filters filter={filter} facets={facets} environment={it?.environment} onChange={(change: CallsFilter) => set(change)} />
      <StoreNotice facets={facets} />
      <Trouble error={facets?.store.state === 'down' ? null : table.error} retry={() => void table.refetch()} />
      {never ? (
        <NeverRecorded environment={it?.environment ?? filter.environment} />
      ) : it === undefined ? (
        table.error === null && <Waiting height={480} />
      ) : shown.length === 0 ? (
        <div className="panel">
          <Empty
            title={rows.length > 0 ? `None of ${sayCount(rows.length, 'method')} is called “${text}”` : `No call fits, ${sayRange(filter)}`}
          >
            {rows.length > 0 || isNarrowed(filter) ? (
              <button type="button" className="btn small" onClick={() => set(rows.length > 0 ? { text: undefined } : everything)}>
                Show all
              </button>
            ) : (
              'Look at a longer range.'
            )}
          </Empty>
        </div>
      ) : (
        <div className={table.isPlaceholderData ? 'is-old' : ''}>
          <CallTable
            rows={shown}
            columns={columns}
            rank={rank}
            order={order}
            onOrder={(next) => set({ sort: next?.key, order: next?.turned === true ? 'turned' : undefined })}
            filter={filter}
            services={services}
            sampled={sampled}
            changes={changes}
            busy={table.isPlaceholderData}
          />
        </div>
      )}
      {it !== undefined && <Notes notes={it.comparedWith === null ? it.notes : [`Compared with ${it.comparedWith}.`, ...it.notes]} />}
      {it !== undefined && !never && (
        <p className="calls-foot">
          {shown.length < rows.length && <span>{`${shown.length.toLocaleString('en')} of ${sayCount(rows.length, 'method')}`}</span>}
          {facets?.processes
            .filter((one) => one.cpuMs > 0)
            .map((one) => (
              <span key={one.service} data-tip="The rest is start-up, timers, garbage collection and other threads">
                {one.service}: calls account for {sayShare(1 - one.unattributedMs / one.cpuMs)} of its CPU time
                {one.dropped > 0 && `; ${sayCount(one.dropped, 'call')} dropped`}
                {one.overflowed > 0 && `; ${sayCount(one.overflowed, 'call')} beyond the bound of methods`}
              </span>
            ))}
        </p>
      )}
    </>
  )
}
