/** The doors of the HTTP API for TCP sessions. */
import { z } from 'zod'
import { pageMax, route } from './route.ts'
import * as wire from './wire-network.ts'

const filter = wire.networkFilter.shape
const numbered = z.object({ id: z.string().regex(wire.sessionIdPattern, 'is CAPTURE.NUMBER') })
const limit = z.coerce.number().int().min(1).max(pageMax).default(100)
/** A capture's id, `environment:NAME`, or `environment:NAME@FROM-TO` (ms since the epoch). */
const side = z
  .string()
  .regex(
    /^([A-Za-z0-9_-]{8,40}|environment:[^@]{1,100}(@\d{1,15}-\d{1,15})?)$/,
    'is a capture, environment:NAME or environment:NAME@FROM-TO',
  )

export const networkRoutes = {
  network: {
    send: route({
      method: 'POST',
      path: '/api/network/captures',
      needs: 'network.send',
      summary: 'Takes one part of an analysed capture; the same part counts once',
      body: wire.capturePartWire,
      bodyMaxBytes: wire.networkPartMax.bytes,
      answer: wire.captureTakenWire,
    }),
    captures: route({
      method: 'GET',
      path: '/api/network/captures',
      needs: 'look',
      summary: 'Captures, the newest first',
      query: z.object({
        environment: filter.environment,
        from: filter.from,
        to: filter.to,
        text: filter.text,
        offset: z.coerce.number().int().min(0).default(0),
        limit,
      }),
      answer: z.object({ captures: z.array(wire.captureRowWire), more: z.boolean() }),
    }),
    facets: route({
      method: 'GET',
      path: '/api/network/facets',
      needs: 'look',
      summary: 'What sessions can be filtered by, and how the column store is',
      query: z.object({ environment: filter.environment }),
      answer: wire.networkFacetsWire,
    }),
    sessions: route({
      method: 'GET',
      path: '/api/network/sessions',
      needs: 'look',
      summary: 'TCP sessions: how good each was and what limited it',
      query: z.object({
        ...filter,
        rank: z.enum(wire.networkRanks).default('score'),
        offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
        limit,
      }),
      answer: wire.sessionListWire,
    }),
    session: route({
      method: 'GET',
      path: '/api/network/sessions/:id',
      needs: 'look',
      summary: 'One session: its record, its story and the calls that travelled in it',
      params: numbered,
      answer: wire.networkSessionWire,
    }),
    segments: route({
      method: 'GET',
      path: '/api/network/sessions/:id/segments',
      needs: 'look',
      summary: 'Every segment of a session, as @belay/tcp packs them',
      params: numbered,
      stream: 'bytes',
      answer: z.string(),
    }),
    compare: route({
      method: 'GET',
      path: '/api/network/compare',
      needs: 'look',
      summary: 'Two captures, or two environments, laid side by side',
      query: z.object({ a: side, b: side }),
      answer: z.object({ a: wire.networkSideWire, b: wire.networkSideWire, comparison: wire.comparisonWire, notes: z.array(z.string()) }),
    }),
    calls: route({
      method: 'GET',
      path: '/api/network/calls',
      needs: 'look',
      summary: 'Slow calls, each with the turn that carried it and whether network or server made it slow',
      query: z.object({
        environment: filter.environment,
        from: filter.from,
        to: filter.to,
        service: z.string().max(200).optional(),
        method: z.string().max(500).optional(),
        because: z.enum(wire.slowReasons).optional(),
        /** Only calls that took this long. */
        slowerMs: z.coerce.number().min(0).default(0),
        limit,
      }),
      answer: wire.networkCallsWire,
    }),
  },
} as const
