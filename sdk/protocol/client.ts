import { Problem } from '@belay/base'
import type { z } from 'zod'
import type { Route } from './route.ts'
import { problemWire } from './wire.ts'

type In<R, K extends 'params' | 'query' | 'body'> = R extends { readonly [P in K]: infer S extends z.ZodType }
  ? { [P in K]: z.input<S> }
  : Record<never, never>
type Loose<T> = { [K in keyof T as Record<never, never> extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as Record<never, never> extends T[K] ? K : never]?: T[K]
}
/** What a call of this route takes; members that may be empty may be left out. */
export type Asking<R extends Route> = Loose<In<R, 'params'> & In<R, 'query'> & In<R, 'body'>> &
  (R extends { upload: true } ? { upload: BodyInit } : unknown)
export type Answer<R extends Route> = z.output<R['answer']>
export type ServerEvent = { readonly id: string | undefined; readonly event: string; readonly data: unknown }

export type Client = {
  readonly url: string
  call<R extends Route>(route: R, asking: Asking<R>, signal?: AbortSignal): Promise<Answer<R>>
  /** One connection's events. Ends when the server ends it; reconnecting (with the last id) is the caller's choice. */
  events<R extends Route>(route: R, asking: Asking<R>, options?: { lastEventId?: string; signal?: AbortSignal }): AsyncIterable<ServerEvent>
  bytes<R extends Route>(route: R, asking: Asking<R>, signal?: AbortSignal): Promise<Response>
}

/**
 * The typed client that CLI and page share.
 * @throws Problem with the server's code and sentence; code `unreachable` when nothing answers.
 */
export function createClient(options: { url: string; token?: string | undefined }): Client {
  const { url, token } = options

  async function send(
    route: Route,
    asking: Record<string, unknown>,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const params = (asking.params ?? {}) as Record<string, string>
    const path = route.path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? ''))
    const query = new URLSearchParams(
      Object.entries((asking.query ?? {}) as Record<string, unknown>)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, String(value)]),
    )
    const body = asking.upload ?? (route.body ? JSON.stringify(asking.body ?? {}) : undefined)
    let response: Response
    try {
      response = await fetch(`${url}${path}${query.size > 0 ? `?${query}` : ''}`, {
        method: route.method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': route.upload ? 'application/octet-stream' : 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: body as BodyInit | undefined,
        signal,
        ...(route.upload ? { duplex: 'half' } : {}),
      } as RequestInit)
    } catch (error) {
      if (signal?.aborted) throw error
      throw new Problem('unreachable', 503, `No Belay server answers at ${url}. Start one with: belay serve`, { url }, error)
    }
    if (!response.ok) throw await problemOf(response)
    return response
  }

  return {
    url,
    async call(route, asking, signal) {
      const response = await send(route, asking, { accept: 'application/json' }, signal)
      return route.answer.parse(await response.json()) as never
    },
    async *events(route, asking, { lastEventId, signal } = {}) {
      const headers = { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) }
      const response = await send(route, asking, headers, signal)
      // A browser has a reader of its own and never comes here; its page need not carry another.
      const { createParser } = await import('eventsource-parser')
      const waiting: ServerEvent[] = []
      const parser = createParser({
        onEvent: (it) => waiting.push({ id: it.id, event: it.event ?? 'message', data: JSON.parse(it.data) }),
      })
      const decoder = new TextDecoder()
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      try {
        while (true) {
          const { done, value } = await reader.read()
          if (done) return
          parser.feed(decoder.decode(value, { stream: true }))
          yield* waiting.splice(0)
        }
      } finally {
        await reader.cancel().catch(() => {})
      }
    },
    bytes: (route, asking, signal) => send(route, asking, {}, signal),
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text()
  try {
    const { error } = problemWire.parse(JSON.parse(text))
    return new Problem(error.code, response.status, error.message, error.facts)
  } catch {
    return new Problem(
      'unexpected-answer',
      response.status,
      `The server answered ${response.status} ${response.statusText}: ${text.slice(0, 200)}`,
    )
  }
}
