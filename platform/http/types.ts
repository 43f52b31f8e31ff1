import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify'
import type { z } from 'zod'

/** A route as this room needs to know it; the product's own table has more to say. */
export type RouteShape = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With `:name` for parameters. */
  readonly path: string
  /** Handed to `refuse`. `null`: open to anyone who reaches the port, and therefore limited in rate. */
  readonly needs: string | null
  readonly summary: string
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly answer: z.ZodType
  readonly stream?: 'events' | 'bytes'
  readonly upload?: true
  /** The most that a body has; by default a megabyte. */
  readonly bodyMaxBytes?: number
}

type Parsed<R, K extends string> = R extends { readonly [P in K]: infer S extends z.ZodType } ? z.output<S> : undefined

/** One request, parsed and allowed. */
export type Ask<R extends RouteShape, Who> = {
  readonly params: Parsed<R, 'params'>
  readonly query: Parsed<R, 'query'>
  readonly body: Parsed<R, 'body'>
  /** Always somebody, except on a route that is open. */
  readonly who: R['needs'] extends null ? Who | undefined : Who
  /** Aborts when the client has gone, or (streams of events) when the server closes. */
  readonly signal: AbortSignal
  readonly lastEventId: string | undefined
  /** The bytes of an upload. Fails with Problem `body-too-large` past the bound. */
  readonly upload: Readable
  /** Tells the client how far the work is, when it asked for events; else it is dropped. */
  progress(data: unknown): void
  cookie(name: string): string | undefined
  /** For cookies and redirects; a handler that answers through it returns it. */
  readonly reply: FastifyReply
}

export type ServerSentEvent = { readonly id?: string | number; readonly event?: string; readonly data: unknown }

/** Answers a request by hand. What it throws (or rejects with) is logged and answered by 500. */
export type RawHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

export type Api<Who> = {
  /**
   * An answer. When the client accepts `text/event-stream`, `progress(data)` travels as event `progress`, the answer
   * as event `done` and a Problem as event `failed` (`{ error: { code, message, facts } }`).
   */
  handle<R extends RouteShape>(route: R, handler: (ask: Ask<R, Who>) => Promise<z.output<R['answer']> | FastifyReply>): void
  /** A stream of server-sent events; what the iterable throws travels as event `failed`, or as a plain error when nothing was sent yet. */
  events<R extends RouteShape>(route: R, handler: (ask: Ask<R, Who>) => AsyncIterable<ServerSentEvent>): void
  /** A stream of octets. */
  bytes<R extends RouteShape>(route: R, handler: (ask: Ask<R, Who>) => Promise<Readable>): void
  /**
   * Hands every request whose path begins with `prefix` (of several, the longest) to `handler`, with nothing of Fastify between: for what is
   * asked so often that the way there would cost more than the answer. Who asks, bounds and errors are the handler's
   * own; the guard of hosts, the log without the query and the refusal at the end are not.
   */
  raw(prefix: string, handler: RawHandler): void
  /** Serves a built page: files of `folder`, and its index.html for every other path outside /api. */
  page(folder: string): void
  /** @throws Problem `port-taken`, `cannot-listen`. */
  listen(options: { host: string; port: number }): Promise<{ url: string }>
  /** Takes no more requests, ends the streams, waits for the rest (at most 10 s). */
  close(): Promise<void>
  readonly app: FastifyInstance
}

export type StreamTiming = {
  /** How often a sign of life is sent: proxies and browsers give up on a connection that is silent for 30 to 60 s. */
  readonly heartbeatMs: number
  /** A slow network may stall for a while; a client that takes nothing for this long has gone. */
  readonly stuckMaxMs: number
}
export type Credentials = { cookie(name: string): string | undefined; readonly bearer: string | undefined; readonly ip: string }

export type ApiOptions<Who> = {
  /** The product's name and version, for the API's description and the probes. */
  readonly name: string
  readonly version: string
  readonly logger?: FastifyBaseLogger
  authenticate(request: Credentials): Promise<Who | undefined>
  /** The sentence why not; undefined: may. */
  refuse(who: Who, needs: string): string | undefined
  /** The sentence why the server cannot do its work now; undefined: it can. */
  ready(): Promise<string | undefined>
  /** Further names under which a server on loopback may be asked: those of a proxy in front of it. */
  readonly hosts?: readonly string[]
  /** For tests, which do not wait half a minute. */
  readonly streams?: Partial<StreamTiming>
}
