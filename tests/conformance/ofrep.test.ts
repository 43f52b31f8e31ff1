/**
 * OFREP 0.3.0 as others see it: the stock server provider of OpenFeature, unmodified, and the protocol's shapes, against
 * the running server.
 *
 * The shapes are written down here and not loaded, because the published schema contradicts itself: the `oneOf` of a
 * success contains one branch that matches any object, so that a strict validator refuses every success with a legal
 * value; integers match two branches of the value; its examples carry the reason DEFAULT and the code FLAG_NOT_FOUND in
 * places that the schema refuses. What is meant is checked.
 */
import { type FlagChangeInput, type NewFlagWire, routes } from '@belay/protocol'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import { type Client, OpenFeature } from '@openfeature/server-sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { littleCloud, testCloud } from '../journeys/support.ts'

let cloud: Awaited<ReturnType<typeof testCloud>>
let url: string
let secret: string
let client: Client

const staffOnly = { if: [{ ends_with: [{ var: 'email' }, '@example.test'] }, 'on', null] }
const flags: (NewFlagWire & { configure?: Extract<FlagChangeInput, { do: 'configure' }>['setting'] })[] = [
  { key: 'switch', variants: { on: true, off: false }, defaultVariant: 'on' },
  { key: 'colour', variants: { red: 'red', blue: 'blue' }, defaultVariant: 'blue' },
  { key: 'limit', variants: { low: 5, high: 0.25 }, defaultVariant: 'high' },
  { key: 'count', variants: { most: 9_007_199_254_740_991 }, defaultVariant: 'most' },
  { key: 'layout', variants: { wide: { columns: [1, 2], dense: true } }, defaultVariant: 'wide' },
  { key: 'staff', configure: { targeting: staffOnly } },
  {
    key: 'half',
    configure: {
      targeting: {
        fractional: [
          ['on', 1],
          ['off', 1],
        ],
      },
    },
  },
  { key: 'stopped', configure: { state: 'DISABLED' } },
  { key: 'codes-own', configure: { defaultVariant: null } },
  { key: 'team/checkout' },
]

beforeAll(async () => {
  cloud = await testCloud(littleCloud)
  await cloud.start()
  for (const { configure, ...body } of flags) {
    await cloud.client().call(routes.flags.create, { body })
    if (configure) await change(body.key, { do: 'configure', setting: configure })
  }
  url = cloud.printed().match(/http:\/\/\S+/)?.[0] ?? ''
  const body = { name: 'conformance', kind: 'client', environment: 'production' } as const
  secret = (await cloud.client().call(routes.clientKeys.create, { body })).secret
  await OpenFeature.setProviderAndWait('stock', new OFREPProvider({ baseUrl: url, headers: [['Authorization', `Bearer ${secret}`]] }))
  client = OpenFeature.getClient('stock')
})
afterAll(async () => {
  await OpenFeature.clearProviders()
  await cloud?.close()
})

const change = (key: string, it: FlagChangeInput) => cloud.client().call(routes.flags.change, { params: { key }, body: { change: it } })

