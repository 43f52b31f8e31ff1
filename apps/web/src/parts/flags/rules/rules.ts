/**
 * Targeting rules as a form shows them, and back. Whatever the form has no place for is kept as it is: a part is taken
 * into the form only when the form would write exactly that part again, so a round trip loses nothing. Pure.
 */
import { canonicalJson } from '@belay/base'
import type { JsonWire } from '@belay/protocol'
import { asText } from './values.ts'

export const operators = {
  '==': 'is',
  '!=': 'is not',
  in: 'is one of',
  'not-in': 'is none of',
  contains: 'contains',
  starts_with: 'begins with',
  ends_with: 'ends with',
  '>': 'is more than',
  '>=': 'is at least',
  '<': 'is less than',
  '<=': 'is at most',
  set: 'is there',
  unset: 'is not there',
  'sem_ver =': 'is version',
  'sem_ver !=': 'is not version',
  'sem_ver >': 'is newer than version',
  'sem_ver >=': 'is at least version',
  'sem_ver <': 'is older than version',
  'sem_ver <=': 'is at most version',
  'sem_ver ~': 'has the major and minor of version',
  'sem_ver ^': 'has the major of version',
  in_segment: 'is in the list segment',
} as const
export type Operator = keyof typeof operators

export type Condition =
  | { readonly kind: 'compare'; readonly attribute: string; readonly operator: Operator; readonly value: JsonWire }
  /** Is the unit in a segment or a ring, whatever it is made of? */
  | { readonly kind: 'member'; readonly of: 'segment' | 'ring'; readonly name: string; readonly not: boolean }
  | { readonly kind: 'json'; readonly json: JsonWire }
export type Serve =
  | { readonly kind: 'variant'; readonly variant: string }
  /** By weight; `by` null: the targeting key, else an attribute whose value is hashed together with the flag's key. */
  | { readonly kind: 'split'; readonly by: string | null; readonly weights: readonly (readonly [string, number])[] }
  | { readonly kind: 'json'; readonly json: JsonWire }
/** No condition: always. Of one condition, `match` says nothing and is `all`. */
export type Rule = { readonly match: 'all' | 'any'; readonly conditions: readonly Condition[]; readonly serve: Serve }
export type Rules =
  | { readonly kind: 'rules'; readonly rules: readonly Rule[]; readonly otherwise: Serve | null }
  /** Not a list of rules at all. */
  | { readonly kind: 'json'; readonly json: JsonWire }

type JsonObject = { readonly [key: string]: JsonWire }
const same = (a: JsonWire, b: JsonWire): boolean => canonicalJson(a) === canonicalJson(b)
const variable = (attribute: string): JsonWire => ({ var: attribute })

/** The only member of an object that has but one. */
function single(json: JsonWire): readonly [string, JsonWire] | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
  const entries = Object.entries(json as JsonObject)
  return entries.length === 1 ? entries[0] : undefined
}
const list = (json: JsonWire | undefined): readonly JsonWire[] | undefined => (Array.isArray(json) ? json : undefined)

/** What an operator writes beside its attribute when it takes no value. */
const withoutValue: readonly Operator[] = ['set', 'unset']
export const takesValue = (operator: Operator): boolean => !withoutValue.includes(operator)
/** What is typed is a text whatever it looks like: version 2.4 is no number. */
export const takesText = (operator: Operator): boolean =>
  operator.startsWith('sem_ver') || ['contains', 'starts_with', 'ends_with', 'in_segment'].includes(operator)
export const takesList = (operator: Operator): boolean => operator === 'in' || operator === 'not-in'

// ── out of the form ─────────────────────────────────────────────────────────────────────────────────────────
function conditionJson(it: Condition): JsonWire {
  if (it.kind === 'json') return it.json
  if (it.kind === 'member') {
    const member = { $ref: `${it.of}:${it.name}` }
    return it.not ? { '!': member } : member
  }
  const attribute = variable(it.attribute)
  switch (it.operator) {
    case 'in':
      return { in: [attribute, it.value] }
    case 'not-in':
      return { '!': { in: [attribute, it.value] } }
    case 'contains':
      return { in: [it.value, attribute] }
    case 'set':
      return { '!=': [attribute, null] }
    case 'unset':
      return { '==': [attribute, null] }
    case 'in_segment':
      return { in_segment: [it.value, attribute] }
    default: {
      const [name, comparison] = it.operator.split(' ')
      return comparison === undefined ? { [it.operator]: [attribute, it.value] } : { [name ?? '']: [attribute, comparison, it.value] }
    }
  }
}

function serveJson(it: Serve): JsonWire {
  if (it.kind === 'json') return it.json
  if (it.kind === 'variant') return it.variant
  const by = it.by === null ? [] : [{ cat: [variable('$flagd.flagKey'), variable(it.by)] }]
  return { fractional: [...by, ...it.weights.map(([variant, weight]) => [variant, weight])] }
}

/** What holds when all, or any, of them do. */
export function conditionJsonOf({ match, conditions }: Pick<Rule, 'match' | 'conditions'>): JsonWire {
  const [first, ...more] = conditions.map(conditionJson)
  if (first === undefined) return true
  return more.length === 0 ? first : { [match === 'all' ? 'and' : 'or']: [first, ...more] }
}

/** The targeting that these rules stand for; null when there are none. */
export function targetingOf(it: Rules): JsonWire {
  if (it.kind === 'json') return it.json
  const otherwise = it.otherwise === null ? [] : [serveJson(it.otherwise)]
  const parts = [...it.rules.flatMap((rule) => [conditionJsonOf(rule), serveJson(rule.serve)]), ...otherwise]
  return parts.length === 0 ? null : { if: parts }
}

