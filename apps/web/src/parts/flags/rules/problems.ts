/** What is wrong with rules before anybody is asked to save them, by the path of the part. Pure. */
import { checkRule } from '@belay/flag-evaluator'
import type { JsonWire } from '@belay/protocol'
import { type Condition, type Rules, rulesOf, type Serve } from './rules.ts'
import { asText } from './values.ts'

export type RuleProblem = { readonly path: readonly (string | number)[]; readonly says: string }
type Known = { readonly variants: readonly string[]; readonly rings: readonly string[]; readonly segments: readonly string[] | undefined }

function conditionProblem(it: Condition, known: Known): string | undefined {
  if (it.kind === 'json') return undefined
  if (it.kind === 'member') {
    const names = it.of === 'ring' ? known.rings : known.segments
    if (it.name === '') return `choose a ${it.of}`
    return names === undefined || names.includes(it.name) ? undefined : `there is no ${it.of} ${it.name}`
  }
  if (it.attribute.trim() === '') return 'name the attribute to look at'
  if (it.operator === 'in_segment' && (known.segments?.includes(asText(it.value)) ?? true) === false)
    return `there is no segment ${asText(it.value)}`
  if (it.operator.startsWith('sem_ver') && !/^v?\d/i.test(asText(it.value)))
    return `${JSON.stringify(it.value)} is no version such as 2.4.0`
  return undefined
}

function serveProblem(it: Serve, variants: readonly string[]): string | undefined {
  const named = it.kind === 'variant' ? [it.variant] : it.kind === 'split' ? it.weights.map(([variant]) => variant) : []
  const missing = named.find((name) => !variants.includes(name))
  if (missing !== undefined) return missing === '' ? 'choose what it serves' : `there is no variant ${missing}`
  if (it.kind === 'split' && it.weights.every(([, weight]) => weight === 0)) return 'all weights are 0, so it serves nothing'
  return undefined
}

/** Paths lead into the targeting as JSON. */
function formProblems(rules: Rules, known: Known): RuleProblem[] {
  if (rules.kind === 'json') return []
  const found: RuleProblem[] = []
  const note = (path: readonly (string | number)[], says: string | undefined) => says !== undefined && found.push({ path, says })
  for (const [nth, rule] of rules.rules.entries()) {
    const when = ['if', 2 * nth]
    for (const [at, it] of rule.conditions.entries()) {
      const inside = rule.conditions.length > 1 ? [...when, rule.match === 'all' ? 'and' : 'or', at] : when
      note(inside, conditionProblem(it, known))
    }
    note(['if', 2 * nth + 1], serveProblem(rule.serve, known.variants))
  }
  if (rules.otherwise !== null) note(['if', 2 * rules.rules.length], serveProblem(rules.otherwise, known.variants))
  return found
}

/** A JSON Pointer (RFC 6901) as a path. */
const pathOf = (pointer: string): (string | number)[] =>
  pointer
    .split('/')
    .slice(1)
    .map((it) => (/^\d+$/.test(it) ? Number(it) : it.replaceAll('~1', '/').replaceAll('~0', '~')))

export function problemsOf(targeting: JsonWire, known: Known): RuleProblem[] {
  if (targeting === null) return []
  const form = formProblems(rulesOf(targeting), known)
  const logic = checkRule(targeting).map((it): RuleProblem => ({ path: pathOf(it.path), says: it.message.replace(/\.$/, '') }))
  return [...form, ...logic]
}

/** "Rule 2", for whoever looks at the form. */
export function sayPlace(path: readonly (string | number)[]): string {
  const nth = path[0] === 'if' && typeof path[1] === 'number' ? Math.floor(path[1] / 2) + 1 : undefined
  return nth === undefined ? 'The rules' : `Rule ${nth}`
}
