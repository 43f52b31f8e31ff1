/** Bodies of raw requests, and answers to them, by hand. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

const unzip = promisify(gunzip)
/** What comes when a body is too large is thrown away up to here, so that the refusal is read; then the connection goes. */
const drainMaxBytes = 16 * 1_024 ** 2

/**
 * The whole body, unpacked when it says gzip. `maxBytes` bounds it before and after: a small body that unpacks to a
 * large one is refused while it unpacks.
 * @returns `unreadable` when it is not what its `content-encoding` says, or ended early.
 */
export async function bodyOf(request: IncomingMessage, { maxBytes }: { maxBytes: number }): Promise<Buffer | 'too-large' | 'unreadable'> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding !== 'identity' && encoding !== 'gzip') return 'unreadable'
  const body = await collected(request, maxBytes)
  if (!(body instanceof Buffer) || encoding === 'identity') return body
  try {
    return await unzip(body, { maxOutputLength: maxBytes })
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'unreadable'
  }
}

function collected(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too-large' | 'unreadable'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) return void chunks.push(chunk)
      chunks.length = 0
      resolve('too-large')
      if (bytes > maxBytes + drainMaxBytes) request.destroy()
    })
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
    request.on('close', () => resolve('unreadable'))
    request.on('error', () => resolve('unreadable'))
  })
}

/** Headers as a flat list are written as they are, without a detour through an object. */
export function sendJson(response: ServerResponse, status: number, body: string, headers: readonly string[] = []): void {
  response.writeHead(status, [
    'content-type',
    'application/json; charset=utf-8',
    'content-length',
    String(Buffer.byteLength(body)),
    ...headers,
  ])
  response.end(body)
}
