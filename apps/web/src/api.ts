/** The page's way to the server: the same typed client as the CLI's, and TanStack Query around it. */
import { Problem } from '@belay/base'
import { type Answer, type Asking, createClient, type Route, routes } from '@belay/protocol'
import { type QueryClient, queryOptions, QueryCache, QueryClient as Queries } from '@tanstack/react-query'
import { config } from 'zod'
import { learnClock } from './time.ts'

// zod would try `new Function` for speed, which the content security policy refuses and the console then reports.
config({ jitless: true })

export const client = createClient({ url: window.location.origin })

const isSignedOut = (error: unknown): boolean => error instanceof Problem && error.status === 401

/** What a query is about: the first word of its path. Facts name topics, and those queries are asked again. */
export const topicOf = (route: Route): string => route.path.split('/')[2] ?? route.path

/** The query of a route. `keep`: show the last answer while another asking (a filter, a page) is on its way. */
export function ask<R extends Route>(route: R, asking: Asking<R>) {
  return queryOptions<Answer<R>>({
    queryKey: [topicOf(route), route.path, asking],
    queryFn: ({ signal }) => client.call(route, asking, signal),
  })
}

/**
 * Who is looking; null when nobody is signed in, which is an answer and no failure: a failed query is tried again
 * whenever something that shows it appears. Read as bytes, because the Date header tells how far this computer's clock
 * is off.
 */
export const askMe = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }): Promise<Answer<typeof routes.me> | null> => {
    try {
      const response = await client.bytes(routes.me, {}, signal)
      learnClock(response.headers.get('date'))
      return routes.me.answer.parse(await response.json())
    } catch (error) {
      if (isSignedOut(error)) return null
      throw error
    }
  },
  // Roles and the server's version change rarely; a lost session is noticed by the other queries.
  staleTime: 60_000,
})

/** A refusal does not change by asking again; a server that restarts does come back. */
const worthRetrying = (error: unknown): boolean => !(error instanceof Problem) || error.status >= 500

export const queries: QueryClient = new Queries({
  queryCache: new QueryCache({
    onError: (error) => {
      if (isSignedOut(error) && queries.getQueryData(askMe.queryKey) !== null) void queries.invalidateQueries({ queryKey: askMe.queryKey })
    },
  }),
  defaultOptions: {
    queries: {
      retry: (failures, error) => worthRetrying(error) && failures < 2,
      retryDelay: 700,
      // The feed says when something changed, so an answer stays good; this only spares double asking on one page.
      staleTime: 5_000,
      // A refused local connection must be tried: `navigator.onLine` says nothing about a server on this machine.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
})
