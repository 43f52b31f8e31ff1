/** Rules in words, for who reads them rather than edits them. Pure. */
import type { JsonWire } from '@belay/protocol'
import { sayPercent, sayServe } from '../exposure.ts'
import { type Condition, operators, type Rule, type Serve, takesList, takesText, takesValue } from './rules.ts'
import { asText, sayList, sayValue } from './values.ts'

/** What a line holds; the form has all of it. */
const jsonCharsMax = 70

const short = (json: JsonWire): string => {
  const text = JSON.stringify(json)
  return text.length > jsonCharsMax ? `${text.slice(0, jsonCharsMax)}…` : text
}

export function sayCondition(it: Condition): string {
  if (it.kind === 'json') return short(it.json)
  if (it.kind === 'member') return `${it.not ? 'not ' : ''}in the ${it.of} ${it.name || '…'}`
  const says = `${it.attribute || '…'} ${operators[it.operator]}`
  if (!takesValue(it.operator)) return says
  if (takesText(it.operator)) return `${says} ${asText(it.value)}`
  return `${says} ${takesList(it.operator) && Array.isArray(it.value) ? sayList(it.value) : sayValue(it.value)}`
}

/** "plan is pro and country is one of DE, CH". */
export const sayConditions = ({ match, conditions }: Pick<Rule, 'match' | 'conditions'>): string =>
  conditions.length === 0 ? 'whoever it is' : conditions.map(sayCondition).join(match === 'all' ? ' and ' : ' or ')

export function sayServed(it: Serve): string {
  if (it.kind === 'variant') return it.variant || '…'
  if (it.kind === 'json') return short(it.json)
  const by = it.by === null ? '' : `, by ${it.by}`
  const sum = it.weights.reduce((total, [, weight]) => total + weight, 0)
  // A weight may stand there twice; as an object it would be lost.
  const twice = new Set(it.weights.map(([variant]) => variant)).size < it.weights.length
  if (!twice && it.weights.length > 1) return `${sayServe(Object.fromEntries(it.weights))}${by}`
  return `${it.weights.map(([variant, weight]) => `${variant} (${sayPercent(sum === 0 ? 0 : (weight / sum) * 100)})`).join(', ')}${by}`
}
