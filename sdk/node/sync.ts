/**
 * Keeps the definitions as new as the server's. First it asks for all of them; then it listens to the stream, or asks
 * again every so often. Whatever happens, the last good definitions stay.
 */
import { backoffMs } from './backoff.ts'
import { checkDocument } from './cache.ts'
import type { Clock } from './clock.ts'
import type { Definitions } from './definitions.ts'
import { because } from './files.ts'
import type { Memberships } from './memberships.ts'
import { readNews, type Told } from './news.ts'
import { asFailure, Failure, parseAnswer, type Server } from './server.ts'
import { eventsOf } from './stream.ts'

export type SyncOptions = {
  readonly server: Server
  readonly definitions: Definitions
  readonly memberships: Memberships
  readonly clock: Clock
  readonly chance: () => number
  /** Undefined: the stream. */
  readonly pollIntervalMs: number | undefined
  readonly signal: AbortSignal
  /** The definitions are the server's present ones. */
  readonly onReached: () => void
  readonly onAway: (failure: Failure) => void
  /** `stop`: ask no more. */
  readonly onRefused: (failure: Failure) => 'stop' | 'go-on'
  /** Flags that changed, or may answer differently. Never empty. */
  readonly onChanged: (flags: string[]) => void
}

/** At least so often an absent server is asked, so that an undo arrives soon after it is back. */
const retry = { firstMs: 500, maxMs: 30_000 }
/** A key that was refused may be allowed again; nobody waits for that by the second. */
const refusedMs = 300_000

/** Resolves when the signal is aborted or `onRefused` says stop; never rejects. */
export async function keepInSync(options: SyncOptions): Promise<void> {
  const { definitions, clock, chance, pollIntervalMs, signal } = options
  /** Tries in vain since something last went well. */
  let attempt = 0
  const wellAgain = () => {
    attempt = 0
  }
  let synced = false
  while (!signal.aborted) {
    let waitMs: number
    try {
      // After a cut the stream itself says what was missed.
      if (!synced || pollIntervalMs !== undefined || definitions.revision === undefined) await refetch(options)
      synced = true
      if (pollIntervalMs === undefined) await follow(options, wellAgain)
      else wellAgain()
      // All clients that one restart of the server has cut should not come back at one moment.
      waitMs = pollIntervalMs === undefined ? backoffMs(attempt++, chance, retry) : pollIntervalMs * (0.9 + 0.2 * chance())
    } catch (thrown) {
      if (signal.aborted) return
      const failure = asFailure(thrown)
      if (failure.kind === 'wrong') synced = false
      waitMs = failure.afterMs ?? backoffMs(attempt++, chance, retry)
      if (failure.kind !== 'refused') options.onAway(failure)
      else if (options.onRefused(failure) === 'stop') return
      else waitMs = refusedMs
    }
    await clock.sleep(waitMs, signal, true).catch(() => {})
  }
}

async function refetch({ server, definitions, memberships, signal, onReached, onChanged }: SyncOptions): Promise<void> {
  const { etag } = definitions
  const answer = await server.read('/api/sdk/definitions', etag === undefined ? {} : { 'if-none-match': `"${etag}"` }, signal)
  const revision = readRevision(answer.headers)
  // The rules may be the same and lists have changed: a document says nothing of their keys.
  if (revision !== definitions.revision) memberships.outdate('all', revision)
  if (answer.status === 304) {
    definitions.confirm(revision)
    return onReached()
  }
  const document = parseAnswer(answer.text, '/api/sdk/definitions')
  let changed: string[]
  try {
    changed = definitions.replace({ document: checkDocument(document), revision, etag: readEtag(answer.headers) })
  } catch (thrown) {
    throw new Failure('away', `the definitions from the server cannot be used: ${because(thrown)}`)
  }
  onReached()
  if (changed.length > 0) onChanged(changed)
}

async function follow(options: SyncOptions, onTick: () => void): Promise<void> {
  const { server, definitions, clock, signal, onReached } = options
  const headers = { accept: 'text/event-stream', 'last-event-id': String(definitions.revision ?? '') }
  const response = await server.open('/api/sdk/stream', headers, signal)
  onReached()
  for await (const event of eventsOf(response, clock, signal, onTick)) {
    const told = readNews(event)
    if (told !== undefined) await take(told, options)
  }
  throw new Failure('away', 'the stream ended')
}

async function take(told: Told, options: SyncOptions): Promise<void> {
  const { definitions, memberships, onChanged } = options
  let changed: string[] = []
  if (told.kind === 'document') {
    changed = definitions.replace(told.edition)
    memberships.outdate('all', told.edition.revision)
  } else {
    const { news } = told
    const ours = definitions.revision ?? Number.NEGATIVE_INFINITY
    // We asked for everything meanwhile, and that had this in it.
    if (news.revision <= ours) return
    if (news.from !== ours) {
      await refetch(options)
      // A server that lags behind the one that told us. The next connection begins with what is missing.
      if ((definitions.revision ?? Number.NEGATIVE_INFINITY) < news.revision) throw new Failure('away', 'a change was missed')
      return
    }
    changed = definitions.apply(news)
    if (news.segments.length > 0) memberships.outdate(news.segments, news.revision)
  }
  if (changed.length > 0) onChanged(changed)
}

function readRevision(headers: Headers): number {
  const text = headers.get('x-belay-revision')
  if (text !== null && /^\d{1,15}$/.test(text)) return Number(text)
  throw new Failure('away', 'what answered is no Belay server: it does not say its revision (x-belay-revision)')
}

/** Without quotes and without the mark of a weak one, which a proxy that compresses adds. */
function readEtag(headers: Headers): string | undefined {
  return headers.get('etag')?.replace(/^W\//, '').replace(/^"|"$/g, '')
}
