/** The doors of the HTTP API for calls. What recorders send stands under /api/sdk/calls, OpenTelemetry under /v1. */
import { z } from 'zod'
import { route } from './route.ts'
import * as wire from './wire-calls.ts'

const filter = wire.callFilterShape
/** `release:v3`, `lane:stable`, `range:FROM-TO` (ms), `previous` (the range before this one, equally long). */
const compare = z
  .string()
  .regex(/^(release:.+|lane:.+|range:\d+-\d+|previous)$/, 'is release:NAME, lane:NAME, range:FROM-TO (ms since the epoch) or previous')
  .optional()
const ofMethod = { service: z.string(), method: z.string() }
const { service: _, ...filterOfMethod } = filter

export const callRoutes = {
  calls: {
    facets: route({
      method: 'GET',
      path: '/api/calls/facets',
      needs: 'look',
      summary: 'What calls can be filtered by, and how the recorders and the column store are',
      query: z.object({ environment: filter.environment, from: filter.from, to: filter.to, day: filter.day }),
      answer: wire.callFacetsWire,
    }),
    table: route({
      method: 'GET',
      path: '/api/calls/table',
      needs: 'look',
      summary: 'What each method costs, in one table',
      query: z.object({
        ...filter,
        rank: z.enum(wire.callRanks).default('mix'),
        compare,
        /** Part of the method's name, either case. */
        text: z.string().max(200).optional(),
        limit: z.coerce.number().int().min(1).max(5_000).default(5_000),
      }),
      answer: wire.callTableWire,
    }),
    show: route({
      method: 'GET',
      path: '/api/calls/method',
      needs: 'look',
      summary: 'One method: its figures, distribution, divisions and repeated statements',
      query: z.object({ ...filterOfMethod, ...ofMethod, compare }),
      answer: wire.callMethodWire,
    }),
    trend: route({
      method: 'GET',
      path: '/api/calls/trend',
      needs: 'look',
      summary: 'One measure of one method over time, with what happened meanwhile',
      query: z.object({ ...filterOfMethod, ...ofMethod, measure: z.enum(wire.trendMeasures).default('real') }),
      answer: wire.trendWire,
    }),
    exemplars: route({
      method: 'GET',
      path: '/api/calls/exemplars',
      needs: 'look',
      summary: 'Calls of a method that were kept with their timeline, the slowest first',
      query: z.object({ ...filterOfMethod, ...ofMethod, limit: z.coerce.number().int().min(1).max(200).default(50) }),
      answer: z.object({ exemplars: z.array(wire.exemplarWire) }),
    }),
    changes: route({
      method: 'GET',
      path: '/api/calls/changes',
      needs: 'look',
      summary: 'What got dearer or cheaper, since when, and by which release or flag',
      query: z.object({
        environment: filter.environment,
        from: filter.from,
        to: filter.to,
        method: z.string().optional(),
        service: z.string().optional(),
        kind: z.enum(['release', 'trend', 'flag']).optional(),
        cause: z.string().optional(),
        limit: z.coerce.number().int().min(1).max(500).default(100),
      }),
      answer: z.object({
        changes: z.array(wire.callChangeWire),
        more: z.boolean(),
        /** The week in one sentence. */
        digest: z.string(),
        /** When each kind was looked for last; null: not yet. */
        lookedAt: z.object({ release: z.number().nullable(), trend: z.number().nullable(), flag: z.number().nullable() }),
      }),
    }),
    flagCosts: route({
      method: 'GET',
      path: '/api/calls/flags',
      needs: 'look',
      summary: 'What each variant of each flag costs, by method and measure, corrected for the number of tests',
      query: z.object({ environment: filter.environment, from: filter.from, to: filter.to, flag: z.string().optional() }),
      answer: z.object({ flags: z.array(wire.flagCostWire), notes: z.array(z.string()) }),
    }),
    budgets: route({
      method: 'GET',
      path: '/api/calls/budgets',
      needs: 'look',
      summary: 'Whether calls keep to the budgets of belay.yaml',
      query: z.object({ ...filter }),
      answer: wire.budgetVerdictWire,
    }),
    import: route({
      method: 'POST',
      path: '/api/calls/import',
      needs: 'calls.import',
      summary: 'Reads an access log: real time only',
      query: z.object({
        environment: z.string(),
        service: z.string().max(100),
        format: z.enum(wire.logFormats).default('nginx'),
        release: z.string().max(100).default(''),
      }),
      answer: wire.callImportWire,
      upload: true,
    }),
  },
} as const
