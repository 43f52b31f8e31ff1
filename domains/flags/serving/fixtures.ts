/** A small world for tests of serving: live flags over the real evaluator, and an API that listens. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Who } from '@belay/access'
import { type Clock, Problem, systemClock } from '@belay/base'
import { compileFlagSet, type FlagDefinition, type FlagDocument, type FlagPatch } from '@belay/flag-evaluator'
import { type Api, createApi } from '@belay/http'
import { type Ledger, ledgerMigrations, openLedger } from '@belay/ledger'
import { may, whyNot, type Action } from '@belay/protocol'
import { openStore, type Store } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import type { FastifyBaseLogger } from 'fastify'
import type { LiveEnvironment, LiveFlags, LiveNews } from '../live-types.ts'
import { type ClientKeys, clientKeyMigrations, openClientKeys, servingRoutes, type ServingOptions } from './index.ts'

export const flag = (variants: FlagDefinition['variants'], more: Partial<FlagDefinition> = {}): FlagDefinition => ({
  state: 'ENABLED',
  variants,
  defaultVariant: Object.keys(variants).at(-1) ?? null,
  ...more,
})
export const isStaff = { ends_with: [{ var: 'email' }, '@example.test'] }

/** One flag of every kind that a client can meet. */
export const exampleFlags: Readonly<Record<string, FlagDefinition>> = {
  fixed: flag({ on: true, off: false }, { metadata: { kind: 'release', version: 3 } }),
  staff: flag({ on: true, off: false }, { targeting: { if: [{ $ref: 'ring:staff' }, 'on', null] }, metadata: { kind: 'release' } }),
  half: flag(
    { on: true, off: false },
    {
      targeting: {
        fractional: [
          ['on', 50],
          ['off', 50],
        ],
      },
      metadata: { kind: 'experiment' },
    },
  ),
  listed: flag({ on: true, off: false }, { targeting: { if: [{ $ref: 'segment:early' }, 'on', null] } }),
  gone: flag({ on: true, off: false }, { state: 'DISABLED' }),
  'codes-own': flag({ on: true, off: false }, { defaultVariant: null }),
  text: flag({ long: 'a "quoted" é', short: 'b' }),
  number: flag({ big: 9_007_199_254_740_991, small: 0.5 }),
  thing: flag({ some: { list: [1, 'two', null], deep: { yes: true } }, none: {} }, { defaultVariant: 'some' }),
  'team/checkout': flag({ on: true, off: false }),
}

type Environment = LiveEnvironment & {
  change(patch: Partial<FlagPatch>, segments?: readonly string[]): void
}

/** Live flags as the core makes them, of one document that is changed by hand. */
export function fixtureLive(names: readonly string[], flags: FlagDocument['flags'], inSegment: (segment: string, key: string) => boolean) {
  const open = new Map(names.map((name) => [name, fixtureEnvironment(name, flags, inSegment)]))
  function on(name: string): Environment {
    const it = open.get(name)
    if (!it) throw new Problem('flag-environment-unknown', 404, `There is no environment ${name}.`)
    return it
  }
  const live: LiveFlags & { on(name: string): Environment; change: Environment['change']; remove(name: string): void } = {
    on,
    environment: on,
    environments: () => [...open.values()],
    usual: () => open.get('production'),
    change(patch, segments) {
      for (const it of open.values()) it.change(patch, segments)
    },
    remove: (name) => void open.delete(name),
  }
  return live
}

/** Whoever knows an older one knows nothing. */
const firstRevision = 10

