import { request as rawRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Api, createApi, createHub, credentialsOf, eventBytes, type Hub } from './index.ts'

const lines: string[] = []
const write = (...parts: unknown[]) =>
  void lines.push(JSON.stringify(parts, (_key, value) => (value instanceof Error ? value.message : (value as unknown))))
const logger: FastifyBaseLogger = {
  level: 'debug',
  ...{ silent: write, trace: write, debug: write, info: write, warn: write, error: write, fatal: write },
  child: () => logger,
}
let api: Api<{ actor: string }>
let url: string
let hub: Hub

beforeEach(async () => {
  lines.length = 0
  api = await createApi({
    name: 'Things',
    version: '1',
    logger,
    authenticate: async () => undefined,
    refuse: () => undefined,
    ready: async () => undefined,
  })
  hub = createHub({ heartbeatMs: 40, unsentMaxBytes: 50_000, clientsMax: 3 })
  api.raw('/quick/', (request, response) => {
    const path = request.url ?? ''
    if (path.startsWith('/quick/stream')) {
      const joined = hub.join(response, { channel: 'news', owner: path.slice(-1), first: [eventBytes({ id: 1, data: 'first' })] })
      if (!joined) response.writeHead(503).end()
      return
    }
    if (path.startsWith('/quick/throws')) throw new Error('secret inside')
    if (path.startsWith('/quick/rejects')) return Promise.reject(new Error('secret inside'))
    const it = credentialsOf(request)
    response.end(JSON.stringify({ bearer: it.bearer, session: it.cookie('session'), ip: it.ip }))
  })
  api.app.addHook('preClose', async () => hub.close())
  url = (await api.listen({ host: '127.0.0.1', port: 0 })).url
})
afterEach(() => api.close())

const port = () => (api.app.server.address() as AddressInfo).port

/** A stream of events, read as text. */
async function listen(owner: string) {
  const response = await fetch(`${url}/quick/stream?${owner}`)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const ended = (async () => {
    for (let it = await reader?.read(); it && !it.done; it = await reader?.read()) text += it.value
  })().catch(() => {})
  const until = async (what: string) => {
    while (!text.includes(what)) await new Promise((resolve) => setTimeout(resolve, 1))
    const read = text
    text = ''
    return read
  }
  return { response, ended, until, stop: () => reader?.cancel() }
}

describe('requests past Fastify', () => {
  test('a prefix belongs to its handler, everything else goes on as before', async () => {
    expect(await (await fetch(`${url}/quick/one`, { headers: { authorization: 'bearer abc' } })).json()).toEqual({
      bearer: 'abc',
      ip: '127.0.0.1',
    })
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok', version: '1' })
    expect((await fetch(`${url}/quick`)).status).toBe(404)
  })

  test('a cookie counts for our own page only', async () => {
    const asked = async (headers: Record<string, string>) =>
      ((await (await fetch(`${url}/quick/one`, { headers: { cookie: 'a=b; session=s1=', ...headers } })).json()) as { session?: string })
        .session
    expect(await asked({ origin: url })).toBe('s1=')
    expect(await asked({ origin: 'http://elsewhere.example.test' })).toBeUndefined()
    expect(await asked({})).toBeUndefined()
  })

  test('a forged name is refused', async () => {
    const status = await new Promise((resolve) => {
      rawRequest({ port: port(), host: '127.0.0.1', path: '/quick/one', headers: { host: 'rebound.example.test' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).end()
    })
    expect(status).toBe(421)
  })

  test('a handler that fails answers 500 and shows nothing of the inside', async () => {
    for (const path of ['throws', 'rejects']) {
      const response = await fetch(`${url}/quick/${path}`)
      const text = await response.text()
      expect([response.status, text]).toEqual([500, expect.stringContaining('"internal"')])
      expect(text).not.toContain('secret')
      expect(lines.join('')).toContain('secret inside')
    }
  })

  test('the log names the path and never the query, where tokens may stand', async () => {
    await (await fetch(`${url}/quick/one?token=secret`)).text()
    const stream = rawRequest({ port: port(), host: '127.0.0.1', path: '/quick/stream?secret', agent: false }, () => stream.destroy())
    stream.on('error', () => {}).end()
    await expect.poll(() => lines.filter((line) => line.includes('answered')).length).toBe(2)
    expect(lines.join('')).toContain('"path":"/quick/one"')
    expect(lines.join('')).not.toContain('secret')
  })
})

describe('events for many', () => {
  test('all on a channel get an event, a newcomer gets what it is told first, and signs of life come', async () => {
    const [one, two] = [await listen('a'), await listen('b')]
    expect(one.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await one.until('first')).toMatch(/^retry: \d+\n\nid: 1\ndata: "first"\n\n/)
    hub.send('other', eventBytes({ data: 'not for them' }))
    hub.send('news', eventBytes({ id: 2, event: 'message', data: { n: 2 } }))
    for (const it of [one, two]) expect(await it.until('"n"')).toContain('id: 2\nevent: message\ndata: {"n":2}\n\n')
    expect(await one.until('still here')).not.toContain('not for them')
    await Promise.all([one.stop(), two.stop()])
    await expect.poll(() => hub.size).toBe(0)
  })

  test('there is a bound on how many, and who leaves makes room', async () => {
    const all = [await listen('a'), await listen('b'), await listen('c')]
    expect((await fetch(`${url}/quick/stream?d`)).status).toBe(503)
    await all[0]?.stop()
    await expect.poll(() => hub.size).toBe(2)
    const late = await listen('d')
    expect(late.response.status).toBe(200)
    for (const it of [...all.slice(1), late]) await it.stop()
  })

  test('the streams of one owner can be ended, and all at the end of the server', async () => {
    const [one, two] = [await listen('a'), await listen('b')]
    hub.endOf('a')
    await one.ended
    expect(hub.size).toBe(1)
    await api.close()
    await two.ended
  })

  test('a client that reads nothing is cut, and holds nobody up', async () => {
    const [{ connect }, quick] = [await import('node:net'), await listen('b')]
    const slow = connect(port(), '127.0.0.1')
    slow.pause()
    slow.write('GET /quick/stream?s HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await expect.poll(() => hub.size).toBe(2)
    for (let n = 0; hub.size === 2; n++) {
      hub.send('news', eventBytes({ data: `${'x'.repeat(40_000)} ${n}.` }))
      await quick.until(` ${n}.`)
    }
    hub.send('news', eventBytes({ data: 'the end' }))
    await quick.until('the end')
    await quick.stop()
    slow.destroy()
  })
})
