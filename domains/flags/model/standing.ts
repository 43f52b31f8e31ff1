/** A flag at a glance: where it stands in each environment, and whether it has outlived its use. Pure. */
import { everyEnvironment, type FlagStandingWire, type flagSummaryWire } from '@belay/protocol'
import type { z } from 'zod'
import { sayExposure } from './change.ts'
import { isEmpty } from './compile.ts'
import { type EnvironmentInfo, everybody, type Flag, killIn, type Ladder, settingIn } from './flag.ts'

type Stale = z.output<typeof flagSummaryWire>['stale'][number]

export function standingIn(flag: Flag, environment: string, ladder: Ladder): FlagStandingWire {
  const { setting, own } = settingIn(flag, environment)
  const killed = killIn(flag, environment)
  const rests = setting.defaultVariant === null ? "the code's default to everybody" : `${setting.defaultVariant} to everybody`
  const it = { environment, own, ring: setting.exposure?.ring ?? null, percent: setting.exposure?.percent ?? null }
  if (setting.state === 'DISABLED') return { ...it, state: 'off', says: "off: the code's default to everybody" }
  if (killed) return { ...it, state: 'killed', says: `killed by ${killed.by}: ${killed.reason}; ${rests}` }
  const hasRules = !isEmpty(setting.targeting)
  const rules = hasRules ? 'rules first, then ' : ''
  const { exposure } = setting
  if (!exposure) return hasRules ? { ...it, state: 'targeted', says: `by rules, else ${rests}` } : { ...it, state: 'resting', says: rests }
  const isTop = exposure.ring === everybody && exposure.percent >= 100
  return { ...it, state: isTop ? 'top' : 'climbing', says: `${rules}${sayExposure(exposure, ladder)}` }
}

export const standingsOf = (flag: Flag, environments: readonly EnvironmentInfo[], ladder: Ladder): FlagStandingWire[] =>
  [...environments.map((it) => it.name), everyEnvironment].map((environment) => standingIn(flag, environment, ladder))

/** After two weeks on top nobody will want the old way back in a hurry. */
const topMs = 14 * 86_400_000
/** A flag that no service asked for in a month is dead code, or was never merged. */
export const unusedMs = 30 * 86_400_000
const sayDays = (ms: number) => `${Math.floor(ms / 86_400_000)} days`

/** Why somebody should look at this flag and perhaps remove it. */
export function staleOf(
  flag: Flag,
  it: { standings: readonly FlagStandingWire[]; production: readonly string[]; lastEvaluatedAt: number | null; nowMs: number },
): Stale[] {
  if (flag.archivedAt !== null) return []
  const found: Stale[] = []
  if (flag.expiresAt !== null && flag.expiresAt <= it.nowMs)
    found.push({ why: 'expired', says: `expired on ${new Date(flag.expiresAt).toISOString().slice(0, 10)}` })
  const counts = it.standings.filter(({ environment }) => it.production.includes(environment))
  const isTop = counts.length > 0 && counts.every(({ state }) => state === 'top')
  if (isTop && flag.kind === 'release' && it.nowMs - flag.changedAt >= topMs)
    found.push({
      why: 'everywhere',
      says: `on top in production and unchanged for ${sayDays(it.nowMs - flag.changedAt)}: the code can do without it`,
    })
  const sinceMs = it.nowMs - (it.lastEvaluatedAt ?? flag.createdAt)
  if (sinceMs >= unusedMs)
    found.push({
      why: 'never-evaluated',
      says:
        it.lastEvaluatedAt === null
          ? `never evaluated in the ${sayDays(sinceMs)} since it was made`
          : `not evaluated for ${sayDays(sinceMs)}`,
    })
  return found
}
