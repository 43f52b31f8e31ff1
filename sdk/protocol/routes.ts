/**
 * Every door of the HTTP API: method, path, who may, what goes in and what comes out. The server registers its
 * handlers from this table, the client calls through it, OpenAPI is printed from it.
 */
import { z } from 'zod'
import { roles } from './permissions.ts'
import { pageMax, type Route, route } from './route.ts'
import { callRoutes } from './routes-calls.ts'
import { flagRoutes } from './routes-flags.ts'
import { networkRoutes } from './routes-network.ts'
import * as wire from './wire.ts'

const named = z.object({ name: z.string() })
const numbered = z.object({ id: z.string() })
const limit = z.coerce.number().int().min(1).max(pageMax).default(100)
const nothing = z.object({})

export const routes = {
  me: route({ method: 'GET', path: '/api/me', needs: 'look', summary: 'Who asks, and what they may do', answer: wire.meWire }),
  now: route({ method: 'GET', path: '/api/now', needs: 'look', summary: 'What is on the rope, is anything falling', answer: wire.nowWire }),
  cloud: route({
    method: 'GET',
    path: '/api/cloud',
    needs: 'look',
    summary: 'What belay.yaml says, and its problems',
    answer: wire.cloudWire,
  }),
  feed: route({
    method: 'GET',
    path: '/api/feed',
    needs: 'look',
    stream: 'events',
    answer: wire.factWire,
    summary: 'Facts as they happen; Last-Event-ID (or ?after) resumes after that fact',
    query: z.object({ after: z.coerce.number().int().min(0).optional() }),
  }),

  ledger: {
    list: route({
      method: 'GET',
      path: '/api/ledger',
      needs: 'look',
      summary: 'Facts, newest first unless asked otherwise',
      query: z.object({
        /** Exact, or a prefix that ends with a dot: `deployment.` */
        kind: z.string().optional(),
        subject: z.string().optional(),
        actor: z.string().optional(),
        text: z.string().optional(),
        after: z.coerce.number().int().min(0).optional(),
        before: z.coerce.number().int().min(1).optional(),
        order: z.enum(['newest', 'oldest']).default('newest'),
        limit,
      }),
      answer: z.object({ facts: z.array(wire.factWire), more: z.boolean() }),
    }),
    verify: route({
      method: 'GET',
      path: '/api/ledger/verify',
      needs: 'look',
      summary: 'Recomputes the chain; names the first broken link',
      answer: wire.ledgerVerdictWire,
    }),
  },

  environments: {
    list: route({
      method: 'GET',
      path: '/api/environments',
      needs: 'look',
      summary: 'All environments',
      answer: z.object({ environments: z.array(wire.environmentWire) }),
    }),
    show: route({
      method: 'GET',
      path: '/api/environments/:name',
      needs: 'look',
      summary: 'One environment with its hosts',
      params: named,
      answer: wire.environmentWire,
    }),
    up: route({
      method: 'POST',
      path: '/api/environments/:name/up',
      needs: 'environment.up',
      params: named,
      summary: 'Starts its services; an empty environment is deployed the release named, else the newest',
      body: z.object({ release: z.string().optional() }),
      answer: z.object({ environment: wire.environmentWire, deployment: z.string().nullable() }),
    }),
    down: route({
      method: 'POST',
      path: '/api/environments/:name/down',
      needs: 'environment.down',
      summary: 'Stops its services; data and releases stay',
      params: named,
      body: nothing,
      answer: wire.environmentWire,
    }),
    rollback: route({
      method: 'POST',
      path: '/api/environments/:name/rollback',
      needs: 'deploy',
      params: named,
      summary: 'Undoes the last deployment that passed: back to the release before it, with its own configuration',
      body: z.object({ reason: z.string().optional(), plan: z.boolean().default(false) }),
      answer: z.object({ plan: wire.planWire, deployment: wire.deploymentWire.nullable() }),
    }),
    logs: route({
      method: 'GET',
      path: '/api/environments/:name/logs',
      needs: 'look',
      params: named,
      summary: 'The last lines of services',
      query: z.object({
        service: z.string().optional(),
        host: z.string().optional(),
        lines: z.coerce.number().int().min(1).max(5_000).default(200),
      }),
      answer: z.object({ lines: z.array(wire.logLineWire) }),
    }),
    logsFollow: route({
      method: 'GET',
      path: '/api/environments/:name/logs/follow',
      needs: 'look',
      params: named,
      stream: 'events',
      summary: 'New lines as they are written',
      query: z.object({
        service: z.string().optional(),
        host: z.string().optional(),
        lines: z.coerce.number().int().min(0).max(5_000).default(20),
      }),
      answer: wire.logLineWire,
    }),
  },
  sandboxes: {
    create: route({
      method: 'POST',
      path: '/api/sandboxes',
      needs: 'sandbox.create',
      summary: 'A short-lived environment from a branch or a release',
      body: z.object({
        name: z.string().optional(),
        ref: z.string().optional(),
        release: z.string().optional(),
        ttlMs: z
          .number()
          .int()
          .min(60_000)
          .max(30 * 86_400_000),
      }),
      answer: z.object({ environment: wire.environmentWire, deployment: z.string() }),
    }),
    extend: route({
      method: 'POST',
      path: '/api/sandboxes/:name/extend',
      needs: 'sandbox.create',
      summary: 'Gives a sandbox more time',
      params: named,
      body: z.object({
        ttlMs: z
          .number()
          .int()
          .min(60_000)
          .max(30 * 86_400_000),
      }),
      answer: wire.environmentWire,
    }),
    remove: route({
      method: 'DELETE',
      path: '/api/sandboxes/:name',
      needs: 'sandbox.remove',
      summary: 'Stops a sandbox and deletes its files',
      params: named,
      answer: z.object({ removed: z.string() }),
    }),
  },

  releases: {
    list: route({
      method: 'GET',
      path: '/api/releases',
      needs: 'look',
      summary: 'Releases, newest first',
      query: z.object({ limit }),
      answer: z.object({ releases: z.array(wire.releaseSummaryWire) }),
    }),
    show: route({
      method: 'GET',
      path: '/api/releases/:name',
      needs: 'look',
      summary: 'One release with its manifest',
      params: named,
      answer: wire.releaseWire,
    }),
    diff: route({
      method: 'GET',
      path: '/api/releases/:name/diff/:to',
      needs: 'look',
      summary: 'What changed between two releases',
      params: z.object({ name: z.string(), to: z.string() }),
      answer: wire.releaseDiffWire,
    }),
    cut: route({
      method: 'POST',
      path: '/api/releases',
      needs: 'release.cut',
      summary: 'Builds a release from a git ref; the same commit gives the same release',
      body: z.object({ ref: z.string().default('HEAD'), name: z.string().optional(), rebuild: z.boolean().default(false) }),
      answer: z.object({ release: wire.releaseWire, existed: z.boolean() }),
    }),
    push: route({
      method: 'POST',
      path: '/api/releases/push',
      needs: 'release.push',
      upload: true,
      summary: 'Takes a release bundle (tar) that a CI server built',
      answer: z.object({ release: wire.releaseWire, existed: z.boolean() }),
    }),
    bundle: route({
      method: 'GET',
      path: '/api/releases/:name/bundle',
      needs: 'look',
      stream: 'bytes',
      summary: 'The release as a bundle (tar) that `push` takes',
      params: named,
      answer: z.unknown(),
    }),
  },

  deployments: {
    list: route({
      method: 'GET',
      path: '/api/deployments',
      needs: 'look',
      summary: 'Deployments, newest first',
      query: z.object({ environment: z.string().optional(), release: z.string().optional(), limit }),
      answer: z.object({ deployments: z.array(wire.deploymentSummaryWire) }),
    }),
    show: route({
      method: 'GET',
      path: '/api/deployments/:id',
      needs: 'look',
      summary: 'One deployment with plan and runs',
      params: numbered,
      answer: wire.deploymentWire,
    }),
    plan: route({
      method: 'POST',
      path: '/api/plans',
      needs: 'look',
      summary: 'What a deployment would do; changes nothing',
      body: z.object({ environment: z.string(), release: z.string() }),
      answer: wire.planWire,
    }),
    start: route({
      method: 'POST',
      path: '/api/deployments',
      needs: 'deploy',
      summary: 'Deploys a release to an environment',
      body: z.object({ environment: z.string(), release: z.string(), reason: z.string().optional(), force: z.boolean().default(false) }),
      answer: wire.deploymentWire,
    }),
    approve: route({
      method: 'POST',
      path: '/api/deployments/:id/approve',
      needs: 'deployment.approve',
      summary: 'A second person approves the plan with this content hash',
      params: numbered,
      body: z.object({ planHash: z.string() }),
      answer: wire.deploymentWire,
    }),
    abort: route({
      method: 'POST',
      path: '/api/deployments/:id/abort',
      needs: 'deployment.steer',
      summary: 'Stops after what runs now and brings back what was switched',
      params: numbered,
      body: z.object({ reason: z.string().optional() }),
      answer: wire.deploymentWire,
    }),
    resume: route({
      method: 'POST',
      path: '/api/deployments/:id/resume',
      needs: 'deployment.steer',
      summary: 'Answers a deployment that waits or is held',
      params: numbered,
      body: z.object({ how: z.enum(['rerun', 'continue', 'undo']), reason: z.string().optional() }),
      answer: wire.deploymentWire,
    }),
    output: route({
      method: 'GET',
      path: '/api/deployments/:id/output',
      needs: 'look',
      summary: 'Step output',
      params: numbered,
      query: z.object({
        index: z.coerce.number().int().optional(),
        direction: z.enum(['do', 'undo']).optional(),
        after: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(2_000).default(500),
      }),
      answer: z.object({ output: z.array(wire.outputWire), more: z.boolean() }),
    }),
    /** Events: `deployment` (whole, on connect and after every change, no id) and `output` (id = its seq). Ends when the deployment has. */
    follow: route({
      method: 'GET',
      path: '/api/deployments/:id/follow',
      needs: 'look',
      stream: 'events',
      summary: 'State and output as they happen',
      params: numbered,
      query: z.object({ after: z.coerce.number().int().min(0).optional() }),
      answer: z.unknown(),
    }),
  },
  rehearsals: {
    list: route({
      method: 'GET',
      path: '/api/rehearsals',
      needs: 'look',
      summary: 'Rehearsals, newest first',
      query: z.object({ release: z.string().optional(), limit }),
      answer: z.object({ rehearsals: z.array(wire.rehearsalWire) }),
    }),
    show: route({
      method: 'GET',
      path: '/api/rehearsals/:id',
      needs: 'look',
      summary: 'One rehearsal',
      params: numbered,
      answer: wire.rehearsalWire,
    }),
    start: route({
      method: 'POST',
      path: '/api/rehearsals',
      needs: 'rehearsal.start',
      summary: "Brings QA to production's release, runs the very steps, then the tests",
      body: z.object({
        release: z.string(),
        environment: z.string().optional(),
        undo: z.boolean().default(false),
        chaos: z.boolean().default(false),
      }),
      answer: wire.rehearsalWire,
    }),
    abort: route({
      method: 'POST',
      path: '/api/rehearsals/:id/abort',
      needs: 'rehearsal.start',
      summary: 'Stops a rehearsal',
      params: numbered,
      body: nothing,
      answer: wire.rehearsalWire,
    }),
  },

  ...flagRoutes,
  ...callRoutes,
  ...networkRoutes,

  session: {
    /** Opened by a browser from the printed link: sets the cookie and redirects to `to`. */
    open: route({
      method: 'GET',
      path: '/sign-in',
      needs: null,
      summary: 'Trades a one-time link for a session',
      query: z.object({ link: z.string(), to: z.string().optional() }),
      answer: z.unknown(),
    }),
    close: route({ method: 'DELETE', path: '/api/session', needs: null, summary: 'Signs out', answer: nothing }),
  },
  users: {
    list: route({
      method: 'GET',
      path: '/api/users',
      needs: 'access.manage',
      summary: 'Everybody who may sign in',
      answer: z.object({ users: z.array(wire.userWire) }),
    }),
    add: route({
      method: 'POST',
      path: '/api/users',
      needs: 'access.manage',
      summary: 'Adds a person, or changes their role',
      body: z.object({ name: z.string().regex(/^[\w.@-]{1,64}$/), role: z.enum(roles) }),
      answer: wire.userWire,
    }),
    remove: route({
      method: 'DELETE',
      path: '/api/users/:name',
      needs: 'access.manage',
      summary: "Ends a person's access, sessions and tokens",
      params: named,
      answer: nothing,
    }),
    link: route({
      method: 'POST',
      path: '/api/users/:name/link',
      needs: 'access.manage',
      summary: 'A one-time sign-in link for a person',
      params: named,
      body: nothing,
      answer: z.object({ url: z.string(), expiresAt: z.number().int() }),
    }),
  },
  tokens: {
    list: route({
      method: 'GET',
      path: '/api/tokens',
      needs: 'access.manage',
      summary: 'Tokens (never their secrets)',
      answer: z.object({ tokens: z.array(wire.tokenWire) }),
    }),
    create: route({
      method: 'POST',
      path: '/api/tokens',
      needs: 'access.manage',
      summary: 'A scoped, expiring token; its secret is shown once',
      body: z.object({
        name: z.string().min(1).max(64),
        role: z.enum(roles),
        scopes: z.array(z.string()),
        ttlMs: z
          .number()
          .int()
          .min(60_000)
          .max(366 * 86_400_000),
      }),
      answer: z.object({ token: wire.tokenWire, secret: z.string() }),
    }),
    revoke: route({
      method: 'DELETE',
      path: '/api/tokens/:id',
      needs: 'access.manage',
      summary: 'Ends a token',
      params: numbered,
      answer: nothing,
    }),
  },
} as const

const isRoute = (value: object): value is Route => 'path' in value && 'method' in value
/** All routes with their dotted names, for registering and for printing. */
export function listRoutes(): { name: string; route: Route }[] {
  return Object.entries(routes).flatMap(([name, value]) =>
    isRoute(value)
      ? [{ name, route: value as Route }]
      : Object.entries(value).map(([inner, it]) => ({ name: `${name}.${inner}`, route: it as Route })),
  )
}
