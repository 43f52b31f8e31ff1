/**
 * OTLP's requests from protobuf. Fields that say nothing about a call are skipped by their length, so neither depth nor
 * number of what is in them costs anything.
 *
 * Field numbers: opentelemetry-proto, collector/{trace,logs,metrics}/v1, trace/v1, logs/v1, metrics/v1, common/v1,
 * resource/v1.
 */
import {
  cpuMetrics,
  cpuUnitMs,
  EvaluationFields,
  evaluationAttributes,
  exceptionAttributes,
  ExceptionFields,
  isEvaluation,
  isPrefixed,
  prefixes,
  resourceAttributes,
  ResourceFields,
  resourceOf,
  setPrefixed,
  spanAttributes,
  variantOf,
  variantsMax,
} from './attributes.ts'
import {
  attributesMax,
  type CpuPoint,
  type Decoded,
  Evaluation,
  Gathered,
  listMax,
  Malformed,
  nameMax,
  type Resource,
  Span,
  textMax,
  type Value,
} from './shape.ts'
import { bytes, fixed32, fixed64, texts, varint, WireReader } from './wire.ts'

/** Number and wire type of a field, as `WireReader.next` gives them. */
const field = (number: number, type: number): number => number * 8 + type
const group = { resource: field(1, bytes), items: field(2, bytes) }
const keyValue = { key: field(1, bytes), value: field(2, bytes) }
const anyValue = {
  string: field(1, bytes),
  bool: field(2, varint),
  int: field(3, varint),
  double: field(4, fixed64),
  array: field(5, bytes),
}
const span = {
  trace: field(1, bytes),
  id: field(2, bytes),
  parent: field(4, bytes),
  name: field(5, bytes),
  kind: field(6, varint),
  start: field(7, fixed64),
  end: field(8, fixed64),
  attribute: field(9, bytes),
  event: field(11, bytes),
  status: field(15, bytes),
  flags: field(16, fixed32),
}
const event = { name: field(2, bytes), attribute: field(3, bytes) }
const statusCode = field(3, varint)
const log = { attribute: field(6, bytes), trace: field(9, bytes), span: field(10, bytes), name: field(12, bytes) }
const metric = { name: field(1, bytes), unit: field(3, bytes), sum: field(7, bytes) }
const sum = { point: field(1, bytes), temporality: field(2, varint) }
const point = {
  start: field(2, fixed64),
  at: field(3, fixed64),
  double: field(4, fixed64),
  int: field(6, fixed64),
  attribute: field(7, bytes),
}

/** @throws Malformed */
export const readSpans = (body: Buffer): Decoded<Span> => read(body, 'spans', readSpan)
/** @throws Malformed */
export const readEvaluations = (body: Buffer): Decoded<Evaluation> => read(body, 'log_records', readLog)
/** @throws Malformed */
export const readCpu = (body: Buffer): Decoded<CpuPoint> => read(body, 'metrics', readMetric)

type ReadItem<T> = (reader: WireReader, end: number, resource: Resource, into: Gathered<T>) => void

/** All three requests are lists of resources with lists of scopes with lists of items, under the same numbers. */
function read<T>(body: Buffer, items: string, readItem: ReadItem<T>): Decoded<T> {
  const reader = new WireReader(body)
  const into = new Gathered<T>()
  const at = { resource: -1, scope: -1, item: -1 }
  try {
    for (let tag = reader.next(body.length); tag !== 0; tag = reader.next(body.length)) {
      if (tag !== group.resource) continue
      at.resource++
      at.scope = at.item = -1
      into.group()
      readResourceGroup(reader, reader.end(body.length), at, readItem, into)
    }
    return into
  } catch (error) {
    // pbf throws plain errors and, where it reads past the end, range errors.
    const it = error instanceof Malformed ? error : new Malformed('its bytes are no protobuf')
    const path = [`resource[${at.resource}]`, `scope[${at.scope}]`, `${items}[${at.item}]`].filter((part) => !part.endsWith('[-1]'))
    it.where = `${path.map((part) => `${part}, `).join('')}near byte ${Math.min(reader.pos, body.length)}`
    throw it
  }
}

