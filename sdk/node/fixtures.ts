/**
 * A small server that keeps the contract of Belay's `/api/sdk`, so that the provider is tested over real HTTP, and that can
 * be told to misbehave.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, type Socket } from 'node:net'
import type { CallBatch, CallRules } from '@belay/call-record'
import type { FlagDefinition, FlagDocument, FlagPatch, JsonLogic } from '@belay/flag-evaluator'
import type { Logger } from '@openfeature/server-sdk'
import type { Clock } from './clock.ts'
import type { Report } from './reports/contents.ts'

export const serverKey = 'bsk_test'

export type Misbehaviour = {
  /** Answered instead, with these headers. */
  status?: number
  headers?: Record<string, string>
  /** Takes the question and never answers. */
  hang?: boolean
  /** Does what is asked and answers nothing: the connection is cut. */
  cutAfter?: boolean
}

export type TestServer = Awaited<ReturnType<typeof startTestServer>>

export async function startTestServer(first: FlagDocument = { flags: {} }) {
  let document = first
  let revision = 10
  const lists = new Map<string, Set<string>>()
  const patches: { from: number; revision: number; etag: string; patch: FlagPatch; segments: string[] }[] = []
  const streams = new Set<ServerResponse>()
  const sockets = new Set<Socket>()
  const asked: string[] = []
  const memberQuestions: string[][] = []
  /** Each report as it came, again when it came again. */
  const arrivals: Report[] = []
  /** The same of batches of calls. */
  const batches: CallBatch[] = []
  let rules: CallRules = { version: 'none', methods: [], account: [], audiences: [] }
  const misbehave: Record<string, Misbehaviour> = {}
  let port = 0

  const etag = () => `e${revision}`

  function send(response: ServerResponse, event: string, data: { revision: number }): void {
    response.write(`id: ${data.revision}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  function change(
    patch: { set?: Record<string, FlagDefinition>; remove?: string[]; evaluators?: Record<string, JsonLogic> },
    segments: string[] = [],
  ) {
    const { set = {}, remove = [], evaluators } = patch
    const flags = Object.fromEntries(Object.entries({ ...document.flags, ...set }).filter(([key]) => !remove.includes(key)))
    document = { ...document, flags, ...(evaluators === undefined ? {} : { $evaluators: evaluators }) }
    const from = revision++
    const news = { from, revision, etag: etag(), patch: { set, remove, ...(evaluators === undefined ? {} : { evaluators }) }, segments }
    patches.push(news)
    return news
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    asked.push(`${request.method} ${path}`)
    const body = await textOf(request)
    const { status, headers = {}, hang, cutAfter } = misbehave[path] ?? {}
    if (hang) return
    if (status !== undefined) {
      response.writeHead(status, headers).end(JSON.stringify({ error: { code: 'told-to', message: 'It was told to.' } }))
      return
    }
    const json = (value: unknown, more: Record<string, string> = {}) => {
      if (cutAfter) request.socket.destroy()
      else response.writeHead(200, { 'content-type': 'application/json', ...more }).end(JSON.stringify(value))
    }
    if (request.headers.authorization !== `Bearer ${serverKey}`) return void response.writeHead(401).end()
    if (path === '/api/sdk/definitions') {
      const state = { etag: `"${etag()}"`, 'x-belay-revision': String(revision) }
      if (request.headers['if-none-match'] === state.etag) response.writeHead(304, state).end()
      else json(document, state)
    } else if (path === '/api/sdk/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': here\n\n')
      streams.add(response)
      response.on('close', () => streams.delete(response))
      const theirs = Number(request.headers['last-event-id'])
      const missed = patches.filter((it) => it.from >= theirs)
      if (theirs === revision) return
      if (missed.length === 1) send(response, 'patch', missed[0] as (typeof missed)[0])
      else send(response, 'document', { revision, etag: etag(), document } as { revision: number })
    } else if (path === '/api/sdk/membership') {
      const { keys } = JSON.parse(body) as { keys: string[] }
      memberQuestions.push(keys)
      const listsOf = (key: string) => [...lists].filter(([, members]) => members.has(key)).map(([segment]) => segment)
      json({ revision, members: Object.fromEntries(keys.map((key) => [key, listsOf(key)])) })
    } else if (path === '/api/sdk/reports') {
      const report = JSON.parse(body) as Report
      arrivals.push(report)
      json({ counted: true })
    } else if (path === '/api/sdk/calls/rules') {
      const tag = { etag: `"${rules.version}"` }
      if (request.headers['if-none-match'] === tag.etag) response.writeHead(304, tag).end()
      else json(rules, tag)
    } else if (path === '/api/sdk/calls') {
      batches.push(JSON.parse(body) as CallBatch)
      json({ counted: true })
    } else response.writeHead(404).end()
  }

  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  http.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })

  async function start(): Promise<void> {
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
    port = (http.address() as AddressInfo).port
  }
  async function stop(): Promise<void> {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => http.close(resolve))
  }
  await start()

  return {
    url: `http://127.0.0.1:${port}`,
    start,
    stop,
    asked,
    memberQuestions,
    arrivals,
    batches,
    setRules(it: CallRules): void {
      rules = it
    },
    lists,
    misbehave,
    streams,
    /** Every report that came, as the server counts it: a source's batch once. */
    reports(): Report[] {
      return [...new Map(arrivals.map((it) => [`${it.source} ${it.batch}`, it])).values()]
    },
    revision: () => revision,
    /** Changes the flags and tells everybody. */
    publish(patch: Parameters<typeof change>[0], segments: string[] = []): void {
      const news = change(patch, segments)
      for (const stream of streams) send(stream, 'patch', news)
    },
    /** Changes the flags and tells nobody; answers what would have been told. */
    change,
    tell(event: string, data: { revision: number }): void {
      for (const stream of streams) send(stream, event, data)
    },
    cutStreams(): void {
      for (const stream of streams) stream.socket?.destroy()
    },
    async [Symbol.asyncDispose]() {
      if (http.listening) await stop()
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

export const onOff = (defaultVariant: 'on' | 'off', more: Partial<FlagDefinition> = {}): FlagDefinition => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant,
  ...more,
})

/** Keeps what is logged, for tests that want to read it. */
export function listeningLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (...args: unknown[]) => void lines.push(args.join(' '))
  return { lines, error: keep, warn: keep, info: keep, debug: keep }
}

/** A clock that moves only when told; `tick` wakes whoever has slept long enough. */
export function handClock(startMs = 1_700_000_000_000): Clock & { set(ms: number): void; tick(ms: number): Promise<void> } {
  let nowMs = startMs
  let passedMs = 0
  const sleepers = new Map<() => void, number>()
  return {
    now: () => nowMs,
    set: (ms) => {
      nowMs = ms
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.set(resolve, passedMs + ms)
        signal?.addEventListener('abort', () => {
          sleepers.delete(resolve)
          reject(signal.reason)
        })
      }),
    tick: async (ms) => {
      nowMs += ms
      passedMs += ms
      for (const [wake, atMs] of sleepers) {
        if (atMs > passedMs) continue
        sleepers.delete(wake)
        wake()
      }
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
