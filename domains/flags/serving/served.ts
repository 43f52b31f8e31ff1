/** One environment as it is served: its answers, documents and events, each made once and given to all who ask. */
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Clock } from '@belay/base'
import { type EvaluationContext, type FlagDocument, isCompared } from '@belay/flag-evaluator'
import { eventBytes, type Hub } from '@belay/http'
import { forFlagd } from '../model/dialect.ts'
import type { LiveEnvironment, LiveNews } from '../live-types.ts'
import { bareTag } from './etag.ts'
import { joinedNews } from './news.ts'
import { type BulkAnswer, openOutcomes, type Outcome, type Reasons } from './outcomes.ts'
import { slotAt, streamToken } from './stream-token.ts'

export type Dialect = 'belay' | 'flagd'
export const encodings = ['br', 'gzip'] as const
export type Encoding = (typeof encodings)[number]

export type Definitions = {
  /** Without quotes. */
  readonly tag: string
  readonly plain: Buffer
  encoded(encoding: Encoding): Promise<Buffer>
}

export type Served = {
  readonly live: LiveEnvironment
  single(key: string, context: EvaluationContext): Outcome
  bulk(context: EvaluationContext): BulkAnswer
  /** Is one who meets this variant counted as exposed, because somebody compares those who got it with others? */
  isCompared(flag: string): boolean
  definitions(dialect: Dialect): Definitions
  /** What a stream of definitions begins with, for a client that has this revision (undefined: none). */
  catchUp(revision: number | undefined): Buffer
  /** What a stream of OFREP begins with, for a client whose last event had this id. */
  refetch(lastEventId: string | undefined): Buffer | undefined
  /** Of the configuration, as events name it. */
  configTag(): string
  /** Unix seconds. */
  lastModifiedS(): number
  /** Resolves when this server has seen that configuration too (another one may have announced it), or after a second. */
  caughtUp(configTag: string): Promise<void>
  tell(evaluated: (environment: string, flag: string, variant: string | null, count: number) => void): void
  close(): void
}

export const ofrepChannel = (environment: string): string => `ofrep ${environment}`
export const definitionsChannel = (environment: string): string => `definitions ${environment}`

/** OFREP's own default: a page in the background for so long closes its stream, and asks for everything when it is back. */
const inactivityDelayS = 120
/**
 * A client asks for its flags and then opens the stream; a change between the two would be missed. Who comes so soon
 * after a change is told of it once more, which costs a 304.
 */
const recentMs = 60_000
/** Another server of the same database is a commit and a signal behind; who waits longer than this gets what there is. */
const behindMaxMs = 1_000
/**
 * After news there is a pause; what comes in it is told together at its end. A person's change is told at once, and an
 * import of a thousand flags does not make every open page ask a thousand times.
 */
const pauseMs = 50
/** Patches from so many different revisions are kept until the next change: clients that were cut off come in crowds. */
const patchesMax = 100

