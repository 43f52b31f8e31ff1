/**
 * HAProxy's HTTP log (`option httplog`), with or without what syslog writes before it. What follows the request as
 * `name=value` (log-format) is read under nginx's names. https://docs.haproxy.org/3.2/configuration.html#8.2.3
 */
import { endpointText } from '@belay/call-record'
import { parseClf } from './clock.ts'
import type { LineReader, LogLine } from './types.ts'
import { bytesOf, headerNamed, requestOf, traceOf, wordsOf } from './words.ts'

const moment = /\[(\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?: [+-]\d{4})?)\] /
/** TR/Tw/Tc/Tr/Ta: waiting for the request, in queues, for the connection, for the answer, and all of it; -1 where it never came to that. */
const timers = /^(-?\d{1,12})\/(-?\d{1,12})\/(-?\d{1,12})\/(-?\d{1,12})\/(\+?-?\d{1,12})$/

export function haproxyReader(): LineReader {
  return (line) => {
    const found = moment.exec(line)
    if (found === null) return 'has no time in brackets; only lines of option httplog tell of requests'
    const at = parseClf(found[1] ?? '')
    if (!Number.isFinite(at)) return 'has no time that can be read'
    const rest = line.slice(found.index + found[0].length)
    const [, server, times, statusText, bytes] = rest.split(' ', 5)
    const [, , , , , activeText] = timers.exec(times ?? '') ?? []
    if (activeText === undefined) return 'has no timers TR/Tw/Tc/Tr/Ta; only lines of option httplog tell of requests'
    const activeMs = Number(activeText.replace('+', ''))
    if (!/^(-1|\d{3})$/.test(statusText ?? '')) return 'has no status of three digits'
    const quote = rest.indexOf(' "')
    if (quote < 0) return 'ends before the request; HAProxy cuts lines at 1024 bytes unless `log … len` says more'
    // A line that was cut has no closing quote; the beginning of the path still names the method.
    const words = wordsOf(rest, quote + 1) ?? wordsOf(`${rest}"`, quote + 1)
    const [requestWord, ...more] = words ?? []
    const request = requestWord && requestOf(unmarked(requestWord.text))
    if (request === undefined) return `is no HTTP request: ${JSON.stringify(rest.slice(quote + 1, quote + 61))}`
    const headers: Record<string, string> = {}
    const named = new Map(more.filter(({ name }) => name !== '').map(({ name, text }) => [name, text]))
    for (const [name, text] of named) {
      const header = headerNamed(name)
      if (header !== undefined && text !== '-' && text !== '') headers[header] = unmarked(text)
    }
    const status = Math.max(0, Number(statusText))
    return {
      ...request,
      at,
      status,
      cutOff: status === 0,
      realUs: Math.max(0, activeMs) * 1_000,
      requestBytes: bytesOf(named.get('request_length')),
      responseBytes: bytesOf(bytes),
      host: serverOf(server ?? ''),
      peer: clientOf(line.slice(0, found.index)),
      local: '',
      trace: traceOf(headers.traceparent),
      headers,
    } satisfies LogLine
  }
}

/** The last word before the time: `10.0.1.2:33317`, and an IPv6 address without brackets; a socket of the machine is `unix:1`. */
function clientOf(before: string): string {
  const word = before.trimEnd().split(' ').at(-1) ?? ''
  const colon = word.lastIndexOf(':')
  const address = word.slice(0, Math.max(0, colon))
  return /^[\d.]+$|:/.test(address) ? endpointText(address, Number(word.slice(colon + 1))) : ''
}

/** `app/api1`: the server of a backend; `<NOSRV>` where none was asked. */
function serverOf(text: string): string {
  const name = text.slice(text.indexOf('/') + 1)
  return name.startsWith('<') ? '' : name
}

/** HAProxy writes quotes, braces and what is not printable as `#` and two hex digits. */
const unmarked = (text: string): string =>
  text.replace(/#([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
