import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { call, cpuOf, jsonOf, logsOf, nextId, protobufOf, start, type TestSpan, traceOf } from './fixtures.ts'
import { readCpuJson, readEvaluationsJson, readSpansJson } from './json.ts'
import { readCpu, readEvaluations, readSpans } from './protobuf.ts'
import { itemsMax, Malformed } from './shape.ts'

const rich = [
  ...call(1, {
    statements: ['SELECT 1', 'BEGIN'],
    externals: 1,
    path: '/a/ü',
    attributes: { 'http.request.header.x-a': ['b', 'c'], half: 0.5 },
  }),
  ...call(2, {
    events: [{ name: 'exception', attributes: { 'exception.type': 'Error', 'exception.message': 'no' } }],
    error: true,
    flags: 0x301,
  }),
]

describe('a request of spans', () => {
  test('says the same as protobuf and as JSON', () => {
    const [protobuf, json] = [readSpans(protobufOf([{ spans: rich }])), readSpansJson(jsonOf([{ spans: rich }]))]
    expect(protobuf.items).toHaveLength(5)
    expect(json.items).toEqual(protobuf.items)
  })

  test('has times to the nanosecond', () => {
    const span: TestSpan = { trace: traceOf(1), id: nextId(), at: start, ms: 86_400_000.000001 }
    for (const it of [readSpans(protobufOf([{ spans: [span] }])), readSpansJson(jsonOf([{ spans: [span] }]))])
      expect(it.items[0]?.durationUs).toBeCloseTo(86_400_000_000.001, 3)
  })

  test('keeps every digit of large integers, also of those that JSON writes as numbers', () => {
    const account = (value: bigint): TestSpan => ({
      trace: traceOf(1),
      id: nextId(),
      at: start,
      ms: 1,
      attributes: { 'belay.account': value },
    })
    for (const value of [2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), -1n]) {
      const body = [{ spans: [account(value)] }]
      expect(readSpans(protobufOf(body)).items[0]?.account).toBe(String(value))
      expect(readSpansJson(jsonOf(body)).items[0]?.account).toBe(String(value))
      expect(readSpansJson(Buffer.from(jsonOf(body).toString().replace(`"${value}"`, String(value)))).items[0]?.account).toBe(String(value))
    }
  })

  test('may say whose its spans are after them', () => {
    const body = protobufOf([{ spans: rich, resource: { 'service.name': 'shop' } }])
    // The group's two fields the other way round.
    const group = body.subarray(body.indexOf(0x0a, 1))
    const resourceEnd = 2 + (group[1] as number)
    const turned = Buffer.concat([group.subarray(resourceEnd), group.subarray(0, resourceEnd)])
    const whole = Buffer.concat([body.subarray(0, body.length - group.length), turned])
    expect(readSpans(whole).items[0]?.resource.service).toBe('shop')
  })

  test('may be empty', () => {
    expect(readSpans(Buffer.alloc(0)).items).toEqual([])
    expect(readSpansJson(Buffer.from('{}')).items).toEqual([])
    expect(readSpansJson(Buffer.from('{"resourceSpans":[{"scopeSpans":[{}]}],"more":1}')).items).toEqual([])
  })

  test('loses only those spans that are none, and says why', () => {
    const good = rich[0] as TestSpan
    const spans = [
      good,
      { ...good, trace: '00'.repeat(16) },
      { ...good, id: 'abcd' },
      { ...good, at: 0 },
      { ...good, ms: -1 },
      { ...good, parent: good.id },
    ]
    for (const it of [readSpans(protobufOf([{ spans }])), readSpansJson(jsonOf([{ spans }]))]) {
      expect(it.items).toHaveLength(1)
      expect(it.rejected).toBe(5)
      expect(it.because).toHaveLength(3)
    }
  })

  test('has a bound, beyond which spans are counted and not kept', () => {
    const ids = [wrap(0x0a, Buffer.alloc(16, 1)), wrap(0x12, Buffer.alloc(8, 1))]
    const times = [Buffer.from([0x39]), Buffer.alloc(8, 1), Buffer.from([0x41]), Buffer.alloc(8, 1)]
    const span = wrap(0x12, Buffer.concat([...ids, ...times]))
    const many = readSpans(wrap(0x0a, wrap(0x12, Buffer.concat(Array.from({ length: itemsMax + 7 }, () => span)))))
    expect([many.items.length, many.rejected]).toEqual([itemsMax, 7])
  })
})

describe('a request of logs', () => {
  test('says which flags were evaluated in which spans, and nothing else is looked at', () => {
    const evaluation = { trace: traceOf(3), span: nextId(), flag: 'f', variant: 'on' }
    const expected = { trace: evaluation.trace, id: evaluation.span, variant: 'f=on' }
    expect(readEvaluations(logsOf([evaluation])).items).toMatchObject([expected])
    const record = {
      traceId: evaluation.trace,
      spanId: evaluation.span,
      attributes: [
        { key: 'event.name', value: { stringValue: 'feature_flag' } },
        { key: 'feature_flag.key', value: { stringValue: 'f' } },
        { key: 'feature_flag.variant', value: { stringValue: 'on' } },
      ],
    }
    const body = {
      resourceLogs: [{ scopeLogs: [{ logRecords: [record, { body: { stringValue: 'hello' } }, { ...record, traceId: '' }] }] }],
    }
    expect(readEvaluationsJson(Buffer.from(JSON.stringify(body))).items).toMatchObject([expected])
  })
})

