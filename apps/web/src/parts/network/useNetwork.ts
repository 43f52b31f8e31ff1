import { routes } from '@belay/protocol'
import { unpack } from '@belay/tcp'
import { queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { ask, client } from '../../api.ts'
import { useNow } from '../useNow.ts'
import { timesOf } from './asked.ts'
import type { NetworkSearch, SlowSearch } from './search.ts'

/** A coarse present: what is asked changes with it. */
export const useRangeNow = (): number => useNow(30_000)

/** While the column store starts, or is away, its state is looked at this often. */
const wakingMs = 1_500
const calmMs = 15_000
/** Rows of one question; more are asked for as the reader goes down. */
const page = 100

export function useFacets(environment: string | undefined) {
  return useQuery({
    ...ask(routes.network.facets, { query: { environment } }),
    placeholderData: (before) => before,
    refetchInterval: ({ state: { data } }) => (data === undefined || data.store.state !== 'ready' ? wakingMs : calmMs),
  })
}

/** @param enabled false: only files of this tab are looked at */
export function useSessions(search: NetworkSearch, enabled: boolean) {
  const nowAt = useRangeNow()
  const { environment, capture, host, port, limited, grade, text, rank } = search
  const query = { environment, capture, host, port, limited, grade, text, rank, ...timesOf(search, nowAt) }
  return useInfiniteQuery({
    queryKey: ['network', routes.network.sessions.path, query],
    queryFn: ({ pageParam, signal }) =>
      client.call(routes.network.sessions, { query: { ...query, offset: pageParam, limit: page } }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, all) => {
      const had = all.reduce((sum, it) => sum + it.sessions.length, 0)
      return last.sessions.length === 0 || had >= last.total ? undefined : had
    },
    placeholderData: (before) => before,
    refetchInterval: ({ state: { data } }) => (search.to === undefined && (data?.pages.length ?? 0) < 2 ? calmMs : false),
    enabled,
  })
}

export function useSlowCalls(search: SlowSearch) {
  const nowAt = useRangeNow()
  const { environment, service, method, because, slower } = search
  return useQuery({
    ...ask(routes.network.calls, { query: { environment, service, method, because, slowerMs: slower, ...timesOf(search, nowAt) } }),
    placeholderData: (before) => before,
    refetchInterval: search.to === undefined ? calmMs : false,
  })
}

export const askSession = (id: string) => ask(routes.network.session, { params: { id } })

/** All segments of a session that the server keeps; they never change. */
export const askSegments = (id: string) =>
  queryOptions({
    queryKey: ['network-segments', id],
    queryFn: async ({ signal }) => {
      const response = await client.bytes(routes.network.segments, { params: { id } }, signal)
      return unpack(new Uint8Array(await response.arrayBuffer()))
    },
    staleTime: Number.POSITIVE_INFINITY,
    // Tens of megabytes: not kept for who has left.
    gcTime: 30_000,
    structuralSharing: false,
  })
