/** Which route matched, as far as a framework does not write it into the request (Express does; see http.ts). */
import { channel } from 'node:diagnostics_channel'
import { currentCall } from './context.ts'
import { onLoad } from './modules.ts'

/** Returns what ends it; servers that were made before go on telling. */
export function listenToFrameworks(): () => void {
  const initialized = channel('fastify.initialization')
  initialized.subscribe(onFastify)
  const endHono = onLoad('hono', patchHono)
  return () => {
    initialized.unsubscribe(onFastify)
    endHono()
  }
}

type FastifyRequest = { readonly routeOptions?: { readonly url?: string | undefined } }
type Fastify = {
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: unknown, done: () => void) => void): void
  addHook(name: 'onError', hook: (request: FastifyRequest, reply: unknown, error: Error, done: () => void) => void): void
}

/** Fastify says when an instance is made; the first hook runs when the route is known, before any that may answer. */
function onFastify(message: unknown): void {
  try {
    const { fastify } = message as { fastify: Fastify }
    fastify.addHook('onRequest', (request, _, done) => {
      const url = request.routeOptions?.url
      if (url !== undefined) currentCall()?.route(url)
      done()
    })
    fastify.addHook('onError', (_, __, error, done) => {
      currentCall()?.error(error)
      done()
    })
  } catch {
    // Another Fastify than 4 and 5.
  }
}

type Match = (this: unknown, method: string, path: string) => unknown
/** Of Hono's routers: handlers that matched, in their order, middleware among them. */
type Matched = readonly [readonly (readonly [readonly [unknown, { readonly path?: unknown; readonly method?: unknown }], unknown])[]]

/**
 * Hono keeps what it matched to itself, but its router is asked with every request. The router replaces its own `match`
 * when it is asked first: that assignment comes through here as well.
 */
function patchHono(exports: unknown): void {
  const { Hono } = exports as { Hono: new () => { readonly router: object } }
  const prototype = Object.getPrototypeOf(new Hono().router) as { match: Match }
  const first = telling(prototype.match)
  Object.defineProperty(prototype, 'match', {
    configurable: true,
    get: () => first,
    set(this: object, match: Match) {
      Object.defineProperty(this, 'match', { value: telling(match), configurable: true, writable: true, enumerable: true })
    },
  })
}

function telling(match: Match): Match {
  return function (method, path) {
    const result = match.call(this, method, path)
    const call = currentCall()
    if (call !== undefined) {
      const route = honoRoute(result as Matched)
      if (route !== undefined) call.route(route)
    }
    return result
  }
}

/** The last that is for this method alone; else the last that is for all, unless it is there for every path, as middleware is. */
function honoRoute([handlers]: Matched): string | undefined {
  let ofAll: string | undefined
  for (let nth = handlers.length - 1; nth >= 0; nth--) {
    const { path, method } = handlers[nth]?.[0]?.[1] ?? {}
    if (typeof path !== 'string') continue
    if (method !== 'ALL') return path
    if (ofAll === undefined && !/^\/?\*$/.test(path)) ofAll = path
  }
  return ofAll
}
