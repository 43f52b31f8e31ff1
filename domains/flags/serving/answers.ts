/** Bodies and queries, by hand: the pieces that the raw routes of this folder share. Private to it. */
import type { IncomingMessage } from 'node:http'

/** What came when a body is too large is thrown away up to here, so that the refusal is read; then the connection goes. */
const drainMaxBytes = 16 * 1_024 * 1_024

/** Calls with the whole body as text, or with undefined when it is larger than `maxBytes`. Never both, never twice. */
export function readBody(request: IncomingMessage, maxBytes: number, done: (body: string | undefined) => void): void {
  let first: Buffer | undefined
  let more: Buffer[] | undefined
  let bytes = 0
  let isOver = false
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (isOver) {
      if (bytes > drainMaxBytes) request.destroy()
    } else if (bytes > maxBytes) {
      isOver = true
      first = more = undefined
      done(undefined)
    } else if (first === undefined) first = chunk
    else (more ??= [first]).push(chunk)
  })
  request.on('end', () => {
    if (isOver) return
    done(more === undefined ? (first?.toString() ?? '') : Buffer.concat(more).toString())
  })
}

/** The query of a request's URL; undefined when there is none. */
export function queryOf(url: string): URLSearchParams | undefined {
  const at = url.indexOf('?')
  return at < 0 ? undefined : new URLSearchParams(url.slice(at + 1))
}
