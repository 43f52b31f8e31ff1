/** What a schema cannot say of the rules of calls: what a name refers to, which rule hides another, what a rule may read. */
import { checkCallRules } from '@belay/call-record'
import type { JsonLogic } from '@belay/flag-evaluator'
import type { Finding, Path } from './finding.ts'

type Rules = Parameters<typeof checkCallRules>[0]
/** A rule as the check wants it, and where it stands in the file. */
type Placed<Rule> = { readonly rule: Rule; readonly path: Path }

/** @param calls the member `calls`, as written. What it cannot read, it keeps silent about: the schema speaks of that. */
export function brokenCallRules(calls: Readonly<Record<string, unknown>>): Finding[] {
  const methods = listOf(calls.methods).flatMap(methodOf)
  const audiences = listOf(calls.audiences).flatMap(audienceOf)
  const problems = checkCallRules({ methods: methods.map(({ rule }) => rule), account: [], audiences: audiences.map(({ rule }) => rule) })
  return problems.map(({ path: [list, nth, member], message }): Finding => {
    if (list === 'methods') return { path: [...(methods[Number(nth)]?.path ?? []), member ?? ''], at: 'value', message }
    const { path, rule } = audiences[Number(nth)] as (typeof audiences)[number]
    return { path: rule.where === null ? path : [...path, rule.name], at: 'value', message }
  })
}

function methodOf(value: unknown, nth: number): Placed<Rules['methods'][number]>[] {
  const { path, verb = null, name } = bag(value)
  const readable =
    typeof path === 'string' && path.startsWith('/') && typeof name === 'string' && (verb === null || typeof verb === 'string')
  return readable ? [{ rule: { path, verb, name }, path: ['calls', 'methods', nth] }] : []
}

function audienceOf(value: unknown, nth: number): Placed<Rules['audiences'][number]>[] {
  const path = ['calls', 'audiences', nth]
  if (typeof value === 'string') return [{ rule: { name: value, where: null }, path }]
  const [[name, where] = [], ...others] = Object.entries(bag(value))
  return name === undefined || others.length > 0 ? [] : [{ rule: { name, where: where as JsonLogic }, path }]
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function bag(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {}
}
