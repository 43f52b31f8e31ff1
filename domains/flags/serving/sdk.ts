/**
 * What services that evaluate in process ask for: the definitions, a stream of their changes, who is in which list of a
 * segment, and a place for their reports. `sdk/node` speaks this; flagd itself can sync from the definitions.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sayCount } from '@belay/base'
import { httpProblem, type Hub, isNestedDeeper, sendJson } from '@belay/http'
import { reportWire } from '@belay/protocol'
import { z } from 'zod'
import type { Reports } from '../reports/types.ts'
import type { SegmentsView } from '../segments/types.ts'
import { queryOf, readBody } from './answers.ts'
import { type Asker, type AskerOptions, askerOf, isProblem, requireAction, requireServerKey } from './asker.ts'
import { noneMatchNames } from './etag.ts'
import type { Limits } from './limits.ts'
import { servingProblem } from './problems.ts'
import { definitionsChannel, type Dialect, type Encoding, encodings, type Served } from './served.ts'

export const sdkPrefix = '/api/sdk/'

/** 1,000 keys of up to 500 characters, spelled as JSON, and room. */
const membershipMaxBytes = 1_024 * 1_024
/** A full report has 15,000 entries; with ordinary names that is 2 MB. */
const reportMaxBytes = 8 * 1_024 * 1_024
/** What a service tells of an event is a few levels deep; whoever walks it walks it on the stack. */
const nestingMax = 64
const membershipWire = z.object({ keys: z.array(z.string().max(500)).max(1_000) })

export type SdkOptions = AskerOptions & {
  readonly hub: Hub
  readonly limits: Limits
  readonly segments: Pick<SegmentsView, 'memberships'>
  readonly reports: Pick<Reports, 'take'>
  /** @throws Problem when there is no such environment. */
  served(environment: string): Served
  log(line: string, error?: unknown): void
}

type Asking = { readonly asker: Asker; readonly served: Served; readonly request: IncomingMessage; readonly response: ServerResponse }

