/**
 * flagd documents, read. What Belay knows and flagd does not stands in members `belay`, which flagd passes over; so one
 * document is both a plain flagd document and a whole export. Source: flagd `docs/schema/v0/flags.json`.
 */
import type { JsonLogic, Metadata } from '@belay/flag-evaluator'
import { everyEnvironment, flagKinds, flagWire, type SettingWire } from '@belay/protocol'
import { z } from 'zod'
import { type Bag, isBag, isPoisoned, isText, own, pathOf, whyUnsafe } from './json.ts'
import { exchangeProblem } from './problems.ts'
import { memberOrder, plainFlag, renamed } from './flagd-shape.ts'
import type { DocumentShape, FlagContent, ImportedFlag, ImportedSegment, Read, ReadOptions } from './types.ts'
import { perhapsOf, whyNoKey } from './words.ts'

/** What one text in metadata may hold (sdk/protocol). */
const metadataCharactersMax = 2_000

/** The member `belay` of a flag: what differs from how a flag begins. */
export const belayOfFlag = flagWire
  .pick({
    description: true,
    kind: true,
    owner: true,
    expiresAt: true,
    tags: true,
    salt: true,
    bucketing: true,
    prerequisites: true,
    settings: true,
  })
  .extend({ killed: z.array(z.string()) })
  .partial()
/** The member `belay` of a segment, and of the document. */
const belayOfSegment = z.object({ description: z.string(), keys: z.array(z.string()), size: z.number().int() }).partial()
const belayOfDocument = z.object({ version: z.literal(1), segments: z.record(z.string(), belayOfSegment).optional() })

/** @throws Problem `import-not-format`. */
export function readFlagd(document: unknown, options: ReadOptions): Read {
  const refuse = (path: string, because: string) =>
    exchangeProblem('import-not-format', { format: 'flagd', path, because, perhaps: perhapsOf(document, 'flagd') })
  if (!isBag(document)) throw refuse('', 'is no object')
  const entries = flagEntries(own(document, 'flags'))
  if (!entries) throw refuse('flags', own(document, 'flags') === undefined ? 'is missing' : 'is neither an object nor a list')
  const rules = own(document, '$evaluators') ?? {}
  if (!isBag(rules)) throw refuse('$evaluators', 'is no object')
  const metadata = own(document, 'metadata') ?? {}
  if (!isBag(metadata)) throw refuse('metadata', 'is no object')
  const whole = own(document, 'belay')
  const belay = whole === undefined ? undefined : belayOfDocument.safeParse(whole)
  if (belay?.error)
    throw refuse(pathOf('belay', ...(belay.error.issues[0]?.path ?? []).map(String)), belay.error.issues[0]?.message ?? 'is broken')

  const told = belay?.data?.segments
  const segments: ImportedSegment[] = []
  const lost = new Map<string, string>()
  for (const [name, rule] of Object.entries(rules)) {
    const because = whyNoKey(name) ?? whyUnsafe(rule)
    if (because === undefined)
      segments.push(segmentOf(name, rule as JsonLogic, rules, told && Object.hasOwn(told, name) ? told[name] : undefined))
    else {
      lost.set(name, because)
      segments.push({ key: name, content: null, notes: [`${pathOf('$evaluators', name)}: ${because}.`] })
    }
  }
  const seen = new Set<string>()
  const shapes: [string, DocumentShape['flags'][string]][] = []
  const flags = entries.map(({ key, definition, path }): ImportedFlag => {
    if (seen.has(key)) return not(key, [`${path}: the document has a flag of this key already; only the first was taken.`])
    seen.add(key)
    const flag = flagOf({ key, definition, path, rules, lost, isWhole: belay !== undefined }, options)
    if (flag.flag && isBag(definition)) {
      const shape = memberOrder(definition, plainFlag({ ...flag.flag, key }, Object.keys(rules), Array.isArray(own(document, 'flags'))))
      if (shape) shapes.push([key, shape])
    }
    return flag
  })
  const { kept, dropped } = plainMetadata(metadata)
  if (dropped.length > 0)
    throw refuse(pathOf('metadata', dropped[0] ?? ''), `is no text of at most ${metadataCharactersMax} characters, number, true or false`)
  return {
    format: 'flagd',
    flags,
    segments,
    setMetadata: kept,
    shape: {
      members: Object.keys(document),
      list: Array.isArray(own(document, 'flags')),
      ...(Object.hasOwn(document, '$schema') ? { schema: document.$schema } : {}),
      as: Object.fromEntries(
        Object.entries(document).filter(
          ([name, value]) =>
            (!documentMembers.has(name) && whyUnsafe(value) === undefined) ||
            (mayBeEmpty.has(name) && Object.keys(value as Bag).length === 0),
        ),
      ),
      flags: Object.fromEntries(shapes),
    },
  }
}

