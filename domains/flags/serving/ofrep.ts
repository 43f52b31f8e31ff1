/**
 * OFREP 0.3.0, the protocol in which any language's stock OpenFeature provider asks (open-feature/protocol
 * `service/openapi.yaml`, `service/event-streams.yaml`, ADRs 0004 to 0010).
 *
 * These are raw routes with hand-made JSON: a page asks here at every load, so the way to an answer is as short as it
 * can be. What is decided here is only how to say it; what each flag gives is the evaluator's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EvaluationContext } from '@belay/flag-evaluator'
import { type Hub, sendJson } from '@belay/http'
import { queryOf, readBody } from './answers.ts'
import { type Asker, type AskerOptions, askerOf, isProblem } from './asker.ts'
import { contextMaxBytes, isBad, parseContext } from './context.ts'
import { bareTag, noneMatchNames } from './etag.ts'
import { type Limits } from './limits.ts'
import { ofrepChannel, type Served } from './served.ts'
import { environmentOfToken } from './stream-token.ts'

export const ofrepPrefix = '/ofrep/'
export const streamPath = '/ofrep/v1/stream'
const flagsPath = '/ofrep/v1/evaluate/flags'

/** A key of kind client may stand in a page, so any page may ask; cookies are never taken from elsewhere. */
const cors = ['access-control-allow-origin', '*', 'access-control-expose-headers', 'ETag, Retry-After'] as const
const corsHeaders = { 'access-control-allow-origin': '*' }
const json = ['content-type', 'application/json; charset=utf-8'] as const
/** How long a browser may rely on what it was allowed; Chromium takes no more than this. */
const preflightMaxAgeS = 7_200
/** What pages send; others are allowed when they ask for them by name. */
const usualHeaders = 'authorization, x-api-key, content-type, if-none-match'

export type OfrepOptions = AskerOptions & {
  readonly hub: Hub
  readonly limits: Limits
  /** @throws Problem when there is no such environment. */
  served(environment: string): Served
  exposed(environment: string, flag: string, variant: string, unit: string): void
  now(): number
  /** What failed and should not have. */
  log(line: string, error?: unknown): void
}

export function ofrepHandler(options: OfrepOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { limits } = options

  return function handle(request, response) {
    const url = request.url ?? ''
    const end = url.indexOf('?')
    const written = end < 0 ? url : url.slice(0, end)
    const path = written.endsWith('/') ? written.slice(0, -1) : written
    const isSingle = path.startsWith(`${flagsPath}/`)
    if (request.method === 'OPTIONS') return preflight(request, response)
    if (path === streamPath) return guarded(response, options, () => stream(request, response, options))
    if (!isSingle && path !== flagsPath) return refuse(response, 404, { errorDetails: 'There is no such path in OFREP 0.3.0.' })
    if (request.method !== 'POST')
      return refuse(response, 405, { errorDetails: 'Flags are asked for by POST.' }, ['allow', 'POST, OPTIONS'])
    guarded(response, options, () => {
      const waitS = limits.address(request)
      if (waitS > 0) return tooMany(response, waitS)
      const query = queryOf(url)
      const asked = { query, key: isSingle ? decodedKey(path.slice(flagsPath.length + 1)) : undefined, written: path }
      const asker = askerOf(request, query, options)
      if (!(asker instanceof Promise)) return evaluate(asker, request, response, asked, options)
      asker.then(
        (it) => guarded(response, options, () => evaluate(it, request, response, asked, options)),
        (error: unknown) => failed(response, options, error),
      )
    })
  }
}

/** What is thrown becomes the answer that OFREP has for it. */
function guarded(response: ServerResponse, options: OfrepOptions, work: () => void): void {
  try {
    work()
  } catch (error) {
    failed(response, options, error)
  }
}

type Asked = { readonly query: URLSearchParams | undefined; readonly key: string | undefined; readonly written: string }

function evaluate(asker: Asker, request: IncomingMessage, response: ServerResponse, asked: Asked, options: OfrepOptions): void {
  const waitS = options.limits.asker(asker)
  if (waitS > 0) return tooMany(response, waitS)
  const served = servedFor(asker, response, asked, options)
  if (served === undefined) return
  readBody(request, contextMaxBytes, (body) =>
    guarded(response, options, () => {
      const key = asked.key
      if (body === undefined) {
        const errorDetails = `The body is larger than ${contextMaxBytes} bytes.`
        return refuse(response, 413, { key, errorCode: 'INVALID_CONTEXT', errorDetails }, ['connection', 'close'])
      }
      const context = parseContext(body)
      if (isBad(context)) return refuse(response, 400, { key, ...context })
      if (key !== undefined) return single(served, key, context, response, options)
      const seen = asked.query?.get('flagConfigEtag')
      if (seen == null) return bulk(served, context, request, response, asked.query)
      served.caughtUp(seen).then(
        () => guarded(response, options, () => bulk(served, context, request, response, asked.query)),
        (error: unknown) => failed(response, options, error),
      )
    }),
  )
}

