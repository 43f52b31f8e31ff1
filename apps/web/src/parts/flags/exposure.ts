/** A flag's standing in an environment: where it is on the ladder, where it may go next, and who gets what. Pure. */
import { sayCount } from '@belay/base'
import { everyEnvironment, type ExposureWire, type FlagWire, type SettingWire } from '@belay/protocol'
import { countRules } from './rules/rules.ts'

export type Exposure = ExposureWire
/** `share` 0 to 1: how much of this ring is reached through its own place on the ladder. */
export type Rung = { readonly ring: string; readonly share: number }

/** Rings from the lowest; those below the exposure's are reached wholly. */
export function rungsOf(rings: readonly string[], exposure: Exposure | null): Rung[] {
  const at = exposure === null ? -1 : rings.indexOf(exposure.ring)
  return rings.map((ring, index) => ({ ring, share: index < at ? 1 : index === at && exposure !== null ? exposure.percent / 100 : 0 }))
}

/** The setting that counts in an environment, and whether it is its own. */
export function settingIn(flag: FlagWire, environment: string): { readonly setting: SettingWire; readonly own: boolean } {
  const own = flag.settings[environment]
  const setting = own ?? flag.settings[everyEnvironment]
  if (setting === undefined) throw new Error(`the flag ${flag.key} has no setting for every environment`)
  return { setting, own: own !== undefined }
}

/** The kill that counts in an environment, and where it was thrown. */
export function killIn(flag: FlagWire, environment: string) {
  const where = [environment, everyEnvironment].find((it) => flag.killed[it] !== undefined)
  const kill = where === undefined ? undefined : flag.killed[where]
  return where === undefined || kill === undefined ? undefined : { ...kill, where }
}

/** What a first exposure would serve: `on`, else the first variant that is not the default. */
export function usualServe(flag: FlagWire, setting: SettingWire): Record<string, number> {
  const names = Object.keys(flag.variants)
  const others = names.filter((it) => it !== setting.defaultVariant)
  return { [others.includes('on') ? 'on' : (others[0] ?? names[0] ?? 'on')]: 1 }
}

type Step = { readonly says: string; readonly exposure: Exposure | null }
const begin = (ring: string, percent: number, serve: Record<string, number>): Exposure => ({ serve, ring, percent, bucketBy: null })

/** One step further: the rest of the ring it is in, else the next one. Undefined on top. */
export function stepUp(rings: readonly string[], exposure: Exposure | null, serve: Record<string, number>): Step | undefined {
  if (exposure !== null && exposure.percent < 100) return { says: `All of ${exposure.ring}`, exposure: { ...exposure, percent: 100 } }
  const next = rings[exposure === null ? 0 : rings.indexOf(exposure.ring) + 1]
  if (next === undefined || (exposure !== null && !rings.includes(exposure.ring))) return undefined
  return { says: `Up to ${next}`, exposure: exposure === null ? begin(next, 100, serve) : { ...exposure, ring: next, percent: 100 } }
}

/** Back to all of the ring below; from the lowest to nobody. */
export function stepDown(rings: readonly string[], exposure: Exposure | null): Step | undefined {
  if (exposure === null) return undefined
  const below = rings[rings.indexOf(exposure.ring) - 1]
  return below === undefined
    ? { says: 'Down to nobody', exposure: null }
    : { says: `Down to ${below}`, exposure: { ...exposure, ring: below, percent: 100 } }
}

export const isTop = (rings: readonly string[], exposure: Exposure | null): boolean =>
  exposure !== null && exposure.ring === rings.at(-1) && exposure.percent === 100

// ── in words ────────────────────────────────────────────────────────────────────────────────────────────────
/** "a", "a and b", "a, b and c". */
export function sayList(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
export const sayPercent = (percent: number): string => `${Number(percent.toFixed(3))}%`

/** "on", or "blue (50%) and green (50%)". */
export function sayServe(serve: Readonly<Record<string, number>>): string {
  const entries = Object.entries(serve)
  const [only] = entries
  if (entries.length === 1 && only) return only[0]
  const sum = entries.reduce((total, [, weight]) => total + weight, 0)
  return sayList(entries.map(([variant, weight]) => `${variant} (${sayPercent(sum === 0 ? 0 : Math.round((weight / sum) * 1_000) / 10)})`))
}

/** "qa, staff and 50% of early-access"; undefined: nobody. The top ring is everybody who is in none below. */
export function sayAudience(rings: readonly string[], exposure: Exposure): string | undefined {
  if (isTop(rings, exposure)) return 'everybody'
  const at = rings.indexOf(exposure.ring)
  const below = rings.slice(0, Math.max(0, at))
  if (exposure.percent === 0) return below.length === 0 ? undefined : sayList(below)
  const ring = at === rings.length - 1 ? 'everybody else' : exposure.ring
  return sayList([...below, exposure.percent === 100 ? ring : `${sayPercent(exposure.percent)} of ${ring}`])
}

const sayDefault = (setting: SettingWire): string => setting.defaultVariant ?? "the code's own default"

/** "In production"; the setting for every environment counts for those that have none of their own. */
export function sayWhere(flag: FlagWire, environment: string): string {
  if (environment !== everyEnvironment) return `In ${environment}`
  return Object.keys(flag.settings).length > 1 ? 'In every other environment' : 'In every environment'
}

/** One sentence: who gets what. */
export const sayWhoGetsWhat = (flag: FlagWire, environment: string, rings: readonly string[]): string =>
  `${sayWhere(flag, environment)}${sayWho(flag, environment, rings)}`

/** What follows the place; a comma parts it from what has to hold first. */
function sayWho(flag: FlagWire, environment: string, rings: readonly string[]): string {
  const { setting } = settingIn(flag, environment)
  const rest = sayDefault(setting)
  if (flag.archivedAt !== null) return " it is archived: everybody gets the code's own default"
  if (setting.state === 'DISABLED') return " it is off: everybody gets the code's own default"
  if (killIn(flag, environment) !== undefined) return ` it is killed: everybody gets ${rest}`
  const rules = setting.targeting === null ? 0 : countRules(setting.targeting)
  const audience = setting.exposure === null ? undefined : sayAudience(rings, setting.exposure)
  const needs = flag.prerequisites.map((it) => `${it.flag} is ${it.variant}`)
  const begins = [...(needs.length > 0 ? [`where ${sayList(needs)}`] : []), ...(rules > 0 ? [`after ${sayCount(rules, 'rule')}`] : [])]
  const who =
    setting.exposure === null || audience === undefined
      ? `everybody${rules > 0 ? ' else' : ''} gets ${rest}`
      : audience === 'everybody'
        ? `everybody${rules > 0 ? ' else' : ''} gets ${sayServe(setting.exposure.serve)}`
        : `${audience} ${audience.includes(' ') ? 'get' : 'gets'} ${sayServe(setting.exposure.serve)}, everybody else gets ${rest}`
  return begins.length === 0 ? ` ${who}` : `, ${begins.join(', ')}, ${who}`
}
