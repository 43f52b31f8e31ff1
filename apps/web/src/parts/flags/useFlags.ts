import { type FlagStandingWire, type FlagSummaryWire, routes } from '@belay/protocol'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { client } from '../../api.ts'

export type FlagFilter = {
  readonly text?: string | undefined
  readonly kind?: FlagSummaryWire['kind'] | undefined
  readonly tag?: string | undefined
  readonly owner?: string | undefined
  readonly environment?: string | undefined
  readonly state?: FlagStandingWire['state'] | undefined
  readonly stale?: 'yes' | undefined
  readonly archived?: 'yes' | undefined
}
/** A window shows some twenty; this many more are there before one has scrolled to them. */
const firstFlags = 100
/** Who scrolls on gets larger pages: all that is loaded is asked for again when a flag changes. */
const nextFlags = 500

/** Flags that fit the filter, by key, with further pages on demand. A fact about any flag asks for what is shown again. */
export function useFlags({ stale, archived, ...filter }: FlagFilter) {
  const list = useInfiniteQuery({
    queryKey: ['flags', 'pages', { ...filter, stale, archived }],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      client.call(
        routes.flags.list,
        {
          query: {
            ...filter,
            stale: stale === 'yes' ? 'true' : undefined,
            archived: archived === 'yes' ? 'true' : undefined,
            after: pageParam,
            limit: pageParam === undefined ? firstFlags : nextFlags,
          },
        },
        signal,
      ),
    getNextPageParam: (last) => (last.more ? last.flags.at(-1)?.key : undefined),
    placeholderData: (before) => before,
  })
  const pages = list.data?.pages
  const flags = useMemo(() => pages?.flatMap((it) => it.flags) ?? [], [pages])
  return { list, flags, head: pages?.[0] }
}
