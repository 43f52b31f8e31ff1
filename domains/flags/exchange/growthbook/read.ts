/** GrowthBook's features payload (what its SDKs are served) as flags of ours. */
import { everyEnvironment } from '@belay/protocol'
import { type Bag, isBag, listOf, own, pathOf, whyUnsafe } from '../json.ts'
import { exchangeProblem } from '../problems.ts'
import { isHashed, saltOf, settingOf, type Step } from '../steps.ts'
import type { FlagContent, ImportedFlag, Read, ReadOptions } from '../types.ts'
import { perhapsOf, whyNoKey } from '../words.ts'
import { savedGroups, type SavedGroups } from './groups.ts'
import { type Gate, gatesOf, ruleStep } from './rules.ts'
import { type Values, valuesOf } from './values.ts'

/** @throws Problem `import-not-format`. */
export function readGrowthBook(document: unknown, { environment }: ReadOptions): Read {
  const refuse = (path: string, because: string) =>
    exchangeProblem('import-not-format', { format: 'growthbook', path, because, perhaps: perhapsOf(document, 'growthbook') })
  if (!isBag(document)) throw refuse('', 'is no object')
  if (own(document, 'encryptedFeatures') !== undefined)
    throw refuse('encryptedFeatures', 'is encrypted; fetch the features without encryption')
  const found = own(document, 'features')
  // Some keep the features alone in a file.
  const isBare =
    found === undefined &&
    Object.keys(document).length > 0 &&
    Object.values(document).every((it) => isBag(it) && (Object.hasOwn(it, 'defaultValue') || Object.hasOwn(it, 'rules')))
  const features = isBare ? document : found
  if (!isBag(features)) throw refuse('features', found === undefined ? 'is missing' : 'is no object')
  const unsafe = whyUnsafe(own(document, 'savedGroups'))
  if (unsafe !== undefined) throw refuse('savedGroups', `cannot be taken: ${unsafe}`)

  const safe = Object.entries(features).map(([key, feature]) => {
    const path = isBare ? key : pathOf('features', key)
    const because = whyNoKey(key) ?? (isBag(feature) ? whyUnsafe(feature) : 'it is no object')
    return { key, path, feature: isBag(feature) ? feature : {}, because }
  })
  const good = safe.filter(({ because }) => because === undefined)
  const groups = savedGroups(document, Object.fromEntries(good.map(({ key, feature }) => [key, feature])))
  const values = new Map(good.map(({ key, feature }) => [key, valuesOf(feature)]))
  const drafts = new Map(good.map(({ key, path, feature }) => [key, draftOf({ key, path, feature, values: values.get(key), groups })]))
  const needs = needsOf(drafts)
  return {
    format: 'growthbook',
    flags: safe.map(({ key, path, because }) => {
      const draft = drafts.get(key)
      if (because !== undefined || !draft) return not(key, [`${path}: ${because ?? 'it is no object'}.`])
      return flagOf(draft, needs.get(key) ?? { cannot: 'it needs other flags in a circle' }, environment)
    }),
    segments: groups.imported(),
    setMetadata: null,
    shape: null,
  }
}

const not = (key: string, notes: readonly string[]): ImportedFlag => ({ key, flag: null, carried: 'not', notes })

type Draft = {
  readonly key: string
  readonly path: string
  readonly values: Values | undefined
  readonly defaultVariant: string | null
  readonly steps: readonly Step[]
  readonly gates: readonly Gate[]
  readonly isExperiment: boolean
  readonly approximate: boolean
  readonly notes: readonly string[]
  readonly cannot?: string
}

type Given = { key: string; path: string; feature: Bag; values: Values | undefined; groups: SavedGroups }

function draftOf({ key, path, feature, values, groups }: Given): Draft {
  const rules = listOf(own(feature, 'rules'))
  const none = { key, path, values, defaultVariant: null, steps: [], gates: [], isExperiment: false, approximate: false, notes: [] }
  if (!values) return { ...none, cannot: 'it has no value but null, so there is no telling of what type it is' }
  const notes = new Set<string>()
  const steps: Step[] = []
  const gates: Gate[] = []
  let [approximate, isExperiment, asked, left] = [false, false, 0, 0]
  const leaveOut = (at: string, because: string) => {
    left += 1
    approximate = true
    notes.add(`${at}: ${because}. The rule was left out, so the next one counts.`)
  }
  for (const [index, rule] of rules.entries()) {
    const at = `${path}.rules[${index}]`
    if (!isBag(rule)) continue
    const needs = gatesOf(rule)
    const isGate = needs.length > 0 && needs.every(({ gate }) => gate)
    // The prerequisites of a whole feature stand first, in a rule of their own.
    if (isGate && steps.length === 0) gates.push(...needs)
    else if (needs.length > 0) {
      asked += 1
      leaveOut(at, 'it needs another feature for this rule alone; prerequisites here are those of a whole flag')
      continue
    }
    const isEmpty =
      !Object.hasOwn(rule, 'force') && own(rule, 'variations') === undefined && own(rule, 'contextualVariations') === undefined
    if (isEmpty) continue
    asked += 1
    const ruled = ruleStep(rule, key, groups, values.name)
    if ('cannot' in ruled) {
      leaveOut(at, ruled.cannot)
      continue
    }
    isExperiment ||= !Object.hasOwn(rule, 'force')
    approximate ||= ruled.approximate
    for (const note of ruled.notes) notes.add(note)
    if (ruled.step) steps.push(ruled.step)
  }
  const defaultValue = own(feature, 'defaultValue')
  const defaultVariant = values.name(defaultValue)
  if (asked > 0 && left === asked) return { ...none, notes: [...notes], cannot: 'none of its rules can be carried over' }
  if (steps.some(isHashed)) {
    approximate = true
    notes.add('Who is in a share, and who gets which variant, changes, for GrowthBook hashes in another way; shares and weights do not.')
  }
  if (defaultVariant === null) notes.add('It has no default value: the code gets its own default.')
  return { ...none, defaultVariant, steps, gates, isExperiment, approximate, notes: [...notes] }
}

