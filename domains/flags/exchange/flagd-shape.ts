/** Between a flag of ours and flagd's definition of it: what is equal, and the spelling that a document had. */
import type { JsonLogic } from '@belay/flag-evaluator'
import { everyEnvironment } from '@belay/protocol'
import { type Bag, isBag } from './json.ts'
import type { DocumentShape, FlagContent } from './types.ts'

/** What flagd understands of a flag, in the order in which we write it. `names`: of the document's evaluators. */
export function plainFlag(flag: FlagContent, names: readonly string[], withKey: boolean): Bag {
  const setting = flag.settings[everyEnvironment] ?? Object.values(flag.settings)[0]
  const known = new Set(names)
  const back = (to: string) => (to.startsWith('segment:') && known.has(to.slice('segment:'.length)) ? to.slice('segment:'.length) : to)
  const { metadata = {} } = flag
  const targeting = setting?.targeting ?? null
  return {
    ...(withKey ? { key: flag.key } : {}),
    state: setting?.state ?? 'ENABLED',
    variants: flag.variants,
    ...(setting?.defaultVariant == null ? {} : { defaultVariant: setting.defaultVariant }),
    ...(targeting === null ? {} : { targeting: renamed(targeting as JsonLogic, back) }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  }
}

/** The rule with every `$ref` by its other name. */
export function renamed(rule: JsonLogic, name: (to: string) => string): JsonLogic {
  if (Array.isArray(rule)) return (rule as readonly JsonLogic[]).map((it) => renamed(it, name))
  if (typeof rule !== 'object' || rule === null) return rule
  return Object.fromEntries(
    Object.entries(rule as Readonly<Record<string, JsonLogic>>).map(([operator, value]) => [
      operator,
      operator === '$ref' && typeof value === 'string' ? name(value) : renamed(value, name),
    ]),
  )
}

/** How this definition is spelled where we would spell it otherwise; undefined: just so. */
export function memberOrder(definition: Bag, plain: Bag): DocumentShape['flags'][string] | undefined {
  const { belay: _, ...written } = definition
  if (JSON.stringify(written) === JSON.stringify(plain)) return undefined
  const members = Object.keys(definition)
  return { members, as: Object.fromEntries(Object.entries(written).filter(([member]) => !Object.hasOwn(plain, member))) }
}

/** In the spelling that the document had; what came since stands behind it. */
export function spelled(plain: Bag, shape: DocumentShape['flags'][string] | undefined): Bag {
  if (!shape) return plain
  const all = { ...shape.as, ...plain }
  return inOrder(all, shape.members)
}

export function inOrder(bag: Bag, members: readonly string[]): Bag {
  const first = members.filter((member) => Object.hasOwn(bag, member)).map((member) => [member, bag[member]] as const)
  return { ...Object.fromEntries(first), ...bag }
}

export const isPlainSetting = (settings: FlagContent['settings']): boolean =>
  Object.keys(settings).every((environment) => environment === everyEnvironment) &&
  isBag(settings) &&
  settings[everyEnvironment]?.exposure === null
