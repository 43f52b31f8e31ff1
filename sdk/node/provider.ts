/**
 * The OpenFeature provider: evaluates in this process (`resolve.ts`), on definitions that `sync.ts` keeps new, and tells
 * the server what was evaluated (`reports/`). Here is its life: the start, what the server's coming and going means, the end.
 */
import type { ValueType } from '@belay/flag-evaluator'
import {
  type EvaluationContext,
  GeneralError,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderFatalError,
  type ResolutionDetails,
  ServerProviderEvents,
} from '@openfeature/server-sdk'
import { createCache, readBootstrap } from './cache.ts'
import { createDefinitions, type Edition } from './definitions.ts'
import { because, ownerOf } from './files.ts'
import { type Answered, createMemberships } from './memberships.ts'
import { type BelayOptions, readOptions } from './options.ts'
import { createSender, type Sender } from './outbox/sender.ts'
import { sealReport } from './reports/contents.ts'
import { createGatherer } from './reports/gather.ts'
import { createResolve } from './resolve.ts'
import { createServer, Failure, type Server } from './server.ts'
import { keepInSync } from './sync.ts'
import { readTracked } from './tracked.ts'

export type BelayProvider = Provider & {
  /**
   * Asks ahead which list segments these keys are in, so that evaluations for them need not wait.
   * Resolves also when the server cannot say.
   */
  know(keys: readonly string[]): Promise<void>
  /** Sends what is to be reported now. Resolves when the server has it, or cannot take it now. */
  flush(): Promise<void>
}

/**
 * starting: before `initialize` has ended, and after the provider was closed. ready: the definitions are the server's.
 * stale: it is away, they are the last that are known. absent: it is away, and there are none. refused: it refuses the key.
 */
type Standing = 'starting' | 'ready' | 'stale' | 'absent' | 'refused'

/** Counts on the page are as old as this at most; a batch for each process and ten seconds is nothing to the server. */
const reportsEveryMs = 10_000

