/**
 * What is served, in memory: for each environment that anybody asked for, its definitions and their compiled set,
 * brought up to date flag by flag.
 */
import { contentHash } from '@belay/base/node'
import { compileFlagSet, type FlagDefinition, type FlagPatch, type FlagSet, type JsonLogic } from '@belay/flag-evaluator'
import type { LiveEnvironment, LiveFlags, LiveNews } from './live-types.ts'
import { compileFlag, prerequisiteEvaluators, ringEvaluators } from './model/compile.ts'
import type { EnvironmentInfo, Flag, Ladder } from './model/flag.ts'
import { flagProblem } from './problems.ts'
import type { SegmentsView } from './segments/types.ts'

/** The state that live environments are made from; the same objects for all of them. */
export type World = {
  readonly cloud: string
  readonly revision: number
  /** Archived ones included. */
  readonly flags: ReadonlyMap<string, Flag>
  /** The revision at which each flag last changed. */
  readonly changedAt: ReadonlyMap<string, number>
  readonly ladder: Ladder
  readonly environments: readonly EnvironmentInfo[]
}
export type WorldChange = { readonly flags: Iterable<string>; readonly lists: readonly string[] }

export type Live = LiveFlags & {
  /** Tells every environment what changed in the world; clients hear of it in the same turn. */
  update(change: WorldChange): void
}

export function openLive(it: { world: () => World; segments: SegmentsView }): Live {
  const open = new Map<string, ReturnType<typeof openEnvironment>>()

  function environment(name: string): LiveEnvironment {
    const known = it.world().environments.map((info) => info.name)
    if (!known.includes(name)) throw flagProblem('flag-environment-unknown', { environment: name, known })
    const live = open.get(name) ?? openEnvironment(name, it.world, it.segments)
    open.set(name, live)
    return live
  }

  return {
    environment,
    environments: () => it.world().environments.map(({ name }) => environment(name)),
    usual() {
      const production = it.world().environments.filter(({ kind }) => kind === 'production')
      return production.length === 1 && production[0] ? environment(production[0].name) : undefined
    },
    update(change) {
      const names = new Set(it.world().environments.map(({ name }) => name))
      for (const name of open.keys()) if (!names.has(name)) open.delete(name)
      for (const live of open.values()) live.update(change)
    },
  }
}

function openEnvironment(name: string, world: () => World, segments: SegmentsView): LiveEnvironment & Pick<Live, 'update'> {
  const listeners = new Set<(news: LiveNews) => void>()
  const definitions = new Map<string, { definition: FlagDefinition; hash: string }>()
  /** Since this revision the evaluators are what they are, and lists have had these members. */
  const opened = world().revision
  const listsChangedAt = new Map<string, number>()
  let evaluatorsChangedAt = opened
  let evaluators = evaluatorsOf()
  let evaluatorsHash = contentHash(evaluators)
  let revision = opened
  let etag: string | undefined
  for (const flag of world().flags.values()) define(flag)
  let set: FlagSet = compileFlagSet(document(), {
    missingKey: 'error',
    inSegment: (segment, key) => segments.inSegment(segment, key),
  })

  /** The definition if it differs from the one that is served. */
  function define(flag: Flag): FlagDefinition | undefined {
    const definition = compileFlag(flag, name, world().ladder)
    const hash = contentHash(definition)
    if (flag.archivedAt !== null || definitions.get(flag.key)?.hash === hash) return undefined
    definitions.set(flag.key, { definition, hash })
    return definition
  }

  function evaluatorsOf(): Record<string, JsonLogic> {
    const { flags, ladder } = world()
    const bySegment = segments.evaluators()
    return {
      ...ringEvaluators(ladder, (key) => Object.hasOwn(bySegment, `segment:${key}`)),
      ...bySegment,
      ...prerequisiteEvaluators(flags.values(), name, ladder, (key) => flags.get(key)),
    }
  }

  function etagNow(): string {
    return (etag ??= contentHash([evaluatorsHash, [...definitions].map(([key, { hash }]) => `${key} ${hash}`).sort()]))
  }

  function document() {
    return {
      $schema: 'https://flagd.dev/schema/v0/flags.json',
      $evaluators: evaluators,
      metadata: { flagSetId: world().cloud, environment: name },
      flags: Object.fromEntries([...definitions].map(([key, { definition }]) => [key, definition])),
    }
  }

  return {
    name,
    revision: () => revision,
    etag: etagNow,
    set: () => set,
    document,
    since(from) {
      if (from > revision || !(from > 0)) return undefined
      const { changedAt, flags } = world()
      const changed = [...changedAt].filter(([, at]) => at > from).map(([key]) => key)
      const patch: FlagPatch = {
        set: Object.fromEntries(
          changed.flatMap((key) => (definitions.has(key) ? [[key, definitions.get(key)?.definition as FlagDefinition]] : [])),
        ),
        remove: changed.filter((key) => !definitions.has(key) && flags.has(key)),
        ...(evaluatorsChangedAt > from || from < opened ? { evaluators } : {}),
      }
      // Nobody knows which lists changed before this server looked at them first.
      const lists = from < opened ? listsIn(evaluators) : [...listsChangedAt].filter(([, at]) => at > from).map(([key]) => key)
      return { revision, from, etag: etagNow(), patch, segments: lists }
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    update({ flags, lists }) {
      const changed: Record<string, FlagDefinition> = {}
      const remove: string[] = []
      for (const key of flags) {
        const flag = world().flags.get(key)
        if (!flag) continue
        const definition = define(flag)
        if (definition) changed[key] = definition
        if (flag.archivedAt !== null && definitions.delete(key)) remove.push(key)
      }
      const now = evaluatorsOf()
      const hash = contentHash(now)
      const isOther = hash !== evaluatorsHash
      if (Object.keys(changed).length === 0 && remove.length === 0 && !isOther && lists.length === 0) return
      const from = revision
      revision = world().revision
      evaluators = now
      evaluatorsHash = hash
      if (isOther) evaluatorsChangedAt = revision
      for (const list of lists) listsChangedAt.set(list, revision)
      etag = undefined
      const patch: FlagPatch = { set: changed, remove, ...(isOther ? { evaluators: now } : {}) }
      set = set.with(patch)
      const news: LiveNews = { revision, from, etag: etagNow(), patch, segments: lists }
      for (const listener of listeners) listener(news)
    },
  }
}

const listsIn = (evaluators: Readonly<Record<string, JsonLogic>>): string[] =>
  Object.entries(evaluators)
    .filter(([name, rule]) => name.startsWith('segment:') && typeof rule === 'object' && rule !== null && 'in_segment' in rule)
    .map(([name]) => name.slice('segment:'.length))
