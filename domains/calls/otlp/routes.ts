/**
 * OTLP/HTTP: `POST /v1/traces`, `/v1/metrics`, `/v1/logs`, protobuf or JSON, plain or gzip.
 *
 * Source: OTLP specification 1.x, "OTLP/HTTP".
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '@belay/base'
import type { Api } from '@belay/http'
import { type Encoding, type RejectedField, send, statusBody, successBody } from './answers.ts'
import { bodyOf, createRoom, encodingOf, type Room } from './body.ts'
import { limits } from './limits.ts'
import type { Otlp } from './otlp.ts'
import { otlpProblem } from './problems.ts'
import { Malformed } from './shape.ts'

const otlpPrefix = '/v1/'

export type OtlpRoutesOptions = {
  /** Whose calls these are. @throws Problem for strangers. */
  environmentOf(request: IncomingMessage): Promise<string> | string
  log(line: string, error?: unknown): void
  /** By default what limits.ts says. */
  readonly room?: Room
}

const signals: Readonly<Record<string, { readonly take: 'traces' | 'metrics' | 'logs'; readonly rejected: RejectedField }>> = {
  '/v1/traces': { take: 'traces', rejected: 'rejectedSpans' },
  '/v1/metrics': { take: 'metrics', rejected: 'rejectedDataPoints' },
  '/v1/logs': { take: 'logs', rejected: 'rejectedLogRecords' },
}

/** Registers the routes; the API does not listen yet. */
export function otlpRoutes(api: Pick<Api<unknown>, 'raw'>, otlp: Otlp, options: OtlpRoutesOptions): void {
  api.raw(otlpPrefix, otlpHandler(otlp, options))
}

export function otlpHandler(otlp: Otlp, options: OtlpRoutesOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const room = options.room ?? createRoom()
  return async function handle(request, response) {
    try {
      const [path = ''] = (request.url ?? '').split('?', 1)
      const signal = Object.hasOwn(signals, path) ? signals[path] : undefined
      if (signal === undefined) throw otlpProblem('otlp-not-found', { path: path.slice(0, 200) })
      if (request.method !== 'POST') throw otlpProblem('otlp-post-only', { path })
      const encoding = encodingOf(request)
      const environment = await options.environmentOf(request)
      using lease = room.enter()
      const body = await bodyOf(request, encoding, lease)
      const partial = await otlp[signal.take](environment, encoding, body)
      send(response, 200, encoding, successBody(encoding, signal.rejected, partial))
    } catch (error) {
      refuse(error, request, response, options)
    }
  }
}

function refuse(error: unknown, request: IncomingMessage, response: ServerResponse, { log }: OtlpRoutesOptions): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const { status, message, afterS } = refusalOf(error, log)
  const headers = [
    ...(afterS === undefined ? [] : ['retry-after', String(afterS)]),
    ...(status === 401 ? ['www-authenticate', 'Bearer'] : []),
    ...(status === 405 ? ['allow', 'POST'] : []),
    ...(status === 415 ? ['accept-encoding', 'gzip'] : []),
    ...(request.complete ? [] : ['connection', 'close']),
  ]
  const encoding = wishedEncoding(request)
  send(response, status, encoding, statusBody(encoding, status, message), headers)
  drain(request)
}

/** Overload and a store that is away are answered with what clients retry: 429 and 503, never 500. */
function refusalOf(error: unknown, log: OtlpRoutesOptions['log']): { status: number; message: string; afterS?: number } {
  if (error instanceof Malformed) return refusalOf(otlpProblem('otlp-malformed', { because: error.message, where: error.where }), log)
  if (!(error instanceof Problem)) {
    log('a request of OpenTelemetry failed that should not have', error)
    return { status: 500, message: "Something failed that should not have. The server's log tells more." }
  }
  const { message, facts } = error
  const status = error.status >= 500 ? 503 : error.status
  if (status === 503) log('what OpenTelemetry sent could not be taken', error)
  const told = facts['afterS']
  const afterS = typeof told === 'number' ? told : status === 429 || status === 503 ? limits.busyAfterS : undefined
  return { status, message, ...(afterS === undefined ? {} : { afterS }) }
}

/** That of the request, also where its content type is only nearly one of ours. */
function wishedEncoding(request: IncomingMessage): Encoding {
  return /protobuf|octet-stream/i.test(request.headers['content-type'] ?? '') ? 'protobuf' : 'json'
}

/** What is still under way is thrown away up to here, so that the refusal is read; then the connection goes. */
const drainBytesMax = 16 * 1_024 * 1_024
function drain(request: IncomingMessage): void {
  if (request.complete) return
  let bytes = 0
  request.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (bytes > drainBytesMax) request.destroy()
  })
  request.on('error', () => {})
  request.resume()
}
