/**
 * From a flag of ours to a plain flagd definition for one environment. Pure. The order in which things count: killed,
 * prerequisites, the rules, the exposure, the default variant.
 */
import type { FlagDefinition, Json, JsonLogic, Metadata } from '@belay/flag-evaluator'
import { everybody, type Exposure, type Flag, killIn, type Ladder, type Setting, settingIn } from './flag.ts'

/** Shares are kept to a thousandth of a percent, so a ring is cut into this many. */
export const shareParts = 100_000
const key = { var: 'targetingKey' }
/** A rule that holds for nobody; a bare `false` would break flagd's textual substitution. Names are compared by `===`: some engines of JsonLogic refuse to compare `false` with a text loosely. */
const never: JsonLogic = { '!!': [false] }

/** The definition that clients of this environment get. */
export function compileFlag(flag: Flag, environment: string, ladder: Ladder): FlagDefinition {
  const { setting } = settingIn(flag, environment)
  const { targeting, defaultVariant } = killIn(flag, environment)
    ? { targeting: null, defaultVariant: setting.defaultVariant }
    : decisionOf(flag, setting, ladder)
  return {
    state: setting.state,
    variants: flag.variants as FlagDefinition['variants'],
    defaultVariant,
    ...(targeting === null ? {} : { targeting }),
    metadata: metadataOf(flag, setting),
  }
}

/** `$evaluators` that the definitions of these flags lean on: prerequisites as `flag:KEY`. */
export function prerequisiteEvaluators(
  flags: Iterable<Flag>,
  environment: string,
  ladder: Ladder,
  find: (key: string) => Flag | undefined,
): Record<string, JsonLogic> {
  const needed = new Set([...flags].flatMap((flag) => flag.prerequisites.map((it) => it.flag)))
  return Object.fromEntries([...needed].sort().map((it) => [`flag:${it}`, variantOf(find(it), environment, ladder)]))
}

/** The name of the variant that a flag gives, as a rule that may stand inside another flag. */
function variantOf(flag: Flag | undefined, environment: string, ladder: Ladder): JsonLogic {
  if (!flag || flag.archivedAt !== null) return never
  const { state, targeting, defaultVariant = null } = compileFlag(flag, environment, ladder)
  if (state === 'DISABLED') return never
  if (targeting === undefined) return defaultVariant ?? never
  const own = detached(targeting, flag.key)
  const chain = chainOf(own)
  return chain && chain.length % 2 === 0 ? { if: [...chain, defaultVariant] } : { or: [own, defaultVariant] }
}

/**
 * The decision alone. `targeting` null: `defaultVariant` goes to everybody, which is then no share and no rule but
 * STATIC, and costs a client nothing.
 */
function decisionOf(flag: Flag, setting: Setting, ladder: Ladder): { targeting: JsonLogic; defaultVariant: string | null } {
  const { defaultVariant } = setting
  const rules = isEmpty(setting.targeting) ? null : (setting.targeting as JsonLogic)
  const exposed = setting.exposure ? exposureRule(flag, setting.exposure, ladder) : null
  const both = rules === null ? exposed : exposed === null ? rules : followedBy(rules, exposed)
  const guard = flag.prerequisites.map(({ flag: other, variant }) => ({ '===': [{ $ref: `flag:${other}` }, variant] }))
  if (guard.length > 0) return { targeting: both === null ? null : { if: [allOf(guard), both, null] }, defaultVariant }
  if (typeof both === 'string') return { targeting: null, defaultVariant: both }
  return { targeting: both, defaultVariant }
}

/** The rule of "variant V to rings up to R, p% of R": a variant's name where it goes to everybody. */
function exposureRule(flag: Flag, exposure: Exposure, ladder: Ladder): JsonLogic {
  const at = ladder.findIndex((ring) => ring.name === exposure.ring)
  // A ring that is not there is nobody's: the flag rests until somebody decides.
  if (at < 0) return null
  const below = ladder.slice(0, at).map((ring) => ({ $ref: `ring:${ring.name}` }))
  const isAll = exposure.ring === everybody
  const member = isAll ? [] : [{ $ref: `ring:${exposure.ring}` }]
  const whole = exposure.percent >= 100
  // Without the attribute that tells variants apart, all such units would count as one.
  const told = exposure.bucketBy !== null && servesSeveral(exposure) ? [{ '!=': [{ var: exposure.bucketBy }, null] }] : []
  if (isAll && whole) return told.length === 0 ? pick(flag, exposure) : { if: [allOf(told), pick(flag, exposure)] }
  const top = exposure.percent <= 0 ? [] : [allOf([...member, ...(whole ? [] : shareOf(flag, exposure))])]
  const audience = [...below, ...top]
  return audience.length === 0 ? null : { if: [allOf([anyOf(audience), ...told]), pick(flag, exposure)] }
}