function readResourceGroup<T>(
  reader: WireReader,
  end: number,
  at: { scope: number; item: number },
  readItem: ReadItem<T>,
  into: Gathered<T>,
): void {
  // The resource says whose the scopes are, and may stand after them: read first, whatever the order.
  const from = reader.pos
  const fields = new ResourceFields()
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end))
    if (tag === group.resource) readResource(reader, reader.end(end), fields)
  const resource = resourceOf(fields)
  rewind(reader, from)
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag !== group.items) continue
    at.scope++
    at.item = -1
    into.group()
    const scopeEnd = reader.end(end)
    for (let inner = reader.next(scopeEnd); inner !== 0; inner = reader.next(scopeEnd)) {
      if (inner !== group.items) continue
      at.item++
      const itemEnd = reader.end(scopeEnd)
      if (into.isOpen) readItem(reader, itemEnd, resource, into)
      else {
        into.beyond()
        reader.pos = itemEnd
      }
    }
  }
}

/** pbf skips a value that was not read when it stands where the last one began: a rewind is no such place. */
function rewind(reader: WireReader, to: number): void {
  reader.pos = to
  reader._valueStart = -1
}

function readResource(reader: WireReader, end: number, fields: ResourceFields): void {
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end))
    if (tag === group.resource) readAttribute(reader, reader.end(end), resourceAttributes, fields)
}

/** One KeyValue; its value is read when somebody wants it. */
function readAttribute<T>(reader: WireReader, end: number, known: ReadonlyMap<string, (it: T, value: Value) => void>, into: T): void {
  let key = ''
  let value: Value = null
  let set: ((it: T, value: Value) => void) | undefined
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag === keyValue.key) {
      key = reader.text(end, nameMax)
      set = known.get(key)
    } else if (tag === keyValue.value && (set !== undefined || key === '')) value = readValue(reader, reader.end(end))
  }
  set?.(into, value)
}

function readSpanAttribute(reader: WireReader, end: number, into: Span): void {
  const { bytes: all, pos } = reader
  const keyEnd = pos + 2 + (all[pos + 1] as number)
  const valueEnd = keyEnd + 2 + (all[keyEnd + 1] as number)
  // Nearly always: a key and a value of less than 128 bytes each, and nothing else.
  if (valueEnd !== end || all[pos] !== keyValue.key || all[keyEnd] !== keyValue.value || (all[pos + 1] as number) > 127)
    return readLongAttribute(reader, end, into)
  if (!mayBeKnown(all, pos + 2, keyEnd)) {
    reader.pos = end
    return
  }
  const key = texts.read(all, pos + 2, keyEnd)
  const set = spanAttributes.get(key)
  if (set === undefined && !isPrefixed(key)) {
    reader.pos = end
    return
  }
  const start = keyEnd + 2
  let value: Value
  if (all[start] === anyValue.string && start + 2 + (all[start + 1] as number) === end) {
    value = texts.read(all, start + 2, end)
    reader.pos = end
  } else {
    reader.pos = start
    value = readValue(reader, end)
  }
  if (set !== undefined) set(into, value)
  else setPrefixed(into, key, value)
}

/** By length and ends: half of a span's attributes say nothing about a call, and need no text to be made to know that. */
function mayBeKnown(all: Buffer, start: number, end: number): boolean {
  const first = all[start] as number
  return (
    knownShapes[shapeOf(end - start, first, all[end - 1] as number)] === 1 ||
    (end - start > shortestPrefix && prefixLetters.includes(first))
  )
}
const shapeOf = (length: number, first: number, last: number): number => (Math.imul(length, 61) ^ (first << 5) ^ last) & 4_095
const knownShapes = new Uint8Array(4_096)
for (const key of spanAttributes.keys()) knownShapes[shapeOf(key.length, key.charCodeAt(0), key.charCodeAt(key.length - 1))] = 1
const shortestPrefix = Math.min(...prefixes.map((it) => it.length))
const prefixLetters = [...new Set(prefixes.map((it) => it.charCodeAt(0)))]

function readLongAttribute(reader: WireReader, end: number, into: Span): void {
  let key = ''
  let value: Value = null
  let set: ((it: Span, value: Value) => void) | undefined
  let isOther = false
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag === keyValue.key) {
      key = reader.text(end, nameMax)
      set = spanAttributes.get(key)
      isOther = set === undefined && isPrefixed(key)
    } else if (tag === keyValue.value && (set !== undefined || isOther || key === '')) value = readValue(reader, reader.end(end))
  }
  if (set !== undefined) set(into, value)
  else if (isOther) setPrefixed(into, key, value)
}

/** Maps, bytes and lists of lists say nothing about a call. */
function readValue(reader: WireReader, end: number): Value {
  let value: Value = null
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag === anyValue.string) value = reader.text(end, textMax)
    else if (tag === anyValue.int) value = reader.int64(end)
    else if (tag === anyValue.bool) value = reader.varint(end) !== 0
    else if (tag === anyValue.double) value = reader.double(end)
    else if (tag === anyValue.array) value = readList(reader, reader.end(end))
  }
  return value
}

