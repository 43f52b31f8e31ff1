/** Who made a call, what it is named and whom it serves: from its span and the rules of belay.yaml. */
import {
  type CallRules,
  createDescriber,
  createMethodBook,
  type Describer,
  type Description,
  type MethodBook,
  nameCharactersMax,
  overflowMethod,
  templateOf,
} from '@belay/call-record'
import { isbot } from 'isbot'
import { limits } from './limits.ts'
import { createNames, type Names } from './names.ts'
import type { Resource, Span } from './shape.ts'

export type Described = {
  readonly service: string
  readonly release: string
  readonly lane: string
  readonly host: string
  readonly method: string
  readonly isOverflow: boolean
  readonly audience: string
  readonly account: string
}

export type DescribeCalls = {
  /** Whether the service has room among the names of its environment. */
  admits(environment: string, resource: Resource, now: number): boolean
  /**
   * The same object for calls of a body that are alike, where that is known without asking the rules.
   * @param inner what descendants say: the route that a framework's span named, an RPC within an HTTP request.
   */
  describe(environment: string, span: Span, inner: Inner, now: number): Described
}

/** A tester's or bot's traffic that its sender marks so, whatever its user agent says. */
const syntheticAgent = 'synthetic bot'
/** Browsers and programs of a day; asked for each call. */
const agentsMax = 5_000

export function createDescribeCalls(rules: (environment: string) => CallRules): DescribeCalls {
  const places = new Map<string, Place>()
  const agents = new Map<string, boolean>()
  /** Spans of one resource come one after the other. */
  let last: Source | undefined

  function placed(environment: string): Place {
    let place = places.get(environment)
    if (place === undefined) {
      place = {
        services: createNames(limits.servicesMax),
        releases: createNames(limits.releasesMax),
        hosts: createNames(limits.hostsMax),
        lanes: createNames(limits.lanesMax),
        books: new Map(),
        describer: undefined,
        hasRules: false,
        askedAt: Number.NaN,
      }
      places.set(environment, place)
    }
    return place
  }

  function isRobot(agent: string): boolean {
    let known = agents.get(agent)
    if (known === undefined) {
      if (agents.size >= agentsMax) agents.clear()
      known = agent === syntheticAgent || isbot(agent)
      agents.set(agent, known)
    }
    return known
  }

  /** Methods that nobody calls any more make room once a day. */
  function bookOf(place: Place, service: string, now: number): MethodBook {
    const day = Math.floor(now / 86_400_000)
    let known = place.books.get(service)
    if (known === undefined || known.day !== day) {
      known = { book: createMethodBook(), day }
      place.books.set(service, known)
    }
    return known.book
  }

  function sourceOf(environment: string, resource: Resource, now: number): Source {
    if (last?.resource === resource && last.environment === environment && last.now === now) return last
    const place = placed(environment)
    // Once for each body: all of its calls have one time.
    if (place.askedAt !== now) {
      const current = rules(environment)
      if (place.describer?.version !== current.version) place.describer = createDescriber(current, isRobot)
      place.hasRules = current.methods.length + current.account.length + current.audiences.length > 0
      place.askedAt = now
    }
    const { service, release, host, lane } = resource
    const names = {
      service,
      release: place.releases.admit(`${service}\n${release}`, now) ? release : overflowMethod,
      host: place.hosts.admit(host, now) ? host : overflowMethod,
      lane: place.lanes.admit(lane, now) ? lane : overflowMethod,
    }
    last = { environment, resource, now, place, names, book: bookOf(place, service, now), byRoute: new Map() }
    return last
  }

  function describedAnew({ place, names, book }: Source, span: Span, inner: Inner, now: number): Described {
    const said = describeSpan(place.describer as Describer, span, inner, now)
    // What nobody knows is there (404 without a route) must not fill the book.
    const method = book.take(said.method, said.sure || span.status !== 404 ? undefined : `${span.verb} ${nowhere}`)
    return { ...names, method, isOverflow: method === overflowMethod, audience: said.audience, account: said.account }
  }

  return {
    admits: (environment, { service }, now) => placed(environment).services.admit(service, now),
    describe(environment, span, inner, now) {
      const source = sourceOf(environment, span.resource, now)
      if (source.place.hasRules || saysMore(span) || inner.rpc !== '') return describedAnew(source, span, inner, now)
      // Without rules, calls with a route and without a word of their own are known by their verb and route.
      let ofVerb = source.byRoute.get(span.verb)
      if (ofVerb === undefined) {
        ofVerb = new Map()
        source.byRoute.set(span.verb, ofVerb)
      }
      let described = ofVerb.get(span.route)
      if (described === undefined) {
        described = describedAnew(source, span, inner, now)
        ofVerb.set(span.route, described)
      }
      return described
    },
  }
}

