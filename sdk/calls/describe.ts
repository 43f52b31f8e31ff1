/** The rules of a cloud, asked about one request: what it is called, for whose account it is, and whom that serves. */
import { createAudiences } from './audiences.ts'
import { methodNamer, type NamedRequest } from './names.ts'
import { sourceOf } from './placeholders.ts'
import { type CallContext, type CallRules, everyone } from './types.ts'

export type Describer = {
  readonly version: string
  /** Headers (in lower case) and names of queries that some rule reads: nothing else needs to be kept. */
  readonly needs: { readonly header: readonly string[]; readonly query: readonly string[] }
  /** Could the body of this request decide its name? */
  needsBody(verb: string, path: string): boolean
  /** What the service itself says by `describeCall` counts instead of the rules. Never throws. */
  describe(request: NamedRequest, said: Said, nowMs: number): Description
}
export type Said = { readonly method?: string | undefined; readonly account?: string | undefined; readonly audience?: string | undefined }
export type Description = {
  readonly method: string
  /** The method is known to exist: a rule, a route or the service said so. */
  readonly sure: boolean
  readonly account: string
  readonly audience: string
}

/** Accounts are ids and names of customers. */
export const accountCharactersMax = 200

/** @param isRobot says so of a user agent; asked only when a rule of audiences does. */
export function createDescriber(rules: CallRules, isRobot: (userAgent: string) => boolean): Describer {
  const namer = methodNamer(rules.methods)
  const audiences = createAudiences(rules.audiences)
  const sources = rules.account.flatMap((source) => sourceOf(source) ?? [])
  const named = (from: 'header' | 'query') => sources.filter((source) => source.from === from).map(({ name }) => name)
  const { needs } = audiences
  const agent = needs.robot ? ['user-agent'] : []
  return {
    version: rules.version,
    needs: {
      header: [...new Set([...namer.needs.header, ...named('header'), ...needs.header, ...agent])],
      query: [...new Set([...namer.needs.query, ...named('query'), ...needs.query])],
    },
    needsBody: namer.needsBody,
    describe(request, said, nowMs) {
      const method = said.method === undefined ? namer.name(request) : { name: said.method, sure: true }
      const account = (said.account ?? accountOf(request)).slice(0, accountCharactersMax)
      const audience = said.audience ?? audienceOf(request, method.name, account, nowMs)
      return { method: method.name, sure: method.sure, account, audience }
    },
  }

  function audienceOf(request: NamedRequest, method: string, account: string, nowMs: number): string {
    return rules.audiences.length === 0 ? everyone : audiences.audienceOf(contextOf(request, method, account), nowMs)
  }

  function accountOf(request: NamedRequest): string {
    for (const { from, name } of sources) {
      const value = from === 'header' ? request.header(name) : request.query(name)
      if (value !== undefined && value !== '') return value
    }
    return ''
  }

  function contextOf(request: NamedRequest, method: string, account: string): CallContext {
    return {
      method,
      verb: request.verb,
      path: request.path.split('?', 1)[0] as string,
      header: picked(needs.header, (name) => request.header(name)),
      query: picked(needs.query, (name) => request.query(name)),
      robot: needs.robot && isRobot(request.header('user-agent') ?? ''),
      account,
    }
  }
}

function picked(names: readonly string[], valueOf: (name: string) => string | undefined): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const name of names) {
    const value = valueOf(name)
    if (value !== undefined) values[name] = value
  }
  return values
}
