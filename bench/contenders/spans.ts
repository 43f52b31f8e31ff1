/**
 * Bodies of OTLP as a collector sends them: 8,192 spans with the attributes that Node's auto-instrumentations give a
 * server's span and one of `pg`. Encoded once; each further body has other trace ids.
 */
import { PbfWriter } from 'pbf'

/** A collector's default. */
const spansOfBody = 8_192
const marker = 0xfe_ed_fa_ce

export type SpanBodies = {
  readonly callsOfBody: number
  /** A body that nobody sent before. */
  next(): Buffer<ArrayBuffer>
}

/** @param statements within each call. */
export function spanBodies(statements: number, now = Date.now()): SpanBodies {
  const callsOfBody = Math.floor(spansOfBody / (statements + 1))
  const template = encoded(callsOfBody, statements, now)
  const places: number[] = []
  const found = Buffer.alloc(4)
  found.writeUInt32BE(marker)
  for (let at = template.indexOf(found); at >= 0; at = template.indexOf(found, at + 4)) places.push(at + 4)
  return {
    callsOfBody,
    next() {
      const body = Buffer.from(template)
      const number = bodies++
      for (const at of places) body.writeUInt32BE(number, at)
      return body
    },
  }
}
let bodies = Math.floor(Math.random() * 0x7fff_0000)

type Attributes = readonly (readonly [key: string, value: string | number])[]

function encoded(calls: number, statements: number, now: number): Buffer {
  const writer = new PbfWriter()
  writer.writeMessage(
    1,
    (_: null, group) => {
      group.writeMessage(1, writeAttributes(1), resource)
      group.writeMessage(
        2,
        (__: null, scope) => {
          for (let call = 0; call < calls; call++) writeCall(scope, call, statements, now)
        },
        null,
      )
    },
    null,
  )
  return Buffer.from(writer.finish())
}

const resource: Attributes = [
  ['service.name', 'api'],
  ['service.version', 'v7'],
  ['host.name', 'web1'],
  ['process.pid', 4_711],
  ['process.runtime.name', 'nodejs'],
  ['telemetry.sdk.language', 'nodejs'],
]

function writeCall(scope: PbfWriter, call: number, statements: number, now: number): void {
  const at = now - 30_000 + Math.floor((call * 30_000) / spansOfBody)
  const trace = Buffer.alloc(16)
  trace.writeUInt32BE(marker)
  trace.writeUInt32BE(call, 12)
  const id = (n: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(call + 1, 0)
    bytes.writeUInt32BE(n, 4)
    return bytes
  }
  const method = Math.floor(200 ** ((call * 0.618) % 1))
  for (let n = 1; n <= statements; n++)
    scope.writeMessage(2, writeSpan, {
      ...{ trace, id: id(n), parent: id(0), kind: 3, name: 'pg.query:SELECT app', at: at + n, us: 400 + ((call * 7) % 900) },
      attributes: statementAttributes(n),
    })
  scope.writeMessage(2, writeSpan, {
    ...{ trace, id: id(0), parent: undefined, kind: 2, name: 'GET', at, us: 5_000 + ((call * 31) % 40_000) },
    attributes: callAttributes(method, call),
  })
}

const callAttributes = (method: number, call: number): Attributes => [
  ['http.url', `http://api.example.com/method-${method}/${call}`],
  ['http.host', 'api.example.com'],
  ['net.host.name', 'api.example.com'],
  ['http.method', 'GET'],
  ['http.scheme', 'http'],
  ['http.target', `/method-${method}/${call}`],
  ['http.user_agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/149.0'],
  ['http.flavor', '1.1'],
  ['net.transport', 'ip_tcp'],
  ['net.host.ip', '10.0.0.5'],
  ['net.host.port', 3_000],
  ['net.peer.ip', '10.0.0.9'],
  ['net.peer.port', 40_000 + (call % 20_000)],
  ['http.route', `/method-${method}/:id`],
  ['http.status_code', call % 100 === 0 ? 500 : 200],
  ['http.status_text', 'OK'],
]
const statementAttributes = (n: number): Attributes => [
  ['db.system', 'postgresql'],
  ['db.name', 'app'],
  ['db.connection_string', 'postgresql://db1:5432/app'],
  ['net.peer.name', 'db1'],
  ['net.peer.port', 5_432],
  ['db.user', 'app'],
  ['db.statement', `SELECT id, name, created_at FROM item WHERE owner_id = $1 AND kind = $2 ORDER BY created_at LIMIT ${10 * n}`],
]

type WrittenSpan = {
  readonly trace: Buffer
  readonly id: Buffer
  readonly parent: Buffer | undefined
  readonly kind: number
  readonly name: string
  readonly at: number
  readonly us: number
  readonly attributes: Attributes
}

function writeSpan({ trace, id, parent, kind, name, at, us, attributes }: WrittenSpan, pbf: PbfWriter): void {
  pbf.writeBytesField(1, trace)
  pbf.writeBytesField(2, id)
  if (parent !== undefined) pbf.writeBytesField(4, parent)
  pbf.writeStringField(5, name)
  pbf.writeVarintField(6, kind)
  const start = BigInt(at) * 1_000_000n
  for (const [field, time] of [
    [7, start],
    [8, start + BigInt(us) * 1_000n],
  ] as const) {
    pbf.writeTag(field, 1)
    pbf.writeFixed32(Number(time & 0xffff_ffffn))
    pbf.writeFixed32(Number(time >> 32n))
  }
  writeAttributes(9)(attributes, pbf)
}

const writeAttributes = (field: number) => (attributes: Attributes, pbf: PbfWriter) => {
  for (const attribute of attributes)
    pbf.writeMessage(
      field,
      ([key, value]: Attributes[number], it) => {
        it.writeStringField(1, key)
        it.writeMessage(
          2,
          (inner: string | number, any) => {
            if (typeof inner === 'string') any.writeStringField(1, inner)
            else any.writeVarintField(3, inner)
          },
          value,
        )
      },
      attribute,
    )
}
