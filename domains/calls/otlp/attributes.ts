/** Which attributes say something about a call, and where they go. Older names are still sent by most instrumentations. */
import { nameMax, type Resource, type Span, textMax, type Value } from './shape.ts'

type Set<T> = (it: T, value: Value) => void

/** A text of what may also be a number: ids and codes are sent as either. */
export function textOf(value: Value, max = nameMax): string {
  if (typeof value === 'string') return value.length > max ? value.slice(0, max) : value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value !== null && value.length > 0) return textOf(value[0] as Value, max)
  return ''
}

/** A whole number of 0 or more; what is none is 0. */
export function countOf(value: Value): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && number > 0 && number < 2 ** 53 ? Math.floor(number) : 0
}

const text =
  <K extends keyof { [P in keyof Span as Span[P] extends string ? P : never]: Span[P] }>(field: K): Set<Span> =>
  (span, value) => {
    // A stable name and its elder stand for the same; the first that says something counts.
    if (span[field] === '') (span as Record<K, string>)[field] = textOf(value)
  }
const count =
  (field: 'status' | 'requestBytes' | 'responseBytes' | 'dbRows' | 'peerPort' | 'localPort'): Set<Span> =>
  (span, value) => {
    if (span[field] === 0) span[field] = countOf(value)
  }
