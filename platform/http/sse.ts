/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) on a raw response. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { ServerSentEvent, StreamTiming } from './types.ts'

/** How soon a browser comes back after a restart: quick for a person, gentle for a server with a hundred open pages. */
const retryMs = 1_000
/** Some thousand events. What a client has not taken by then waits in its source, not in this process. */
const unsentMaxBytes = 1_024 * 1_024

export const streamTiming: StreamTiming = { heartbeatMs: 15_000, stuckMaxMs: 30_000 }

/** The client is at fault and has been cut; there is nobody left to tell. */
export class ClientCut extends Error {}

export type EventStream = {
  /** Resolves when there is room for the next event; rejects with the reason when the client takes nothing. */
  send(event: ServerSentEvent): Promise<void>
  /** Sends if there is room, else drops it: for progress, where only the newest matters. */
  offer(event: ServerSentEvent): void
  end(): void
}

/** Takes the response away from Fastify and opens it as a stream of events, with the headers that were set so far. */
export function openEventStream(reply: FastifyReply, { heartbeatMs, stuckMaxMs }: StreamTiming): EventStream {
  const response = reply.raw
  reply.hijack()
  openHead(response, reply.getHeaders() as Record<string, string>)
  const heartbeat = setInterval(() => response.write(': still here\n\n'), heartbeatMs)
  response.on('close', () => clearInterval(heartbeat))
  const hasRoom = () => response.writableLength < unsentMaxBytes
  return {
    async send(event) {
      if (response.destroyed || response.writableEnded) return
      response.write(wireOf(event))
      if (!hasRoom()) await drained(response, stuckMaxMs)
    },
    offer(event) {
      if (!response.destroyed && !response.writableEnded && hasRoom()) response.write(wireOf(event))
    },
    end() {
      clearInterval(heartbeat)
      response.end()
    },
  }
}

/** The head of every stream, and how soon to come back after its end. */
export function openHead(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    // The end of a stream is the end of its connection: kept, it would hold up the end of the server.
    connection: 'close',
    'cache-control': 'no-store',
    // nginx would otherwise hold events back until its buffer is full.
    'x-accel-buffering': 'no',
  })
  // A client that goes in the middle of a write is no error of ours; `close` follows.
  response.on('error', () => {})
  response.write(`retry: ${retryMs}\n\n`)
}

/** JSON has no raw line breaks, so one `data:` line carries it. */
export function wireOf({ id, event, data }: ServerSentEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data ?? null)}\n\n`
}

async function drained(response: ServerResponse, stuckMaxMs: number): Promise<void> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), stuckMaxMs)
  try {
    await Promise.race([once(response, 'drain', { signal: limit.signal }), once(response, 'close', { signal: limit.signal })])
  } catch {
    response.destroy()
    throw new ClientCut(`the client took nothing for ${stuckMaxMs / 1_000} s and was cut; it may come back with its last event's id`)
  } finally {
    clearTimeout(timer)
    limit.abort()
  }
}
