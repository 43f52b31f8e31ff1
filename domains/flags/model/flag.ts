/** What a flag is, how one begins, and what must hold of it. Pure. */
import { checkRule, type Json, type JsonLogic, operationsIn } from '@belay/flag-evaluator'
import { everyEnvironment, type ExposureWire, type FlagWire, type newFlagWire, type SettingWire } from '@belay/protocol'
import type { z } from 'zod'
import { flagProblem } from '../problems.ts'

export type Flag = FlagWire
export type Setting = SettingWire
export type Exposure = ExposureWire
export type NewFlag = z.output<typeof newFlagWire>
export type EnvironmentInfo = {
  readonly name: string
  readonly kind: 'private' | 'qa' | 'sandbox' | 'production'
  /** Somebody else must approve what changes here. */
  readonly approval: boolean
}
export type Ring = {
  readonly name: string
  readonly where: JsonLogic
  readonly segment: string | null
  readonly source: 'file' | 'page' | 'gone'
}
/** Lowest first; the last is `all`. */
export type Ladder = readonly Ring[]

/** The ring of everybody. */
export const everybody = 'all'
/** A variant is chosen by people and shown in one row of the page. */
export const variantsMax = 50
/** All variants of a flag together: a value is a setting, not a file; every client holds all of them. */
const valuesMaxBytes = 256 * 1_024
/** A rule of this size is a generated one; longer lists of keys belong into a segment. */
const targetingMaxBytes = 256 * 1_024

export function typeOf(value: unknown): FlagWire['type'] {
  const type = typeof value
  return type === 'boolean' || type === 'string' || type === 'number' ? type : 'object'
}

const booleanVariants = { on: true, off: false }

/** A flag as it begins: enabled, everybody gets the default variant. */
export function beginFlag(it: NewFlag, at: number, by: string): Flag {
  const variants = it.variants ?? booleanVariants
  const names = Object.keys(variants)
  const usual = names.includes('off') ? 'off' : (names.at(-1) ?? null)
  return {
    key: it.key,
    description: it.description,
    kind: it.kind,
    owner: it.owner,
    expiresAt: it.expiresAt,
    tags: it.tags,
    type: typeOf(Object.values(variants)[0]),
    variants,
    salt: it.salt ?? it.key,
    bucketing: it.bucketing,
    prerequisites: it.prerequisites,
    settings: {
      [everyEnvironment]: {
        state: 'ENABLED',
        defaultVariant: it.defaultVariant === undefined ? usual : it.defaultVariant,
        targeting: null,
        exposure: null,
      },
    },
    killed: {},
    metadata: {},
    version: 1,
    createdAt: at,
    createdBy: by,
    changedAt: at,
    changedBy: by,
    archivedAt: null,
  }
}

/** The setting that counts in an environment, and whether it is its own. */
export function settingIn(flag: Flag, environment: string): { setting: Setting; own: boolean } {
  const own = Object.hasOwn(flag.settings, environment) ? flag.settings[environment] : undefined
  return { setting: own ?? (flag.settings[everyEnvironment] as Setting), own: own !== undefined }
}

export const killIn = (flag: Flag, environment: string) => flag.killed[environment] ?? flag.killed[everyEnvironment]

export type Known = { readonly ladder: Ladder; readonly environments: readonly string[]; readonly segments: (key: string) => boolean }

/** @throws Problem `flag-invalid` that names the field and what to do. */
export function checkFlag(flag: Flag, known: Known): void {
  const refuse = (field: string, because: string) => flagProblem('flag-invalid', { key: flag.key, field, because })
  const names = Object.keys(flag.variants)
  if (names.length === 0 || names.length > variantsMax)
    throw refuse('variants', `there are ${names.length}; a flag has 1 to ${variantsMax}`)
  const bytes = JSON.stringify(flag.variants).length
  if (bytes > valuesMaxBytes) throw refuse('variants', `they take ${bytes} bytes together; ${valuesMaxBytes} is the most`)
  const odd = names.find((name) => typeOf(flag.variants[name]) !== flag.type || flag.variants[name] === null)
  if (odd !== undefined)
    throw refuse(`variants.${odd}`, `all variants of a flag have one type, which is ${flag.type} here, and none is null`)
  for (const [environment, setting] of Object.entries(flag.settings)) {
    const field = `settings.${environment}`
    if (environment !== everyEnvironment && !known.environments.includes(environment))
      throw flagProblem('flag-environment-unknown', { environment, known: known.environments })
    checkSetting(flag, setting, field, known, refuse)
  }
}

