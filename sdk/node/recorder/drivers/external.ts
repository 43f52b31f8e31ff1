/**
 * Calls to other services, by the channels of Node: `http` and `https` by `http.client.*`, `fetch` and undici by
 * `undici:*`. A call lasts until the head of its answer: its body is read when its owner likes, or never.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { currentCall } from '../context.ts'
import type { OpenCall } from '../types.ts'
import { nowUs } from './timing.ts'

type Pending = { readonly call: OpenCall; readonly text: string; readonly startedUs: number }

const pending = new WeakMap<object, Pending>()

/** They go on with the call's trace, unless its owner has said where they belong. */
export function recordExternalCalls(): () => void {
  const handlers: readonly (readonly [name: string, handler: (message: unknown) => void])[] = [
    ['http.client.request.created', httpBegins],
    // Node 20 has no `created`: there a call begins when its request has been sent, and its trace stays here.
    ['http.client.request.start', httpBegins],
    ['http.client.response.finish', httpAnswers],
    ['http.client.request.error', fails],
    ['undici:request:create', undiciBegins],
    ['undici:request:headers', undiciAnswers],
    ['undici:request:error', fails],
  ]
  for (const [name, handler] of handlers) subscribe(name, handler)
  return () => {
    for (const [name, handler] of handlers) unsubscribe(name, handler)
  }
}

function begins(request: object, text: () => string): OpenCall | undefined {
  const call = currentCall()
  if (call === undefined || pending.has(request)) return undefined
  pending.set(request, { call, text: text(), startedUs: nowUs() })
  return call
}

function ends(request: object, failed: boolean): void {
  const it = pending.get(request)
  if (it === undefined) return
  pending.delete(request)
  it.call.external({ text: it.text, startedUs: it.startedUs, tookUs: nowUs() - it.startedUs, failed })
}

function fails(message: unknown): void {
  ends((message as { readonly request: object }).request, true)
}

/** 4xx is an answer, and often the one that was asked for. */
const isFailure = (status: number | undefined): boolean => status !== undefined && status >= 500

function httpBegins(message: unknown): void {
  const { request } = message as { readonly request: ClientRequest }
  const call = begins(request, () => `${request.method} ${String(request.getHeader('host') ?? request.host)}`)
  if (call === undefined || request.headersSent || request.hasHeader('traceparent')) return
  request.setHeader('traceparent', call.traceparent())
}

function httpAnswers(message: unknown): void {
  const { request, response } = message as { readonly request: object; readonly response: IncomingMessage }
  ends(request, isFailure(response.statusCode))
}

type UndiciRequest = {
  readonly origin?: unknown
  readonly method?: unknown
  readonly headers?: unknown
  addHeader?: (name: string, value: string) => unknown
}

function undiciBegins(message: unknown): void {
  const { request } = message as { readonly request: UndiciRequest }
  const call = begins(request, () => `${String(request.method)} ${hostOf(request.origin)}`)
  if (call === undefined || typeof request.addHeader !== 'function' || hasTraceparent(request.headers)) return
  request.addHeader('traceparent', call.traceparent())
}

function hostOf(origin: unknown): string {
  try {
    return new URL(String(origin)).host
  } catch {
    return ''
  }
}

/** Names and values in turn; before undici 6 one text. */
function hasTraceparent(headers: unknown): boolean {
  if (typeof headers === 'string') return /^traceparent:/im.test(headers)
  return Array.isArray(headers) && headers.some((it: unknown, at) => at % 2 === 0 && String(it).toLowerCase() === 'traceparent')
}

function undiciAnswers(message: unknown): void {
  const { request, response } = message as { readonly request: object; readonly response: { readonly statusCode?: number } }
  ends(request, isFailure(response.statusCode))
}