export function openServed(
  live: LiveEnvironment,
  it: { clock: Clock; hub: Hub; reasons: Reasons; publicUrl: string | undefined; streamPath: string; sign(text: string): string },
): Served {
  const { clock, hub } = it
  const outcomes = openOutcomes(it.reasons)
  const compared = new Set<string>()
  const waiting = new Set<() => void>()
  const documents = new Map<Dialect, Definitions>()
  const patches = new Map<number, Buffer>()
  let whole: Buffer | undefined
  let changedAtMs = clock.now()
  let untold: LiveNews | undefined
  let pause: NodeJS.Timeout | undefined
  let tail = ''
  let tailSlot = Number.NaN

  compare(live.document().flags)
  const stopListening = live.onChange(changed)

  function compare(flags: FlagDocument['flags']): void {
    for (const [key, definition] of Object.entries(flags)) {
      if (isCompared(definition)) compared.add(key)
      else compared.delete(key)
    }
  }

  function changed(news: LiveNews): void {
    changedAtMs = clock.now()
    tailSlot = Number.NaN
    whole = undefined
    patches.clear()
    for (const key of news.patch.remove) compared.delete(key)
    compare(news.patch.set)
    for (const wake of waiting) wake()
    untold = untold === undefined ? news : joinedNews(untold, news)
    if (pause === undefined) tellNews()
  }

  function tellNews(): void {
    clearTimeout(pause)
    pause = undefined
    if (untold === undefined) return
    const news = untold
    untold = undefined
    pause = setTimeout(tellNews, pauseMs)
    hub.send(definitionsChannel(live.name), patchEvent(news))
    hub.send(ofrepChannel(live.name), refetchEvent())
  }

  // Lists of segments change answers and not the document: the revision tells of both.
  const configTag = (): string => `${live.revision()}.${live.etag().slice(0, 16)}`
  const lastModifiedS = (): number => Math.floor(changedAtMs / 1_000)
  const patchEvent = (news: LiveNews): Buffer => eventBytes({ id: news.revision, event: 'patch', data: news })
  const refetchEvent = (): Buffer =>
    eventBytes({
      id: live.revision(),
      event: 'message',
      data: { type: 'refetchEvaluation', etag: configTag(), lastModified: lastModifiedS() },
    })

  /** What follows the list of flags in an answer for all of them. */
  function tailNow(): string {
    const slot = slotAt(clock.now())
    if (slot === tailSlot) return tail
    const requestUri = `${it.streamPath}?token=${streamToken(live.name, slot, it.sign)}`
    // Without an origin, clients take the one under which they ask: whatever stands between, it leads here.
    const where = it.publicUrl === undefined ? { endpoint: { requestUri } } : { url: `${it.publicUrl}${requestUri}` }
    const eventStreams = [{ type: 'sse', ...where, inactivityDelaySec: inactivityDelayS }]
    tail = `],"metadata":${JSON.stringify(live.set().metadata)},"eventStreams":${JSON.stringify(eventStreams)}}`
    tailSlot = slot
    return tail
  }

  function documentEvent(): Buffer {
    const definitions = served.definitions('belay')
    const head = `{"revision":${live.revision()},"etag":${JSON.stringify(live.etag())},"document":`
    const data = Buffer.concat([Buffer.from(head), definitions.plain, Buffer.from('}')])
    return Buffer.concat([Buffer.from(`id: ${live.revision()}\nevent: document\ndata: `), data, Buffer.from('\n\n')])
  }

  const served: Served = {
    live,
    single: (key, context) => outcomes.of(live.set().evaluate(key, context, clock.now()), live.set().metadata),
    bulk: (context) => outcomes.answer(live.set().evaluateAll(context, clock.now()), live.set().metadata, tailNow()),
    isCompared: (flag) => compared.has(flag),
    definitions(dialect) {
      const tag = dialect === 'belay' ? live.etag() : `${live.etag()}-${dialect}`
      const known = documents.get(dialect)
      if (known?.tag === tag) return known
      const document = live.document()
      const made = definitionsOf(tag, Buffer.from(JSON.stringify(dialect === 'belay' ? document : forFlagd(document))))
      documents.set(dialect, made)
      return made
    },
    catchUp(revision) {
      // Whoever comes now must not hear later of what they begin with.
      tellNews()
      if (revision !== undefined) {
        const known = patches.get(revision)
        if (known) return known
        const news = live.since(revision)
        if (news) {
          const made = patchEvent(news)
          if (patches.size < patchesMax) patches.set(revision, made)
          return made
        }
      }
      return (whole ??= documentEvent())
    },
    refetch(lastEventId) {
      const isBehind = lastEventId !== undefined && lastEventId !== String(live.revision())
      const isRecent = Math.abs(clock.now() - changedAtMs) < recentMs
      return isBehind || (lastEventId === undefined && isRecent) ? refetchEvent() : undefined
    },
    configTag,
    lastModifiedS,
    caughtUp(tag) {
      const revision = Number(/^(\d+)\./.exec(bareTag(tag))?.[1])
      const isBehind = () => revision > live.revision()
      if (!isBehind()) return Promise.resolve()
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(look)
          resolve()
        }
        const look = () => {
          if (!isBehind()) done()
        }
        const timer = setTimeout(done, behindMaxMs)
        waiting.add(look)
      })
    },
    tell: (evaluated) => outcomes.tell((flag, variant, count) => evaluated(live.name, flag, variant, count)),
    close() {
      stopListening()
      clearTimeout(pause)
      for (const wake of waiting) wake()
    },
  }
  return served
}

const compress = {
  // The highest level of brotli takes seconds for a megabyte; this one takes a tenth of that and is a tenth larger.
  br: (plain: Buffer) => promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: (plain: Buffer) => promisify(gzip)(plain),
} as const satisfies Record<Encoding, (plain: Buffer) => Promise<Buffer>>

function definitionsOf(tag: string, plain: Buffer): Definitions {
  const made = new Map<Encoding, Promise<Buffer>>()
  return {
    tag,
    plain,
    encoded(encoding) {
      const it = made.get(encoding) ?? compress[encoding](plain)
      made.set(encoding, it)
      return it
    },
  }
}