function fixtureEnvironment(name: string, flags: FlagDocument['flags'], inSegment: (segment: string, key: string) => boolean): Environment {
  let document: FlagDocument = {
    $evaluators: { 'ring:staff': isStaff, 'segment:early': { in_segment: ['early', { var: 'targetingKey' }] } },
    metadata: { flagSetId: 'example' },
    flags: { ...flags },
  }
  let set = compileFlagSet(document, { missingKey: 'error', inSegment })
  let revision = firstRevision
  const listeners = new Set<(news: LiveNews) => void>()
  const history: LiveNews[] = []
  const etag = () => createHash('sha256').update(JSON.stringify(document)).digest('hex')
  return {
    name,
    revision: () => revision,
    etag,
    set: () => set,
    document: () => document,
    since(from) {
      if (from > revision || from < firstRevision) return undefined
      const missed = history.filter((news) => news.revision > from)
      const setAll = Object.assign({}, ...missed.map((news) => news.patch.set)) as FlagPatch['set']
      const remove = missed.flatMap((news) => news.patch.remove)
      return { revision, from, etag: etag(), patch: { set: setAll, remove }, segments: missed.flatMap((news) => news.segments) }
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    change({ set: changed = {}, remove = [] }, segments = []) {
      const left = Object.fromEntries(Object.entries(document.flags).filter(([key]) => !remove.includes(key)))
      document = { ...document, flags: { ...left, ...changed } }
      const patch = { set: changed, remove }
      set = set.with(patch)
      const news = { revision: revision + 1, from: revision, etag: etag(), patch, segments }
      revision++
      history.push(news)
      for (const listener of listeners) listener(news)
    },
  }
}

/** Secrets of people, as `authenticate` of these tests knows them. */
export const people: Readonly<Record<string, Who>> = {
  blt_viewer: { actor: 'vera', role: 'viewer' },
  blt_developer: { actor: 'dan', role: 'developer' },
  blt_operator: { actor: 'otto', role: 'operator' },
}

export type ServingWorld = AsyncDisposable & {
  readonly url: string
  readonly api: Api<Who>
  readonly live: ReturnType<typeof fixtureLive>
  readonly keys: ClientKeys
  readonly store: Store
  readonly ledger: Ledger
  /** Secrets of keys for production. */
  readonly client: string
  readonly server: string
  readonly counted: { flag: string; variant: string | null; count: number }[]
  readonly exposed: { flag: string; variant: string; unit: string }[]
  readonly taken: unknown[]
  readonly logged: unknown[][]
}

export async function openServingWorld(
  more: Partial<ServingOptions> & { flags?: FlagDocument['flags']; logger?: FastifyBaseLogger; clock?: Clock } = {},
): Promise<ServingWorld> {
  const folder = await temporaryFolder()
  const clock = more.clock ?? systemClock
  const store = await openStore({ file: join(folder.path, 'state.db') })
  await store.migrate([ledgerMigrations, clientKeyMigrations])
  const ledger = openLedger({ store, clock })
  const live = fixtureLive(
    ['production', 'qa'],
    more.flags ?? exampleFlags,
    (segment, key) => segment === 'early' && key.startsWith('early'),
  )
  const knows = (name: string) => live.environments().some((it) => it.name === name)
  const keys = openClientKeys({ store, ledger, clock, knows })
  await keys.load()
  const client = (await keys.create({ name: 'page', kind: 'client', environment: 'production' }, 'ann')).secret
  const server = (await keys.create({ name: 'service', kind: 'server', environment: 'production' }, 'ann')).secret
  const authenticate = async ({ bearer, cookie }: { bearer: string | undefined; cookie(name: string): string | undefined }) =>
    people[bearer ?? cookie('session') ?? '']
  const api = await createApi<Who>({
    name: 'Belay',
    version: '0',
    ...(more.logger ? { logger: more.logger } : {}),
    authenticate,
    refuse: (who, needs) => (may(who, needs as Action) ? undefined : whyNot(who, needs as Action)),
    ready: async () => undefined,
  })
  const counted: { flag: string; variant: string | null; count: number }[] = []
  const exposed: { flag: string; variant: string; unit: string }[] = []
  const taken: unknown[] = []
  const logged: unknown[][] = []
  servingRoutes(api, {
    live,
    keys,
    clock,
    authenticate,
    segments: { memberships: (all) => Object.fromEntries(all.map((key) => [key, key.startsWith('early') ? ['early'] : []])) },
    reports: {
      take: async (environment, report) => {
        taken.push({ environment, ...report })
        return { counted: taken.length === 1 }
      },
      evaluated: (_environment, flagKey, variant, count) => void counted.push({ flag: flagKey, variant, count }),
      exposed: (_environment, flagKey, variant, unit) => void exposed.push({ flag: flagKey, variant, unit }),
    },
    log: (...line) => void logged.push(line),
    ...more,
  })
  const { url } = await api.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    api,
    live,
    keys,
    store,
    ledger,
    client,
    server,
    counted,
    exposed,
    taken,
    logged,
    async [Symbol.asyncDispose]() {
      await api.close()
      keys.close()
      await store.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}