// ── into the form ───────────────────────────────────────────────────────────────────────────────────────────
const attributeOf = (json: JsonWire | undefined): string | undefined => {
  const [name, path] = (json === undefined ? undefined : single(json)) ?? []
  return name === 'var' && typeof path === 'string' ? path : undefined
}

function guessMember(json: JsonWire, not: boolean): Condition | undefined {
  const [name, target] = single(json) ?? []
  if (name !== '$ref' || typeof target !== 'string') return undefined
  const [, of, key] = /^(segment|ring):(.*)$/s.exec(target) ?? []
  return of === undefined || key === undefined ? undefined : { kind: 'member', of: of as 'segment' | 'ring', name: key, not }
}

function guessIn(args: readonly JsonWire[], operator: 'in' | 'not-in'): Condition | undefined {
  const attribute = attributeOf(args[0])
  if (attribute !== undefined && list(args[1]) !== undefined) return { kind: 'compare', attribute, operator, value: args[1] ?? null }
  const whole = attributeOf(args[1])
  return operator === 'in' && whole !== undefined && typeof args[0] === 'string'
    ? { kind: 'compare', attribute: whole, operator: 'contains', value: args[0] }
    : undefined
}

function guessCondition(json: JsonWire): Condition | undefined {
  const member = guessMember(json, false)
  if (member !== undefined) return member
  const [name, its] = single(json) ?? []
  if (name === undefined || its === undefined) return undefined
  if (name === '!') {
    const [inner, args] = single(its) ?? []
    return guessMember(its, true) ?? (inner === 'in' ? guessIn(list(args) ?? [], 'not-in') : undefined)
  }
  const args = list(its) ?? []
  if (name === 'in') return guessIn(args, 'in')
  if (name === 'in_segment') {
    const attribute = attributeOf(args[1])
    return attribute === undefined ? undefined : { kind: 'compare', attribute, operator: 'in_segment', value: args[0] ?? null }
  }
  const attribute = attributeOf(args[0])
  if (attribute === undefined) return undefined
  if (args[1] === null && (name === '!=' || name === '=='))
    return { kind: 'compare', attribute, operator: name === '!=' ? 'set' : 'unset', value: null }
  const operator = name === 'sem_ver' ? `sem_ver ${asText(args[1])}` : name
  if (!(operator in operators)) return undefined
  return { kind: 'compare', attribute, operator: operator as Operator, value: (name === 'sem_ver' ? args[2] : args[1]) ?? null }
}

/** A value that the form's field can hold. Others, a rule among them, stay JSON. */
const isPlain = (value: JsonWire): boolean => typeof value !== 'object' || value === null

function conditionOf(json: JsonWire): Condition {
  const guess = guessCondition(json)
  const fits =
    guess !== undefined &&
    (guess.kind !== 'compare' || isPlain(guess.value) || (takesList(guess.operator) && (list(guess.value) ?? []).every(isPlain)))
  return fits && same(conditionJson(guess), json) ? guess : { kind: 'json', json }
}

function serveOf(json: JsonWire): Serve {
  if (typeof json === 'string') return { kind: 'variant', variant: json }
  const [name, args] = single(json) ?? []
  if (name !== 'fractional') return { kind: 'json', json }
  const parts = [...(list(args) ?? [])]
  const [cat, pieces] = parts[0] === undefined ? [] : (single(parts[0]) ?? [])
  const by = cat === 'cat' ? (attributeOf(list(pieces)?.[1]) ?? null) : null
  const weights = (by === null ? parts : parts.slice(1)).map((it) => list(it) ?? [])
  if (!weights.every((it): it is readonly [string, number] => typeof it[0] === 'string' && Number.isSafeInteger(it[1])))
    return { kind: 'json', json }
  const guess: Serve = { kind: 'split', by, weights: weights.map(([variant, weight]) => [variant, weight]) }
  return guess.weights.length > 0 && same(serveJson(guess), json) ? guess : { kind: 'json', json }
}

/** The conditions of one rule, or of a segment. */
export function conditionsOf(json: JsonWire): Pick<Rule, 'match' | 'conditions'> {
  if (json === true) return { match: 'all', conditions: [] }
  const [name, args] = single(json) ?? []
  const parts = name === 'and' || name === 'or' ? (list(args) ?? []) : []
  if (parts.length < 2) return { match: 'all', conditions: [conditionOf(json)] }
  return { match: name === 'and' ? 'all' : 'any', conditions: parts.map(conditionOf) }
}

/** The rules that a form can show; `targetingOf` of them is the very targeting that came in. */
export function rulesOf(targeting: JsonWire): Rules {
  if (targeting === null) return { kind: 'rules', rules: [], otherwise: null }
  const [name, args] = single(targeting) ?? []
  const parts = name === 'if' ? (list(args) ?? []) : []
  if (parts.length === 0) return { kind: 'json', json: targeting }
  const rules: Rule[] = []
  for (let nth = 0; nth + 1 < parts.length; nth += 2)
    rules.push({ ...conditionsOf(parts[nth] ?? null), serve: serveOf(parts[nth + 1] ?? null) })
  const last = parts.length % 2 === 1 ? parts.at(-1) : undefined
  return { kind: 'rules', rules, otherwise: last === undefined ? null : serveOf(last) }
}

/** How many rules stand before the rings, for a sentence; what is no list of rules counts as one. */
export function countRules(targeting: JsonWire): number {
  const it = rulesOf(targeting)
  return it.kind === 'json' ? 1 : it.rules.length + (it.otherwise === null ? 0 : 1)
}