type Inner = { readonly route: string; readonly rpc: string }
type Place = {
  readonly services: Names
  readonly releases: Names
  readonly hosts: Names
  readonly lanes: Names
  readonly books: Map<string, { book: MethodBook; day: number }>
  describer: Describer | undefined
  hasRules: boolean
  askedAt: number
}
type Source = {
  readonly environment: string
  readonly resource: Resource
  readonly now: number
  readonly place: Place
  readonly names: Pick<Described, 'service' | 'release' | 'lane' | 'host'>
  readonly book: MethodBook
  readonly byRoute: Map<string, Map<string, Described>>
}

const saysMore = ({ route, isRpc, isMessaging, method, account, audience }: Span): boolean =>
  route === '' || isRpc || isMessaging || method !== '' || account !== '' || audience !== ''

/** Where requests for what is not there are counted. */
const nowhere = '(not found)'

function describeSpan(describer: Describer, span: Span, inner: Inner, now: number): Description {
  const { verb, query, userAgent, headers } = span
  let parsed: URLSearchParams | undefined
  const rpc = span.isRpc ? rpcNameOf(span) : inner.rpc
  const ownRoute = span.route || inner.route
  const request = {
    verb,
    path: span.path === '' && rpc !== '' ? `/${rpc}` : span.path,
    // An RPC is named by itself, or by a rule. Instrumentations name the span after the route where they know it.
    route:
      rpc !== ''
        ? ''
        : ownRoute || (span.path === '' && verb !== '' && span.name.startsWith(`${verb} /`) ? span.name.slice(verb.length + 1) : ''),
    header(name: string) {
      if (name === 'user-agent' && span.synthetic !== '') return syntheticAgent
      return headers?.[name] ?? (name === 'user-agent' && userAgent !== '' ? userAgent : undefined)
    },
    query(name: string) {
      if (query === '') return undefined
      parsed ??= new URLSearchParams(query)
      return parsed.get(name) ?? undefined
    },
  }
  const said = {
    method: span.method.slice(0, nameCharactersMax) || undefined,
    account: span.account || undefined,
    audience: span.audience || undefined,
  }
  const it = describer.describe(request, said, now)
  // A rule of the team's own goes before everything else; it alone makes a name sure that has no route.
  if (said.method !== undefined || (it.sure && request.route === '')) return it
  const hasPath = verb !== '' || request.route !== '' || span.path !== ''
  const other = rpc !== '' ? rpc : span.isMessaging ? messagingNameOf(span) : hasPath ? '' : spanNameOf(span)
  return other === '' ? it : describer.describe(request, { ...said, method: other.slice(0, nameCharactersMax) }, now)
}

/** `package.Service/Method`: in newer conventions the method says both. */
export const rpcNameOf = ({ rpcService, rpcMethod, name }: Span): string =>
  rpcService === '' || rpcMethod.includes('/') ? rpcMethod || templated(name) : `${rpcService}/${rpcMethod}`
const messagingNameOf = ({ messagingName, messagingType, destination }: Span): string =>
  `${messagingName || messagingType || 'process'} ${templated(destination)}`
const spanNameOf = ({ name }: Span): string => templated(name) || '(unnamed)'

/** Ids in names that are no paths. */
const templated = (name: string): string => templateOf(name.replaceAll(' ', '/')).slice(1).replaceAll('/', ' ')