/** Is the unit in the first p% of its ring? The border only moves with p, so nobody leaves when p grows. */
function shareOf(flag: Flag, { percent, bucketBy }: Exposure): JsonLogic[] {
  const parts = Math.round((percent / 100) * shareParts)
  const share = { '===': [{ fractional: [...unitOf(flag, bucketBy, ''), ['in', parts], ['out', shareParts - parts]] }, 'in'] }
  return bucketBy === null ? [share] : [{ '!=': [{ var: bucketBy }, null] }, share]
}

export const servesSeveral = ({ serve }: Exposure): boolean => Object.values(serve).filter((weight) => weight > 0).length > 1

/** One variant; or one of several, by a hash that has nothing to do with the one that let the unit in. */
function pick(flag: Flag, { serve, bucketBy }: Exposure): JsonLogic {
  const served = Object.entries(serve).filter(([, weight]) => weight > 0)
  const [only] = served
  if (served.length === 1 && only) return only[0]
  return { fractional: [...unitOf(flag, bucketBy, '/variant'), ...served.map(([variant, weight]) => [variant, weight])] }
}

/**
 * What is hashed. flagd's own (flag key and targeting key) where that is the same, so that the definition reads as
 * people write it. Bucketing 3 hashes its own pair in another way, so there the text is always spelled out.
 */
function unitOf(flag: Flag, bucketBy: string | null, purpose: string): JsonLogic[] {
  if (bucketBy !== null) return [{ cat: [flag.salt, purpose, { var: bucketBy }] }]
  if (purpose === '' && flag.salt === flag.key && flag.bucketing === 2) return []
  return [keyed(`${flag.salt}${purpose}`)]
}
/** Without a targeting key the share must say so, and not count everybody as the unit with the empty name. */
const keyed = (salt: string): JsonLogic => ({ if: [key, { cat: [salt, key] }, null] })

const allOf = (rules: readonly JsonLogic[]): JsonLogic => (rules.length === 1 ? (rules[0] as JsonLogic) : { and: rules })
const anyOf = (rules: readonly JsonLogic[]): JsonLogic => (rules.length === 1 ? (rules[0] as JsonLogic) : { or: rules })

/** Rules first; where they name no variant, the rest. */
function followedBy(rules: JsonLogic, rest: JsonLogic): JsonLogic {
  const chain = chainOf(rules)
  return chain && chain.length % 2 === 0 ? { if: [...chain, rest] } : { or: [rules, rest] }
}

/** The arguments of a rule that is one `if`. */
export function chainOf(rule: JsonLogic): readonly JsonLogic[] | undefined {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return undefined
  const [[operator, args] = [], ...more] = Object.entries(rule)
  return operator === 'if' && more.length === 0 && Array.isArray(args) && args.length > 1 ? args : undefined
}

export const isEmpty = (rule: unknown): boolean =>
  rule === null || rule === undefined || (typeof rule === 'object' && Object.keys(rule).length === 0)

/** The rule as it may stand in another flag: what it would take from its own flag's key is spelled out. */
export function detached(rule: Json, flagKey: string): Json {
  if (Array.isArray(rule)) return rule.map((it: Json) => detached(it, flagKey))
  if (typeof rule !== 'object' || rule === null) return rule
  return Object.fromEntries(
    Object.entries(rule).map(([operator, value]): [string, Json] => {
      if (operator === 'var' && (value === '$flagd.flagKey' || (Array.isArray(value) && value[0] === '$flagd.flagKey')))
        return ['cat', [flagKey]]
      const inner = detached(value as Json, flagKey)
      if (operator !== 'fractional' || !Array.isArray(inner)) return [operator, inner]
      return [operator, Array.isArray(inner[0]) ? [keyed(flagKey), ...inner] : inner]
    }),
  )
}

function metadataOf(flag: Flag, { exposure }: Setting): Metadata {
  return {
    ...flag.metadata,
    kind: flag.kind,
    ...(exposure ? { ring: exposure.ring } : {}),
    ...(flag.bucketing === 3 ? { bucketing: 3 } : {}),
  }
}

/** `ring:NAME` to its rule; `all` needs none. */
export function ringEvaluators(ladder: Ladder, hasSegment: (key: string) => boolean): Record<string, JsonLogic> {
  return Object.fromEntries(
    ladder
      .filter((ring) => ring.name !== everybody)
      .map((ring) => [
        `ring:${ring.name}`,
        // A segment that nobody made yet has nobody in it.
        ring.segment === null ? ring.where : hasSegment(ring.segment) ? { $ref: `segment:${ring.segment}` } : never,
      ]),
  )
}
