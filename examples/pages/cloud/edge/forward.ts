/** Hands one request to one upstream and its answer back. Says what became of it; the caller decides about another try. */
import { type Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import type { Upstream } from './pool.ts'

export type Forwarded =
  | 'answered'
  /** The connection was refused: the request never arrived. */
  | 'refused'
  /** A kept-alive connection broke before any answer: it may or may not have arrived. */
  | 'broken'
  | 'timed-out'

/** Longer than a service waits for those behind it, so that it is the service who says what was missing. */
const answerMsMax = 20_000
/** RFC 9110 section 7.6.1: they belong to one connection and are not handed on. */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

export function forward(
  upstream: Upstream,
  agent: Agent,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<Forwarded> {
  upstream.inFlight++
  return new Promise<Forwarded>((resolve) => {
    const asked = httpRequest(`http://${upstream.address}${request.url}`, {
      agent,
      method: request.method,
      headers: { ...handedOn(request.headers), 'x-forwarded-for': request.socket.remoteAddress, 'content-length': body.length },
      timeout: answerMsMax,
    })
    asked.on('timeout', () => asked.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })))
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (response.headersSent) response.destroy()
      if (error.code === 'ECONNREFUSED') resolve('refused')
      else resolve(error.code === 'ETIMEDOUT' ? 'timed-out' : 'broken')
    })
    asked.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...handedOn(answer.headers), 'x-served-by': upstream.address })
      answer.pipe(response)
      answer.on('error', () => response.destroy())
      answer.on('close', () => {
        upstream.served++
        resolve('answered')
      })
    })
    asked.end(body)
  }).finally(() => {
    upstream.inFlight--
  })
}

function handedOn(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/)
  const pairs = Object.entries(headers).filter(([name, value]) => value !== undefined && !hopByHop.has(name) && !named.includes(name))
  return Object.fromEntries(pairs) as Record<string, string | string[]>
}

/** May a request be sent to another instance after this? */
export function mayTryAgain(outcome: Forwarded, method: string, answerBegan: boolean): boolean {
  if (answerBegan) return false
  if (outcome === 'refused') return true
  return outcome === 'broken' && ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].includes(method)
}
