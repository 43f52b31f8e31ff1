/** For tests: spans as one would write them, encoded as SDKs do, in both of OTLP's encodings; and an intake that remembers. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Problem } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import { PbfWriter } from 'pbf'
import type { Claim, Intake } from '../intake/types.ts'
import type { CallRow } from '../row.ts'

export type Attribute = string | number | bigint | boolean | readonly string[]
export type TestSpan = {
  trace: string
  id: string
  parent?: string
  kind?: number
  name?: string
  /** ms since the epoch; fractions count. */
  at: number
  ms: number
  attributes?: Readonly<Record<string, Attribute>>
  events?: readonly { name: string; attributes: Readonly<Record<string, Attribute>> }[]
  error?: boolean
  flags?: number
}
export type TestBody = {
  resource?: Readonly<Record<string, Attribute>>
  spans: readonly TestSpan[]
}
export const start = 1_760_000_000_000
export const serverKind = 2
export const clientKind = 3

export const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0')
export const traceOf = (number: number): string => hex(number + 1, 32)
let ids = 1
export const nextId = (): string => hex(ids++, 16)

const nanos = (ms: number): bigint => BigInt(Math.trunc(ms)) * 1_000_000n + BigInt(Math.round((ms - Math.trunc(ms)) * 1e6))

/** A server's span with its statements and calls of others. */
export function call(
  number: number,
  about: Partial<TestSpan> & {
    statements?: readonly string[]
    externals?: number
    path?: string
    verb?: string
    route?: string
    status?: number
  } = {},
): TestSpan[] {
  const { statements = [], externals = 0, path = '/items', verb = 'GET', route, status = 200, ...more } = about
  const trace = traceOf(number)
  const id = nextId()
  const at = more.at ?? start + number
  const inner = (i: number, rest: Partial<TestSpan>): TestSpan => ({
    trace,
    id: nextId(),
    parent: id,
    kind: clientKind,
    at: at + i,
    ms: 0.5,
    ...rest,
  })
  return [
    ...statements.map((text, i) => inner(i, { name: 'pg.query', attributes: { 'db.system.name': 'postgresql', 'db.query.text': text } })),
    ...Array.from({ length: externals }, (_, i) =>
      inner(i, { name: 'GET', attributes: { 'http.request.method': 'GET', 'server.address': 'other.test' } }),
    ),
    {
      trace,
      id,
      kind: serverKind,
      name: verb,
      at,
      ms: 10,
      ...more,
      attributes: {
        'http.request.method': verb,
        'url.path': path,
        'http.response.status_code': status,
        ...(route === undefined ? {} : { 'http.route': route }),
        ...more.attributes,
      },
    },
  ]
}

const usualResource = { 'service.name': 'api', 'service.version': 'v7', 'host.name': 'web1' }

/** ExportTraceServiceRequest. */
export function protobufOf(bodies: readonly TestBody[]): Buffer {
  const writer = new PbfWriter()
  for (const body of bodies)
    writer.writeMessage(
      1,
      (it: TestBody, pbf) => {
        pbf.writeMessage(1, writeAttributes(1), it.resource ?? usualResource)
        pbf.writeMessage(
          2,
          (spans: readonly TestSpan[], scope) => {
            for (const span of spans) scope.writeMessage(2, writeSpan, span)
          },
          it.spans,
        )
      },
      body,
    )
  return Buffer.from(writer.finish())
}

const writeAttributes = (field: number) => (attributes: Readonly<Record<string, Attribute>>, pbf: PbfWriter) => {
  for (const [key, value] of Object.entries(attributes))
    pbf.writeMessage(
      field,
      (_: null, it) => {
        it.writeStringField(1, key)
        it.writeMessage(2, writeValue, value)
      },
      null,
    )
}

function writeValue(value: Attribute, pbf: PbfWriter): void {
  if (typeof value === 'string') pbf.writeStringField(1, value)
  else if (typeof value === 'boolean') pbf.writeBooleanField(2, value)
  else if (typeof value === 'bigint') {
    pbf.writeTag(3, 0)
    for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
      pbf.realloc(1)
      pbf.buf[pbf.pos++] = Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0)
      if (rest <= 0x7fn) break
    }
  } else if (typeof value === 'number') {
    if (Number.isInteger(value)) pbf.writeVarintField(3, value)
    else pbf.writeDoubleField(4, value)
  } else
    pbf.writeMessage(
      5,
      (items: readonly string[], list) => {
        for (const item of items) list.writeMessage(1, writeValue, item)
      },
      value,
    )
}

function writeFixed64(pbf: PbfWriter, field: number, value: bigint): void {
  pbf.writeTag(field, 1)
  pbf.writeFixed32(Number(value & 0xffff_ffffn))
  pbf.writeFixed32(Number(value >> 32n))
}

function writeSpan(span: TestSpan, pbf: PbfWriter): void {
  pbf.writeBytesField(1, Buffer.from(span.trace, 'hex'))
  pbf.writeBytesField(2, Buffer.from(span.id, 'hex'))
  if (span.parent) pbf.writeBytesField(4, Buffer.from(span.parent, 'hex'))
  pbf.writeStringField(5, span.name ?? 'span')
  pbf.writeVarintField(6, span.kind ?? 1)
  writeFixed64(pbf, 7, nanos(span.at))
  writeFixed64(pbf, 8, nanos(span.at) + nanos(span.ms))
  writeAttributes(9)(span.attributes ?? {}, pbf)
  for (const event of span.events ?? [])
    pbf.writeMessage(
      11,
      (_: null, it) => {
        writeFixed64(it, 1, nanos(span.at))
        it.writeStringField(2, event.name)
        writeAttributes(3)(event.attributes, it)
      },
      null,
    )
  if (span.error) pbf.writeMessage(15, (_: null, it) => it.writeVarintField(3, 2), null)
  if (span.flags !== undefined) pbf.writeFixed32Field(16, span.flags)
}

