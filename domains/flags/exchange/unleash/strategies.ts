/** Unleash's strategies: whom each lets in, and what share of them. Source: unleash-client 6, `strategy/*.ts`. */
import type { JsonLogic } from '@belay/flag-evaluator'
import { type Bag, isText, own } from '../json.ts'
import { keysInRuleMax, type Step, type Unit } from '../steps.ts'
import type { ImportedSegment } from '../types.ts'
import { addressRule } from './addresses.ts'
import { attributeOf, type Note, noteOn, read } from './attributes.ts'
import { constraintRule, isIn } from './constraints.ts'
import type { Strategy } from './document.ts'
import { keysOf, type Segments } from './segments.ts'

export type Audience = Pick<Step, 'when' | 'share'>
type Found = {
  /** Undefined: nobody. */
  readonly audience: Audience | undefined
  readonly notes: readonly Note[]
  /** Lists of ids that are too long for a rule. */
  readonly lists: readonly ImportedSegment[]
}

/** `cannot`: why the strategy has to be left out. */
export function translateStrategy(
  strategy: Strategy,
  feature: string,
  segments: Segments,
  listKey: () => string,
): Found | { cannot: string } {
  const own = ownPart(strategy, feature, listKey)
  if ('cannot' in own) return own
  const when: JsonLogic[] = []
  const notes = [...own.notes]
  const parts = [...strategy.constraints.map(constraintRule), ...strategy.segments.map((id) => segments.use(String(id)))]
  for (const part of parts) {
    if ('cannot' in part) return part
    notes.push(...part.notes)
    when.push(part.rule)
  }
  const all = [...when, ...own.when]
  const isNobody = all.includes(false) || own.share?.percent === 0
  return {
    audience: isNobody ? undefined : { when: all.filter((rule) => rule !== true), share: own.share },
    notes,
    lists: own.lists ?? [],
  }
}

type OwnPart = Audience & { readonly notes: readonly Note[]; readonly lists?: readonly ImportedSegment[] }

function ownPart({ name, parameters }: Strategy, feature: string, listKey: () => string): OwnPart | { cannot: string } {
  const everybody = { when: [], share: null, notes: [] }
  switch (name) {
    case 'default':
      return everybody
    case 'flexibleRollout': {
      const stickiness = textOf(parameters, 'stickiness') || 'default'
      return share(textOf(parameters, 'rollout'), stickiness, textOf(parameters, 'groupId') || feature)
    }
    case 'gradualRolloutUserId':
      return share(textOf(parameters, 'percentage'), 'userId', textOf(parameters, 'groupId') || feature)
    case 'gradualRolloutSessionId':
      return share(textOf(parameters, 'percentage'), 'sessionId', textOf(parameters, 'groupId') || feature)
    case 'gradualRolloutRandom':
      return share(textOf(parameters, 'percentage'), 'random', feature)
    case 'userWithId':
      return listed(itemsOf(parameters, 'userIds'), listKey)
    case 'remoteAddress': {
      const said = addressRule(read('remoteAddress'), itemsOf(parameters, 'IPs'))
      if ('cannot' in said) return said
      return { when: [said.rule], share: null, notes: [said.note, noteOn('remoteAddress')].filter((it) => it !== undefined) }
    }
    case 'applicationHostname':
      return {
        when: [
          isIn(
            { var: 'hostname' },
            itemsOf(parameters, 'hostNames').map((it) => it.toLowerCase()),
            'appName',
          ),
        ],
        share: null,
        notes: [
          changed(
            'It asks for the name of the host. Unleash takes it from the machine; here your services hand it in as hostname, in small letters.',
          ),
        ],
      }
    default:
      return { cannot: name === '' ? 'it has no name' : `${name} is a strategy of your own` }
  }
}

function listed(ids: readonly string[], listKey: () => string): OwnPart {
  if (ids.length <= keysInRuleMax) return { when: [isIn(read('userId'), ids, 'userId')], share: null, notes: [] }
  const key = listKey()
  return {
    when: [{ in_segment: [key, read('userId')] }],
    share: null,
    notes: [{ text: `Its ${ids.length} user ids became the segment ${key}.`, approximate: false }],
    lists: [{ key, content: { keys: keysOf(ids), by: 'targetingKey' }, notes: [] }],
  }
}

function share(percentage: string, stickiness: string, group: string): OwnPart {
  // Unleash counts whole percents: 10.5 lets in as many as 10.
  const percent = Math.floor(Number(percentage))
  const unit = unitOf(stickiness, group)
  const none = { when: [], notes: [] }
  if (!(percent > 0)) return { ...none, share: { percent: 0, unit } }
  const isFree = stickiness === 'default' || stickiness === 'random'
  if (percent >= 100) return { ...none, when: isFree ? [] : [{ '!!': [read(stickiness)] }], share: null }
  const notes = [
    changed(`Who is in the ${percent}% changes, for Unleash hashes in another way; the share does not.`),
    ...(stickiness === 'default'
      ? [changed('Unleash goes by the session, or by chance, where there is no user id; here a targeting key is needed.')]
      : []),
    ...(stickiness === 'random' ? [changed('Unleash draws anew at each evaluation; here everybody keeps what they got.')] : []),
    ...[noteOn(stickiness)].filter((it) => it !== undefined),
  ]
  return { ...none, share: { percent, unit }, notes }
}

const changed = (text: string): Note => ({ text, approximate: true })

/** What is hashed for a share or a variant. */
export function unitOf(stickiness: string, seed: string): Unit {
  const attribute = stickiness === 'default' || stickiness === 'random' ? 'targetingKey' : attributeOf(stickiness)
  return { seed, by: attribute === 'targetingKey' ? null : attribute }
}

function textOf(parameters: Bag, name: string): string {
  const value = own(parameters, name)
  return isText(value) ? value.trim() : typeof value === 'number' ? String(value) : ''
}
const itemsOf = (parameters: Bag, name: string) =>
  textOf(parameters, name)
    .split(',')
    .map((it) => it.trim())
    .filter((it) => it !== '')
