/** What a call is called: by a rule of the team's own, else by the route that the framework matched, else by its path. */
import { type Placeholder, placeholdersIn, type TemplatePart } from './placeholders.ts'
import { matchPath, parsePath, type PathPattern, segmentsOf } from './paths.ts'
import { isWord, templateOf } from './template.ts'
import type { MethodRule } from './types.ts'

/** A request, as far as names need it. Nothing is read that no rule asks for. */
export type NamedRequest = {
  /** HTTP's method in upper case. */
  readonly verb: string
  /** With or without its query. */
  readonly path: string
  /** As the framework wrote it (`/items/:id`); '' or absent where it says none. */
  readonly route?: string | undefined
  /** Given a name in lower case. */
  header(name: string): string | undefined
  query(name: string): string | undefined
  /** The parsed JSON, when it is there. */
  readonly body?: unknown
}

export type MethodNamer = {
  /** What its rules read, each once, headers in lower case. */
  readonly needs: { readonly header: readonly string[]; readonly query: readonly string[]; readonly body: boolean }
  /** Could the body of this request decide its name? Only then is it worth keeping. */
  needsBody(verb: string, path: string): boolean
  /** At most `nameCharactersMax`; never throws. `sure`: a rule or a route said it, so the method is known to exist. */
  name(request: NamedRequest): { readonly name: string; readonly sure: boolean }
}

/** A line of a table; ClickHouse keeps each name once a part, people read it. */
export const nameCharactersMax = 200

type Rule = {
  readonly verb: string | null
  readonly pattern: PathPattern
  readonly parts: readonly TemplatePart[]
  readonly fromBody: boolean
  /** It needs nothing besides the path, so whatever it matches it names. */
  readonly certain: boolean
}

/** Rules that are not sound (`checkCallRules` says why) name nothing. */
export function methodNamer(rules: readonly MethodRule[]): MethodNamer {
  const compiled = rules.flatMap((rule): Rule[] => {
    const pattern = parsePath(rule.path)
    const parts = placeholdersIn(rule.name)
    if (pattern === undefined || parts === undefined) return []
    const from = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.from]))
    return [{ verb: rule.verb, pattern, parts, fromBody: from.includes('body'), certain: from.every((it) => it === 'path') }]
  })
  const named = (from: Placeholder['from']) => [
    ...new Set(
      compiled.flatMap(({ parts }) => parts.flatMap((part) => (typeof part !== 'string' && part.from === from ? [part.name] : []))),
    ),
  ]
  const body = compiled.some((rule) => rule.fromBody)
  return {
    needs: { header: named('header'), query: named('query'), body },
    needsBody(verb, path) {
      if (!body) return false
      const segments = segmentsOf(path)
      for (const rule of compiled) {
        if ((rule.verb !== null && rule.verb !== verb) || matchPath(rule.pattern, segments) === undefined) continue
        if (rule.fromBody) return true
        if (rule.certain) return false
      }
      return false
    },
    name(request) {
      const { verb, path, route } = request
      if (compiled.length > 0) {
        const segments = segmentsOf(path)
        for (const rule of compiled) {
          if (rule.verb !== null && rule.verb !== verb) continue
          const values = matchPath(rule.pattern, segments)
          const name = values && filled(rule.parts, values, request)
          if (name !== undefined) return { name: name.slice(0, nameCharactersMax), sure: true }
        }
      }
      const sure = route !== undefined && route !== ''
      return { name: `${verbOf(verb)} ${sure ? route : templateOf(path)}`.slice(0, nameCharactersMax), sure }
    },
  }
}

/** Undefined when the request lacks something that the name is made of: then the rule is not about this request. */
function filled(parts: readonly TemplatePart[], values: Readonly<Record<string, string>>, request: NamedRequest): string | undefined {
  let name = ''
  for (const part of parts) {
    if (typeof part === 'string') {
      name += part
      continue
    }
    const value = valueOf(part, values, request)
    if (value === undefined || value === '') return undefined
    name += isName(value) ? value : `{${part.written}}`
  }
  return name
}

function valueOf({ from, name }: Placeholder, values: Readonly<Record<string, string>>, request: NamedRequest): string | undefined {
  if (from === 'path') return values[name]
  if (from === 'header') return request.header(name)
  if (from === 'query') return request.query(name)
  const { body } = request
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined
  const value = (body as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : undefined
}

/** What callers send becomes part of a name only when it looks like one: `list`, `items.list,items.count`, never an id. */
function isName(value: string): boolean {
  return /^[a-z_][\w.$:,/-]{0,99}$/i.test(value) && value.split(/[-_.$:,/]/).every((part) => part === '' || isWord(part))
}

function verbOf(verb: string): string {
  return /^[A-Z][A-Z-]{0,19}$/.test(verb) ? verb : '_OTHER'
}