const not = (key: string, notes: readonly string[]): ImportedFlag => ({ key, flag: null, carried: 'not', notes })

function flagEntries(flags: unknown): { key: string; definition: unknown; path: string }[] | undefined {
  if (isBag(flags)) return Object.entries(flags).map(([key, definition]) => ({ key, definition, path: pathOf('flags', key) }))
  if (!Array.isArray(flags)) return undefined
  return flags.map((definition: unknown, index) => {
    const key = isBag(definition) ? own(definition, 'key') : undefined
    return { key: isText(key) ? key : '', definition, path: pathOf('flags', index) }
  })
}

/** A rule of the document, or (where an export of ours says so) a list that stands there as what asks for it. */
function segmentOf(name: string, rule: JsonLogic, rules: Bag, belay: z.output<typeof belayOfSegment> | undefined): ImportedSegment {
  const { description, keys, size } = belay ?? {}
  const by = listedBy(name, rule)
  const said = { key: name, ...(description === undefined ? {} : { description }) }
  if (by === undefined)
    return { ...said, content: { rule: renamed(rule, (to) => (Object.hasOwn(rules, to) ? `segment:${to}` : to)) }, notes: [] }
  const notes =
    keys === undefined && size !== 0
      ? [`Its ${size ?? ''} keys are not in the document; bring them with belay segment upload ${name} FILE.`.replace('  ', ' ')]
      : []
  return { ...said, content: { keys: keys ?? (size === 0 ? [] : undefined), by }, notes }
}

/** `{"in_segment": [its own name, {"var": by}]}`. */
function listedBy(name: string, rule: JsonLogic): string | undefined {
  const asked = isBag(rule) && Object.keys(rule).length === 1 ? own(rule, 'in_segment') : undefined
  const [list, by] = Array.isArray(asked) ? (asked as unknown[]) : []
  const attribute = isBag(by) && Object.keys(by).length === 1 ? own(by, 'var') : undefined
  return list === name && isText(attribute) && attribute !== '' ? attribute : undefined
}

type Entry = { key: string; definition: unknown; path: string; rules: Bag; lost: ReadonlyMap<string, string>; isWhole: boolean }

