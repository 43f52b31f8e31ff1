/**
 * nginx: the format `combined` with `$request_time` after it, further parts as `name=value` under nginx's own names of
 * variables, or JSON with those names (`log_format … escape=json`). The guide shows both.
 * https://nginx.org/en/docs/http/ngx_http_log_module.html
 */
import { endpointText } from '@belay/call-record'
import { parseMoment, rememberingClf } from './clock.ts'
import type { LineReader, LogLine } from './types.ts'
import { bytesOf, headerNamed, requestOf, traceOf, type Word, wordsOf } from './words.ts'

/** The client went before it had an answer; the connection was closed without one. */
const cutOffStatuses: ReadonlySet<number> = new Set([444, 499])

/** Bounded at each part: a line made to be slow is given up as quickly as any other. */
const beginning = /^(\S{1,200}) (\S{1,200}) (.{1,300}?) \[([^\]]{15,40})\] (?=")/

const missingTime = 'has no $request_time, which the format `combined` leaves out; add it to log_format'

export function nginxReader(): LineReader {
  const parseTime = rememberingClf()
  return (line) => (line.startsWith('{') ? ofJson(line) : ofText(line, parseTime))
}

function ofText(line: string, parseTime: (text: string) => number): LogLine | string {
  const [head, address, , , when = ''] = beginning.exec(line) ?? []
  if (head === undefined) return 'does not begin as nginx’s format combined does: $remote_addr - $remote_user [$time_local] "$request"'
  const words = wordsOf(line, head.length)
  if (words === undefined) return 'has a quote that is not closed'
  const [request, status, bytes, referer, agent, ...rest] = words
  if (request === undefined || status === undefined || bytes === undefined) return 'ends before the size of the answer'
  const named = new Map(rest.filter(({ name }) => name !== '').map(({ name, text }) => [name, text]))
  const at = named.has('msec') ? parseMoment(named.get('msec')) : whenOf(when, parseTime)
  const headers: Record<string, string> = {}
  const add = (name: string, word: Word | undefined): void => {
    if (word !== undefined && word.text !== '-' && word.text !== '') headers[name] = word.text
  }
  add('referer', referer)
  add('user-agent', agent)
  for (const [name, text] of named) {
    const header = headerNamed(name)
    if (header !== undefined && text !== '-' && text !== '') headers[header] = text
  }
  return lineOf({
    request: request.text,
    status: status.text,
    endedAt: at,
    seconds:
      named.get('request_time') ??
      named.get('rt') ??
      rest.find(({ name, quoted, text }) => name === '' && !quoted && isSeconds(text))?.text,
    requestBytes: named.get('request_length'),
    responseBytes: bytes.text,
    host: named.get('hostname'),
    peer: endOf(named.get('remote_addr') ?? address, named.get('remote_port')),
    local: endOf(named.get('server_addr'), named.get('server_port')),
    headers,
  })
}

const whenOf = (text: string, parseTime: (text: string) => number): number => (text.includes('T') ? parseMoment(text) : parseTime(text))

type Json = Readonly<Record<string, unknown>>

function ofJson(line: string): LogLine | string {
  let it: unknown
  try {
    it = JSON.parse(line)
  } catch {
    return 'begins like JSON and is not; write log_format with escape=json'
  }
  const json = it as Json
  const first = (...names: readonly string[]): string | undefined => {
    for (const name of names) {
      const value = Object.hasOwn(json, name) ? json[name] : undefined
      if (typeof value === 'string' && value !== '' && value !== '-') return value
      if (typeof value === 'number') return String(value)
    }
    return undefined
  }
  const headers: Record<string, string> = {}
  for (const name of Object.keys(json)) {
    const header = headerNamed(name)
    const value = header === undefined ? undefined : first(name)
    if (header !== undefined && value !== undefined) headers[header] = value
  }
  const verb = first('request_method', 'method')
  const path = first('request_uri', 'uri', 'path')
  return lineOf({
    request: first('request') ?? (verb === undefined || path === undefined ? undefined : `${verb} ${path}`),
    status: first('status'),
    endedAt: parseMoment(first('msec', 'time_iso8601', 'time_local', '@timestamp', 'timestamp', 'time')),
    seconds: first('request_time'),
    requestBytes: first('request_length'),
    responseBytes: first('bytes_sent', 'body_bytes_sent'),
    host: first('hostname'),
    peer: endOf(first('remote_addr'), first('remote_port')),
    local: endOf(first('server_addr'), first('server_port')),
    headers,
  })
}

const endOf = (address: string | undefined, port: string | undefined): string => endpointText(address, Number(port ?? 0))

const isSeconds = (text: string): boolean => /^\d{1,9}(\.\d{1,6})?$/.test(text)

/** What both shapes have in common: checked, and as microseconds from the beginning. */
function lineOf(it: {
  request: string | undefined
  status: string | undefined
  endedAt: number
  seconds: string | undefined
  requestBytes: string | undefined
  responseBytes: string | undefined
  host: string | undefined
  peer: string
  local: string
  headers: Readonly<Record<string, string>>
}): LogLine | string {
  if (it.request === undefined) return 'names no request ($request, or $request_method and $request_uri)'
  const request = requestOf(it.request)
  if (request === undefined) return `is no HTTP request: ${JSON.stringify(it.request.slice(0, 60))}`
  if (!/^\d{3}$/.test(it.status ?? '')) return 'has no status of three digits ($status)'
  if (it.seconds === undefined || !isSeconds(it.seconds)) return missingTime
  if (!Number.isFinite(it.endedAt)) return 'has no time that can be read ($time_local, $time_iso8601 or $msec)'
  const status = Number(it.status)
  const realUs = Math.round(Number(it.seconds) * 1e6)
  return {
    ...request,
    at: Math.round(it.endedAt - realUs / 1_000),
    status,
    cutOff: cutOffStatuses.has(status),
    realUs,
    requestBytes: bytesOf(it.requestBytes),
    responseBytes: bytesOf(it.responseBytes),
    host: it.host ?? '',
    peer: it.peer,
    local: it.local,
    trace: traceOf(it.headers.traceparent),
    headers: it.headers,
  }
}