function flagOf(draft: Draft, needs: Needs, environment: string): ImportedFlag {
  const { key, path, values, steps, cannot } = draft
  if (cannot !== undefined || !values) return not(key, [...draft.notes, `${path}: ${cannot}.`])
  if ('cannot' in needs) return not(key, [...draft.notes, `${path}: ${needs.cannot}.`])
  const salt = saltOf(steps)
  const isOff = draft.defaultVariant !== null && values.variants[draft.defaultVariant] === false
  const blocked = needs.prerequisites.length > 0 && !isOff && draft.defaultVariant !== null
  const flag: FlagContent = {
    key,
    variants: values.variants,
    ...(draft.isExperiment ? { kind: 'experiment' as const } : {}),
    ...(salt === undefined ? {} : { salt }),
    prerequisites: needs.prerequisites,
    settings: { [environment || everyEnvironment]: settingOf(steps, { state: 'ENABLED', defaultVariant: draft.defaultVariant }) },
  }
  return {
    key,
    flag,
    carried: draft.approximate || blocked ? 'approximately' : 'exactly',
    notes: [
      ...draft.notes,
      ...(blocked
        ? [
            "Where a prerequisite is not met GrowthBook gives nothing, so that the code's own default counts; here the default variant does.",
          ]
        : []),
    ],
  }
}

type Needs = { readonly prerequisites: NonNullable<FlagContent['prerequisites']> } | { readonly cannot: string }

/** As of a flag (sdk/protocol). */
const prerequisitesMax = 10
/** So many flags may stand in a chain of prerequisites here, the first one included. */
const chainMax = 10

/** What each needs of others: those that need nothing first, then those that need only them, and so on. */
function needsOf(drafts: ReadonlyMap<string, Draft>): Map<string, Needs> {
  const found = new Map<string, Needs>()
  const depths = new Map<string, number>()
  const neededBy = Map.groupBy(
    [...drafts.values()].flatMap(({ key, gates }) => gates.map(({ flag }) => ({ flag, key }))),
    ({ flag }) => flag,
  )
  const open = [...drafts.keys()]
  for (let key = open.shift(); key !== undefined; key = open.shift()) {
    const draft = drafts.get(key)
    if (!draft || found.has(key) || draft.gates.some(({ flag }) => drafts.has(flag) && !found.has(flag))) continue
    const depth = Math.max(0, ...draft.gates.map(({ flag }) => depths.get(flag) ?? 0)) + 1
    depths.set(key, depth)
    found.set(
      key,
      depth > chainMax ? { cannot: `its chain of prerequisites is longer than ${chainMax}` } : prerequisitesOf(draft, drafts, found),
    )
    open.push(...(neededBy.get(key) ?? []).map((it) => it.key))
  }
  return found
}

function prerequisitesOf({ gates }: Draft, drafts: ReadonlyMap<string, Draft>, found: ReadonlyMap<string, Needs>): Needs {
  if (gates.length > prerequisitesMax) return { cannot: `it needs more than ${prerequisitesMax} other flags` }
  const prerequisites: NonNullable<FlagContent['prerequisites']> = []
  for (const { flag, condition } of gates) {
    const parent = drafts.get(flag)
    if (!parent?.values) return { cannot: `it needs ${flag}, which is not in the document` }
    const theirs = found.get(flag)
    if (parent.cannot !== undefined || !theirs || 'cannot' in theirs) return { cannot: `it needs ${flag}, which is not carried over` }
    const variant = variantAsked(condition, parent.values)
    if (variant === undefined)
      return { cannot: `it needs ${flag} to be something that is not one of its variants (${JSON.stringify(condition)})` }
    prerequisites.push({ flag, variant })
  }
  return { prerequisites }
}

/** `{"value": VALUE}`, or that it is not false or nothing where only one variant is. */
function variantAsked(condition: unknown, values: Values): string | undefined {
  const asked = isBag(condition) && Object.keys(condition).length === 1 ? own(condition, 'value') : undefined
  if (isBag(asked)) {
    if (Object.keys(asked).length !== 1) return undefined
    if (Object.hasOwn(asked, '$eq')) return values.name(asked.$eq) ?? undefined
    const all = Object.keys(values.variants)
    const fitting = Object.hasOwn(asked, '$ne')
      ? all.filter((name) => values.variants[name] !== asked.$ne)
      : asked.$exists === true
        ? all
        : []
    return fitting.length === 1 ? fitting[0] : undefined
  }
  return Object.entries(values.variants).find(([, value]) => value === asked)?.[0]
}
