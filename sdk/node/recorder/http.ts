/** Calls that come by HTTP/1.1: from the moment a request is parsed until its answer has ended, or nobody is there to take it. */
import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { endpointText, templateOf } from '@belay/call-record'
import { type SeenBody, watchBody } from './body.ts'
import { Call, traceIdOf } from './call.ts'
import { calls } from './context.ts'
import type { Meter } from './cpu/meter.ts'
import type { CallGatherer } from './gather.ts'
import type { RulesHolder } from './rules.ts'

type Started = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly socket: Socket }
/** Express and what is built on its router write down here what matched. */
type Routed = IncomingMessage & { readonly baseUrl?: unknown; readonly route?: { readonly path?: unknown } }

/** What was asked for is not there, and nobody knows a name for it. */
const notFound = '(not found)'
const started = channel('http.server.request.start')

/** Returns what ends it; calls that are under way are then forgotten. */
export function recordHttp(options: {
  readonly meter: Meter
  readonly gatherer: CallGatherer
  readonly rules: RulesHolder
  /** Ms since the epoch at which `performance.now()` was 0. */
  readonly originMs: () => number
}): () => void {
  const { meter, gatherer, rules, originMs } = options
  let over = false

  function begin({ request, response, socket }: Started): void {
    const call = new Call(traceIdOf(request.headers.traceparent))
    calls.enterWith(call)
    meter.begin(call)
    const writtenBefore = socket.bytesWritten
    const ends = endsOf(socket)
    // Frameworks that mount others write another url into the request meanwhile.
    const url = request.url ?? '/'
    const body = bodyOf(request, url)
    const end = () => {
      if (call.closed || over) return
      const realMs = performance.now() - call.startedMs
      try {
        finish(call, { request, response, url, body, realMs, written: socket.bytesWritten - writtenBefore, ends })
      } catch {
        // Whatever a service did to its request: a call that cannot be described is not recorded.
      }
      call.closed = true
    }
    response.on('close', end)
    if (request.headers.accept?.includes('text/event-stream')) endWithHeaders(response, end)
  }

  function bodyOf(request: IncomingMessage, url: string): SeenBody | undefined {
    const { headers, method = 'GET' } = request
    const keep = rules.describer.needsBody(method, url) && /\bjson\b/.test(headers['content-type'] ?? '')
    // A body whose length is told needs not be counted.
    return keep || headers['transfer-encoding'] !== undefined ? watchBody(request, keep) : undefined
  }

  function finish(call: Call, it: Finished): void {
    const { request, response, url, body, realMs } = it
    const answered = response.writableFinished || call.streams
    const status = answered ? response.statusCode : 0
    const at = originMs() + call.startedMs
    const verb = request.method ?? 'GET'
    let query: URLSearchParams | undefined
    const { method, sure, account, audience } = rules.describer.describe(
      {
        verb,
        path: url,
        route: call.template || expressRoute(request),
        header: (name) => headerOf(request, name),
        query: (name) => (query ??= queryOf(url)).get(name) ?? undefined,
        body: body?.json(),
      },
      call,
      at,
    )
    gatherer.add(call, {
      at,
      method,
      otherwise: status === 404 && !sure ? notFound : undefined,
      audience,
      account,
      status,
      failed: status === 0 || status >= 500 || (call.threw && status < 400),
      realUs: realMs * 1_000,
      requestBytes: body?.bytes ?? (Number(request.headers['content-length']) || 0),
      responseBytes: Math.max(0, it.written - headerBytes(response)),
      ...it.ends,
    })
  }

  const listener = (message: unknown) => {
    try {
      begin(message as Started)
    } catch {
      // The service goes on without being recorded.
    }
  }
  started.subscribe(listener)
  return () => {
    over = true
    started.unsubscribe(listener)
  }
}

type Finished = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: string
  readonly body: SeenBody | undefined
  readonly realMs: number
  readonly written: number
  readonly ends: Ends
}

type Ends = { readonly peer: string; readonly local: string }
/** A connection that is kept alive carries many calls. */
const endsOfSockets = new WeakMap<Socket, Ends>()

/** Asked for when a call begins: a socket that is closed knows its addresses no longer. */
function endsOf(socket: Socket): Ends {
  let ends = endsOfSockets.get(socket)
  if (ends === undefined) {
    ends = { peer: endpointText(socket.remoteAddress, socket.remotePort), local: endpointText(socket.localAddress, socket.localPort) }
    endsOfSockets.set(socket, ends)
  }
  return ends
}

/**
 * A stream of events lasts as long as somebody listens, which is nobody's cost: the call ends when it has begun.
 */
function endWithHeaders(response: ServerResponse, end: () => void): void {
  const { writeHead } = response
  response.writeHead = function (this: ServerResponse, ...args: Parameters<typeof writeHead>) {
    const answer = writeHead.apply(this, args)
    if (/^content-type: *text\/event-stream/im.test(headOf(response))) {
      const call = calls.getStore()
      if (call instanceof Call) call.streams = true
      end()
    }
    return answer
  } as typeof writeHead
}

/** As it is sent: Node keeps it under this name since its first versions, and nowhere else. */
function headOf(response: ServerResponse): string {
  return (response as { _header?: string | null })._header ?? ''
}

function headerBytes(response: ServerResponse): number {
  return headOf(response).length
}

function expressRoute(request: Routed): string {
  const path = request.route?.path
  if (typeof path !== 'string') return ''
  const base = typeof request.baseUrl === 'string' ? request.baseUrl : ''
  // Of a router that is mounted below a parameter, the base has its value.
  return base === '' ? path : `${templateOf(base)}${path === '/' ? '' : path}`
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

function queryOf(url: string): URLSearchParams {
  const from = url.indexOf('?')
  return new URLSearchParams(from < 0 ? '' : url.slice(from + 1))
}
