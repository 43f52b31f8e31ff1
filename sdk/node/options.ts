/** What a service says when it makes a provider; doubtful values are refused here, with a sentence, and nowhere later. */
import type { FlagDocument } from '@belay/flag-evaluator'
import { DefaultLogger, type Hook, type Logger } from '@openfeature/server-sdk'
import { type Clock, systemClock } from './clock.ts'

export type BelayOptions = {
  /** Where the Belay server is. By default `BELAY_FLAGS_URL`. */
  readonly url?: string
  /** A server key (`bsk_…`); it fixes the environment. By default `BELAY_FLAGS_KEY`. */
  readonly key?: string
  /** Definitions to begin with: a flagd document, or the path of a file with one. Without a `url` they are all there is. */
  readonly bootstrap?: FlagDocument | string
  /** A folder that keeps the last good definitions for a start without the server. */
  readonly cacheFolder?: string
  /** A folder that keeps reports until the server has acknowledged them. Without it they wait in memory, bounded. */
  readonly spoolFolder?: string
  /** true (the default): changes come at once, by server-sent events. false: asks every `pollIntervalMs`. */
  readonly streaming?: boolean
  /** At least 1,000; by default 30,000. */
  readonly pollIntervalMs?: number
  /** How long the start may wait for the server; by default 3,000. */
  readonly initTimeoutMs?: number
  /** What is reported to the server; both by default. What `track` is told is always reported. */
  readonly report?: { readonly counts?: boolean; readonly exposures?: boolean }
  /** Hooks of this provider, beside those of the API, the client and the call. */
  readonly hooks?: readonly Hook[]
  /** By default warnings and errors go to the console, as the OpenFeature SDK does it. */
  readonly logger?: Logger
  readonly clock?: Clock
  readonly fetch?: typeof fetch
}

export type Settings = {
  /** Null: there is no server, the bootstrap is all there is. */
  readonly server: { readonly url: string; readonly key: string } | null
  readonly bootstrap: FlagDocument | string | undefined
  readonly cacheFolder: string | undefined
  readonly spoolFolder: string | undefined
  readonly streaming: boolean
  readonly pollIntervalMs: number
  readonly initTimeoutMs: number
  readonly counts: boolean
  readonly exposures: boolean
  readonly hooks: Hook[]
  readonly logger: Logger
  readonly clock: Clock
  readonly fetch: typeof fetch
}

export const optionNames: ReadonlySet<string> = new Set([
  'url',
  'key',
  'bootstrap',
  'cacheFolder',
  'spoolFolder',
  'streaming',
  'pollIntervalMs',
  'initTimeoutMs',
  'report',
  'hooks',
  'logger',
  'clock',
  'fetch',
])

/** @throws Error that says which option is wrong and what it takes. */
export function readOptions(options: BelayOptions, env: NodeJS.ProcessEnv): Settings {
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) refuse(`there is no option ${name}; there are ${[...optionNames].join(', ')}`)
  }
  const { bootstrap, cacheFolder, spoolFolder, streaming = true, report = {}, hooks = [], logger = new DefaultLogger() } = options
  if (bootstrap !== undefined && typeof bootstrap !== 'string' && !isObject(bootstrap)) {
    refuse(`bootstrap is a flagd document or the path of a file; got ${show(bootstrap)}`)
  }
  for (const [name, folder] of Object.entries({ cacheFolder, spoolFolder })) {
    if (folder !== undefined && (typeof folder !== 'string' || folder === ''))
      refuse(`${name} is the path of a folder; got ${show(folder)}`)
  }
  if (typeof streaming !== 'boolean') refuse(`streaming is true or false; got ${show(streaming)}`)
  if (!isObject(report)) refuse(`report is { counts, exposures }; got ${show(report)}`)
  const { counts = true, exposures = true } = report
  for (const [name, value] of Object.entries({ counts, exposures })) {
    if (typeof value !== 'boolean') refuse(`report.${name} is true or false; got ${show(value)}`)
  }
  return {
    server: readServer(options, env),
    bootstrap,
    cacheFolder,
    spoolFolder,
    streaming,
    pollIntervalMs: readMs('pollIntervalMs', options.pollIntervalMs, 30_000, 1_000),
    initTimeoutMs: readMs('initTimeoutMs', options.initTimeoutMs, 3_000, 0),
    counts,
    exposures,
    hooks: [...hooks],
    logger,
    clock: options.clock ?? systemClock,
    fetch: options.fetch ?? fetch,
  }
}

function readServer(options: BelayOptions, env: NodeJS.ProcessEnv): Settings['server'] {
  const url = options.url ?? env.BELAY_FLAGS_URL
  if (url === undefined || url === '') {
    if (options.bootstrap !== undefined) return null
    return refuse('where is the server? Give the option url or set BELAY_FLAGS_URL (or give a bootstrap, to work without a server)')
  }
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    return refuse(`url is the address of the server, such as https://belay.example.test; got ${show(url)}`)
  }
  const key = options.key ?? env.BELAY_FLAGS_KEY
  if (key === undefined || key === '') {
    return refuse('which environment? Give the option key or set BELAY_FLAGS_KEY to a server key (bsk_…), made on the page Flags')
  }
  // A secret is never shown, not even a wrong one.
  if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key))
    return refuse('key is a server key (bsk_…): letters, digits and signs without blanks')
  if (key.startsWith('bck_')) return refuse('key is a client key (bck_…), which may not read definitions; make one of kind server (bsk_…)')
  return { url: parsed.href.replace(/\/+$/, ''), key }
}

function readMs(name: string, value: number | undefined, byDefault: number, atLeast: number): number {
  if (value === undefined) return byDefault
  // Longer than a day is a mistake of units, and timers of Node overflow at 25 days.
  if (typeof value === 'number' && value >= atLeast && value <= 86_400_000) return value
  return refuse(`${name} is a number of milliseconds from ${atLeast} to 86400000; got ${show(value)}`)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 100)
}

function refuse(sentence: string): never {
  throw new Error(`Belay provider: ${sentence}.`)
}