describe('a request of metrics', () => {
  test('says how much CPU time a process has used', () => {
    const resource = { 'service.name': 'api', 'process.pid': 7 }
    const points = readCpu(cpuOf(resource, start, start + 1_000, 1.5, 0.25)).items
    expect(points.map(({ cpuMs, isDelta, atMs }) => [cpuMs, isDelta, atMs])).toEqual([
      [1_500, false, start + 1_000],
      [250, false, start + 1_000],
    ])
    expect(new Set(points.map(({ series }) => series)).size).toBe(2)
    const dataPoints = [{ startTimeUnixNano: `${start}000000`, timeUnixNano: `${start + 1_000}000000`, asInt: '3', attributes: [] }]
    const metrics = [
      { name: 'jvm.cpu.time', unit: 's', sum: { aggregationTemporality: 1, dataPoints } },
      { name: 'other', gauge: {} },
    ]
    expect(readCpuJson(Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }))).items).toMatchObject([
      { cpuMs: 3_000, isDelta: true, startMs: start },
    ])
  })
})

describe('what cannot be read', () => {
  const body = protobufOf([{ spans: rich }])
  const allReaders = [readSpans, readEvaluations, readCpu]
  const jsonReaders = [readSpansJson, readEvaluationsJson, readCpuJson]
  /** It answers or refuses, and nothing else. */
  function survives(readers: readonly ((body: Buffer) => unknown)[], bytes: Buffer): void {
    for (const read of readers) {
      try {
        read(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
    }
  }

  test('is refused with the place', () => {
    expect(() => readSpans(body.subarray(0, -3))).toThrow(
      expect.objectContaining({ where: expect.stringMatching(/^resource\[0\], near byte \d+$/) }),
    )
    const broken = Buffer.from(body)
    // The length of some span's attribute, far inside.
    const at = body.indexOf('db.query.text') - 1
    broken[at] = 0xff
    expect(() => readSpans(broken)).toThrow(
      expect.objectContaining({ where: expect.stringMatching(/^resource\[0\], scope\[0\], spans\[0\], near byte \d+$/) }),
    )
    expect(() => readSpansJson(Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}'))).toThrow(
      expect.objectContaining({ where: 'resourceSpans[0].scopeSpans[0].spans[0].kind' }),
    )
  })

  test('is refused when it is cut off anywhere but between two fields', () => {
    for (let length = 1; length < body.length; length++) expect(() => readSpans(body.subarray(0, length))).toThrow(Malformed)
  })

  test('never ends in anything but an answer or a refusal: random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => survives(allReaders, Buffer.from(bytes))),
      { numRuns: 1_000 },
    )
  })

  test('never ends in anything but an answer or a refusal: true requests with bytes and bits that are wrong', () => {
    const flip = fc.tuple(fc.nat(body.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 8 }), (flips) => {
        const bytes = Buffer.from(body)
        for (const [at, value] of flips) bytes[at] = value
        survives(allReaders, bytes)
      }),
      { numRuns: 1_500 },
    )
  })

  test('never ends in anything but an answer or a refusal: JSON of every shape', () => {
    const key = fc.constantFrom(
      'resourceSpans',
      'scopeSpans',
      'spans',
      'attributes',
      'key',
      'value',
      'events',
      'traceId',
      'kind',
      'status',
      'sum',
      'x',
    )
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 6 },
        fc.string(),
        fc.double(),
        fc.constant(null),
        fc.dictionary(key, tie('json'), { maxKeys: 3 }),
        fc.array(tie('json'), { maxLength: 2 }),
      ),
    }))
    fc.assert(
      fc.property(json, (value) =>
        survives(jsonReaders, Buffer.from(JSON.stringify({ resourceSpans: value, resourceLogs: value, resourceMetrics: value }))),
      ),
      { numRuns: 1_000 },
    )
  })

  test('never takes more than it is: lengths that lie, values that nest, groups without number', () => {
    const hostile: Buffer[] = [
      Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
      Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
      Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from([0x0a, 0x00]))),
      randomBytes(1_000_000),
      nested(5_000),
    ]
    for (const bytes of hostile) survives(allReaders, bytes)
    expect(() => readSpansJson(Buffer.from(`{"resourceSpans":${'['.repeat(1_000_000)}`))).toThrow(/deeper/)
    expect(() => readSpans(hostile[2] as Buffer)).toThrow(/more than/)
  })

  /** A span with one attribute whose value is a list of a list of a list. */
  function nested(depth: number): Buffer {
    let value: Buffer = Buffer.alloc(0)
    for (let i = 0; i < depth; i++) value = wrap(0x0a, wrap(0x2a, value))
    const attribute = Buffer.concat([wrap(0x0a, Buffer.from('url.path')), wrap(0x12, wrap(0x2a, value))])
    return wrap(0x0a, wrap(0x12, wrap(0x12, wrap(0x4a, attribute))))
  }
})

/** A field with a length. */
function wrap(tag: number, inner: Buffer): Buffer {
  const length: number[] = []
  for (let rest = inner.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest >= 128 ? (rest % 128) | 0x80 : rest)
    if (rest < 128) break
  }
  return Buffer.concat([Buffer.from([tag, ...length]), inner])
}
