/** Budgets whose name no call will ever have: the name of a route that is written wrongly, or a slip in a rule's name. */
import { type Finding, show } from './finding.ts'
import { nearest } from './nearest.ts'

type Bag = Readonly<Record<string, unknown>>

/**
 * A service may name its calls as it likes, so a name that nothing here makes is no mistake by itself; one that is almost a
 * rule's is.
 * @param calls the member `calls`, as written; keeps silent about what it cannot read.
 */
export function misnamedBudgets(calls: Bag): Finding[] {
  const rules = (Array.isArray(calls.methods) ? calls.methods : []).flatMap((rule: unknown) => {
    const { name } = bag(rule)
    return typeof name === 'string' ? [name] : []
  })
  const plain = rules.filter((name) => !name.includes('{'))
  const patterns = rules.filter((name) => name.includes('{')).map(patternOf)
  return Object.keys(bag(calls.budgets)).flatMap((name): Finding[] => {
    const path = ['calls', 'budgets', name]
    if (plain.includes(name) || patterns.some((pattern) => pattern.test(name))) return []
    const route = asRoute(name)
    if (route !== undefined && route !== name)
      return [{ path, at: 'key', message: `${show(name)} names no call; a call without a rule is named by its route: ${route}` }]
    const near = nearest(name, plain)
    return near === undefined
      ? []
      : [{ path, at: 'key', message: `no rule of calls.methods gives a call the name ${show(name)}; did you mean ${near}?` }]
  })
}

/** `{noun}.{verb}` gives names such as `Items.getList`. */
const patternOf = (name: string): RegExp =>
  new RegExp(
    `^${name
      .split(/\{[^{}]*\}/)
      .map((part) => part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'))
      .join('.+')}$`,
  )

/** `get /items`, `GET items` and `/items` as recorders write them; undefined: it is no route. */
function asRoute(name: string): string | undefined {
  const [, verb = 'GET', path] = /^(?:(get|head|post|put|patch|delete|options)\s+)?(\/?\S+)$/i.exec(name) ?? []
  if (path === undefined) return undefined
  const isRoute = path.startsWith('/') || /^(get|head|post|put|patch|delete|options)\s/i.test(name)
  return isRoute ? `${verb.toUpperCase()} ${path.startsWith('/') ? path : `/${path}`}` : undefined
}

function bag(value: unknown): Bag {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : {}
}