/** Undefined: the environment is not there, and the answer said so. */
function servedFor(asker: Asker, response: ServerResponse, { key }: Asked, options: OfrepOptions): Served | undefined {
  try {
    return options.served(asker.environment)
  } catch (error) {
    if (!isProblem(error)) throw error
    // A key outlives its environment: its owner must hear that asking on is of no use.
    if (asker.key !== undefined) refuse(response, 403, { errorDetails: error.message })
    else refuse(response, 400, { key, errorCode: 'GENERAL', errorDetails: error.message })
    return undefined
  }
}

function single(served: Served, key: string, context: EvaluationContext, response: ServerResponse, options: OfrepOptions): void {
  const outcome = served.single(key, context)
  response.writeHead(outcome.status, [...json, 'content-length', String(outcome.bytes), ...cors])
  response.end(outcome.text)
  const { targetingKey } = context
  if (outcome.variant !== null && typeof targetingKey === 'string' && targetingKey !== '' && served.isCompared(key))
    options.exposed(served.live.name, key, outcome.variant, targetingKey)
}

/**
 * Nobody is counted as exposed here: who asks for all flags uses some of them, and which ones only the page can say.
 * An exposure that never was would thin out every effect that an experiment looks for.
 */
function bulk(
  served: Served,
  context: EvaluationContext,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams | undefined,
): void {
  const { body, tag } = served.bulk(context)
  const mayMatch = query === undefined || isSameConfiguration(served, query)
  if (mayMatch && noneMatchNames(request.headers['if-none-match'], tag)) {
    response.writeHead(304, ['etag', `"${tag}"`, ...cors])
    response.end()
    return
  }
  response.writeHead(200, [...json, 'content-length', String(body.length), 'etag', `"${tag}"`, ...cors])
  response.end(body)
}

/**
 * A client that an event told of another configuration than ours must get a whole answer, whatever its `If-None-Match`
 * (guideline 9 of ADR-0008): it would otherwise take our 304 for "nothing changed".
 */
function isSameConfiguration(served: Served, query: URLSearchParams): boolean {
  const tag = query.get('flagConfigEtag')
  if (tag !== null && bareTag(tag) !== served.configTag()) return false
  const modified = query.get('flagConfigLastModified')
  if (tag !== null || modified === null) return true
  // Epoch seconds or a date and time. What is neither cannot be known to be old.
  const seconds = /^\d+$/.test(modified) ? Number(modified) : Date.parse(modified) / 1_000
  return seconds <= served.lastModifiedS()
}

function stream(request: IncomingMessage, response: ServerResponse, options: OfrepOptions): void {
  if (request.method !== 'GET') return refuse(response, 405, { errorDetails: 'A stream is opened by GET.' }, ['allow', 'GET, OPTIONS'])
  const waitS = options.limits.address(request)
  if (waitS > 0) return tooMany(response, waitS)
  const token = queryOf(request.url ?? '')?.get('token') ?? ''
  const environment = environmentOfToken(token, options.now(), options.keys.sign)
  if (environment === undefined)
    return refuse(response, 401, { errorDetails: 'This address is no longer good. Ask for the flags again; the answer names the new one.' })
  const served = options.served(environment)
  const first = served.refetch(lastEventIdOf(request))
  const joined = options.hub.join(response, {
    channel: ofrepChannel(environment),
    headers: corsHeaders,
    ...(first ? { first: [first] } : {}),
  })
  if (!joined) refuse(response, 503, { errorDetails: 'As many streams are open as this server holds.' }, ['retry-after', '60'])
}

const lastEventIdOf = (request: IncomingMessage): string | undefined => {
  const id = request.headers['last-event-id']
  return typeof id === 'string' ? id : undefined
}

/** Keys are percent-encoded by clients, slashes too; one that is not decodable is no flag's name. */
function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function preflight(request: IncomingMessage, response: ServerResponse): void {
  const asked = request.headers['access-control-request-headers']
  const headers = asked !== undefined && /^[\w\-, ]{1,1000}$/.test(asked) ? asked : usualHeaders
  response.writeHead(204, [
    ...cors,
    ...['access-control-allow-methods', 'POST, GET, OPTIONS', 'access-control-allow-headers', headers],
    ...['access-control-max-age', String(preflightMaxAgeS)],
  ])
  response.end()
}

type Refusal = { readonly key?: string | undefined; readonly errorCode?: string; readonly errorDetails: string }

function refuse(response: ServerResponse, status: number, refusal: Refusal, headers: readonly string[] = []): void {
  sendJson(response, status, JSON.stringify(refusal), [...cors, ...headers])
}

const tooMany = (response: ServerResponse, waitS: number): void =>
  refuse(response, 429, { errorDetails: `Too many requests. Ask again in ${waitS} s.` }, ['retry-after', String(waitS)])

/** Problems say who may not and why; everything else is a failure of ours, and nothing of it leaks. */
function failed(response: ServerResponse, options: OfrepOptions, error: unknown): void {
  if (!isProblem(error) || error.status >= 500) options.log('an evaluation failed that should not have', error)
  if (response.headersSent) return void response.destroy()
  const status = isProblem(error) ? error.status : 500
  const errorDetails = isProblem(error) ? error.message : 'Something failed that should not have. The log of the server tells more.'
  if (status === 400) refuse(response, 400, { errorCode: 'GENERAL', errorDetails })
  else refuse(response, status, { errorDetails }, status === 401 ? ['www-authenticate', 'Bearer'] : [])
}
