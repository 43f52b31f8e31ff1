/**
 * The three ways in which Unleash tells of its features, brought to one: the export of features of one environment
 * (`/api/admin/features-batch/export`), the older export of its state (versions 1 to 4, with all environments), and
 * what its SDKs are served (`/api/client/features`).
 */
import { type Bag, isBag, isText, listOf, own, pathOf } from '../json.ts'
import { exchangeProblem } from '../problems.ts'
import { perhapsOf } from '../words.ts'

export type Strategy = {
  readonly path: string
  readonly name: string
  readonly parameters: Bag
  readonly constraints: readonly unknown[]
  readonly segments: readonly (number | string)[]
  readonly variants: readonly unknown[]
}
export type Standing = {
  readonly enabled: boolean
  /** Those that are not switched off. */
  readonly strategies: readonly Strategy[]
  /** There are strategies, and all of them are switched off. */
  readonly allOff: boolean
  /** Undefined: the feature's own count. */
  readonly variants: readonly unknown[] | undefined
}
export type Feature = {
  readonly path: string
  readonly name: string
  readonly raw: Bag
  readonly variants: readonly unknown[]
  readonly tags: readonly { readonly type: string; readonly value: string }[]
  readonly dependencies: readonly unknown[]
  /** By environment; '' where the document names none. */
  readonly standings: ReadonlyMap<string, Standing>
}
export type Segment = {
  readonly path: string
  readonly id: string
  readonly name: string
  readonly constraints: readonly unknown[] | undefined
}
export type UnleashDocument = {
  readonly features: readonly Feature[]
  /** Features that are none. */
  readonly broken: readonly { readonly key: string; readonly path: string }[]
  readonly segments: readonly Segment[]
  readonly environments: readonly string[]
}

/** @throws Problem `import-not-format`. */
export function readDocument(document: unknown): UnleashDocument {
  const refuse = (path: string, because: string) =>
    exchangeProblem('import-not-format', { format: 'unleash', path, because, perhaps: perhapsOf(document, 'unleash') })
  if (!isBag(document)) throw refuse('', 'is no object')
  const features = own(document, 'features')
  if (Array.isArray(own(document, 'events'))) throw refuse('events', 'is a stream of changes, which is not all of it')
  if (!Array.isArray(features)) throw refuse('features', features === undefined ? 'is missing' : 'is no list')
  for (const name of ['featureStrategies', 'featureEnvironments', 'featureTags', 'segments', 'dependencies', 'featureStrategySegments']) {
    const list = own(document, name)
    if (list !== undefined && list !== null && !Array.isArray(list)) throw refuse(name, 'is no list')
  }
  const tables = tablesOf(document)
  const named = features.map((raw: unknown, index) => ({
    raw,
    path: pathOf('features', index),
    name: isBag(raw) ? own(raw, 'name') : undefined,
  }))
  const good = named.filter((it): it is { raw: Bag; path: string; name: string } => isBag(it.raw) && isText(it.name) && it.name !== '')
  const read = good.map((it) => featureOf(it, tables))
  return {
    features: read,
    broken: named.filter((it) => !isText(it.name) || it.name === '').map(({ path }) => ({ key: path, path })),
    segments: segmentsOf(document),
    environments: [...new Set(read.flatMap(({ standings }) => [...standings.keys()]))].filter((it) => it !== ''),
  }
}

type Tables = {
  readonly isSplit: boolean
  readonly strategies: ReadonlyMap<string, readonly { raw: Bag; path: string }[]>
  readonly environments: ReadonlyMap<string, readonly Bag[]>
  readonly tags: ReadonlyMap<string, readonly Bag[]>
  readonly dependencies: ReadonlyMap<string, readonly unknown[]>
  /** By the id of a strategy. */
  readonly segments: ReadonlyMap<string, readonly (number | string)[]>
  /** Of the whole document, when it is of one. */
  readonly only: string
}

function tablesOf(document: Bag): Tables {
  const rows = (name: string) =>
    listOf(own(document, name))
      .map((raw, index) => ({ raw, path: pathOf(name, index) }))
      .filter((it): it is { raw: Bag; path: string } => isBag(it.raw))
  const strategies = rows('featureStrategies')
  const environments = rows('featureEnvironments').map(({ raw }) => raw)
  const names = new Set([...strategies.map(({ raw }) => raw), ...environments].map(environmentOf).filter((it) => it !== ''))
  const by = (list: readonly Bag[], member: string) => Map.groupBy(list, (raw) => String(own(raw, member)))
  return {
    isSplit: own(document, 'featureStrategies') !== undefined || own(document, 'featureEnvironments') !== undefined,
    strategies: Map.groupBy(strategies, ({ raw }) => String(own(raw, 'featureName'))),
    environments: by(environments, 'featureName'),
    tags: by(
      rows('featureTags').map(({ raw }) => raw),
      'featureName',
    ),
    dependencies: new Map(rows('dependencies').map(({ raw }) => [String(own(raw, 'feature')), listOf(own(raw, 'dependencies'))])),
    segments: new Map(
      [
        ...by(
          rows('featureStrategySegments').map(({ raw }) => raw),
          'featureStrategyId',
        ),
      ].map(([id, links]) => [id, links.map((it) => own(it, 'segmentId')).filter(isSegmentId)]),
    ),
    only: names.size === 1 ? ([...names][0] as string) : '',
  }
}

