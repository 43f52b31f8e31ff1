/**
 * The same flags in each evaluator's own words. All of them are `on` or `off`; where users are drawn by a share, each
 * evaluator draws others, but as many.
 */
import { EventEmitter } from 'node:events'
import { compileFlagSet, type FlagDefinition, type JsonLogic } from '@belay/flag-evaluator'
import { type FeatureDefinition, GrowthBookClient, type UserContext } from '@growthbook/growthbook'
import { FlagdCore } from '@openfeature/flagd-core'
import { type Context, Unleash } from 'unleash-client'

export type User = {
  readonly targetingKey: string
  readonly email: string
  readonly plan: string
  readonly country: string
  readonly account: string
}

export type Scenario = 'static' | 'ring' | 'rules'

/** Is the nth flag on for the nth user? Contexts are made beforehand, each in the evaluator's own shape. */
export type Contender = { readonly isOn: (flag: number, user: number) => boolean }

const staffDomain = '@example.com'
const earlyPlans = ['early', 'beta']
/** For everybody else. */
export const sharePercent = 10
/** Every flag has some constants of its own, as flags have: nothing is won by taking two of them for one. */
const plansOf = (flag: number) => [...earlyPlans, `trial-${flag}`]
/** Of the ten rules: seven countries that nobody is of, so that they are all asked, staff, a segment, and the share. */
const noCountriesOf = (flag: number) => ['A', 'B', 'C', 'D', 'E', 'F', 'G'].map((letter) => `${letter}${flag}`)
export const segmentAccounts: readonly string[] = Array.from({ length: 200 }, (_, nth) => `account-${nth * 7}`)

/** Who gets `on` for what they are, whatever the share says. */
export function isChosen(scenario: Scenario, user: User): boolean {
  if (scenario === 'static' || user.email.endsWith(staffDomain)) return true
  return scenario === 'ring' ? earlyPlans.includes(user.plan) : segmentAccounts.includes(user.account)
}

const keyOf = (nth: number) => `flag-${nth}`
/** As a service has them in its code: names of members and literals are one text each, wherever they are. */
const keysOf = (count: number) => Object.keys(numbered(count, () => null))

export function belay(scenario: Scenario, flagCount: number, users: readonly User[]): Contender {
  const set = compileFlagSet(flagdDocument(scenario, flagCount))
  if (set.problems.length > 0) throw new Error(`the flags of the bench are not sound: ${JSON.stringify(set.problems[0])}`)
  const keys = keysOf(flagCount)
  return { isOn: (flag, user) => set.evaluate(keys[flag] as string, users[user] as User, 0, 'boolean').value === true }
}

export function flagdCore(scenario: Scenario, flagCount: number, users: readonly User[]): Contender {
  const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
  const core = new FlagdCore(undefined, quiet)
  core.setConfigurations(JSON.stringify(flagdDocument(scenario, flagCount)))
  const keys = keysOf(flagCount)
  return { isOn: (flag, user) => core.resolveBooleanEvaluation(keys[flag] as string, false, users[user] as User, quiet).value }
}

function flagdDocument(scenario: Scenario, flagCount: number) {
  const segment = { in: [{ var: 'account' }, segmentAccounts] }
  return { $evaluators: { 'segment:accounts': segment }, flags: numbered(flagCount, (nth) => flagdFlag(scenario, nth)) }
}

function flagdFlag(scenario: Scenario, nth: number): FlagDefinition {
  const variants = { on: true, off: false }
  if (scenario === 'static') return { state: 'ENABLED', variants, defaultVariant: 'on' }
  const isStaff: JsonLogic = { ends_with: [{ var: 'email' }, staffDomain] }
  const share: JsonLogic = {
    fractional: [
      ['on', sharePercent],
      ['off', 100 - sharePercent],
    ],
  }
  const targeting: JsonLogic =
    scenario === 'ring'
      ? { if: [isStaff, 'on', { in: [{ var: 'plan' }, plansOf(nth)] }, 'on', share] }
      : {
          if: [
            ...noCountriesOf(nth).flatMap((country) => [{ '==': [{ var: 'country' }, country] }, 'on']),
            isStaff,
            'on',
            { $ref: 'segment:accounts' },
            'on',
            share,
          ],
        }
  return { state: 'ENABLED', variants, defaultVariant: 'off', targeting }
}

