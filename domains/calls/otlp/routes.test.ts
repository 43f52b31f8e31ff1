import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { Problem, systemClock } from '@belay/base'
import { temporaryFolder } from '@belay/testkit'
import { PbfReader } from 'pbf'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRoom } from './body.ts'
import { call, callsBusy, jsonOf, listening, logsOf, noRules, protobufOf, rememberingIntake, type TestSpan } from './fixtures.ts'
import { openOtlp, type Otlp } from './otlp.ts'
import { otlpHandler } from './routes.ts'

const intake = rememberingIntake()
const stack = new AsyncDisposableStack()
let otlp: Otlp
let url: string

beforeAll(async () => {
  const folder = stack.use(await temporaryFolder())
  otlp = await openOtlp({
    intake,
    columns: { insertRows: async () => {} },
    clock: systemClock,
    folder: folder.path,
    rules: () => noRules,
    log: () => {},
  })
  stack.defer(() => otlp.close())
  const environmentOf = (request: { headers: { authorization?: string | undefined } }) => {
    if (request.headers.authorization !== 'Bearer bsk_right') throw new Problem('client-key-needed', 401, 'Nobody known asks.')
    return 'production'
  }
  const handle = otlpHandler(otlp, { environmentOf, log: () => {} })
  url = stack.use(await listening((request, response) => void handle(request, response))).url
})
afterAll(() => stack.disposeAsync())

const [protobuf, json] = ['application/x-protobuf', 'application/json']
const now = Date.now()
let number = 0
const fresh = (): TestSpan[] => call(number++, { at: now, statements: ['SELECT 1'] })

async function post(path: string, body: Uint8Array<ArrayBuffer> | Buffer, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': protobuf, authorization: 'Bearer bsk_right', ...headers },
  })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  }
}
/** google.rpc.Status. */
function statusOf(body: Buffer): { code: number; message: string } {
  return new PbfReader(body).readFields(
    (field, it, pbf) => {
      if (field === 1) it.code = pbf.readVarint()
      else if (field === 2) it.message = pbf.readString()
    },
    { code: 0, message: '' },
  )
}
const bodyOf = (spans: readonly TestSpan[]) => protobufOf([{ spans }])

describe('what is well', () => {
  test('is answered with 200 in the encoding of the request, and an empty body where everything was taken', async () => {
    const before = intake.rows.length
    expect(await post('/v1/traces', bodyOf(fresh()))).toMatchObject({ status: 200, type: protobuf, body: Buffer.alloc(0) })
    const answer = await post('/v1/traces', jsonOf([{ spans: fresh() }]), { 'content-type': 'application/json; charset=utf-8' })
    expect(answer).toMatchObject({ status: 200, type: json })
    expect(answer.body.toString()).toBe('{}')
    expect(intake.rows.slice(before).map((row) => [row.environment, row.statements])).toEqual([
      ['production', 1],
      ['production', 1],
    ])
  })

  test('may be gzip, of one member or of several', async () => {
    const before = intake.rows.length
    const body = bodyOf([...fresh(), ...fresh()])
    expect((await post('/v1/traces', gzipSync(body), { 'content-encoding': 'gzip' })).status).toBe(200)
    const other = bodyOf(fresh())
    const members = Buffer.concat([gzipSync(other.subarray(0, 200)), gzipSync(other.subarray(200))])
    expect((await post('/v1/traces', members, { 'content-encoding': 'GZIP' })).status).toBe(200)
    expect(intake.rows.length - before).toBe(3)
  })

  test('may be empty, and of logs and metrics that say nothing about calls', async () => {
    for (const path of ['/v1/traces', '/v1/logs', '/v1/metrics']) {
      expect(await post(path, Buffer.alloc(0))).toMatchObject({ status: 200, body: Buffer.alloc(0) })
      expect((await post(path, Buffer.from('{}'), { 'content-type': json })).body.toString()).toBe('{}')
    }
    expect((await post('/v1/logs', logsOf([{ trace: '1'.repeat(32), span: '1'.repeat(16), flag: 'f', variant: 'on' }]))).status).toBe(200)
  })

  test('in part is answered with 200, how many were rejected, and why', async () => {
    const spans = [...fresh(), { ...(fresh()[0] as TestSpan), trace: '0'.repeat(32) }]
    const said = (await post('/v1/traces', jsonOf([{ spans }]), { 'content-type': json })).body.toString()
    expect(JSON.parse(said)).toEqual({ partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('trace id') } })
    const answer = await post('/v1/traces', bodyOf([...fresh(), spans[2] as TestSpan]))
    const partial = new PbfReader(answer.body).readFields<{ rejected: number; message: string }>(
      (_, it, pbf) =>
        pbf.readMessage((field, inner: typeof it) => {
          if (field === 1) inner.rejected = pbf.readVarint(true)
          else inner.message = pbf.readString()
        }, it),
      { rejected: 0, message: '' },
    )
    expect(answer.status).toBe(200)
    expect(partial).toEqual({ rejected: 1, message: expect.stringContaining('trace id') })
  })
})

