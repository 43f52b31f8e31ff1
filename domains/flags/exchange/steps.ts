/**
 * From what peers have (rules in order, each for some people, a share of them, one variant or several) to a setting of
 * ours: what is for everybody becomes the exposure that people climb with, the rest becomes rules before it.
 */
import type { JsonLogic } from '@belay/flag-evaluator'
import type { SettingWire } from '@belay/protocol'
import { everybody } from '../model/flag.ts'

/** What is hashed, in front of whose value. `by` null: the targeting key. */
export type Unit = { readonly seed: string; readonly by: string | null }
export type Weighted = { readonly variant: string; readonly weight: number }
export type Step = {
  /** All of them must hold; none: it is for everybody. */
  readonly when: readonly JsonLogic[]
  /** Of those a share, in percent. Null: all, also those who have nothing to hash. */
  readonly share: { readonly percent: number; readonly unit: Unit } | null
  /** Variants by weight; none: the code's own default. */
  readonly serve: readonly Weighted[]
  readonly serveUnit: Unit
}

/** Shares are kept to a thousandth of a percent. */
const shareParts = 100_000

export function settingOf(steps: readonly Step[], it: Pick<SettingWire, 'state' | 'defaultVariant'>): SettingWire {
  const counting = reached(steps)
  const last = counting.at(-1)
  const exposure = last ? exposureOf(last) : null
  const rules = (exposure ? counting.slice(0, -1) : counting).flatMap((step) => [conditionOf(step), pickOf(step)])
  return {
    state: it.state,
    defaultVariant: it.defaultVariant,
    targeting: (rules.length === 0 ? null : { if: rules }) as SettingWire['targeting'],
    exposure,
  }
}

/** Does it depend on a hash who gets what of this? */
export const isHashed = ({ share, serve }: Step): boolean =>
  (share !== null && share.percent > 0 && share.percent < 100) || serve.filter(({ weight }) => weight > 0).length > 1

/** Without those that are for nobody and those behind one that is for everybody. */
function reached(steps: readonly Step[]): Step[] {
  const some = steps.filter(({ share }) => share === null || share.percent > 0)
  const end = some.findIndex(({ when, share }) => when.length === 0 && share === null)
  return end < 0 ? some : some.slice(0, end + 1)
}

/** What its share is hashed with, so that an exposure of this salt has the people of a rule with the same seed. */
export function saltOf(steps: readonly Step[]): string | undefined {
  const last = reached(steps).at(-1)
  const seed = last && exposureOf(last) && isHashed(last) ? (last.share?.unit ?? last.serveUnit).seed : ''
  return seed === '' || seed.length > saltCharactersMax ? undefined : seed
}
/** As of a new flag (sdk/protocol). */
const saltCharactersMax = 200

/** Only where one attribute is hashed for the share and for the variant; an exposure has one. */
function exposureOf({ when, share, serve, serveUnit }: Step): SettingWire['exposure'] {
  const served = serve.filter(({ weight }) => weight > 0)
  if (when.length > 0 || served.length === 0) return null
  const units = [...(share ? [share.unit] : []), ...(served.length > 1 ? [serveUnit] : [])]
  const [unit = serveUnit] = units
  if (units.some(({ by }) => by !== unit.by)) return null
  return {
    serve: Object.fromEntries(served.map(({ variant, weight }) => [variant, weight])),
    ring: everybody,
    percent: share?.percent ?? 100,
    bucketBy: units.length === 0 ? null : unit.by,
  }
}

function conditionOf({ when, share }: Step): JsonLogic {
  const all = [...when, ...(share === null ? [] : shareRule(share.percent, share.unit))]
  return all.length === 0 ? true : all.length === 1 ? (all[0] as JsonLogic) : { and: all }
}

function shareRule(percent: number, unit: Unit): JsonLogic[] {
  const parts = Math.round((percent / 100) * shareParts)
  const drawn = { '==': [{ fractional: [hashed(unit, ''), ['in', parts], ['out', shareParts - parts]] }, 'in'] }
  return unit.by === null ? [drawn] : [{ '!!': [{ var: unit.by }] }, drawn]
}

function pickOf({ serve, serveUnit }: Step): JsonLogic {
  const served = serve.filter(({ weight }) => weight > 0)
  if (served.length < 2) return served[0]?.variant ?? null
  return { fractional: [hashed(serveUnit, '/variant'), ...served.map(({ variant, weight }) => [variant, weight])] }
}

/** As the compiler of exposures does it, so that a rule that becomes an exposure keeps its people. */
function hashed({ seed, by }: Unit, purpose: string): JsonLogic {
  if (by !== null) return { cat: [`${seed}${purpose}`, { var: by }] }
  const key = { var: 'targetingKey' }
  return { if: [key, { cat: [`${seed}${purpose}`, key] }, null] }
}

/** Whole numbers of which the largest is small enough to read, where shares are given as fractions. */
export function wholeWeights(fractions: readonly number[]): number[] {
  const scale =
    [1, 10, 100, 1_000, 10_000].find((it) => fractions.every((part) => Math.abs(part * it - Math.round(part * it)) < 1e-9)) ?? shareParts
  const whole = fractions.map((part) => Math.min(shareParts, Math.max(0, Math.round(part * scale))))
  const divisor = whole.reduce(gcd, 0) || 1
  return whole.map((part) => part / divisor)
}
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Values that a text may have had before it was one: attributes here keep their types. */
export function typedAlso(values: readonly string[]): (string | number | boolean)[] {
  return values.flatMap((value): (string | number | boolean)[] => {
    if (value === 'true' || value === 'false') return [value, value === 'true']
    return value !== '' && Number.isFinite(Number(value)) && String(Number(value)) === value ? [value, Number(value)] : [value]
  })
}

/** A rule that lists more than this is a list; a list of its own can be changed by a line. */
export const keysInRuleMax = 1_000
