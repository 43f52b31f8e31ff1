import { type FactWire, routes } from '@belay/protocol'
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { client } from '../api.ts'
import { useFacts } from '../live.ts'

export type LedgerFilter = {
  readonly kind?: string | undefined
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly text?: string | undefined
}
const pageFacts = 200
/** Facts that came while the page was open; beyond this the list is asked for anew. */
const freshMax = 500
const gatherMs = 300

/** Facts that fit the filter, newest first, with further pages on demand and new ones as they happen. */
export function useLedger(filter: LedgerFilter) {
  const queries = useQueryClient()
  const queryKey = useMemo(() => ['ledger-list', filter], [filter])
  const list = useInfiniteQuery({
    queryKey,
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) =>
      client.call(routes.ledger.list, { query: { ...filter, before: pageParam, limit: pageFacts } }, signal),
    getNextPageParam: (last) => (last.more ? last.facts.at(-1)?.seq : undefined),
    // New facts are added as they come; fetching every page again would move the list under the reader.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  const [fresh, setFresh] = useState<readonly FactWire[]>([])
  const [wanted, setWanted] = useState(0)
  useEffect(() => {
    if (wanted === 0) return setFresh([])
  }, [wanted])
  useEffect(() => setFresh([]), [queryKey])

  // The server decides what fits the filter, so a new fact is a reason to ask for what came after the last one known.
  const pages = list.data?.pages
  const newest = Math.max(fresh[0]?.seq ?? 0, pages?.[0]?.facts[0]?.seq ?? 0)
  useFacts(useCallback(() => setWanted((count) => count + 1), []))
  useEffect(() => {
    if (wanted === 0 || pages === undefined) return
    const stop = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const { facts, more } = await client.call(
          routes.ledger.list,
          { query: { ...filter, after: newest, order: 'oldest', limit: pageFacts } },
          stop.signal,
        )
        if (more || fresh.length + facts.length > freshMax) {
          setFresh([])
          await queries.resetQueries({ queryKey })
        } else if (facts.length > 0)
          setFresh((before) => [...facts.toReversed().filter((fact) => fact.seq > (before[0]?.seq ?? 0)), ...before])
      } catch {
        // The feed comes back with every fact that was missed, and each asks again.
      }
    }, gatherMs)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
    // `newest` and `fresh` follow from what this effect itself adds; only a new fact is a reason to ask.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [wanted, pages === undefined, queryKey])

  const facts = useMemo(() => [...fresh, ...(pages?.flatMap((page) => page.facts) ?? [])], [fresh, pages])
  return { list, facts, freshCount: fresh.length }
}