export function sdkHandler(options: SdkOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return function handle(request, response) {
    const fail = (error: unknown) => failed(error, response, options)
    try {
      const url = request.url ?? ''
      const query = queryOf(url)
      limited(options.limits.address(request))
      const asker = askerOf(request, query, options)
      // A key is known at once, and most definitions are asked for by keys that have them already: no promise for those.
      if (asker instanceof Promise) asker.then((it) => answer(it, request, response, url, query, options)).catch(fail)
      else answer(asker, request, response, url, query, options)?.catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

function answer(
  asker: Asker,
  request: IncomingMessage,
  response: ServerResponse,
  url: string,
  query: URLSearchParams | undefined,
  options: SdkOptions,
): Promise<void> | undefined {
  limited(options.limits.asker(asker))
  requireServerKey(asker)
  const path = pathOf(url)
  const asking = { asker, served: options.served(asker.environment), request, response }
  switch (`${request.method} ${path}`) {
    case 'GET /api/sdk/definitions':
      return definitions(asking, dialectOf(query))
    case 'GET /api/sdk/stream':
      return stream(asking, options)
    case 'POST /api/sdk/membership':
      return membership(asking, options)
    case 'POST /api/sdk/reports':
      return reports(asking, options)
    default:
      throw servingProblem('serving-not-found', { path })
  }
}

function pathOf(url: string): string {
  const end = url.indexOf('?')
  const path = end < 0 ? url : url.slice(0, end)
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function limited(afterS: number): void {
  if (afterS > 0) throw servingProblem('serving-too-many-requests', { afterS })
}

function definitions({ served, request, response }: Asking, dialect: Dialect): Promise<void> | undefined {
  const it = served.definitions(dialect)
  const same = ['x-belay-revision', String(served.live.revision()), 'cache-control', 'no-cache', 'vary', 'accept-encoding']
  if (noneMatchNames(request.headers['if-none-match'], it.tag)) {
    response.writeHead(304, ['etag', `"${it.tag}"`, ...same])
    response.end()
    return undefined
  }
  const send = (body: Buffer, headers: readonly string[]) => {
    response.writeHead(200, ['content-type', 'application/json; charset=utf-8', 'content-length', String(body.length), ...headers, ...same])
    response.end(body)
  }
  const encoding = wanted(request.headers['accept-encoding'])
  if (encoding === undefined) {
    send(it.plain, ['etag', `"${it.tag}"`])
    return undefined
  }
  // What is compressed is the same, but not octet by octet (RFC 9110 §8.8.1).
  return it.encoded(encoding).then((body) => send(body, ['etag', `W/"${it.tag}"`, 'content-encoding', encoding]))
}

function stream({ asker, served, request, response }: Asking, { hub }: SdkOptions): undefined {
  const last = request.headers['last-event-id']
  const revision = typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : undefined
  const { name } = served.live
  const joined = hub.join(response, { channel: definitionsChannel(name), owner: asker.id, first: [served.catchUp(revision)] })
  if (!joined) throw servingProblem('serving-too-many-streams', { afterS: 60 })
}

async function membership({ served, request, response }: Asking, { segments }: SdkOptions): Promise<void> {
  const { keys } = parsed(membershipWire, await bodyOf(request, membershipMaxBytes))
  // The revision first: what changes while the answer is made must not seem to be in it.
  const revision = served.live.revision()
  sendJson(response, 200, JSON.stringify({ revision, members: segments.memberships(keys) }))
}

async function reports({ asker, request, response }: Asking, it: SdkOptions): Promise<void> {
  // What services met is evidence; who may only look must not be able to make it up.
  requireAction(asker.who, 'flag.change')
  const report = parsed(reportWire, await bodyOf(request, reportMaxBytes))
  const { counted } = await it.reports.take(asker.environment, report)
  // Heard once, with the batch that tells it.
  if (counted && report.dropped)
    it.log(`A service of ${asker.environment} gave up ${sayCount(report.dropped, 'report')} that found no room while the server was away.`)
  sendJson(response, 200, JSON.stringify({ counted }))
}

/** @throws Problem `serving-too-large`, `serving-bad-request`. */
async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const body = await new Promise<string | undefined>((resolve, reject) => {
    request.once('close', () => reject(servingProblem('serving-bad-request', { because: 'it ended in the middle of its body' })))
    readBody(request, maxBytes, resolve)
  })
  if (body === undefined) throw servingProblem('serving-too-large', { maxBytes })
  if (isNestedDeeper(body, nestingMax))
    throw servingProblem('serving-bad-request', { because: `its body is nested deeper than ${nestingMax} levels` })
  try {
    return JSON.parse(body)
  } catch (error) {
    throw servingProblem('serving-bad-request', { because: 'its body is not JSON' }, error)
  }
}

/** @throws Problem `bad-request` that names the field. */
function parsed<T>(shape: z.ZodType<T>, body: unknown): T {
  const it = shape.safeParse(body)
  if (it.success) return it.data
  const problems = it.error.issues.slice(0, 10).map(({ path, message }) => ({ field: ['body', ...path].join('.'), message }))
  throw httpProblem('bad-request', { problems })
}

function dialectOf(query: URLSearchParams | undefined): Dialect {
  const dialect = query?.get('dialect') ?? 'belay'
  if (dialect === 'belay' || dialect === 'flagd') return dialect
  throw servingProblem('serving-bad-request', { because: `there is no dialect ${dialect}; there is flagd, and Belay's own without asking` })
}

/** The first of ours that the client takes; a weight of 0 means "not this one" (RFC 9110 §12.5.3). */
function wanted(header: string | string[] | undefined): Encoding | undefined {
  if (typeof header !== 'string') return undefined
  const taken = header.split(',').flatMap((it) => {
    const [name, ...parameters] = it.split(';').map((part) => part.trim().toLowerCase())
    return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? [] : [name]
  })
  return encodings.find((encoding) => taken.includes(encoding))
}

function failed(error: unknown, response: ServerResponse, { log }: SdkOptions): void {
  const problem = isProblem(error) ? error : httpProblem('internal', { request: 'of this moment' })
  if (problem.status >= 500) log('a request of a service failed that should not have', error)
  if (response.headersSent) return void response.destroy()
  const { code, message, facts } = problem
  const afterS = facts.afterS
  sendJson(response, problem.status, JSON.stringify({ error: { code, message, facts } }), [
    ...['cache-control', 'no-store'],
    ...(typeof afterS === 'number' ? ['retry-after', String(afterS)] : []),
    ...(problem.status === 401 ? ['www-authenticate', 'Bearer'] : []),
    ...(problem.status === 413 ? ['connection', 'close'] : []),
  ])
}
