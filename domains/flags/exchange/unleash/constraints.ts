/**
 * Unleash's constraints as rules. What each operator does is told by its Node SDK (unleash-client 6, `strategy.ts`) and
 * its client specification; an attribute that is missing makes every operator but NOT_IN false.
 */
import type { JsonLogic } from '@belay/flag-evaluator'
import { type Bag, isBag, isText, listOf, own } from '../json.ts'
import { typedAlso } from '../steps.ts'
import { addressRule } from './addresses.ts'
import { isAlwaysText, type Note, noteOn, read } from './attributes.ts'

/** A rule (`true` and `false`: whatever the context is), or why there is none that would say the same. */
export type Translated = { readonly rule: JsonLogic; readonly notes: readonly Note[] } | { readonly cannot: string }
type Said = { readonly rule: JsonLogic; readonly note?: Note } | { readonly cannot: string }

export function constraintRule(constraint: unknown): Translated {
  if (!isBag(constraint)) return { cannot: 'a constraint is no object' }
  const [field, operator] = [own(constraint, 'contextName'), own(constraint, 'operator')]
  if (!isText(field) || field === '' || !isText(operator)) return { cannot: 'a constraint has no contextName or no operator' }
  const said = saidBy(operator, field, constraint)
  if ('cannot' in said) return said
  const notes = [said.note, noteOn(field)].filter((it) => it !== undefined)
  return { rule: own(constraint, 'inverted') === true ? not(said.rule) : said.rule, notes }
}

const not = (rule: JsonLogic): JsonLogic => (typeof rule === 'boolean' ? !rule : { '!': [rule] })
const anyOf = (rules: readonly JsonLogic[]): JsonLogic =>
  rules.length === 0 ? false : rules.length === 1 ? (rules[0] as JsonLogic) : { or: rules }

function saidBy(operator: string, field: string, constraint: Bag): Said {
  const attribute = read(field)
  const values = listOf(own(constraint, 'values'))
    .filter((it): it is string => isText(it) && it !== '')
    .map((it) => it.trim())
  const value = own(constraint, 'value')
  switch (operator) {
    case 'IN':
      return { rule: isIn(attribute, values, field) }
    case 'NOT_IN':
      return { rule: not(isIn(attribute, values, field)) }
    case 'STR_STARTS_WITH':
    case 'STR_ENDS_WITH':
    case 'STR_CONTAINS':
      return own(constraint, 'caseInsensitive') === true
        ? inAnyCase(operator, attribute, values)
        : { rule: anyOf(values.map((it) => textRule(operator, attribute, it))) }
    case 'NUM_EQ':
    case 'NUM_GT':
    case 'NUM_GTE':
    case 'NUM_LT':
    case 'NUM_LTE':
      return { rule: numberRule(operator, attribute, value) }
    case 'DATE_AFTER':
    case 'DATE_BEFORE':
      // Whatever field it names, Unleash compares the present time.
      return { rule: timeRule(operator, value) }
    case 'SEMVER_EQ':
    case 'SEMVER_GT':
    case 'SEMVER_GTE':
    case 'SEMVER_LT':
    case 'SEMVER_LTE':
      return versionRule(operator, attribute, value)
    case 'IN_CIDR':
      return addressRule(attribute, values)
    case 'REGEX':
      return { cannot: `REGEX on ${field}: rules here have no regular expressions` }
    default:
      return { cannot: `the operator ${operator} on ${field} is not known here` }
  }
}

/** Also for `userIds` and the like. An empty list has nobody in it. */
export function isIn(attribute: JsonLogic, values: readonly string[], field: string): JsonLogic {
  if (values.length === 0) return false
  return { in: [attribute, isAlwaysText(field) ? values : typedAlso(values)] }
}

function textRule(operator: string, attribute: JsonLogic, value: string): JsonLogic {
  if (operator === 'STR_CONTAINS') return { in: [value, attribute] }
  return { [operator === 'STR_STARTS_WITH' ? 'starts_with' : 'ends_with']: [attribute, value] }
}

/** Rules cannot make small letters of large ones, so beginnings and ends are compared letter by letter. */
function inAnyCase(operator: string, attribute: JsonLogic, values: readonly string[]): Said {
  const odd = values.find((value) => Array.from(value).some((letter) => letter.length > 1 || casesOf(letter).some((it) => it.length > 1)))
  if (operator === 'STR_CONTAINS' || odd !== undefined) {
    const spellings = values.flatMap((value) => [...new Set([value, value.toLowerCase(), value.toUpperCase(), capitalised(value)])])
    return {
      rule: anyOf(spellings.map((it) => textRule(operator, attribute, it))),
      note: {
        text: `${operator} without regard to case: here it finds the value as it is written, in small letters, in capitals and capitalised, and no mixture.`,
        approximate: true,
      },
    }
  }
  return { rule: anyOf(values.map((value) => letterByLetter(operator, attribute, value))) }
}

const casesOf = (letter: string) => [...new Set([letter.toLowerCase(), letter.toUpperCase()])]
const capitalised = (value: string) => value.charAt(0).toUpperCase() + value.slice(1).toLowerCase()

function letterByLetter(operator: string, attribute: JsonLogic, value: string): JsonLogic {
  // Of the end first, so that a text that is too short has no letter where one is asked for.
  const text = operator === 'STR_ENDS_WITH' ? { substr: [attribute, -value.length] } : attribute
  const letters = Array.from(value).map((letter, index): JsonLogic => {
    const there = { substr: [text, index, 1] }
    const cases = casesOf(letter)
    return cases.length === 1 ? { '==': [there, letter] } : { in: [there, cases] }
  })
  return { and: [{ '!=': [attribute, null] }, ...letters] }
}

const comparisons = { EQ: '==', GT: '>', GTE: '>=', LT: '<', LTE: '<=' } as const
type Comparison = keyof typeof comparisons

function numberRule(operator: string, attribute: JsonLogic, value: unknown): JsonLogic {
  const number = isText(value) || typeof value === 'number' ? Number(value) : Number.NaN
  if (Number.isNaN(number)) return false
  const compared = { [comparisons[operator.slice('NUM_'.length) as Comparison]]: [attribute, number] }
  // Nothing counts as 0 in JsonLogic, and as no number in Unleash.
  return operator === 'NUM_EQ' ? compared : { and: [{ '!=': [attribute, null] }, compared] }
}

function timeRule(operator: string, value: unknown): JsonLogic {
  const at = isText(value) || typeof value === 'number' ? new Date(value).getTime() / 1_000 : Number.NaN
  if (Number.isNaN(at)) return false
  return { [operator === 'DATE_AFTER' ? '>' : '<']: [{ var: '$flagd.timestamp' }, at] }
}

/** semver.org 2.0.0, as Unleash asks for. */
const strictVersion = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/

function versionRule(operator: string, attribute: JsonLogic, value: unknown): Said {
  if (!isText(value) || !strictVersion.test(value)) return { cannot: `${operator} with ${JSON.stringify(value)}, which is no version` }
  const comparison = comparisons[operator.slice('SEMVER_'.length) as Comparison]
  return {
    rule: { sem_ver: [attribute, comparison === '==' ? '=' : comparison, value] },
    note: { text: `What is no version for Unleash, such as 1.2 or v1.2.3, is one here (1.2.0, 1.2.3).`, approximate: false },
  }
}