async function ask(key: string | undefined, context: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/ofrep/v1/evaluate/flags${key === undefined ? '' : `/${encodeURIComponent(key)}`}`, {
    method: 'POST',
    headers: { 'x-api-key': secret, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ context }),
  })
  const text = await response.text()
  return {
    status: response.status,
    etag: response.headers.get('etag') ?? '',
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  }
}

describe('the stock server provider', () => {
  test('reads every type of value', async () => {
    expect(await client.getBooleanDetails('switch', false)).toMatchObject({ value: true, variant: 'on', reason: 'STATIC' })
    expect(await client.getStringValue('colour', 'none')).toBe('blue')
    expect(await client.getNumberValue('limit', 1)).toBe(0.25)
    expect(await client.getNumberValue('count', 1)).toBe(Number.MAX_SAFE_INTEGER)
    expect(await client.getObjectValue('layout', {})).toEqual({ columns: [1, 2], dense: true })
    expect(await client.getBooleanValue('team/checkout', true)).toBe(false)
  })

  test('is told metadata, and why', async () => {
    const details = await client.getBooleanDetails('staff', false, { targetingKey: 'u1', email: 'a@example.test' })
    expect(details).toMatchObject({ value: true, variant: 'on', reason: 'TARGETING_MATCH', flagMetadata: { kind: 'release' } })
    expect((await client.getBooleanDetails('staff', true, { targetingKey: 'u1' })).value).toBe(false)
  })

  test('gives the default of the code where nothing is served, and says what was wrong', async () => {
    expect(await client.getBooleanDetails('nope', true)).toMatchObject({ value: true, errorCode: 'FLAG_NOT_FOUND' })
    expect(await client.getBooleanDetails('colour', true)).toMatchObject({ value: true, errorCode: 'TYPE_MISMATCH' })
    expect(await client.getBooleanDetails('half', true)).toMatchObject({ value: true, errorCode: 'TARGETING_KEY_MISSING' })
    // This version knows no success without value; the code's default counts all the same.
    expect((await client.getBooleanDetails('stopped', true)).value).toBe(true)
    expect((await client.getStringDetails('codes-own', 'mine')).value).toBe('mine')
  })

  test('sees a change with the next evaluation', async () => {
    await change('switch', { do: 'kill', reason: 'it smokes' })
    await change('staff', { do: 'configure', setting: { targeting: null, defaultVariant: 'on' } })
    expect(await client.getBooleanValue('staff', false)).toBe(true)
    await change('switch', { do: 'restore' })
  })

  test('with a wrong key falls back to the default of the code', async () => {
    await OpenFeature.setProviderAndWait('wrong', new OFREPProvider({ baseUrl: url, headers: [['X-API-Key', 'bck_wrong']] }))
    expect(await OpenFeature.getClient('wrong').getBooleanDetails('switch', false)).toMatchObject({ value: false, reason: 'ERROR' })
  })

  test('gives the same variant to the same unit as the bulk answer', async () => {
    for (const targetingKey of Array.from({ length: 50 }, (_, n) => `unit-${n}`)) {
      const { body } = await ask(undefined, { targetingKey })
      const half = bulkShape.parse(body).flags.find(({ key }) => key === 'half')
      expect(await client.getBooleanValue('half', false, { targetingKey })).toBe(half && 'value' in half ? half.value : undefined)
    }
  })
})

// ── the shapes of the protocol, strict ────────────────────────────────────────────────────────────────────────────
const metadataShape = z.record(z.string(), z.union([z.boolean(), z.string(), z.number()]))
const successShape = z.strictObject({
  key: z.string(),
  reason: z.enum(['STATIC', 'TARGETING_MATCH', 'SPLIT', 'DISABLED', 'UNKNOWN']),
  variant: z.string().optional(),
  value: z.union([z.boolean(), z.string(), z.number(), z.record(z.string(), z.json())]).optional(),
  metadata: metadataShape.optional(),
})
const failureShape = z.strictObject({
  key: z.string(),
  errorCode: z.enum(['PARSE_ERROR', 'TARGETING_KEY_MISSING', 'INVALID_CONTEXT', 'GENERAL']),
  errorDetails: z.string().optional(),
  metadata: metadataShape.optional(),
})
const notFoundShape = failureShape.extend({ errorCode: z.literal('FLAG_NOT_FOUND') })
const bulkShape = z.strictObject({
  flags: z.array(z.union([successShape, failureShape])),
  metadata: metadataShape.optional(),
  eventStreams: z
    .array(
      z
        .strictObject({
          type: z.literal('sse'),
          url: z.url().optional(),
          endpoint: z.strictObject({ requestUri: z.string().startsWith('/'), origin: z.url().optional() }).optional(),
          inactivityDelaySec: z.number().int().min(1).optional(),
        })
        .refine(({ url: whole, endpoint }) => (whole === undefined) !== (endpoint === undefined), 'exactly one of url and endpoint'),
    )
    .optional(),
})
const bulkFailureShape = failureShape.omit({ key: true })

describe('the shapes of OFREP', () => {
  test('every answer for one flag is a success, a failure or "not found" in the status that belongs to it', async () => {
    const seen = new Set<number>()
    for (const { key } of [...flags, { key: 'nope' }]) {
      for (const context of [{}, { targetingKey: 'u1' }, { targetingKey: 'u2', email: 'b@example.test' }]) {
        const { status, body } = await ask(key, context)
        const shape = { 200: successShape, 400: failureShape, 404: notFoundShape }[status]
        expect(shape?.safeParse(body), `${key}: ${JSON.stringify(body)}`).toMatchObject({ success: true })
        seen.add(status)
      }
    }
    expect(seen).toEqual(new Set([200, 400, 404]))
    const { status, body } = await ask('switch', 'no object')
    expect([status, failureShape.safeParse(body).success]).toEqual([400, true])
  })

  test('every bulk answer is of its shape: no DEFAULT, no FLAG_NOT_FOUND, disabled flags without value', async () => {
    for (const context of [{}, { targetingKey: 'u1' }, { targetingKey: 'u2', email: 'b@example.test' }]) {
      const { status, body } = await ask(undefined, context)
      expect([status, bulkShape.safeParse(body).error?.message]).toEqual([200, undefined])
      const stopped = bulkShape.parse(body).flags.find(({ key }) => key === 'stopped')
      expect(stopped).toEqual({ key: 'stopped', reason: 'DISABLED', metadata: expect.any(Object) })
    }
    const { status, body } = await ask(undefined, ['no object'])
    expect([status, bulkFailureShape.safeParse(body).success]).toEqual([400, true])
  })

  test('a bulk answer that did not change is a 304 without body, for its own context alone', async () => {
    const { etag } = await ask(undefined, { targetingKey: 'u1' })
    expect(await ask(undefined, { targetingKey: 'u1' }, { 'if-none-match': etag })).toEqual({ status: 304, etag, body: undefined })
    expect((await ask(undefined, { targetingKey: 'u1', email: 'a@example.test' }, { 'if-none-match': 'W/"x"' })).status).toBe(200)
    await change('colour', { do: 'configure', setting: { defaultVariant: 'red' } })
    expect((await ask(undefined, { targetingKey: 'u1' }, { 'if-none-match': etag })).status).toBe(200)
  })
})