const query: Set<Span> = (span, value) => {
  if (span.dbText === '') span.dbText = textOf(value, textMax)
}
const verb: Set<Span> = (span, value) => {
  if (span.verb === '') span.verb = textOf(value).toUpperCase()
}
/** `/items?limit=3`, or a whole URL. */
const target: Set<Span> = (span, value) => {
  const whole = textOf(value, textMax)
  const from = /^[a-z][\w+.-]*:\/\/[^/?#]*/i.exec(whole)?.[0].length ?? 0
  const relative = whole.slice(from)
  const at = relative.indexOf('?')
  if (span.path === '') span.path = (at < 0 ? relative : relative.slice(0, at)).slice(0, textMax) || '/'
  if (span.query === '' && at >= 0) span.query = relative.slice(at + 1)
}
const rpc =
  (field: 'rpcService' | 'rpcMethod'): Set<Span> =>
  (span, value) => {
    span.isRpc = true
    text(field)(span, value)
  }
const messaging =
  (field: 'destination' | 'messagingType' | 'messagingName'): Set<Span> =>
  (span, value) => {
    span.isMessaging = true
    text(field)(span, value)
  }

export const spanAttributes: ReadonlyMap<string, Set<Span>> = new Map<string, Set<Span>>([
  ['http.request.method', verb],
  ['http.method', verb],
  ['url.path', text('path')],
  ['http.target', target],
  ['url.full', target],
  ['http.url', target],
  ['url.query', (span, value) => void (span.query === '' && (span.query = textOf(value, textMax).replace(/^\?/, '')))],
  ['http.route', text('route')],
  ['http.response.status_code', count('status')],
  ['http.status_code', count('status')],
  ['user_agent.original', text('userAgent')],
  ['http.user_agent', text('userAgent')],
  ['user_agent.synthetic.type', text('synthetic')],
  ['server.address', text('address')],
  ['net.peer.name', text('address')],
  ['http.host', text('address')],
  // Of a server's span, the ends of its socket. `client.address` is who asked, maybe through others: no end of this connection.
  ['network.peer.address', text('peerAddress')],
  ['net.sock.peer.addr', text('peerAddress')],
  ['network.peer.port', count('peerPort')],
  ['net.sock.peer.port', count('peerPort')],
  ['network.local.address', text('localAddress')],
  ['net.sock.host.addr', text('localAddress')],
  ['network.local.port', count('localPort')],
  ['net.sock.host.port', count('localPort')],
  ['http.request.body.size', count('requestBytes')],
  ['http.request_content_length', count('requestBytes')],
  ['http.response.body.size', count('responseBytes')],
  ['http.response_content_length', count('responseBytes')],
  ['rpc.system', (span) => void (span.isRpc = true)],
  ['rpc.system.name', (span) => void (span.isRpc = true)],
  ['rpc.service', rpc('rpcService')],
  ['rpc.method', rpc('rpcMethod')],
  ['messaging.system', (span) => void (span.isMessaging = true)],
  ['messaging.destination.template', messaging('destination')],
  ['messaging.destination.name', messaging('destination')],
  ['messaging.destination', messaging('destination')],
  ['messaging.operation.type', messaging('messagingType')],
  ['messaging.operation', messaging('messagingType')],
  ['messaging.operation.name', messaging('messagingName')],
  ['db.system.name', text('dbSystem')],
  ['db.system', text('dbSystem')],
  ['db.query.text', query],
  ['db.statement', query],
  ['db.operation.name', text('dbOperation')],
  ['db.operation', text('dbOperation')],
  ['db.collection.name', text('dbCollection')],
  ['db.sql.table', text('dbCollection')],
  ['db.mongodb.collection', text('dbCollection')],
  ['db.response.returned_rows', count('dbRows')],
  ['belay.method', text('method')],
  ['belay.account', text('account')],
  ['belay.audience', text('audience')],
])

const headerPrefix = 'http.request.header.'
/** Datadog's way to tell which variants a span met. */
const flagPrefix = 'feature_flags.'
/** A call meets a few flags; more than this is a mistake or worse. */
export const variantsMax = 100
const headersMax = 50

export const prefixes: readonly string[] = [headerPrefix, flagPrefix]
/** Of attributes that have no fixed name. */
export const isPrefixed = (key: string): boolean => key.startsWith(headerPrefix) || key.startsWith(flagPrefix)
export function setPrefixed(span: Span, key: string, value: Value): void {
  if (key.startsWith(headerPrefix)) {
    const headers = (span.headers ??= Object.create(null) as Record<string, string>)
    // Instrumentations spell `x-account` so, and older ones with `_`.
    if (Object.keys(headers).length < headersMax) headers[key.slice(headerPrefix.length).toLowerCase().replaceAll('_', '-')] = textOf(value)
  } else addVariant(span, key.slice(flagPrefix.length), textOf(value))
}

export function addVariant(span: Span, flag: string, variant: string): void {
  if (flag === '' || variant === '') return
  const variants = (span.variants ??= [])
  if (variants.length < variantsMax) variants.push(`${flag}=${variant}`.slice(0, 2 * nameMax))
}

/** What an event or a log record of an evaluation says; '' where it does not. */
export class EvaluationFields {
  key = ''
  variant = ''
  value = ''
}
const evaluationText =
  (field: 'key' | 'variant' | 'value'): Set<EvaluationFields> =>
  (it, value) => {
    if (it[field] === '') it[field] = textOf(value)
  }
export const evaluationAttributes: ReadonlyMap<string, Set<EvaluationFields>> = new Map<string, Set<EvaluationFields>>([
  ['feature_flag.key', evaluationText('key')],
  ['feature_flag.result.variant', evaluationText('variant')],
  ['feature_flag.variant', evaluationText('variant')],
  ['feature_flag.result.value', evaluationText('value')],
])
export const isEvaluation = (eventName: string): boolean => eventName === 'feature_flag.evaluation' || eventName === 'feature_flag'
/** `flag=variant`; undefined when it names none. */
export const variantOf = ({ key, variant, value }: EvaluationFields): string | undefined =>
  key === '' || (variant === '' && value === '') ? undefined : `${key}=${variant === '' ? value : variant}`.slice(0, 2 * nameMax)

export class ExceptionFields {
  type = ''
  message = ''
}
export const exceptionAttributes: ReadonlyMap<string, Set<ExceptionFields>> = new Map<string, Set<ExceptionFields>>([
  ['exception.type', (it, value) => void (it.type = textOf(value))],
  ['exception.message', (it, value) => void (it.message = textOf(value))],
])

export class ResourceFields {
  service = ''
  release = ''
  hostName = ''
  instance = ''
  lane = ''
  pid = ''
}
export const resourceAttributes: ReadonlyMap<string, Set<ResourceFields>> = new Map<string, Set<ResourceFields>>([
  ['service.name', (it, value) => void (it.service = textOf(value, 100))],
  ['service.version', (it, value) => void (it.release = textOf(value, 100))],
  ['service.instance.id', (it, value) => void (it.instance = textOf(value, 100))],
  ['host.name', (it, value) => void (it.hostName = textOf(value, 100))],
  ['process.pid', (it, value) => void (it.pid = textOf(value, 20))],
  ['belay.lane', (it, value) => void (it.lane = textOf(value, 100))],
])
export function resourceOf({ service, release, hostName, instance, lane, pid }: ResourceFields): Resource {
  return {
    // What SDKs say where nobody told them.
    service: service === '' ? 'unknown_service' : service,
    release,
    host: hostName === '' ? instance : hostName,
    instance,
    lane: lane === '' ? 'stable' : lane,
    process: `${hostName}\n${instance}\n${pid}`,
  }
}

/** Names of the series that count a process's CPU time. */
export const cpuMetrics: ReadonlySet<string> = new Set([
  'process.cpu.time',
  'jvm.cpu.time',
  'dotnet.process.cpu.time',
  'process.runtime.cpython.cpu_time',
  'cpython.cpu_time',
])
/** ms in one of its unit; undefined for a unit of something else. */
export const cpuUnitMs = (unit: string): number | undefined => ({ s: 1_000, '': 1_000, ms: 1, us: 1e-3, ns: 1e-6 })[unit]
