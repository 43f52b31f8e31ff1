/** Unleash's features as flags of ours, and for each what could not be carried over as it was. */
import { everyEnvironment, type FlagWire, type SettingWire } from '@belay/protocol'
import { isText, own, whyUnsafe } from '../json.ts'
import { exchangeProblem } from '../problems.ts'
import { isHashed, saltOf, settingOf, type Step } from '../steps.ts'
import type { FlagContent, ImportedFlag, ImportedSegment, Read, ReadOptions } from '../types.ts'
import { whyNoKey } from '../words.ts'
import { read } from './attributes.ts'
import { isIn } from './constraints.ts'
import { type Parent, prerequisitesOf } from './dependencies.ts'
import { type Feature, readDocument, type Standing } from './document.ts'
import { type Segments, translateSegments } from './segments.ts'
import { translateStrategy, unitOf } from './strategies.ts'
import { drawable, type Values, valuesOf, type Variant, weighted } from './variants.ts'

/** @throws Problem `import-not-format`, `import-environment-unclear`. */
export function readUnleash(document: unknown, options: ReadOptions): Read {
  const { features, broken, segments: named, environments } = readDocument(document)
  const places = placesFor(environments, options)
  const segments = translateSegments(named, options.hasSegment)
  const drafts = features.map((feature) => draftOf(feature, segments))
  const parents = new Map(
    drafts.map((draft): [string, Parent] => [
      draft.feature.name,
      { feature: draft.feature, values: draft.cannot === undefined ? draft.values : null, onWithout: draft.onWithout },
    ]),
  )
  const seen = new Set<string>()
  const flags = drafts.map((draft): ImportedFlag => {
    const { name, path } = draft.feature
    if (seen.has(name)) return not(name, `${path}: the document has a feature of this name already; only the first was taken.`)
    seen.add(name)
    return flagOf(draft, parents, places)
  })
  return {
    format: 'unleash',
    flags: [...flags, ...broken.map(({ key, path }) => not(key, `${path}: a feature needs a name.`))],
    segments: [...segments.imported, ...drafts.filter(({ cannot }) => cannot === undefined).flatMap(({ lists }) => lists)],
    setMetadata: null,
    shape: null,
  }
}

const not = (key: string, ...notes: string[]): ImportedFlag => ({ key, flag: null, carried: 'not', notes })

type Places = { readonly of: ReadonlyMap<string, string>; readonly notes: ReadonlyMap<string, string> }

/** From the document's environments to ours; one that is missing is left out. */
function placesFor(found: readonly string[], { environment, environments }: ReadOptions): Places {
  if (environment !== everyEnvironment) {
    if (found.length > 1 && !found.includes(environment)) throw exchangeProblem('import-environment-unclear', { environment, found })
    return { of: new Map([[found.length > 1 ? environment : (found[0] ?? ''), environment]]), notes: new Map() }
  }
  const strangers = found.filter((it) => !environments.includes(it))
  const [only] = found.length === 1 ? strangers : []
  return {
    of: new Map([
      ['', everyEnvironment],
      ...found.filter((it) => environments.includes(it)).map((it) => [it, it] as const),
      ...(only === undefined ? [] : [[only, everyEnvironment] as const]),
    ]),
    notes: new Map(
      strangers.map((it) => [
        it,
        it === only
          ? `Its settings of ${it} count in every environment here.`
          : `There is no environment ${it} here; its settings there were left out.`,
      ]),
    ),
  }
}

type Draft = {
  readonly feature: Feature
  readonly values: Values | null
  readonly steps: ReadonlyMap<string, readonly Step[]>
  readonly notes: readonly string[]
  readonly approximate: boolean
  readonly onWithout: boolean
  readonly lists: readonly ImportedSegment[]
  /** Why nothing of it can be used. */
  readonly cannot?: string
}

function draftOf(feature: Feature, segments: Segments): Draft {
  const none = { feature, values: null, steps: new Map(), notes: [], approximate: false, onWithout: false, lists: [] }
  const because =
    whyNoKey(feature.name) ?? whyUnsafe(feature.raw) ?? (own(feature.raw, 'archived') === true ? 'it is archived in Unleash' : undefined)
  if (because !== undefined) return { ...none, cannot: because }
  const values = valuesOf(feature)
  if ('cannot' in values) return { ...none, cannot: values.cannot }
  const notes = new Set<string>(values.notes)
  const lists: ImportedSegment[] = []
  let [approximate, onWithout, asked, left] = [false, false, 0, 0]
  const listKey = () => `${feature.name.slice(0, 180)}.users${lists.length === 0 ? '' : `-${lists.length + 1}`}`

  const stepsOf = (standing: Standing): Step[] => {
    const ofFeature = drawable(standing.variants ?? feature.variants)
    const serving = (strategy: Standing['strategies'][number] | undefined) => {
      const ofStrategy = drawable(strategy?.variants)
      return ofStrategy
        ? {
            variants: ofStrategy,
            group: textIn(strategy, 'groupId') || feature.name,
            stickiness: ofStrategy[0]?.stickiness ?? textIn(strategy, 'stickiness'),
          }
        : ofFeature && { variants: ofFeature, group: feature.name, stickiness: ofFeature[0]?.stickiness ?? '' }
    }
    const stepsFor = (audience: Pick<Step, 'when' | 'share'>, strategy?: Standing['strategies'][number]): Step[] => {
      const served = serving(strategy)
      if (served) return variantSteps(audience, served, values)
      if (!values.plain) onWithout = true
      return [{ ...audience, serve: values.plain ? [{ variant: 'on', weight: 1 }] : [], serveUnit: unitOf('default', feature.name) }]
    }
    if (standing.strategies.length === 0) return standing.allOff ? [] : stepsFor({ when: [], share: null })
    return standing.strategies.flatMap((strategy) => {
      asked += 1
      const found = translateStrategy(strategy, feature.name, segments, listKey)
      if ('cannot' in found) {
        left += 1
        notes.add(`${strategy.path}: ${found.cannot}. The strategy was left out: whom it let in is not in.`)
        approximate = true
        return []
      }
      for (const note of found.notes) notes.add(note.text)
      approximate ||= found.notes.some((note) => note.approximate)
      lists.push(...found.lists)
      return found.audience ? stepsFor(found.audience, strategy) : []
    })
  }
  const steps = new Map([...feature.standings].map(([environment, standing]) => [environment, stepsOf(standing)]))
  if (asked > 0 && left === asked) return { ...none, notes: [...notes], cannot: 'none of its strategies can be carried over' }
  if ([...steps.values()].flat().some((step) => step.serve.filter(({ weight }) => weight > 0).length > 1)) {
    notes.add('Who gets which variant changes, for Unleash hashes in another way; the weights do not.')
    approximate = true
  }
  if (onWithout) {
    notes.add('Where it is on without a variant, the code gets its own default.')
    approximate = true
  }
  return {
    feature,
    values,
    steps,
    notes: [...notes],
    approximate: approximate || [...steps.values()].flat().some(isHashed),
    onWithout,
    lists,
  }
}

