/** An HTTP server that tells its health and leaves without breaking a request. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { here } from './belay.ts'

export type Handle = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>
export type Serving = {
  handle: Handle
  /** Tries what the service needs; what it throws makes `/healthz` answer 500 with the sentence. */
  health: () => Promise<Record<string, unknown>>
  /** After the last request was answered. */
  close?: () => void | Promise<void>
}

/** A form or a save is a few KiB; a mebibyte leaves room and keeps one request from filling the memory. */
const bodyBytesMax = 1024 * 1024
/** How long a leaving server still takes requests, answering `connection: close`, so that clients let go of kept-alive connections. */
const farewellMs = 150
/** Longer than any request takes, shorter than the 10 s after which Belay kills. */
const leaveMsMax = 8_000

export class Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, sentence: string) {
    super(sentence)
    this.status = status
    this.code = code
  }
}

export function serve({ handle, health, close }: Serving): void {
  let leaving = false
  const server = createServer((request, response) => {
    if (leaving) response.setHeader('connection', 'close')
    // Not `new URL(path, base)`, which throws at paths such as `//`: whatever a client sends must not end the service.
    const url = URL.parse(`http://pages${request.url}`)
    if (url === null) return fail(response, new Refusal(400, 'address', 'That address cannot be read.'))
    const work = url.pathname === '/healthz' ? tellHealth(response, health) : handle(request, response, url)
    work.catch((error: unknown) => fail(response, error))
  })
  // Longer than any client keeps an idle connection, so that it is always the client who closes it.
  server.keepAliveTimeout = 75_000
  const listenOn = here.address.slice(0, here.address.lastIndexOf(':'))
  server.listen(here.port, listenOn, () => {
    const address = server.address()
    console.log(`${here.service} ${here.release} listens on ${listenOn}:${typeof address === 'object' ? address?.port : here.port}`)
  })
  server.on('error', (error) => {
    console.error(`${here.service} cannot listen: ${error.message}`)
    process.exit(1)
  })

  async function leave(signal: string) {
    if (leaving) return
    leaving = true
    console.log(`${here.service} leaves (${signal})`)
    setTimeout(() => {
      console.error(`${here.service}: requests still open after ${leaveMsMax} ms were cut`)
      process.exit(1)
    }, leaveMsMax).unref()
    await new Promise((resolve) => setTimeout(resolve, farewellMs))
    await new Promise((resolve) => server.close(resolve))
    await close?.()
    process.exit(0)
  }
  process.on('SIGTERM', leave)
  process.on('SIGINT', leave)
}

async function tellHealth(response: ServerResponse, health: Serving['health']): Promise<void> {
  const { release, service, host } = here
  try {
    replyJson(response, 200, { ok: true, release, service, host, ...(await health()) })
  } catch (error) {
    replyJson(response, 500, { ok: false, release, service, host, because: String(error) })
  }
}

export function reply(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

export function replyJson(response: ServerResponse, status: number, value: unknown): void {
  reply(response, status, 'application/json; charset=utf-8', JSON.stringify(value))
}

export function fail(response: ServerResponse, error: unknown): void {
  const refusal = error instanceof Refusal ? error : new Refusal(500, 'broken', String(error))
  if (refusal.status >= 500) console.error(error)
  if (response.headersSent) response.destroy()
  else replyJson(response, refusal.status, { error: { code: refusal.code, message: refusal.message } })
}

/** The whole body. @throws Refusal 413 when it is larger than the bound. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > bodyBytesMax) throw new Refusal(413, 'too-large', `A request may carry at most ${bodyBytesMax} bytes.`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
