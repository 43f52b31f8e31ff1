import { type CallChangeWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { ask } from '../../api.ts'
import { useNow } from '../useNow.ts'
import { boundsOf, isMovingRange, queryOf, rangeQuery } from './asked.ts'
import { type CallsFilter } from './search.ts'

/** Recorders send every two seconds or so; a table that moves more often than this cannot be read. */
const calmMs = 10_000
/** A table of thousands of methods is megabytes. */
const largeMs = 60_000
const largeRows = 1_000
/** While the column store starts, or is away, its state is looked at this often. */
const wakingMs = 1_500
/** No change is found more often. */
const changesMs = 60_000

/** A coarse present: what is asked changes with it. */
export const useRangeNow = (): number => useNow(30_000)

export function useFacets(filter: CallsFilter) {
  const nowAt = useRangeNow()
  return useQuery({
    ...ask(routes.calls.facets, { query: { environment: filter.environment, ...rangeQuery(filter, nowAt) } }),
    placeholderData: (before) => before,
    refetchInterval: ({ state: { data } }) => (data === undefined || data.store.state !== 'ready' ? wakingMs : calmMs),
  })
}

export function useTable(filter: CallsFilter, rank: string) {
  const nowAt = useRangeNow()
  const moving = isMovingRange(filter, nowAt)
  return useQuery({
    ...ask(routes.calls.table, { query: { ...queryOf(filter, nowAt), rank: rank as 'mix' } }),
    placeholderData: (before) => before,
    refetchInterval: ({ state: { data } }) => (!moving ? false : (data?.rows.length ?? 0) > largeRows ? largeMs : calmMs),
  })
}

type ChangesAsked = { readonly method?: string | undefined; readonly service?: string | undefined; readonly limit?: number }

/** What changed within the range of the view. */
export function useChanges(filter: CallsFilter, { method, service, limit = 500 }: ChangesAsked = {}): readonly CallChangeWire[] {
  const nowAt = useRangeNow()
  const { from, to } = boundsOf(filter, nowAt)
  // Nothing is asked anew because a minute went by.
  const until = isMovingRange(filter, nowAt) ? undefined : to
  const { data } = useQuery({
    ...ask(routes.calls.changes, {
      query: { environment: filter.environment, from: Math.floor(from / 60_000) * 60_000, to: until, method, service, limit },
    }),
    placeholderData: (before) => before,
    refetchInterval: changesMs,
  })
  return data?.changes ?? none
}
const none: readonly CallChangeWire[] = []