const textIn = (strategy: Standing['strategies'][number] | undefined, name: string): string => {
  const value = strategy && own(strategy.parameters, name)
  return isText(value) ? value : ''
}

/** Those that a variant names first, then the draw. */
function variantSteps(
  audience: Pick<Step, 'when' | 'share'>,
  { variants, group, stickiness }: { variants: readonly Variant[]; group: string; stickiness: string },
  values: Values,
): Step[] {
  const serveUnit = unitOf(stickiness || 'default', group)
  const named = variants.flatMap((variant) =>
    variant.overrides.map(
      ({ field, values: of }): Step => ({
        when: [...audience.when, isIn(read(field), of, field)],
        share: audience.share,
        serve: [{ variant: values.name(variant), weight: 1 }],
        serveUnit,
      }),
    ),
  )
  return [...named, { ...audience, serve: weighted(variants, values), serveUnit }]
}

const kinds: Readonly<Record<string, FlagWire['kind']>> = {
  release: 'release',
  experiment: 'experiment',
  operational: 'ops',
  'kill-switch': 'ops',
  permission: 'permission',
}

function flagOf(draft: Draft, parents: ReadonlyMap<string, Parent>, places: Places): ImportedFlag {
  const { feature, values, steps, cannot } = draft
  const { name, path, raw } = feature
  if (cannot !== undefined || values === null) return not(name, ...draft.notes, `${path}: ${cannot}.`)
  const needs = prerequisitesOf(feature, parents)
  if ('cannot' in needs) return not(name, ...draft.notes, `${path}: ${needs.cannot}.`)
  const defaultVariant = values.plain ? 'off' : null
  const notes = new Set(draft.notes)
  for (const note of needs.notes) notes.add(note)
  const settings: [string, SettingWire][] = []
  for (const [environment, standing] of feature.standings) {
    const note = places.notes.get(environment)
    if (note !== undefined) notes.add(note)
    const place = places.of.get(environment)
    if (place === undefined) continue
    if (!standing.enabled)
      notes.add(`It is off${environment === '' ? '' : ` in ${environment}`}: there the code gets its own default, which should be false.`)
    settings.push([place, settingOf(steps.get(environment) ?? [], { state: standing.enabled ? 'ENABLED' : 'DISABLED', defaultVariant })])
  }
  if (settings.length === 0) {
    notes.add('The document does not say where it is on, so it is off.')
    settings.push([[...places.of.values()].at(-1) ?? everyEnvironment, settingOf([], { state: 'DISABLED', defaultVariant })])
  }
  const salt = [...steps.values()].map(saltOf).find((it) => it !== undefined)
  const [type, description, tags] = [own(raw, 'type'), own(raw, 'description'), tagsOf(feature)]
  const flag: FlagContent = {
    key: name,
    variants: values.variants,
    ...(isText(type) && Object.hasOwn(kinds, type) ? { kind: kinds[type] } : {}),
    ...(isText(description) && description !== '' ? { description: description.slice(0, 2_000) } : {}),
    ...(tags.length > 0 ? { tags } : {}),
    ...(salt === undefined ? {} : { salt }),
    prerequisites: needs.prerequisites,
    settings: Object.fromEntries(settings),
  }
  return { key: name, flag, carried: draft.approximate || needs.notes.length > 0 ? 'approximately' : 'exactly', notes: [...notes] }
}

/** As of a flag (sdk/protocol). */
const tagBounds = { count: 20, characters: 50 }

function tagsOf({ raw, tags }: Feature): string[] {
  const project = own(raw, 'project')
  const all = [
    ...tags.map(({ type, value }) => (type === 'simple' ? value : `${type}:${value}`)),
    ...(isText(project) && project !== '' && project !== 'default' ? [`project:${project}`] : []),
    ...(own(raw, 'stale') === true ? ['stale'] : []),
  ]
  return [...new Set(all.map((tag) => tag.slice(0, tagBounds.characters)))].filter((tag) => tag !== '').slice(0, tagBounds.count)
}
