/** What follows the time in a line: words, texts in quotes, and `name=value` pairs, in order. */

export type Word = { readonly name: string; readonly text: string; readonly quoted: boolean }

/** A format of more parts than this is none that anybody wrote. */
const wordsMax = 100

/** Undefined: a quote is not closed, or there are too many words. One pass, whatever the line is. */
export function wordsOf(line: string, from = 0): readonly Word[] | undefined {
  const words: Word[] = []
  let at = from
  while (at < line.length) {
    if (line[at] === ' ') {
      at++
      continue
    }
    if (words.length >= wordsMax) return undefined
    let name = ''
    if (line[at] !== '"') {
      const end = wordEnd(line, at)
      const equals = line.indexOf('=', at)
      if (equals > at && equals < end && /^[a-z]\w*$/i.test(line.slice(at, equals))) {
        name = line.slice(at, equals)
        at = equals + 1
      }
    }
    if (line[at] === '"') {
      const end = quoteEnd(line, at + 1)
      if (end < 0) return undefined
      words.push({ name, text: unescaped(line.slice(at + 1, end)), quoted: true })
      at = end + 1
    } else {
      const end = wordEnd(line, at)
      words.push({ name, text: line.slice(at, end), quoted: false })
      at = end
    }
  }
  return words
}

function wordEnd(line: string, from: number): number {
  const end = line.indexOf(' ', from)
  return end < 0 ? line.length : end
}

function quoteEnd(line: string, from: number): number {
  for (let at = from; at < line.length; at++) {
    if (line[at] === '\\') at++
    else if (line[at] === '"') return at
  }
  return -1
}

/** nginx writes quotes, backslashes and what is not printable as `\xHH`, each a byte of UTF-8; others put a backslash before them. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/(?:\\x[0-9A-Fa-f]{2})+|\\(.)/g, (whole, escaped: string | undefined) =>
    escaped === undefined || whole.startsWith('\\x') ? Buffer.from(whole.replaceAll('\\x', ''), 'hex').toString() : escaped,
  )
}

/** `GET /items?page=2 HTTP/1.1`: undefined when it is no request. */
export function requestOf(text: string): { verb: string; path: string } | undefined {
  const [, verb, target] = /^([A-Z][A-Z-]{0,19}) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/.exec(text) ?? []
  if (verb === undefined || target === undefined) return undefined
  return { verb, path: pathOf(target) }
}

/** Proxies are asked by the whole address: `http://shop.example/items`. */
function pathOf(target: string): string {
  if (target.startsWith('/')) return target
  const [, path] = /^[a-z][a-z+.-]*:\/\/[^/?#]*(.*)$/i.exec(target) ?? []
  return path === undefined ? `/${target}` : path.startsWith('/') ? path : `/${path}`
}

/** A count of bytes; what is none is 0. */
export const bytesOf = (text: string | undefined): number => (text !== undefined && /^\+?\d{1,15}$/.test(text) ? Number(text) : 0)

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/i
/** Of a header `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header. */
export function traceOf(header: string | undefined): string {
  const [, trace = ''] = traceparent.exec(header ?? '') ?? []
  return /^0*$/.test(trace) ? '' : trace.toLowerCase()
}

/** `http_x_account`, as nginx names the variable of a header, to `x-account`; undefined when it is no header's name. */
export const headerNamed = (name: string): string | undefined =>
  /^http_\w/i.test(name) ? name.slice(5).toLowerCase().replaceAll('_', '-') : undefined