function readList(reader: WireReader, end: number): Value[] {
  const list: Value[] = []
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag !== field(1, bytes)) continue
    const itemEnd = reader.end(end)
    if (list.length >= listMax) {
      reader.pos = itemEnd
      continue
    }
    let value: Value = null
    for (let inner = reader.next(itemEnd); inner !== 0; inner = reader.next(itemEnd)) {
      if (inner === anyValue.string) value = reader.text(itemEnd, textMax)
      else if (inner === anyValue.int) value = reader.int64(itemEnd)
    }
    list.push(value)
  }
  return list
}

const from = new Uint32Array(2)
const to = new Uint32Array(2)
const [low, high] = [0, 1]
/** 2^32 ns are 4,294,967 µs and 296 ns: in two steps nothing is rounded but the fraction of a µs. */
const usOf = (halves: Uint32Array): number =>
  (halves[high] as number) * 4_294_967 + ((halves[high] as number) * 296 + (halves[low] as number)) / 1_000

function readSpan(reader: WireReader, end: number, resource: Resource, into: Gathered<Span>): void {
  const it = new Span(resource)
  let trace = -1
  let id = -1
  let parent = -1
  let attributes = 0
  let events = 0
  from.fill(0)
  to.fill(0)
  for (let tag = reader.tag(end); tag !== 0; tag = reader.tag(end)) {
    switch (tag) {
      case span.attribute: {
        const attributeEnd = reader.end(end)
        if (attributes++ < attributesMax) readSpanAttribute(reader, attributeEnd, it)
        else reader.pos = attributeEnd
        break
      }
      case span.trace:
        trace = reader.id(end, 16)
        break
      case span.id:
        id = reader.id(end, 8)
        break
      case span.parent:
        parent = reader.id(end, 8)
        break
      case span.name:
        it.name = reader.text(end, nameMax)
        break
      case span.kind:
        it.kind = reader.varint(end)
        break
      case span.start:
        reader.fixed64(end, from)
        break
      case span.end:
        reader.fixed64(end, to)
        break
      case span.event: {
        const eventEnd = reader.end(end)
        if (events++ < attributesMax) readEvent(reader, eventEnd, it)
        else reader.pos = eventEnd
        break
      }
      case span.status:
        it.isError = readStatus(reader, reader.end(end))
        break
      case span.flags:
        it.flags = reader.fixed32(end)
        break
      default:
        reader.skip(tag)
    }
  }
  it.startUs = usOf(from)
  it.durationUs = (((to[high] as number) - (from[high] as number)) * 2 ** 32 + (to[low] as number) - (from[low] as number)) / 1_000
  takeSpan(it, reader.bytes, trace, id, parent, into)
}

/**
 * The same of both encodings: what a span must be.
 * @param ids where its ids are; their positions: -1 for none, -2 for one of another length.
 */
export function takeSpan(it: Span, ids: Buffer, trace: number, id: number, parent: number, into: Gathered<Span>): void {
  if (trace >= 0 && id >= 0) it.read(ids, trace, id)
  if (it.isNone) return into.reject('a span needs a trace id of 16 bytes and a span id of 8, not all zeros')
  if (parent >= 0) {
    it.parent0 = ids.readInt32BE(parent)
    it.parent1 = ids.readInt32BE(parent + 4)
  }
  if (parent === -2 || (it.parent0 === it.id0 && it.parent1 === it.id1))
    return into.reject('the parent of a span is another span, by an id of 8 bytes')
  if (it.startUs === 0 || it.durationUs < 0) return into.reject('a span needs the time of its beginning, and ends after it')
  into.items.push(it)
}

function readStatus(reader: WireReader, end: number): boolean {
  let code = 0
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) if (tag === statusCode) code = reader.varint(end)
  return code === 2
}

function readEvent(reader: WireReader, end: number, it: Span): void {
  let name = ''
  const start = reader.pos
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) if (tag === event.name) name = reader.text(end, nameMax)
  if (isEvaluation(name)) {
    const variant = variantOf(readAttributes(reader, start, end, event.attribute, evaluationAttributes, new EvaluationFields()))
    const variants = (it.variants ??= [])
    if (variant !== undefined && variants.length < variantsMax) variants.push(variant)
  } else if (name === 'exception') {
    const { type, message } = readAttributes(reader, start, end, event.attribute, exceptionAttributes, new ExceptionFields())
    it.exception = exceptionText(type, message)
  }
}

