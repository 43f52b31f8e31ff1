/**
 * What OTLP's clients are answered, in the encoding in which they asked: `Export…ServiceResponse`, or `google.rpc.Status`.
 *
 * Sources: OTLP specification, "OTLP/HTTP Response"; googleapis, google/rpc/{status,code}.proto.
 */
import type { ServerResponse } from 'node:http'
import { PbfWriter } from 'pbf'

export type Encoding = 'protobuf' | 'json'
export const contentTypes: Readonly<Record<Encoding, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' }

/** `rejected` may be 0: then `because` is a warning. */
export type Partial = { readonly rejected: number; readonly because: string }

/** The field's name differs by signal, its number does not. */
export type RejectedField = 'rejectedSpans' | 'rejectedDataPoints' | 'rejectedLogRecords'

export function successBody(encoding: Encoding, field: RejectedField, partial: Partial | undefined): Buffer {
  if (encoding === 'json') {
    if (partial === undefined) return Buffer.from('{}')
    // 64-bit integers are texts in protobuf's JSON.
    return Buffer.from(JSON.stringify({ partialSuccess: { [field]: String(partial.rejected), errorMessage: partial.because } }))
  }
  if (partial === undefined) return Buffer.alloc(0)
  const writer = new PbfWriter()
  writer.writeMessage(
    1,
    (it: Partial, pbf) => {
      if (it.rejected > 0) pbf.writeVarintField(1, it.rejected)
      if (it.because !== '') pbf.writeStringField(2, it.because)
    },
    partial,
  )
  return Buffer.from(writer.finish())
}

/** Codes of google.rpc.Code, by the status of HTTP that says the same. */
const codes: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 3, 415: 3, 429: 8, 503: 14 }
const internal = 13

export function statusBody(encoding: Encoding, status: number, message: string): Buffer {
  const code = codes[status] ?? (status < 500 ? 9 : internal)
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }))
  const writer = new PbfWriter()
  writer.writeVarintField(1, code)
  writer.writeStringField(2, message)
  return Buffer.from(writer.finish())
}

export function send(response: ServerResponse, status: number, encoding: Encoding, body: Buffer, headers: readonly string[] = []): void {
  response.writeHead(status, ['content-type', contentTypes[encoding], 'content-length', String(body.length), ...headers])
  response.end(body)
}
