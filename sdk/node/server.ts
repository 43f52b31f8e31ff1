/** Asking the Belay server: one place that knows the key, the waits and what each refusal means. */
import type { Clock } from './clock.ts'
import { because } from './files.ts'
import type { Settings } from './options.ts'

/**
 * away: nobody answered, or something that is no answer; try again.
 * refused: the key is not good for this; asking again will not help soon.
 * later: too many questions; `afterMs` says when to come back.
 * wrong: the server understood and will not take it; the same question again is in vain.
 */
type FailureKind = 'away' | 'refused' | 'later' | 'wrong'

export class Failure extends Error {
  readonly kind: FailureKind
  readonly afterMs: number | undefined

  constructor(kind: FailureKind, message: string, afterMs?: number) {
    super(message)
    this.kind = kind
    this.afterMs = afterMs
  }
}

export function asFailure(thrown: unknown): Failure {
  return thrown instanceof Failure ? thrown : new Failure('away', because(thrown))
}

type Sent = { readonly method?: string; readonly headers: Record<string, string>; readonly body?: string; readonly signal: AbortSignal }

export type Server = {
  readonly url: string
  /** The whole answer as text. Status 200 or 304. @throws Failure; the signal's reason when aborted. */
  read(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<{ status: number; headers: Headers; text: string }>
  /** The answer as soon as it begins; whoever reads its body ends it. */
  open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response>
  post(path: string, body: string, signal: AbortSignal): Promise<unknown>
}

/** A server that is there answers in milliseconds; one behind a slow line may need seconds for 5,000 flags. */
const answerWithinMs = 10_000
/** 5,000 flags with long rules are 10 MB; more than this is not a document of flags. */
const answerMaxBytes = 64 * 1024 * 1024
/** A server that is overloaded may ask for patience, but not for a day. */
const patienceMaxMs = 300_000

export function createServer({ url, key }: NonNullable<Settings['server']>, clock: Clock, ask: typeof fetch): Server {
  async function send(path: string, init: Sent): Promise<Response> {
    let response: Response
    try {
      response = await ask(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } })
    } catch (thrown) {
      if (init.signal.aborted) throw init.signal.reason
      throw new Failure('away', `${url} does not answer: ${causeOf(thrown)}`)
    }
    if (response.ok || response.status === 304) return response
    const said = await textOf(response, 64 * 1024).catch(() => '')
    throw failureOf(response, said)
  }

  function failureOf({ status, headers }: Response, said: string): Failure {
    const sentence = `${url} answered ${status}${sentenceIn(said)}`
    if (status === 401) return new Failure('refused', `${sentence}. The key is not known there: is it the right one, was it revoked?`)
    if (status === 403) return new Failure('refused', `${sentence}. The key may not do this: it must be one of kind server (bsk_…).`)
    const afterMs = patienceMs(headers.get('retry-after'), clock.now())
    if (status === 429 || (status === 503 && afterMs !== undefined)) return new Failure('later', sentence, afterMs)
    return new Failure(status >= 400 && status < 500 && status !== 404 && status !== 408 ? 'wrong' : 'away', sentence)
  }

  return {
    url,
    read: (path, headers, signal) =>
      within(clock, answerWithinMs, signal, async (signal) => {
        const response = await send(path, { headers: { accept: 'application/json', ...headers }, signal })
        return { status: response.status, headers: response.headers, text: await textOf(response, answerMaxBytes) }
      }),
    open: (path, headers, signal) => within(clock, answerWithinMs, signal, (signal) => send(path, { headers, signal })),
    post: (path, body, signal) =>
      within(clock, answerWithinMs, signal, async (signal) => {
        const headers = { accept: 'application/json', 'content-type': 'application/json' }
        const response = await send(path, { method: 'POST', headers, body, signal })
        return parseAnswer(await textOf(response, answerMaxBytes), path)
      }),
  }
}

export function parseAnswer(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure('away', `what came from ${what} is not JSON: ${text.slice(0, 80)}`)
  }
}

/** Ends the work when it takes too long or when `outer` is aborted; leaves no listener behind. */
async function within<T>(clock: Clock, ms: number, outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  outer.throwIfAborted()
  const inner = new AbortController()
  const timer = new AbortController()
  const stop = () => inner.abort(outer.reason)
  outer.addEventListener('abort', stop, { once: true })
  clock.sleep(ms, timer.signal, true).then(
    () => inner.abort(new Failure('away', `no answer within ${ms} ms`)),
    () => {},
  )
  try {
    return await work(inner.signal)
  } catch (thrown) {
    throw inner.signal.aborted ? inner.signal.reason : thrown
  } finally {
    timer.abort()
    outer.removeEventListener('abort', stop)
  }
}

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new Failure('away', `an answer is longer than ${maxBytes} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Belay's own sentence, when the answer has one. */
function sentenceIn(said: string): string {
  try {
    const { error } = JSON.parse(said) as { error?: { message?: unknown } }
    if (typeof error?.message === 'string') return `: ${error.message.replace(/\.$/, '')}`
  } catch {
    // A proxy's page.
  }
  return ''
}

/** `fetch failed` says nothing; what failed is its cause. */
function causeOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  return because(cause) || String((cause as { code?: unknown }).code)
}

/** RFC 9110 10.2.3: seconds, or a date. */
function patienceMs(retryAfter: string | null, nowMs: number): number | undefined {
  if (retryAfter === null) return undefined
  const ms = /^\d+$/.test(retryAfter.trim()) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(patienceMaxMs, Math.max(0, ms))
}