export function growthBook(scenario: Scenario, flagCount: number, users: readonly User[]): Contender {
  const client = new GrowthBookClient().initSync({
    payload: { features: numbered(flagCount, (nth) => growthBookFlag(scenario, nth)), savedGroups: { accounts: [...segmentAccounts] } },
  })
  const contexts = users.map(({ targetingKey, ...user }): UserContext => ({ attributes: { id: targetingKey, ...user } }))
  const keys = keysOf(flagCount)
  return { isOn: (flag, user) => client.isOn(keys[flag] as string, contexts[user] as UserContext) }
}

function growthBookFlag(scenario: Scenario, nth: number): FeatureDefinition {
  if (scenario === 'static') return { defaultValue: true }
  const isStaff = { condition: { email: { $regex: `${staffDomain.replace('.', '\\.')}$` } }, force: true }
  const share = { coverage: sharePercent / 100, hashAttribute: 'id', force: true }
  const chosen =
    scenario === 'ring'
      ? [isStaff, { condition: { plan: { $in: plansOf(nth) } }, force: true }]
      : [
          ...noCountriesOf(nth).map((country) => ({ condition: { country }, force: true })),
          isStaff,
          { condition: { account: { $inGroup: 'accounts' } }, force: true },
        ]
  return { defaultValue: false, rules: [...chosen, share] }
}

export async function unleash(scenario: Scenario, flagCount: number, users: readonly User[]): Promise<Contender> {
  const features = new Map(
    Object.entries(numbered(flagCount, (nth) => unleashFlag(scenario, nth))).map(([name, flag]) => [name, { name, ...flag }]),
  )
  const segment = { id: 1, constraints: [constraint('account', 'IN', segmentAccounts)] }
  const repository = Object.assign(new EventEmitter(), {
    getToggle: (name: string) => features.get(name),
    getToggles: () => [...features.values()],
    getTogglesWithSegmentData: () => [],
    getSegment: () => segment,
    stop: () => {},
    start: async () => {},
  })
  const client = new Unleash({
    appName: 'bench',
    url: 'http://localhost:1/',
    disableMetrics: true,
    skipInstanceCountWarning: true,
    repository,
  })
  const isReady = new Promise((resolve) => client.once('ready', resolve))
  repository.emit('ready')
  await isReady
  const contexts = users.map(({ targetingKey, ...properties }): Context => ({ userId: targetingKey, properties }))
  const keys = keysOf(flagCount)
  return { isOn: (flag, user) => client.isEnabled(keys[flag] as string, contexts[user] as Context) }
}

type UnleashFlag = Omit<NonNullable<ReturnType<Unleash['getFeatureToggleDefinition']>>, 'name'>
type Constraint = NonNullable<UnleashFlag['strategies']>[number]['constraints'][number]

const constraint = (contextName: string, operator: `${Constraint['operator']}`, values: readonly string[]): Constraint => ({
  contextName,
  operator: operator as Constraint['operator'],
  inverted: false,
  values: [...values],
})

function unleashFlag(scenario: Scenario, nth: number): UnleashFlag {
  if (scenario === 'static') return { enabled: true, strategies: [{ name: 'default', parameters: {}, constraints: [] }] }
  const when = (...constraints: Constraint[]) => ({ name: 'default', parameters: {}, constraints })
  const isStaff = when(constraint('email', 'STR_ENDS_WITH', [staffDomain]))
  const share = {
    name: 'flexibleRollout',
    parameters: { rollout: `${sharePercent}`, stickiness: 'userId', groupId: keyOf(nth) },
    constraints: [],
  }
  const chosen =
    scenario === 'ring'
      ? [isStaff, when(constraint('plan', 'IN', plansOf(nth)))]
      : [...noCountriesOf(nth).map((country) => when(constraint('country', 'IN', [country]))), isStaff, { ...when(), segments: [1] }]
  return { enabled: true, strategies: [...chosen, share] }
}

function numbered<Flag>(count: number, flagOf: (nth: number) => Flag): Record<string, Flag> {
  return Object.fromEntries(Array.from({ length: count }, (_, nth) => [keyOf(nth), flagOf(nth)]))
}
