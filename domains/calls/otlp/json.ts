/**
 * OTLP's requests from JSON, to the same shape: names in lowerCamelCase, ids in hex of either case, enums as integers,
 * 64-bit integers as texts or numbers, unknown fields ignored.
 *
 * Source: OTLP specification, "JSON Protobuf Encoding".
 */
import { isNestedDeeper } from '@belay/http'
import {
  cpuMetrics,
  cpuUnitMs,
  EvaluationFields,
  evaluationAttributes,
  exceptionAttributes,
  ExceptionFields,
  isEvaluation,
  isPrefixed,
  resourceAttributes,
  ResourceFields,
  resourceOf,
  setPrefixed,
  spanAttributes,
  variantOf,
  variantsMax,
} from './attributes.ts'
import { eventNameAttribute, exceptionText, takeEvaluation, takeSpan } from './protobuf.ts'
import {
  attributesMax,
  type CpuPoint,
  type Decoded,
  type Evaluation,
  Gathered,
  listMax,
  Malformed,
  nameMax,
  type Resource,
  Span,
  textMax,
  type Value,
} from './shape.ts'

/** A span stands at level 6 and its attributes at 9; AnyValue may go deeper. Whoever walks deeper walks for nothing. */
const nestingMax = 64

type Json = Readonly<Record<string, unknown>>
type ReadItem<T> = (item: Json, resource: Resource, into: Gathered<T>) => void

/** @throws Malformed */
export const readSpansJson = (body: Buffer): Decoded<Span> => read(body, 'Spans', 'spans', readSpan)
/** @throws Malformed */
export const readEvaluationsJson = (body: Buffer): Decoded<Evaluation> => read(body, 'Logs', 'logRecords', readLog)
/** @throws Malformed */
export const readCpuJson = (body: Buffer): Decoded<CpuPoint> => read(body, 'Metrics', 'metrics', readMetric)

function read<T>(body: Buffer, of: string, items: string, readItem: ReadItem<T>): Decoded<T> {
  const into = new Gathered<T>()
  eachOf(parsed(body), `resource${of}`, '', (group, at) => {
    into.group()
    const fields = new ResourceFields()
    readAttributes(objectIn(group, 'resource', at), resourceAttributes, fields, `${at}.resource`)
    const resource = resourceOf(fields)
    eachOf(group, `scope${of}`, `${at}.`, (scope, scopeAt) => {
      into.group()
      eachOf(scope, items, `${scopeAt}.`, (item, itemAt) => {
        if (!into.isOpen) return into.beyond()
        try {
          readItem(item, resource, into)
        } catch (error) {
          if (error instanceof Malformed) error.where = error.where === '' ? itemAt : `${itemAt}.${error.where}`
          throw error
        }
      })
    })
  })
  return into
}

function parsed(body: Buffer): Json {
  const text = body.toString('utf8')
  if (isNestedDeeper(text, nestingMax)) throw new Malformed(`it is nested deeper than ${nestingMax} levels`)
  let value: unknown
  try {
    value = /[:[,]\s*-?\d{16}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text)
  } catch {
    throw new Malformed('it is not JSON')
  }
  if (!isObject(value)) throw new Malformed('it is not a JSON object')
  return value
}

/** Numbers that a double would round keep their digits. */
function exact(this: unknown, _key: string, value: unknown, ...[context]: unknown[]): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = (context as { source?: string } | undefined)?.source
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

function malformed(because: string, where: string): Malformed {
  const it = new Malformed(because)
  it.where = where
  return it
}

/** Absent and null are an empty list. */
function eachOf(of: Json, field: string, before: string, visit: (item: Json, at: string) => void): void {
  const list = of[field] ?? []
  if (!Array.isArray(list)) throw malformed('is not a list', before + field)
  for (let i = 0; i < list.length; i++) {
    const at = `${before}${field}[${i}]`
    const item: unknown = list[i]
    if (!isObject(item)) throw malformed('is not an object', at)
    visit(item, at)
  }
}

function objectIn(of: Json, field: string, at: string): Json {
  const value = of[field] ?? {}
  if (!isObject(value)) throw malformed('is not an object', at === '' ? field : `${at}.${field}`)
  return value
}

function textIn(of: Json, field: string): string {
  const value = of[field] ?? ''
  if (typeof value !== 'string') throw malformed('is not a text', field)
  return value.length > nameMax ? value.slice(0, nameMax) : value
}

/** An enum's name is no integer. */
function integerIn(of: Json, field: string): number {
  const value = of[field] ?? 0
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw malformed('is not an integer', field)
  return value
}

/** Trace, span and parent one after the other, as `takeSpan` takes them. */
const ids = Buffer.alloc(32)
/** Where it now is in `ids`; -1 when it is absent, -2 when it has another length. */
function idIn(of: Json, field: string, at: number, bytes: number): number {
  const text = textIn(of, field)
  if (text === '') return -1
  if (!/^[0-9a-f]*$/i.test(text)) throw malformed('is not hex', field)
  if (text.length !== 2 * bytes) return -2
  ids.write(text, at, 'hex')
  return at
}
const [traceAt, spanAt, parentAt] = [0, 16, 24]

