/** What is wrong with rules of calls, in sentences for the person who wrote them. */
import { checkRule } from '@belay/flag-evaluator'
import { attributesIn, callAttributes, readsElsewhere } from './attributes.ts'
import { parsePath, type PathPattern } from './paths.ts'
import { placeholdersIn, sourceOf } from './placeholders.ts'
import type { CallRules, MethodRule } from './types.ts'

/** `path` leads to the value that is wrong: `['audiences', 0, 'where']`. */
export type RuleProblem = { readonly path: readonly (string | number)[]; readonly message: string }

/** No full stop at the end: callers put sentences where they belong. */
export function checkCallRules(rules: Omit<CallRules, 'version'>): RuleProblem[] {
  return [
    ...rules.methods.flatMap((rule, at) => aboutMethod(rule, rules.methods.slice(0, at)).map(under('methods', at))),
    ...rules.account.flatMap((source, at) =>
      sourceOf(source) === undefined
        ? [{ path: ['account', at], message: `${shown(source)} is no source; write header.NAME or query.NAME` }]
        : [],
    ),
    ...rules.audiences.flatMap((rule, at) => aboutAudience(rule, rules.audiences.slice(0, at)).map(under('audiences', at))),
  ]
}

function aboutMethod({ path, verb, name }: MethodRule, before: readonly MethodRule[]): RuleProblem[] {
  const pattern = parsePath(path)
  if (pattern === undefined) return [{ path: ['path'], message: aboutPath(path) }]
  const hidden = before.findIndex((other) => hides(other, { path, verb }))
  if (hidden >= 0)
    return [{ path: ['path'], message: `nothing comes this far: ${shown(before[hidden]?.path)} above takes all that ${shown(path)} would` }]
  const parts = placeholdersIn(name)
  if (parts === undefined)
    return [{ path: ['name'], message: `${shown(name)} has a brace too many or a name that is none; write for example {noun}.{verb}` }]
  const names = pattern.segments.flatMap((it) => (typeof it === 'string' ? [] : [it.name]))
  for (const part of parts) {
    if (typeof part === 'string') continue
    if (part.from === 'path' && !names.includes(part.name))
      return [
        {
          path: ['name'],
          message: `there is no :${part.name} in the path ${shown(path)}; ${names.length > 0 ? `it has ${names.map((it) => `:${it}`).join(', ')}` : 'it has none'}`,
        },
      ]
    if (part.from === 'body' && (verb === 'GET' || verb === 'HEAD'))
      return [{ path: ['name'], message: `a ${verb} has no body to read {${part.written}} from` }]
  }
  return []
}

function aboutPath(path: string): string {
  if (!path.startsWith('/')) return `${shown(path)} does not begin with a slash`
  if (/\*./.test(path) || /[^/]\*/.test(path)) return `in ${shown(path)} a star stands elsewhere than at the end, as /*`
  const names = [...path.matchAll(/\/:([^/]*)/g)].map(([, name]) => name as string)
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice !== undefined) return `:${twice} is twice in ${shown(path)}`
  return `a name after a colon has letters, digits and _; ${shown(path)} has another`
}

/** Whether whatever `rule` would match is named by `other`, which comes before it. */
function hides(other: MethodRule, rule: { readonly path: string; readonly verb: string | null }): boolean {
  if (other.verb !== null && other.verb !== rule.verb) return false
  const wide = parsePath(other.path)
  const narrow = parsePath(rule.path)
  const needsMore = placeholdersIn(other.name)?.some((part) => typeof part !== 'string' && part.from !== 'path') ?? true
  return wide !== undefined && narrow !== undefined && !needsMore && covers(wide, narrow)
}

function covers(wide: PathPattern, narrow: PathPattern): boolean {
  if (!wide.open && (narrow.open || narrow.segments.length !== wide.segments.length)) return false
  if (narrow.segments.length < wide.segments.length) return false
  return wide.segments.every((segment, at) => typeof segment !== 'string' || segment === narrow.segments[at])
}

function aboutAudience({ name, where }: CallRules['audiences'][number], before: CallRules['audiences']): RuleProblem[] {
  const everybody = before.find((other) => other.where === null)
  if (everybody !== undefined)
    return [{ path: ['name'], message: `${everybody.name} above takes everybody, so nobody is left for ${name}` }]
  if (where === null) return []
  const [problem] = checkRule(where)
  if (problem !== undefined) return [{ path: ['where'], message: `${shown(where)} is not a good rule: ${lowered(problem.message)}` }]
  if (readsElsewhere(where))
    return [{ path: ['where'], message: `${shown(where)} reads more than names of attributes, so nobody can tell which headers it needs` }]
  return attributesIn(where)
    .flatMap((attribute) => aboutAttribute(attribute))
    .slice(0, 1)
}

function aboutAttribute(attribute: string): RuleProblem[] {
  if ((callAttributes as readonly string[]).includes(attribute) || attribute.startsWith('$flagd.')) return []
  const source = sourceOf(attribute)
  const allowed = `${callAttributes.join(', ')}, header.NAME, query.NAME`
  if (source === undefined) return [{ path: ['where'], message: `a call has no ${shown(attribute)}; a rule may read ${allowed}` }]
  if (source.from === 'header' && attribute !== attribute.toLowerCase())
    return [{ path: ['where'], message: `names of headers are in lower case here: ${attribute.toLowerCase()}` }]
  return []
}

const under =
  (list: string, at: number) =>
  ({ path, message }: RuleProblem): RuleProblem => ({ path: [list, at, ...path], message })

const lowered = (message: string): string => `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/[.]$/, '')}`

/** What somebody wrote, cut: the file is beside it. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
