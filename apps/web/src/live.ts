/** Live data: one connection to the feed of facts; each fact makes the queries that it touches be asked again. */
import { type FactWire, factWire, routes } from '@belay/protocol'
import { useEffect, useSyncExternalStore } from 'react'
import { ask, queries } from './api.ts'
import { openStream } from './stream.ts'
import { now } from './time.ts'
import { topicsOf } from './topics.ts'

export type Connection = { readonly state: 'connecting' | 'live' } | { readonly state: 'stale'; readonly sinceAt: number }

let connection: Connection = { state: 'connecting' }
const watchers = new Set<() => void>()
const listeners = new Set<(fact: FactWire) => void>()

function setConnection(next: Connection): void {
  connection = next
  for (const tell of watchers) tell()
}

/** A rolling deployment writes dozens of facts a second; asking again twice a second shows no less. */
const gatherMs = 500
let touched = new Set<string>()
let everything = false
let gathering: ReturnType<typeof setTimeout> | undefined

/** Queries that follow their subject by a stream of their own say so in `meta.followed`, and are left alone. */
function askAgain(): void {
  gathering = undefined
  const [topics, all] = [touched, everything]
  touched = new Set()
  everything = false
  void queries.invalidateQueries({
    predicate: ({ queryKey, meta }) => queryKey[0] !== 'me' && meta?.['followed'] !== true && (all || topics.has(String(queryKey[0]))),
  })
}

function touch(topics: readonly string[] | undefined): void {
  if (topics === undefined) everything = true
  else for (const topic of topics) touched.add(topic)
  gathering ??= setTimeout(askAgain, gatherMs)
}

function openFeed(): () => void {
  let wasLost = false
  return openStream({
    url: (lastId) => {
      // The front page's answer says how many facts it knew; nothing that came between it and the feed is missed.
      const after = lastId ?? queries.getQueryData(ask(routes.now, {}).queryKey)?.facts
      return after === undefined ? routes.feed.path : `${routes.feed.path}?after=${after}`
    },
    events: ['fact', 'message'],
    onOpen: () => {
      // What happened while the line was down may lie before the oldest fact that the feed repeats.
      if (wasLost) {
        touch(undefined)
        void queries.invalidateQueries({ queryKey: ['me'] })
      }
      wasLost = false
      setConnection({ state: 'live' })
    },
    onLost: (refused) => {
      wasLost = true
      if (connection.state !== 'stale') setConnection({ state: 'stale', sinceAt: now() })
      if (refused) void queries.invalidateQueries({ queryKey: ['me'] })
    },
    onEvent: ({ data }) => {
      const parsed = factWire.safeParse(data)
      if (!parsed.success) return
      touch(topicsOf(parsed.data.kind))
      for (const tell of listeners) tell(parsed.data)
    },
  })
}

/** Keeps the feed open while the component is shown and somebody is signed in. */
export function useFeed(signedIn: boolean): void {
  useEffect(() => {
    if (!signedIn) return
    const close = openFeed()
    return () => {
      close()
      clearTimeout(gathering)
      gathering = undefined
      setConnection({ state: 'connecting' })
    }
  }, [signedIn])
}

const watch = (tell: () => void) => {
  watchers.add(tell)
  return () => void watchers.delete(tell)
}
export const useConnection = (): Connection => useSyncExternalStore(watch, () => connection)

/** Calls `tell` for every fact as it arrives. `tell` must be stable. */
export function useFacts(tell: (fact: FactWire) => void): void {
  useEffect(() => {
    listeners.add(tell)
    return () => void listeners.delete(tell)
  }, [tell])
}