function checkSetting(flag: Flag, setting: Setting, field: string, known: Known, refuse: (field: string, because: string) => Error): void {
  const names = Object.keys(flag.variants)
  const list = names.join(', ')
  if (setting.defaultVariant !== null && !names.includes(setting.defaultVariant))
    throw refuse(`${field}.defaultVariant`, `there is no variant ${setting.defaultVariant}; there are ${list}`)
  const { exposure, targeting } = setting
  if (exposure) {
    const missing = Object.keys(exposure.serve).find((name) => !names.includes(name))
    if (missing !== undefined) throw refuse(`${field}.exposure.serve`, `there is no variant ${missing}; there are ${list}`)
    if (Object.values(exposure.serve).every((weight) => weight === 0)) throw refuse(`${field}.exposure.serve`, 'every weight is 0')
    if (!known.ladder.some((ring) => ring.name === exposure.ring))
      throw refuse(
        `${field}.exposure.ring`,
        `there is no ring ${exposure.ring}; the ladder is ${known.ladder.map((ring) => ring.name).join(', ')}`,
      )
  }
  if (targeting === null) return
  const bytes = JSON.stringify(targeting).length
  if (bytes > targetingMaxBytes)
    throw refuse(
      `${field}.targeting`,
      `it takes ${bytes} bytes; ${targetingMaxBytes} is the most. Long lists of keys belong into a segment`,
    )
  if (typeof targeting !== 'object' || Array.isArray(targeting))
    throw refuse(`${field}.targeting`, 'a rule is an object: {"if": [condition, "variant"]}')
  const bad = whyBadRule(targeting, `${field}.targeting`)
  if (bad) throw refuse(bad.field, bad.because)
  for (const ref of refsOf(targeting)) {
    const [kind, ...rest] = ref.split(':')
    const name = rest.join(':')
    const isThere = kind === 'segment' ? known.segments(name) : kind === 'ring' ? known.ladder.some((ring) => ring.name === name) : false
    if (!isThere)
      throw refuse(`${field}.targeting`, `$ref ${JSON.stringify(ref)} names nothing; write segment:KEY or ring:NAME of one that there is`)
  }
}

/** A deep rule has a path that says nothing more after this. */
const pathShownMax = 60

/** What is wrong with a rule, as the end of a sentence: `where: what`; undefined when it is good. */
export function whyBadRule(rule: unknown, field: string): { field: string; because: string } | undefined {
  const [bad] = checkRule(rule)
  if (!bad) return undefined
  const { path, message } = bad
  const place = path.length > pathShownMax ? `${path.slice(0, pathShownMax)}…` : path
  return {
    field: [field, place].filter(Boolean).join(' at '),
    because: `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/[.]$/, '')}`,
  }
}

/** What a rule refers to by `$ref` or `in_segment` (as `segment:KEY`). */
export function refsOf(rule: Json): Set<string> {
  const found = new Set<string>()
  for (const [operator, given] of operationsIn(rule)) {
    if (operator === '$ref' && typeof given === 'string') found.add(given)
    if (operator === 'in_segment' && Array.isArray(given) && typeof given[0] === 'string') found.add(`segment:${given[0]}`)
  }
  return found
}

/** Asked of every flag for every segment and ring that a page shows, so each flag is walked once. */
const refsKnown = new WeakMap<Flag, ReadonlySet<string>>()

/** All that a flag's rules refer to, in any environment. */
export function refsOfFlag(flag: Flag): ReadonlySet<string> {
  const known = refsKnown.get(flag)
  if (known) return known
  const refs = new Set(
    Object.values(flag.settings).flatMap(({ targeting, exposure }) => [
      ...refsOf(targeting as Json),
      ...(exposure && exposure.ring !== everybody ? [`ring:${exposure.ring}`] : []),
    ]),
  )
  refsKnown.set(flag, refs)
  return refs
}