describe('what is not well is answered with a google.rpc.Status', () => {
  const broken = Buffer.from([0x0a, 0x7f, 1])
  const big = () => gzipSync(Buffer.alloc(65 * 1_024 * 1_024))
  const cases: readonly [
    story: string,
    path: string,
    body: () => Buffer,
    headers: Record<string, string>,
    status: number,
    code: number,
    says: RegExp,
  ][] = [
    ['bytes that are no request', '/v1/traces', () => broken, {}, 400, 3, /cannot be read.*near byte/],
    ['what only says that it is gzip', '/v1/traces', () => Buffer.from('hello'), { 'content-encoding': 'gzip' }, 400, 3, /not gzip/],
    [
      'gzip that was cut off',
      '/v1/traces',
      () => gzipSync(Buffer.alloc(5_000, 1)).subarray(0, 20),
      { 'content-encoding': 'gzip' },
      400,
      3,
      /gzip/,
    ],
    ['a stranger', '/v1/traces', () => bodyOf(fresh()), { authorization: 'Bearer bsk_wrong' }, 401, 16, /Nobody known/],
    ['a signal that there is not', '/v1/profiles', () => Buffer.alloc(0), {}, 404, 5, /\/v1\/traces/],
    ['64 MiB and more, packed small', '/v1/traces', big, { 'content-encoding': 'gzip' }, 413, 3, /64 MiB/],
    ['another type', '/v1/traces', () => Buffer.from('x'), { 'content-type': 'application/protobuf' }, 415, 3, /x-protobuf/],
    ['another compression', '/v1/traces', () => bodyOf(fresh()), { 'content-encoding': 'zstd' }, 415, 3, /gzip is read/],
  ]
  test.each(cases)('%s', async (_, path, body, headers, status, code, says) => {
    const answer = await post(path, body(), headers)
    expect(answer).toMatchObject({ status, type: protobuf })
    expect(statusOf(answer.body)).toEqual({ code, message: expect.stringMatching(says) })
  })

  test('in JSON to those who speak JSON', async () => {
    const answer = await post('/v1/traces', Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SERVER"}]}]}]}'), {
      'content-type': json,
    })
    expect(answer).toMatchObject({ status: 400, type: json })
    expect(JSON.parse(answer.body.toString())).toEqual({
      code: 3,
      message: expect.stringContaining('resourceSpans[0].scopeSpans[0].spans[0].kind'),
    })
    expect((await fetch(`${url}/v1/traces`)).status).toBe(405)
  })

  test('a size that is announced is refused before it is sent', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${url}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': json, 'content-length': String(20 * 1_024 * 1_024), authorization: 'Bearer bsk_right' },
      })
      request.on('response', (response) => resolve(response.statusCode)).on('error', reject)
      request.flushHeaders()
    })
    expect(status).toBe(413)
  })

  test('overload says when to come again, and with a status that clients retry', async () => {
    intake.refusals.push(callsBusy, () => {
      throw new Problem('calls-disk', 503, 'Full.', { afterS: 10 })
    })
    const spans = bodyOf(fresh())
    const busy = await post('/v1/traces', spans)
    expect([busy.status, busy.headers.get('retry-after'), statusOf(busy.body).code]).toEqual([429, '7', 8])
    const disk = await post('/v1/traces', spans)
    expect([disk.status, disk.headers.get('retry-after'), statusOf(disk.body).code]).toEqual([503, '10', 14])
    expect((await post('/v1/traces', spans)).status).toBe(200)
  })
})

describe('under overload', () => {
  test('bodies are bounded in number and in bytes, the rest is told to come again, and all room comes back', async () => {
    const room = createRoom({ count: 4, bytes: 2_000_000 })
    const waiting: (() => void)[] = []
    const slow: Otlp = { ...otlp, traces: () => new Promise((resolve) => waiting.push(() => resolve(undefined))) }
    const handle = otlpHandler(slow, { environmentOf: () => 'production', log: () => {}, room })
    await using server = await listening((request, response) => void handle(request, response))
    const send = (bytes: number) =>
      fetch(`${server.url}/v1/traces`, { method: 'POST', body: new Uint8Array(bytes), headers: { 'content-type': protobuf } })

    const large = [send(900_000), send(900_000)]
    await expect.poll(() => waiting.length).toBe(2)
    expect((await send(900_000)).status).toBe(429)
    const small = [send(10), send(10)]
    await expect.poll(() => waiting.length).toBe(4)
    const refused = await send(10)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2'])
    for (const done of waiting) done()
    for (const answer of await Promise.all([...large, ...small])) expect(answer.status).toBe(200)
    expect([room.count, room.bytes]).toEqual([0, 0])
  })

  test('a sender that goes away in the middle of its body leaves no trace', async () => {
    const room = createRoom()
    const handle = otlpHandler(otlp, { environmentOf: () => 'production', log: () => {}, room })
    await using server = await listening((request, response) => void handle(request, response))
    const request = httpRequest(`${server.url}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': protobuf, 'content-length': '1000' },
    })
    request.on('error', () => {})
    request.write('half')
    await expect.poll(() => room.count).toBe(1)
    request.destroy()
    await expect.poll(() => [room.count, room.bytes]).toEqual([0, 0])
  })
})