/** Before environments came, Unleash 4 called the one that there was `:global:`. */
function environmentOf(raw: Bag): string {
  const environment = own(raw, 'environment')
  return isText(environment) && environment !== ':global:' ? environment : ''
}

function featureOf({ raw, path, name }: { raw: Bag; path: string; name: string }, tables: Tables): Feature {
  const tags = (tables.tags.get(name) ?? []).map((tag) => ({
    type: own(tag, 'tagType') ?? own(tag, 'type'),
    value: own(tag, 'tagValue') ?? own(tag, 'value'),
  }))
  return {
    path,
    name,
    raw,
    variants: listOf(own(raw, 'variants')),
    tags: tags.filter((tag): tag is { type: string; value: string } => isText(tag.type) && isText(tag.value)),
    dependencies: tables.dependencies.get(name) ?? listOf(own(raw, 'dependencies')),
    standings: tables.isSplit ? splitStandings(name, tables) : new Map([['', inlineStanding(raw, path)]]),
  }
}

function inlineStanding(raw: Bag, path: string): Standing {
  const strategies = listOf(own(raw, 'strategies')).map((it, index) => ({ raw: isBag(it) ? it : {}, path: `${path}.strategies[${index}]` }))
  return standingOf(own(raw, 'enabled') === true, strategies, undefined, new Map())
}

function splitStandings(name: string, tables: Tables): Map<string, Standing> {
  const strategies = Map.groupBy(tables.strategies.get(name) ?? [], ({ raw }) => environmentOf(raw) || tables.only)
  const environments = new Map((tables.environments.get(name) ?? []).map((raw) => [environmentOf(raw) || tables.only, raw]))
  return new Map(
    [...new Set([...environments.keys(), ...strategies.keys()])].map((environment) => {
      const raw = environments.get(environment)
      const variants = raw && listOf(own(raw, 'variants'))
      const sorted = (strategies.get(environment) ?? []).toSorted((a, b) => orderOf(a.raw) - orderOf(b.raw))
      return [
        environment,
        standingOf(raw !== undefined && own(raw, 'enabled') === true, sorted, variants?.length ? variants : undefined, tables.segments),
      ]
    }),
  )
}

const orderOf = (raw: Bag) => {
  const order = own(raw, 'sortOrder')
  return typeof order === 'number' ? order : 0
}

function standingOf(
  enabled: boolean,
  strategies: readonly { raw: Bag; path: string }[],
  variants: readonly unknown[] | undefined,
  segments: Tables['segments'],
): Standing {
  const on = strategies.filter(({ raw }) => own(raw, 'disabled') !== true)
  return { enabled, strategies: on.map((it) => strategyOf(it, segments)), allOff: strategies.length > 0 && on.length === 0, variants }
}

function strategyOf({ raw, path }: { raw: Bag; path: string }, segments: Tables['segments']): Strategy {
  const parameters = own(raw, 'parameters')
  const name = own(raw, 'strategyName') ?? own(raw, 'name')
  return {
    path,
    name: isText(name) ? name : '',
    parameters: isBag(parameters) ? parameters : {},
    constraints: listOf(own(raw, 'constraints')),
    segments: [...listOf(own(raw, 'segments')).filter(isSegmentId), ...(segments.get(String(own(raw, 'id'))) ?? [])],
    variants: listOf(own(raw, 'variants')),
  }
}

const isSegmentId = (it: unknown): it is number | string => typeof it === 'number' || isText(it)

function segmentsOf(document: Bag): Segment[] {
  return listOf(own(document, 'segments')).flatMap((raw, index): Segment[] => {
    const id = isBag(raw) ? own(raw, 'id') : undefined
    if (!isBag(raw) || !isSegmentId(id)) return []
    const [name, constraints] = [own(raw, 'name'), own(raw, 'constraints')]
    return [
      {
        path: pathOf('segments', index),
        id: String(id),
        name: isText(name) ? name : `segment-${id}`,
        constraints: Array.isArray(constraints) ? (constraints as unknown[]) : undefined,
      },
    ]
  })
}