function flagOf({ key, definition, path, rules, lost, isWhole }: Entry, { environment }: ReadOptions): ImportedFlag {
  const because = whyNoKey(key) ?? (isBag(definition) ? whyUnsafe(definition) : 'it is no object')
  if (because !== undefined || !isBag(definition)) return not(key, [`${path}: ${because}.`])
  const variants = own(definition, 'variants')
  if (!isBag(variants) || Object.keys(variants).length === 0) return not(key, [`${path}.variants: a flag needs at least one variant.`])
  const odd = Object.keys(variants).find((name) => name === '' || name.length > 100 || isPoisoned(name))
  if (odd !== undefined) return not(key, [`${path}.variants: ${JSON.stringify(odd)} cannot be the name of a variant.`])
  const state = own(definition, 'state')
  if (state !== 'ENABLED' && state !== 'DISABLED')
    return not(key, [`${path}.state: it is ENABLED or DISABLED, not ${JSON.stringify(state) ?? 'missing'}.`])
  const defaultVariant = own(definition, 'defaultVariant') ?? null
  if (defaultVariant !== null && !isText(defaultVariant)) return not(key, [`${path}.defaultVariant: it is the name of a variant, or null.`])
  const metadata = own(definition, 'metadata') ?? {}
  if (!isBag(metadata)) return not(key, [`${path}.metadata: it is no object.`])
  const told = own(definition, 'belay')
  const belay = belayOfFlag.safeParse(told ?? {})
  if (!belay.success) {
    const [issue] = belay.error.issues
    return not(key, [`${pathOf(path, 'belay', ...(issue?.path ?? []).map(String))}: ${issue?.message ?? 'it is broken'}.`])
  }
  const gone = [...lost].filter(([name]) => refers(own(definition, 'targeting'), name))
  if (gone.length > 0)
    return not(
      key,
      gone.map(([name, why]) => `${path}.targeting: it refers to $evaluators.${name}, which cannot be taken: ${why}.`),
    )

  const { killed = [], settings, ...content } = belay.data
  const { kept, dropped } = plainMetadata(metadata)
  const rule = own(definition, 'targeting')
  const targeting = isEmpty(rule) ? null : renamed(rule as JsonLogic, (to) => (Object.hasOwn(rules, to) ? `segment:${to}` : to))
  const setting: SettingWire = { state, defaultVariant, targeting: targeting as SettingWire['targeting'], exposure: null }
  const unknown = Object.keys(definition).filter((member) => !members.has(member))
  return {
    key,
    flag: {
      ...(isWhole ? begins(key) : {}),
      ...kindAndBucketing(kept),
      ...content,
      key,
      variants: variants as FlagContent['variants'],
      metadata: kept,
      settings: settingsFor(environment, { ...settings, ...(settings?.[everyEnvironment] ? {} : { [everyEnvironment]: setting }) }),
    },
    carried: dropped.length > 0 ? 'approximately' : 'exactly',
    notes: [
      ...dropped.map(
        (name) =>
          `${path}.metadata.${name}: only texts of up to ${metadataCharactersMax} characters, numbers, true and false are kept; it was left out.`,
      ),
      ...(unknown.length > 0
        ? [`flagd has no member ${unknown.join(', ')}; nothing here looks at ${unknown.length > 1 ? 'them' : 'it'}.`]
        : []),
      ...(killed.length > 0
        ? [
            `It was killed ${killed.includes(everyEnvironment) ? 'everywhere' : `in ${killed.join(', ')}`} when it was exported. A kill does not travel: kill it here too if it should stay so.`,
          ]
        : []),
    ],
  }
}

const documentMembers = new Set(['$schema', '$evaluators', 'metadata', 'flags', 'belay'])
const mayBeEmpty = new Set(['$evaluators', 'metadata'])
const members = new Set(['key', 'state', 'variants', 'defaultVariant', 'targeting', 'metadata', 'belay'])
/** In an export of ours a member that is not there is as a flag begins. */
const begins = (key: string) => ({
  description: '',
  kind: 'release' as const,
  owner: null,
  expiresAt: null,
  tags: [],
  salt: key,
  bucketing: 2 as const,
  prerequisites: [],
})

/** A compiled document carries these two as metadata. */
function kindAndBucketing({ kind, bucketing }: Metadata): Pick<FlagContent, 'kind' | 'bucketing'> {
  const known = flagKinds.find((it) => it === kind)
  return { ...(known === undefined ? {} : { kind: known }), ...(bucketing === 3 ? { bucketing } : {}) }
}

/** Into one environment goes what counted there. */
function settingsFor(environment: string, settings: Record<string, SettingWire>): Record<string, SettingWire> {
  if (environment === everyEnvironment) return settings
  return { [environment]: (settings[environment] ?? settings[everyEnvironment]) as SettingWire }
}

function plainMetadata(metadata: Bag): { kept: Metadata; dropped: string[] } {
  const isPlain = ([name, value]: readonly [string, unknown]) =>
    name.length <= 100 &&
    !isPoisoned(name) &&
    (typeof value === 'number' || typeof value === 'boolean' || (isText(value) && value.length <= metadataCharactersMax))
  const all = Object.entries(metadata)
  return { kept: Object.fromEntries(all.filter(isPlain)) as Metadata, dropped: all.filter((it) => !isPlain(it)).map(([name]) => name) }
}

const isEmpty = (rule: unknown) => rule === null || rule === undefined || (isBag(rule) && Object.keys(rule).length === 0)

function refers(rule: unknown, name: string): boolean {
  if (Array.isArray(rule)) return rule.some((it) => refers(it, name))
  if (!isBag(rule)) return false
  return Object.entries(rule).some(([operator, value]) => (operator === '$ref' ? value === name : refers(value, name)))
}