/** A 64-bit integer of nanoseconds. */
function nanosIn(of: Json, field: string): bigint {
  const value = of[field] ?? 0
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return BigInt(value)
  throw malformed('is not a 64-bit integer', field)
}
const usOf = (nanos: bigint): number => Number(nanos / 1_000n) + Number(nanos % 1_000n) / 1_000

function readAttributes<T>(
  of: Json,
  known: ReadonlyMap<string, (it: T, value: Value) => void>,
  into: T,
  at: string,
  other?: (key: string, value: Value) => void,
): T {
  let count = 0
  eachOf(of, 'attributes', at === '' ? '' : `${at}.`, (attribute) => {
    if (count++ >= attributesMax) return
    const key = textIn(attribute, 'key')
    const set = known.get(key)
    if (set !== undefined) set(into, valueOf(attribute['value']))
    else other?.(key, valueOf(attribute['value']))
  })
  return into
}

function valueOf(value: unknown): Value {
  if (value === undefined || value === null) return null
  if (!isObject(value)) throw malformed('is not an AnyValue', 'value')
  const { stringValue, boolValue, intValue, doubleValue, arrayValue } = value
  if (typeof stringValue === 'string') return stringValue.slice(0, textMax)
  if (typeof boolValue === 'boolean') return boolValue
  if (typeof intValue === 'number' || typeof intValue === 'bigint') return intValue
  if (typeof intValue === 'string') {
    if (!/^-?\d{1,20}$/.test(intValue)) throw malformed('is not a 64-bit integer', 'value.intValue')
    const number = Number(intValue)
    return Number.isSafeInteger(number) ? number : BigInt(intValue)
  }
  if (typeof doubleValue === 'number') return doubleValue
  if (isObject(arrayValue) && Array.isArray(arrayValue['values']))
    return arrayValue['values'].slice(0, listMax).map((it: unknown) => {
      const inner = isObject(it) && 'arrayValue' in it ? null : valueOf(it)
      return Array.isArray(inner) ? null : inner
    })
  return null
}

function readSpan(item: Json, resource: Resource, into: Gathered<Span>): void {
  const it = new Span(resource)
  it.kind = integerIn(item, 'kind')
  it.name = textIn(item, 'name')
  it.flags = integerIn(item, 'flags')
  it.isError = integerIn(objectIn(item, 'status', ''), 'code') === 2
  const start = nanosIn(item, 'startTimeUnixNano')
  it.startUs = usOf(start)
  it.durationUs = Number(nanosIn(item, 'endTimeUnixNano') - start) / 1_000
  readAttributes(item, spanAttributes, it, '', (key, value) => void (isPrefixed(key) && setPrefixed(it, key, value)))
  let events = 0
  eachOf(item, 'events', '', (event) => {
    if (events++ >= attributesMax) return
    const name = textIn(event, 'name')
    if (isEvaluation(name)) {
      const variant = variantOf(readAttributes(event, evaluationAttributes, new EvaluationFields(), ''))
      const variants = (it.variants ??= [])
      if (variant !== undefined && variants.length < variantsMax) variants.push(variant)
    } else if (name === 'exception') {
      const { type, message } = readAttributes(event, exceptionAttributes, new ExceptionFields(), '')
      it.exception = exceptionText(type, message)
    }
  })
  takeSpan(it, ids, idIn(item, 'traceId', traceAt, 16), idIn(item, 'spanId', spanAt, 8), idIn(item, 'parentSpanId', parentAt, 8), into)
}

function readLog(item: Json, _resource: Resource, into: Gathered<Evaluation>): void {
  const name = textIn(item, 'eventName')
  if (!isEvaluation(name) && !isEvaluation(readAttributes(item, eventNameAttribute, { name: '' }, '').name)) return
  const variant = variantOf(readAttributes(item, evaluationAttributes, new EvaluationFields(), ''))
  takeEvaluation(variant, ids, idIn(item, 'traceId', traceAt, 16), idIn(item, 'spanId', spanAt, 8), into)
}

function readMetric(item: Json, resource: Resource, into: Gathered<CpuPoint>): void {
  const name = textIn(item, 'name')
  const unitMs = cpuUnitMs(textIn(item, 'unit'))
  if (!cpuMetrics.has(name) || unitMs === undefined) return
  const sum = objectIn(item, 'sum', '')
  const isDelta = integerIn(sum, 'aggregationTemporality') === 1
  eachOf(sum, 'dataPoints', 'sum.', (point) => {
    if (!into.isOpen) return into.beyond()
    const { asDouble, asInt } = point
    const value = typeof asDouble === 'number' ? asDouble : typeof asInt === 'string' || typeof asInt === 'bigint' ? Number(asInt) : asInt
    if (typeof value !== 'number' || !Number.isFinite(value)) throw malformed('is not a number', 'sum.dataPoints.asDouble')
    into.items.push({
      resource,
      series: `${name}\n${JSON.stringify(point['attributes'] ?? [], (_, it: unknown) => (typeof it === 'bigint' ? String(it) : it))}`.slice(
        0,
        2_000,
      ),
      isDelta,
      startMs: usOf(nanosIn(point, 'startTimeUnixNano')) / 1_000,
      atMs: usOf(nanosIn(point, 'timeUnixNano')) / 1_000,
      cpuMs: value * unitMs,
    })
  })
}