export const exceptionText = (type: string, message: string): string => [type, message].filter((part) => part !== '').join(': ')

/** Reads a message a second time, for its attributes: what they are for stands in a field that may come after them. */
function readAttributes<T>(
  reader: WireReader,
  start: number,
  end: number,
  tagOfAttribute: number,
  known: ReadonlyMap<string, (it: T, value: Value) => void>,
  into: T,
): T {
  rewind(reader, start)
  let count = 0
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end))
    if (tag === tagOfAttribute && count++ < attributesMax) readAttribute(reader, reader.end(end), known, into)
  return into
}

function readLog(reader: WireReader, end: number, _resource: Resource, into: Gathered<Evaluation>): void {
  const start = reader.pos
  let trace = -1
  let id = -1
  let name = ''
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag === log.trace) trace = reader.id(end, 16)
    else if (tag === log.span) id = reader.id(end, 8)
    else if (tag === log.name) name = reader.text(end, nameMax)
  }
  if (!isEvaluation(name)) {
    // Before logs had a field for it, the name of an event was an attribute.
    const old = readAttributes(reader, start, end, log.attribute, eventNameAttribute, { name: '' })
    if (!isEvaluation(old.name)) return
  }
  const variant = variantOf(readAttributes(reader, start, end, log.attribute, evaluationAttributes, new EvaluationFields()))
  takeEvaluation(variant, reader.bytes, trace, id, into)
}

/** As `takeSpan`. Outside of a span there is no call to count it to. */
export function takeEvaluation(variant: string | undefined, ids: Buffer, trace: number, id: number, into: Gathered<Evaluation>): void {
  if (trace === -2 || id === -2) return into.reject('an id of a log record has a length of its own')
  if (variant === undefined || trace < 0 || id < 0) return
  const it = new Evaluation(variant)
  it.read(ids, trace, id)
  if (!it.isNone) into.items.push(it)
}
export const eventNameAttribute: ReadonlyMap<string, (it: { name: string }, value: Value) => void> = new Map([
  ['event.name', (it: { name: string }, value: Value) => void (typeof value === 'string' && (it.name = value))],
])

function readMetric(reader: WireReader, end: number, resource: Resource, into: Gathered<CpuPoint>): void {
  const start = reader.pos
  let name = ''
  let unit = ''
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag === metric.name) name = reader.text(end, nameMax)
    else if (tag === metric.unit) unit = reader.text(end, 20)
  }
  const unitMs = cpuUnitMs(unit)
  if (!cpuMetrics.has(name) || unitMs === undefined) return
  rewind(reader, start)
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end))
    if (tag === metric.sum) readSum(reader, reader.end(end), name, unitMs, resource, into)
}

function readSum(reader: WireReader, end: number, name: string, unitMs: number, resource: Resource, into: Gathered<CpuPoint>): void {
  const start = reader.pos
  let temporality = 0
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) if (tag === sum.temporality) temporality = reader.varint(end)
  rewind(reader, start)
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag !== sum.point) continue
    const pointEnd = reader.end(end)
    if (into.isOpen) into.items.push(readPoint(reader, pointEnd, name, temporality === 1, unitMs, resource))
    else {
      into.beyond()
      reader.pos = pointEnd
    }
  }
}

function readPoint(reader: WireReader, end: number, name: string, isDelta: boolean, unitMs: number, resource: Resource): CpuPoint {
  const attributes: string[] = []
  let value = 0
  from.fill(0)
  to.fill(0)
  for (let tag = reader.next(end); tag !== 0; tag = reader.next(end)) {
    if (tag === point.start) reader.fixed64(end, from)
    else if (tag === point.at) reader.fixed64(end, to)
    else if (tag === point.double) value = reader.double(end)
    else if (tag === point.int) value = Number(reader.sfixed64(end))
    else if (tag === point.attribute && attributes.length < attributesMax) {
      const inner = reader.end(end)
      attributes.push(reader.bytes.toString('latin1', reader.pos, Math.min(inner, reader.pos + nameMax)))
      reader.pos = inner
    }
  }
  return {
    resource,
    // What it is made of does not matter, only that it is the same for the same series.
    series: `${name}\n${attributes.toSorted().join('\n')}`.slice(0, 2_000),
    isDelta,
    startMs: usOf(from) / 1_000,
    atMs: usOf(to) / 1_000,
    cpuMs: value * unitMs,
  }
}