const jsonValue = (value: Attribute): unknown =>
  typeof value === 'string'
    ? { stringValue: value }
    : typeof value === 'boolean'
      ? { boolValue: value }
      : typeof value === 'bigint'
        ? { intValue: String(value) }
        : typeof value === 'number'
          ? Number.isInteger(value)
            ? { intValue: value }
            : { doubleValue: value }
          : { arrayValue: { values: value.map(jsonValue) } }
const jsonAttributes = (attributes: Readonly<Record<string, Attribute>>) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: jsonValue(value) }))

export function jsonOf(bodies: readonly TestBody[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      resourceSpans: bodies.map(({ resource = usualResource, spans }) => ({
        resource: { attributes: jsonAttributes(resource) },
        scopeSpans: [
          {
            scope: { name: 'test' },
            spans: spans.map((span) => ({
              traceId: span.trace.toUpperCase(),
              spanId: span.id,
              parentSpanId: span.parent ?? '',
              name: span.name ?? 'span',
              kind: span.kind ?? 1,
              startTimeUnixNano: String(nanos(span.at)),
              endTimeUnixNano: String(nanos(span.at) + nanos(span.ms)),
              attributes: jsonAttributes(span.attributes ?? {}),
              events: (span.events ?? []).map(({ name, attributes }) => ({ name, attributes: jsonAttributes(attributes) })),
              status: span.error ? { code: 2 } : {},
              flags: span.flags ?? 0,
              unknownField: [{ ignored: true }],
            })),
          },
        ],
      })),
    }),
  )
}

export type TestEvaluation = { trace: string; span: string; flag: string; variant: string }
/** ExportLogsServiceRequest. */
export function logsOf(evaluations: readonly TestEvaluation[]): Buffer {
  const writer = new PbfWriter()
  writer.writeMessage(
    1,
    (_: null, pbf) => {
      pbf.writeMessage(1, writeAttributes(1), usualResource)
      pbf.writeMessage(
        2,
        (__: null, scope) => {
          for (const { trace, span, flag, variant } of evaluations)
            scope.writeMessage(
              2,
              (___: null, it) => {
                writeAttributes(6)({ 'feature_flag.key': flag, 'feature_flag.result.variant': variant }, it)
                it.writeBytesField(9, Buffer.from(trace, 'hex'))
                it.writeBytesField(10, Buffer.from(span, 'hex'))
                it.writeStringField(12, 'feature_flag.evaluation')
              },
              null,
            )
        },
        null,
      )
    },
    null,
  )
  return Buffer.from(writer.finish())
}

/** ExportMetricsServiceRequest with `process.cpu.time` in seconds, user and system. */
export function cpuOf(
  resource: Readonly<Record<string, Attribute>>,
  startMs: number,
  atMs: number,
  userS: number,
  systemS: number,
): Buffer {
  const writer = new PbfWriter()
  const point = (mode: string, value: number) => (_: null, it: PbfWriter) => {
    writeFixed64(it, 2, nanos(startMs))
    writeFixed64(it, 3, nanos(atMs))
    it.writeDoubleField(4, value)
    writeAttributes(7)({ 'cpu.mode': mode }, it)
  }
  writer.writeMessage(
    1,
    (_: null, pbf) => {
      pbf.writeMessage(1, writeAttributes(1), resource)
      pbf.writeMessage(
        2,
        (__: null, scope) =>
          scope.writeMessage(
            2,
            (___: null, metric) => {
              metric.writeStringField(1, 'process.cpu.time')
              metric.writeStringField(3, 's')
              metric.writeMessage(
                7,
                (____: null, sum) => {
                  sum.writeMessage(1, point('user', userS), null)
                  sum.writeMessage(1, point('system', systemS), null)
                  sum.writeVarintField(2, 2)
                },
                null,
              )
            },
            null,
          ),
        null,
      )
    },
    null,
  )
  return Buffer.from(writer.finish())
}

export const noRules: CallRules = { version: 'none', methods: [], account: [], audiences: [] }

/** Takes each claim once, as the intake does, and outlives who uses it. */
export function rememberingIntake() {
  const claims = new Set<string>()
  const rows: CallRow[] = []
  const it = {
    rows,
    claims,
    /** What the next takes do instead. */
    refusals: [] as ((claim: Claim) => void)[],
    take: (async ({ claim, rows: taken }) => {
      it.refusals.shift()?.(claim)
      const key = `${claim.source} ${claim.batch}`
      if (claims.has(key)) return { counted: false }
      claims.add(key)
      rows.push(...taken)
      return { counted: true }
    }) as Intake['take'],
  }
  return it
}
export const callsBusy = () => {
  throw new Problem('calls-busy', 429, 'Full.', { afterS: 7 })
}

/** A server with one handler, until disposed. */
export async function listening(handle: Parameters<typeof createServer>[1]): Promise<AsyncDisposable & { url: string; server: Server }> {
  const server = createServer(handle as NonNullable<typeof handle>)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
