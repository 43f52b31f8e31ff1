/**
 * The way past Fastify, for what is asked thousands of times a second: requests whose path begins with a given prefix
 * go straight from Node's server to a handler. What every request of ours shares is kept: the guard against forged
 * names, the log without the query, the refusal while the server closes. All else is the handler's own.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import { envelopeOf } from './errors.ts'
import { isOwnOrigin } from './guards.ts'
import { httpProblem } from './problems.ts'
import type { Credentials, RawHandler } from './types.ts'

export type RawRoutes = {
  add(prefix: string, handler: RawHandler): void
  /** Answers the request if it is for one of the handlers; false: it is for somebody else. */
  take(request: IncomingMessage, response: ServerResponse): boolean
  /** From now on requests are refused, as Fastify refuses them. */
  close(): void
}

export function rawRoutes(options: {
  /** Must the server not be asked by this name? */
  wrongHost(host: string | undefined): boolean
  log: () => FastifyBaseLogger
}): RawRoutes {
  const routes: { prefix: string; handler: RawHandler }[] = []
  let isClosing = false

  function refuse(response: ServerResponse, problem: ReturnType<typeof httpProblem>): void {
    const body = JSON.stringify(envelopeOf(problem))
    response.writeHead(problem.status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' })
    response.end(body)
  }

  function failed(error: unknown, response: ServerResponse): void {
    const request = randomUUID().slice(0, 8)
    options.log().error({ err: error, request }, 'a request failed that should not have')
    if (response.headersSent) return void response.destroy()
    refuse(response, httpProblem('internal', { request }))
  }

  function logged(request: IncomingMessage, response: ServerResponse): void {
    const { level } = options.log()
    if (level !== 'info' && level !== 'debug' && level !== 'trace') return
    const startedAtMs = performance.now()
    const { method, url } = request
    response.once('close', () => {
      const status = response.statusCode
      const ms = Math.round(performance.now() - startedAtMs)
      const entry = { method, path: pathOf(url), status, ms }
      if (status < 400) options.log().debug(entry, 'answered')
      else options.log().info(entry, 'answered')
    })
  }

  return {
    add(prefix, handler) {
      routes.push({ prefix, handler })
      // The longest that fits takes a request.
      routes.sort((a, b) => b.prefix.length - a.prefix.length)
    },
    close() {
      isClosing = true
    },
    take(request, response) {
      const url = request.url ?? '/'
      const route = routes.find(({ prefix }) => url.startsWith(prefix))
      if (!route) return false
      logged(request, response)
      const { host } = request.headers
      if (options.wrongHost(host)) refuse(response, httpProblem('wrong-host', { host: host ?? 'nobody' }))
      else if (isClosing) refuse(response, httpProblem('closing', undefined))
      else {
        try {
          route.handler(request, response)?.catch((error: unknown) => failed(error, response))
        } catch (error) {
          failed(error, response)
        }
      }
      return true
    },
  }
}

export const pathOf = (url: string | undefined): string => {
  const path = url ?? '/'
  const end = path.indexOf('?')
  return end < 0 ? path : path.slice(0, end)
}

/**
 * What a raw request shows of who asks, for `authenticate`. A cookie counts only when the request comes from our own
 * page: a page elsewhere must not act for a person who is signed in here.
 */
export function credentialsOf(request: IncomingMessage): Credentials {
  const { authorization, origin, host, cookie } = request.headers
  const fetchSite = request.headers['sec-fetch-site']
  const isOwn = isOwnOrigin({ origin, host, fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined })
  return {
    bearer: /^bearer (.+)$/i.exec(authorization ?? '')?.[1]?.trim(),
    cookie: (name) => (isOwn ? cookieNamed(cookie ?? '', name) : undefined),
    ip: request.socket.remoteAddress ?? '',
  }
}

function cookieNamed(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at >= 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
