/** The doors of the HTTP API for flags, rings, segments and client keys. Evaluation itself stands under /ofrep and /api/sdk. */
import { z } from 'zod'
import { pageMax, route } from './route.ts'
import * as wire from './wire-flags.ts'

const keyed = z.object({ key: z.string() })
const numbered = z.object({ id: z.string() })
const nothing = z.object({})
const limit = z.coerce.number().int().min(1).max(pageMax).default(100)

const yes = z
  .enum(['true', 'false'])
  .default('false')
  .transform((it) => it === 'true')

export const flagRoutes = {
  flags: {
    list: route({
      method: 'GET',
      path: '/api/flags',
      needs: 'look',
      summary: 'Flags by key, with their standing in each environment',
      query: z.object({
        /** Words that key, description, owner or tags contain. */
        text: z.string().optional(),
        kind: z.enum(wire.flagKinds).optional(),
        tag: z.string().optional(),
        owner: z.string().optional(),
        environment: z.string().optional(),
        state: z.enum(wire.flagStandingWire.shape.state.options).optional(),
        stale: yes,
        archived: yes,
        /** The key after which the page begins. */
        after: z.string().optional(),
        limit,
      }),
      answer: z.object({
        flags: z.array(wire.flagSummaryWire),
        /** How many match, on all pages. */
        total: z.number().int(),
        more: z.boolean(),
        tags: z.array(z.string()),
        owners: z.array(z.string()),
      }),
    }),
    create: route({
      method: 'POST',
      path: '/api/flags',
      needs: 'flag.change',
      summary: 'A new flag, serving its default variant to everybody',
      body: wire.newFlagWire,
      answer: wire.flagWire,
    }),
    show: route({
      method: 'GET',
      path: '/api/flags/:key',
      needs: 'look',
      summary: 'One flag with everything about it',
      params: keyed,
      answer: wire.flagPageWire,
    }),
    change: route({
      method: 'POST',
      path: '/api/flags/:key/changes',
      needs: 'look',
      summary:
        'Changes a flag, or plans, proposes or schedules the change; needs flag.change, flag.production or flag.kill by what it touches',
      params: keyed,
      body: wire.changeAskWire,
      answer: wire.changeAnswerWire,
    }),
    history: route({
      method: 'GET',
      path: '/api/flags/:key/history',
      needs: 'look',
      summary: 'Its versions, newest first, each with what changed',
      params: keyed,
      query: z.object({ before: z.coerce.number().int().min(1).optional(), limit }),
      answer: z.object({ versions: z.array(wire.flagVersionWire), more: z.boolean() }),
    }),
    explain: route({
      method: 'POST',
      path: '/api/flags/:key/explain',
      needs: 'look',
      summary: 'What this context would get, and why: the outcome of every rule',
      params: keyed,
      body: z.object({ environment: z.string(), context: z.record(z.string(), z.json()).default({}) }),
      answer: wire.explanationWire,
    }),
    counts: route({
      method: 'GET',
      path: '/api/flags/:key/counts',
      needs: 'look',
      summary: 'Evaluations by variant over time',
      params: keyed,
      query: z.object({
        environment: z.string(),
        forMs: z.coerce
          .number()
          .int()
          .min(60_000)
          .max(90 * 86_400_000)
          .default(3_600_000),
      }),
      answer: wire.flagCountsWire,
    }),
    references: route({
      method: 'GET',
      path: '/api/flag-references',
      needs: 'look',
      summary: 'Where the code of a commit mentions flags',
      query: z.object({
        /** Comma-separated keys; absent: every flag. */
        keys: z.string().optional(),
        ref: z.string().default('HEAD'),
      }),
      answer: wire.referencesWire,
    }),
    import: route({
      method: 'POST',
      path: '/api/flag-import',
      needs: 'flag.change',
      summary: 'Flags from a flagd file, an Unleash export or a GrowthBook features payload',
      query: z.object({ format: z.enum(wire.exchangeFormats), plan: yes, environment: z.string().default(wire.everyEnvironment) }),
      upload: true,
      answer: wire.importReportWire,
    }),
    export: route({
      method: 'GET',
      path: '/api/flag-export',
      needs: 'look',
      summary: 'All flags as a flagd document; without an environment with everything that Belay knows, to be imported again',
      query: z.object({ environment: z.string().optional() }),
      answer: z.json(),
    }),
  },
  proposals: {
    list: route({
      method: 'GET',
      path: '/api/flag-proposals',
      needs: 'look',
      summary: 'Changes that wait for a second person, newest first',
      query: z.object({ flag: z.string().optional(), state: wire.proposalWire.shape.state.optional(), limit }),
      answer: z.object({ proposals: z.array(wire.proposalWire) }),
    }),
    approve: route({
      method: 'POST',
      path: '/api/flag-proposals/:id/approve',
      needs: 'flag.approve',
      summary: 'A second person approves the change with this content hash, and it is done (or waits for its time)',
      params: numbered,
      body: z.object({ hash: z.string() }),
      answer: wire.changeAnswerWire,
    }),
    reject: route({
      method: 'POST',
      path: '/api/flag-proposals/:id/reject',
      needs: 'flag.change',
      summary: 'Turns a proposal down; who made it may take it back',
      params: numbered,
      body: z.object({ reason: z.string().max(500).optional() }),
      answer: wire.proposalWire,
    }),
  },
  schedule: {
    cancel: route({
      method: 'DELETE',
      path: '/api/flag-schedule/:id',
      needs: 'flag.change',
      summary: 'Takes back a change whose time has not come',
      params: numbered,
      answer: wire.scheduledWire,
    }),
  },
  rings: {
    list: route({
      method: 'GET',
      path: '/api/rings',
      needs: 'look',
      summary: 'The ladder, lowest ring first',
      answer: z.object({ rings: z.array(wire.ringWire) }),
    }),
    create: route({
      method: 'POST',
      path: '/api/rings',
      needs: 'flag.production',
      summary: 'A ring beside those of belay.yaml',
      body: wire.newRingWire,
      answer: wire.ringWire,
    }),
    remove: route({
      method: 'DELETE',
      path: '/api/rings/:name',
      needs: 'flag.production',
      summary: 'Removes a ring that was made here and that no flag climbs',
      params: z.object({ name: z.string() }),
      answer: nothing,
    }),
  },
  segments: {
    list: route({
      method: 'GET',
      path: '/api/segments',
      needs: 'look',
      summary: 'Segments by key',
      query: z.object({ text: z.string().optional(), after: z.string().optional(), limit }),
      answer: z.object({ segments: z.array(wire.segmentWire), total: z.number().int(), more: z.boolean() }),
    }),
    show: route({
      method: 'GET',
      path: '/api/segments/:key',
      needs: 'look',
      summary: 'One segment, and some of its keys',
      params: keyed,
      query: z.object({ text: z.string().optional() }),
      answer: z.object({ segment: wire.segmentWire, keys: z.array(z.string()), more: z.boolean() }),
    }),
    create: route({
      method: 'POST',
      path: '/api/segments',
      needs: 'flag.change',
      summary: 'A new segment: a rule, or a list of keys',
      body: wire.newSegmentWire,
      answer: wire.segmentWire,
    }),
    change: route({
      method: 'POST',
      path: '/api/segments/:key/changes',
      needs: 'flag.change',
      summary: 'Changes the rule, or adds and removes keys; a segment that production uses needs flag.production',
      params: keyed,
      body: wire.segmentChangeWire,
      answer: wire.segmentWire,
    }),
    upload: route({
      method: 'PUT',
      path: '/api/segments/:key/keys',
      needs: 'flag.change',
      summary: 'Replaces the list by one key a line, up to 1,000,000',
      params: keyed,
      query: z.object({ version: z.coerce.number().int().positive().optional() }),
      upload: true,
      answer: wire.segmentWire,
    }),
    download: route({
      method: 'GET',
      path: '/api/segments/:key/keys',
      needs: 'look',
      stream: 'bytes',
      summary: 'All keys of a list, one a line',
      params: keyed,
      answer: z.unknown(),
    }),
    remove: route({
      method: 'DELETE',
      path: '/api/segments/:key',
      needs: 'flag.change',
      summary: 'Removes a segment that nothing uses',
      params: keyed,
      answer: nothing,
    }),
  },
  clientKeys: {
    list: route({
      method: 'GET',
      path: '/api/client-keys',
      needs: 'look',
      summary: 'Keys with which services and pages ask for flags (never their secrets)',
      answer: z.object({ keys: z.array(wire.clientKeyWire) }),
    }),
    create: route({
      method: 'POST',
      path: '/api/client-keys',
      needs: 'flag.keys',
      summary: 'A key for one environment; its secret is shown once',
      body: z.object({ name: z.string().min(1).max(64), kind: z.enum(wire.clientKeyKinds), environment: z.string() }),
      answer: z.object({ key: wire.clientKeyWire, secret: z.string() }),
    }),
    revoke: route({
      method: 'DELETE',
      path: '/api/client-keys/:id',
      needs: 'flag.keys',
      summary: 'Ends a key',
      params: numbered,
      answer: nothing,
    }),
  },
} as const
