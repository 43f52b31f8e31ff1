/** Every page's URL, with what its search parameters mean. Pages are loaded when they are first gone to. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { flagKinds, flagStandingWire, routes } from '@belay/protocol'
import { ask, queries } from './api.ts'
import { parts } from './code.ts'
import { NotFound } from './parts/NotFound.tsx'
import { App } from './parts/App.tsx'
import { parseChanges, parseFlagCosts, parseMethod, parseTable } from './parts/calls/search.ts'
import { Crash } from './parts/Crash.tsx'
import { parseCompare, parseSession, parseSessions, parseSlow } from './parts/network/search.ts'
import { oneOf, parseSearch, stringifySearch, text, whole } from './search.ts'

type Raw = Record<string, unknown>
type LedgerSearch = {
  kind?: string | undefined
  subject?: string | undefined
  actor?: string | undefined
  text?: string | undefined
  fact?: number | undefined
}
const root = createRootRoute({ component: App, notFoundComponent: NotFound, errorComponent: Crash })

const now = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(parts.now, 'NowPage'),
  loader: () => void queries.prefetchQuery(ask(routes.now, {})),
})
const releases = createRoute({
  getParentRoute: () => root,
  path: '/releases',
  validateSearch: (raw: Raw): { text?: string | undefined } => ({ text: text(raw['text']) }),
  component: lazyRouteComponent(parts.releases, 'ReleasesPage'),
})
const release = createRoute({
  getParentRoute: () => root,
  path: '/releases/$name',
  /** `deploy`: the dialog is open, for that environment (empty: to be chosen). `rehearse`: that dialog is open. */
  validateSearch: (raw: Raw): { deploy?: string | undefined; rehearse?: 'yes' | undefined } => ({
    deploy: typeof raw['deploy'] === 'string' ? raw['deploy'] : undefined,
    rehearse: oneOf(raw['rehearse'], ['yes']),
  }),
  component: lazyRouteComponent(parts.release, 'ReleasePage'),
})
const diff = createRoute({
  getParentRoute: () => root,
  path: '/releases/$name/diff/$to',
  component: lazyRouteComponent(parts.diff, 'DiffPage'),
})
const deployments = createRoute({
  getParentRoute: () => root,
  path: '/deployments',
  validateSearch: (raw: Raw): { environment?: string | undefined; release?: string | undefined } => ({
    environment: text(raw['environment']),
    release: text(raw['release']),
  }),
  component: lazyRouteComponent(parts.deployments, 'DeploymentsPage'),
})
const deployment = createRoute({
  getParentRoute: () => root,
  path: '/deployments/$id',
  /** The step whose output is shown. */
  validateSearch: (raw: Raw): { item?: number | undefined; direction?: 'do' | 'undo' | undefined } => ({
    item: whole(raw['item']),
    direction: oneOf(raw['direction'], ['do', 'undo']),
  }),
  component: lazyRouteComponent(parts.deployment, 'DeploymentPage'),
})
const environments = createRoute({
  getParentRoute: () => root,
  path: '/environments',
  component: lazyRouteComponent(parts.environments, 'EnvironmentsPage'),
})
const environment = createRoute({
  getParentRoute: () => root,
  path: '/environments/$name',
  /** Whose log is shown; `follow=no` stops it. */
  validateSearch: (raw: Raw): { service?: string | undefined; host?: string | undefined; follow?: 'no' | undefined } => ({
    service: text(raw['service']),
    host: text(raw['host']),
    follow: oneOf(raw['follow'], ['no']),
  }),
  component: lazyRouteComponent(parts.environment, 'EnvironmentPage'),
})
const rehearsal = createRoute({
  getParentRoute: () => root,
  path: '/rehearsals/$id',
  component: lazyRouteComponent(parts.rehearsal, 'RehearsalPage'),
})
const states = flagStandingWire.shape.state.options
export const flagTabs = ['who', 'history', 'evaluations', 'code', 'about'] as const
const flags = createRoute({
  getParentRoute: () => root,
  path: '/flags',
  /** `new`: the dialog for a new flag is open. */
  validateSearch: (
    raw: Raw,
  ): {
    text?: string | undefined
    kind?: (typeof flagKinds)[number] | undefined
    tag?: string | undefined
    owner?: string | undefined
    environment?: string | undefined
    state?: (typeof states)[number] | undefined
    stale?: 'yes' | undefined
    archived?: 'yes' | undefined
    new?: 'yes' | undefined
  } => ({
    text: text(raw['text']),
    kind: oneOf(raw['kind'], flagKinds),
    tag: text(raw['tag']),
    owner: text(raw['owner']),
    environment: text(raw['environment']),
    state: oneOf(raw['state'], states),
    stale: oneOf(raw['stale'], ['yes']),
    archived: oneOf(raw['archived'], ['yes']),
    new: oneOf(raw['new'], ['yes']),
  }),
  component: lazyRouteComponent(parts.flags, 'FlagsPage'),
})
const flag = createRoute({
  getParentRoute: () => root,
  path: '/flags/$key',
  /** `tab` absent: rings and rules. `context`: JSON of whom is asked about. `for`: the span of the counts. `ref`: the commit of the code. */
  validateSearch: (
    raw: Raw,
  ): {
    environment?: string | undefined
    tab?: (typeof flagTabs)[number] | undefined
    json?: 'yes' | undefined
    context?: string | undefined
    for?: string | undefined
    table?: 'yes' | undefined
    ref?: string | undefined
  } => ({
    environment: text(raw['environment']),
    tab: oneOf(raw['tab'], flagTabs),
    json: oneOf(raw['json'], ['yes']),
    context: text(raw['context']),
    for: text(raw['for']),
    table: oneOf(raw['table'], ['yes']),
    ref: text(raw['ref']),
  }),
  component: lazyRouteComponent(parts.flag, 'FlagPage'),
})
const rings = createRoute({ getParentRoute: () => root, path: '/rings', component: lazyRouteComponent(parts.rings, 'RingsPage') })
const segments = createRoute({
  getParentRoute: () => root,
  path: '/segments',
  validateSearch: (raw: Raw): { text?: string | undefined; new?: 'yes' | undefined } => ({
    text: text(raw['text']),
    new: oneOf(raw['new'], ['yes']),
  }),
  component: lazyRouteComponent(parts.segments, 'SegmentsPage'),
})
const segment = createRoute({
  getParentRoute: () => root,
  path: '/segments/$key',
  validateSearch: (raw: Raw): { text?: string | undefined; json?: 'yes' | undefined } => ({
    text: text(raw['text']),
    json: oneOf(raw['json'], ['yes']),
  }),
  component: lazyRouteComponent(parts.segment, 'SegmentPage'),
})
const clientKeys = createRoute({
  getParentRoute: () => root,
  path: '/client-keys',
  component: lazyRouteComponent(parts.clientKeys, 'ClientKeysPage'),
})
const calls = createRoute({
  getParentRoute: () => root,
  path: '/calls',
  validateSearch: parseTable,
  component: lazyRouteComponent(parts.calls, 'CallsPage'),
})
const callMethod = createRoute({
  getParentRoute: () => root,
  // A method's name may hold slashes, which a path would part.
  path: '/calls/method',
  validateSearch: parseMethod,
  component: lazyRouteComponent(parts.callMethod, 'CallMethodPage'),
})
const callChanges = createRoute({
  getParentRoute: () => root,
  path: '/calls/changes',
  validateSearch: parseChanges,
  component: lazyRouteComponent(parts.callChanges, 'CallChangesPage'),
})
const callFlags = createRoute({
  getParentRoute: () => root,
  path: '/calls/flags',
  validateSearch: parseFlagCosts,
  component: lazyRouteComponent(parts.callFlags, 'CallFlagsPage'),
})
const network = createRoute({
  getParentRoute: () => root,
  path: '/network',
  validateSearch: parseSessions,
  component: lazyRouteComponent(parts.network, 'NetworkPage'),
})
const networkSession = createRoute({
  getParentRoute: () => root,
  path: '/network/sessions/$id',
  validateSearch: parseSession,
  component: lazyRouteComponent(parts.networkSession, 'NetworkSessionPage'),
})
const networkCompare = createRoute({
  getParentRoute: () => root,
  path: '/network/compare',
  validateSearch: parseCompare,
  component: lazyRouteComponent(parts.networkCompare, 'NetworkComparePage'),
})
const networkCalls = createRoute({
  getParentRoute: () => root,
  path: '/network/calls',
  validateSearch: parseSlow,
  component: lazyRouteComponent(parts.networkCalls, 'NetworkCallsPage'),
})
const ledger = createRoute({
  getParentRoute: () => root,
  path: '/ledger',
  validateSearch: (raw: Raw): LedgerSearch => ({
    kind: text(raw['kind']),
    subject: text(raw['subject']),
    actor: text(raw['actor']),
    text: text(raw['text']),
    fact: whole(raw['fact']),
  }),
  component: lazyRouteComponent(parts.ledger, 'LedgerPage'),
})
const access = createRoute({
  getParentRoute: () => root,
  path: '/access',
  component: lazyRouteComponent(parts.access, 'AccessPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    now,
    releases,
    release,
    diff,
    deployments,
    deployment,
    environments,
    environment,
    rehearsal,
    flags,
    flag,
    rings,
    segments,
    segment,
    clientKeys,
    calls,
    callMethod,
    callChanges,
    callFlags,
    network,
    networkSession,
    networkCompare,
    networkCalls,
    ledger,
    access,
  ]),
  defaultPreload: 'intent',
  // Pages fetch for themselves; preloading fetches their code.
  defaultPreloadStaleTime: 0,
  defaultErrorComponent: Crash,
  scrollRestoration: true,
  parseSearch,
  stringifySearch,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