/** @throws Error when an option is not what it should be, with a sentence that says so. */
export function createBelayProvider(options: BelayOptions = {}): BelayProvider {
  const settings = readOptions(options, process.env)
  const { clock, logger } = settings
  const chance = Math.random
  const events = new OpenFeatureEventEmitter()
  const server = settings.server === null ? undefined : createServer(settings.server, clock, settings.fetch)
  const owner = settings.server === null ? '' : ownerOf(settings.server)

  let life = new AbortController()
  let standing: Standing = 'starting'
  let sender: Sender | undefined

  const memberships = createMemberships((keys) => askMembership(server, keys, life.signal), clock, logger)
  const definitions = createDefinitions(memberships.inSegment, logger)
  const cache =
    server === undefined || settings.cacheFolder === undefined
      ? undefined
      : createCache(settings.cacheFolder, owner, clock, logger, definitions.edition)
  const gatherer = createGatherer({
    counts: server !== undefined && settings.counts,
    exposures: server !== undefined && settings.exposures,
    onMuch: () => sender?.hurry(),
  })
  const resolve = createResolve({ definitions, memberships, gatherer, clock })

  async function initialize(): Promise<void> {
    standing = 'starting'
    life = new AbortController()
    await readLocal()
    if (server === undefined) {
      if (definitions.set === undefined) throw new GeneralError('There is no server, and the bootstrap cannot be used.')
      logger.warn('Belay: no url is given, so the flags are those of the bootstrap and nothing is reported.')
      standing = 'ready'
      return
    }
    const failure = await firstContact(server)
    if (life.signal.aborted) throw new GeneralError('The provider was closed before it was ready.')
    if (failure?.kind === 'refused') {
      standing = 'refused'
      throw new ProviderFatalError(failure.message)
    }
    const { spoolFolder } = settings
    sender = createSender({
      take: gatherer.take,
      seal: sealReport,
      name: 'reports',
      path: '/api/sdk/reports',
      server,
      spool: spoolFolder === undefined ? undefined : { folder: spoolFolder, owner, kind: 'report' },
      spooled: 'first',
      everyMs: reportsEveryMs,
      clock,
      chance,
      log: logger,
    })
    if (failure === undefined) {
      standing = 'ready'
    } else if (definitions.set !== undefined) {
      // The SDK says that the provider is ready when this returns; only after that it can be stale.
      setImmediate(() => {
        if (standing === 'starting') becomeStale(failure)
      })
    } else {
      standing = 'absent'
      throw new GeneralError(`There are no flag definitions: ${failure.message}. They are used as soon as the server answers.`)
    }
  }

  /** The cache is what the server said last; a bootstrap is as old as the build that it came with. */
  async function readLocal(): Promise<void> {
    const { bootstrap } = settings
    const places: (() => Promise<Edition | undefined>)[] = [async () => cache?.read()]
    if (bootstrap !== undefined) places.push(() => readBootstrap(bootstrap))
    for (const read of places) {
      try {
        const edition = await read()
        if (edition === undefined) continue
        definitions.replace(edition)
        return
      } catch (thrown) {
        logger.error(`Belay: ${because(thrown)}`)
      }
    }
  }

  /** Starts to keep in sync. Undefined: the definitions are the server's; else why they are not, for now. */
  function firstContact(server: Server): Promise<Failure | undefined> {
    const { initTimeoutMs } = settings
    const waiting = new AbortController()
    return new Promise((settle) => {
      let first = true
      let last = new Failure('away', `${server.url} did not answer within ${initTimeoutMs} ms`)
      /** True when this was still waited for. */
      const end = (failure: Failure | undefined): boolean => {
        const waited = first
        first = false
        waiting.abort()
        settle(failure)
        return waited
      }
      clock.sleep(initTimeoutMs, waiting.signal).then(
        () => end(last),
        () => {},
      )
      void keepInSync({
        server,
        definitions,
        memberships,
        clock,
        chance,
        pollIntervalMs: settings.streaming ? undefined : settings.pollIntervalMs,
        signal: life.signal,
        onReached: () => {
          if (!end(undefined)) becomeReady()
        },
        onAway: (failure) => {
          last = failure
          if (!first) becomeStale(failure)
          // Nobody needs to wait for a server that is not there when there are definitions.
          else if (definitions.set !== undefined) end(failure)
        },
        onRefused: (failure) => {
          if (end(failure)) return 'stop'
          becomeRefused(failure)
          return 'go-on'
        },
        onChanged: (flagsChanged) => {
          cache?.changed()
          if (standing !== 'starting') events.emit(ServerProviderEvents.ConfigurationChanged, { flagsChanged })
        },
      })
    })
  }

  function becomeReady(): void {
    if (standing === 'ready') return
    standing = 'ready'
    logger.info('Belay: the server answers again.')
    events.emit(ServerProviderEvents.Ready)
  }

  function becomeStale(failure: Failure): void {
    // Without definitions there is nothing that could be stale; once is enough.
    if (standing === 'stale' || definitions.set === undefined || life.signal.aborted) return
    standing = 'stale'
    const message = `the last known flags are used: ${failure.message}`
    logger.warn(`Belay: ${message}`)
    events.emit(ServerProviderEvents.Stale, { message })
  }

  /**
   * At the start this is fatal. Later, when a key is revoked, it is an error, and what was known goes on to count: fatal
   * would throw all flags of a running service back to the defaults of its code.
   */
  function becomeRefused(failure: Failure): void {
    if (standing === 'refused') return
    standing = 'refused'
    const message = `${failure.message} The last known flags are used; the server is asked again every five minutes.`
    logger.error(`Belay: ${message}`)
    events.emit(ServerProviderEvents.Error, { message })
  }

  async function onClose(): Promise<void> {
    life.abort(new Error('the provider was closed'))
    standing = 'starting'
    await Promise.all([cache?.close(), sender?.close()])
    sender = undefined
  }

  return {
    metadata: { name: 'belay' },
    runsOn: 'server',
    hooks: settings.hooks,
    events,
    initialize,
    onClose,
    resolveBooleanEvaluation: typed<boolean>(resolve, 'boolean'),
    resolveStringEvaluation: typed<string>(resolve, 'string'),
    resolveNumberEvaluation: typed<number>(resolve, 'number'),
    resolveObjectEvaluation: (key, fallback, context) => resolve(key, fallback, context, 'object') as Promise<ResolutionDetails<never>>,
    track(name, context, details) {
      if (server === undefined) return
      const event = readTracked(name, context, details, clock.now())
      if (typeof event === 'string') logger.warn(`Belay: an event is not reported: ${event}`)
      else gatherer.track(event)
    },
    know: (keys) => memberships.learn(keys),
    flush: async () => sender?.flush(),
  }
}

/** The evaluator has checked the type: the value is a `T`, or it is the caller's own. */
function typed<T extends JsonValue>(resolve: ReturnType<typeof createResolve>, type: ValueType) {
  return (key: string, fallback: T, context: EvaluationContext): Promise<ResolutionDetails<T>> =>
    resolve(key, fallback, context, type) as Promise<ResolutionDetails<T>>
}

async function askMembership(server: Server | undefined, keys: string[], signal: AbortSignal): Promise<Answered> {
  if (server === undefined) throw new Error('There is no server.')
  const answer = (await server.post('/api/sdk/membership', JSON.stringify({ keys }), signal)) as Answered | null
  if (typeof answer?.revision === 'number' && typeof answer.members === 'object' && answer.members !== null) return answer
  throw new Error('Its answer cannot be read.')
}
