import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as rawRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Problem } from '@belay/base'
import { openChromium, whyNoChromium } from '@belay/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Api, createApi } from './index.ts'

type Who = { actor: string; may: string[] }
const people: Record<string, Who> = { ada: { actor: 'ada', may: ['look', 'change'] }, bob: { actor: 'bob', may: ['look'] } }

const routes = {
  show: {
    method: 'GET',
    path: '/api/things/:name',
    needs: 'look',
    summary: 'One thing',
    params: z.object({ name: z.string() }),
    query: z.object({ deep: z.coerce.number().int().max(9).default(1) }),
    answer: z.object({ name: z.string(), deep: z.number(), asker: z.string() }),
  },
  add: {
    method: 'POST',
    path: '/api/things',
    needs: 'change',
    summary: 'Adds a thing',
    body: z.object({ name: z.string().min(2), tags: z.array(z.string()).default([]) }),
    answer: z.object({ added: z.string() }),
  },
  follow: {
    method: 'GET',
    path: '/api/follow',
    needs: 'look',
    stream: 'events',
    summary: 'Numbers',
    query: z.object({ fail: z.string().optional() }),
    answer: z.object({ n: z.number() }),
  },
  bytes: { method: 'GET', path: '/api/bytes', needs: 'look', stream: 'bytes', summary: 'Bytes', answer: z.unknown() },
  upload: {
    method: 'POST',
    path: '/api/upload',
    needs: 'look',
    upload: true,
    summary: 'Takes bytes',
    answer: z.object({ bytes: z.number() }),
  },
  open: { method: 'GET', path: '/enter', needs: null, summary: 'Open to all', answer: z.unknown() },
} as const

let api: Api<Who>
let url: string
let folder: string
let isReady: string | undefined
const gone: string[] = []
let answering: (name: string) => Promise<string> = async (name) => name

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belay-http-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>')
  await writeFile(join(folder, 'robots.txt'), 'User-agent: *')
  await writeFile(join(folder, 'assets', 'main-abc123.js'), 'export const plain = 1')
  await writeFile(join(folder, 'assets', 'main-abc123.js.br'), 'compressed')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

beforeEach(async () => {
  isReady = undefined
  gone.length = 0
  answering = async (name) => name
  api = await createApi<Who>({
    name: 'Things',
    version: '1.2.3',
    authenticate: async ({ cookie, bearer }) => people[bearer ?? cookie('session') ?? ''],
    refuse: (who, needs) => (who.may.includes(needs) ? undefined : `${who.actor} may not ${needs}.`),
    ready: async () => isReady,
    hosts: ['things.example.test'],
    streams: { heartbeatMs: 150, stuckMaxMs: 200 },
  })
  api.handle(routes.show, async ({ params, query, who }) => ({
    name: await answering(params.name),
    deep: query.deep,
    asker: who.actor,
    secret: 1,
  }))
  api.handle(routes.add, async ({ body, progress }) => {
    progress({ step: 'looking' })
    if (body.name === 'taken') throw new Problem('thing-taken', 409, 'There is one already.', { name: body.name })
    if (body.name === 'broken') throw new Error('secret inside')
    return { added: body.name }
  })
  api.events(routes.follow, async function* ({ lastEventId, query, signal }) {
    if (query.fail === 'first') throw new Problem('no-such', 404, 'There is none.')
    yield { id: Number(lastEventId ?? 0) + 1, data: { n: 1 } }
    yield { event: 'named', data: { text: 'two\nlines' } }
    if (query.fail === 'flood') {
      try {
        for (;;) yield { data: 'x'.repeat(100_000) }
      } finally {
        gone.push('the flood has ended')
      }
    }
    if (query.fail === 'later') throw new Problem('it-broke', 500, 'It broke.')
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    gone.push(String(signal.reason.message))
  })
  api.bytes(routes.bytes, async () => Readable.from(['some ', 'bytes']))
  api.handle(routes.upload, async ({ upload }) => {
    let bytes = 0
    for await (const chunk of upload) bytes += (chunk as Buffer).length
    return { bytes }
  })
  api.handle(routes.open, async ({ reply, who }) => reply.setCookie('session', who?.actor ?? 'ada').redirect('/'))
  api.page(folder)
  url = (await api.listen({ host: '127.0.0.1', port: 0 })).url
})
afterEach(() => api.close())

const as = (name: string, more: Record<string, string> = {}) => ({ headers: { authorization: `Bearer ${name}`, ...more } })
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: 'Bearer ada', ...headers },
  })
const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as { error: { code: string; message: string; facts: Record<string, unknown> } }
  return { status: response.status, ...error }
}

describe('answers', () => {
  test('a request is parsed by its schemas and answered with what the answer schema lets through', async () => {
    const response = await fetch(`${url}/api/things/one?deep=2`, as('ada'))
    expect([response.status, await response.json()]).toEqual([200, { name: 'one', deep: 2, asker: 'ada' }])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('what is wrong with a request is named field by field', async () => {
    const wrong = await errorOf(await post('/api/things', { name: 'x', tags: [1] }))
    expect([wrong.status, wrong.code]).toEqual([400, 'bad-request'])
    expect((wrong.facts.problems as { field: string }[]).map((it) => it.field)).toEqual(['body.name', 'body.tags.0'])
    expect(wrong.message).toMatch(/body\.name: .+; body\.tags\.0: /)
    expect(await errorOf(await fetch(`${url}/api/things/one?deep=99`, as('ada')))).toMatchObject({
      status: 400,
      facts: { problems: [{ field: 'query.deep' }] },
    })
    expect(await errorOf(await post('/api/things', undefined))).toMatchObject({
      code: 'bad-request',
      facts: { problems: [{ field: 'body.name' }] },
    })
    const notJson = await fetch(`${url}/api/things`, {
      method: 'POST',
      body: '{',
      headers: { ...as('ada').headers, 'content-type': 'application/json' },
    })
    expect(await errorOf(notJson)).toMatchObject({ status: 400, code: 'bad-request' })
  })

  test('a Problem keeps its code, status, sentence and facts', async () => {
    expect(await errorOf(await post('/api/things', { name: 'taken' }))).toEqual({
      status: 409,
      code: 'thing-taken',
      message: 'There is one already.',
      facts: { name: 'taken' },
    })
  })

  test('a failure of ours shows nothing of the inside, only the number to look for in the log', async () => {
    const broken = await errorOf(await post('/api/things', { name: 'broken' }))
    expect(broken).toMatchObject({ status: 500, code: 'internal' })
    expect(broken.message).toContain(String(broken.facts.request))
    expect(JSON.stringify(broken)).not.toMatch(/secret|\.ts/)
  })

  test('an unknown path of the API is a 404 with a sentence', async () => {
    expect(await errorOf(await fetch(`${url}/api/nothing?x=1`))).toMatchObject({
      status: 404,
      code: 'not-found',
      facts: { path: '/api/nothing' },
    })
  })

  test('bodies have a bound, and only JSON is taken where JSON is asked', async () => {
    expect(await errorOf(await post('/api/things', { name: 'x'.repeat(1_100_000) }))).toMatchObject({ status: 413, code: 'body-too-large' })
    expect(await errorOf(await post('/api/things', {}, { 'content-type': 'text/plain' }))).toMatchObject({
      status: 415,
      code: 'bad-media-type',
    })
  })

  test('a body that is nested too deep is refused before anybody walks it, brackets in texts do not count', async () => {
    const deep = (levels: number) =>
      fetch(`${url}/api/things`, { ...as('ada', { 'content-type': 'application/json' }), method: 'POST', body: '['.repeat(levels) })
    expect((await errorOf(await deep(500_000))).message).toContain('body: is nested deeper than 200 levels')
    expect((await errorOf(await deep(200))).message).not.toContain('nested')
    expect((await post('/api/things', { name: '['.repeat(300) })).status).toBe(200)
  })

  test('a body with a poisoned name is refused by that name', async () => {
    const poisoned = {
      ...as('ada', { 'content-type': 'application/json' }),
      method: 'POST',
      body: '{"name": "x", "__proto__": {"admin": true}}',
    }
    expect((await errorOf(await fetch(`${url}/api/things`, poisoned))).message).toContain('names a member __proto__ or constructor')
  })

  test('bytes go out and come in as streams', async () => {
    const response = await fetch(`${url}/api/bytes`, as('ada'))
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['application/octet-stream', 'some bytes'])
    const sent = await fetch(`${url}/api/upload`, {
      method: 'POST',
      body: new Uint8Array(3_000_000),
      headers: { ...as('ada').headers, 'content-type': 'application/octet-stream' },
    })
    expect(await sent.json()).toEqual({ bytes: 3_000_000 })
  })
})

describe('who may', () => {
  test('nobody is asked to sign in, the wrong person is told why not', async () => {
    expect(await errorOf(await fetch(`${url}/api/things/one`))).toMatchObject({ status: 401, code: 'sign-in-needed' })
    expect(await errorOf(await post('/api/things', { name: 'xx' }, { authorization: 'Bearer bob' }))).toMatchObject({
      status: 403,
      code: 'not-allowed',
      message: 'bob may not change.',
    })
  })

  test('permission is asked before the request is read, so nobody learns what would be right', async () => {
    expect((await errorOf(await post('/api/things', { wrong: 1 }, { authorization: '' }))).status).toBe(401)
  })

  test('a cookie vouches for our own page only', async () => {
    const by = (headers: Record<string, string>) =>
      post('/api/things', { name: 'one' }, { authorization: '', cookie: 'session=ada', ...headers })
    expect((await by({ origin: url })).status).toBe(200)
    expect(await errorOf(await by({ origin: 'https://elsewhere.test' }))).toMatchObject({ status: 403, code: 'other-origin' })
    expect((await errorOf(await by({ origin: 'null' }))).code).toBe('other-origin')
    expect((await errorOf(await by({}))).code).toBe('other-origin')
    expect((await fetch(`${url}/api/things/one`, { headers: { cookie: 'session=ada' } })).status).toBe(200)
  })

  test('on loopback a forged host name is refused', async () => {
    const statusFor = (host: string) =>
      new Promise<number>((resolve, reject) => {
        const asking = rawRequest(`${url}/healthz`, { headers: { host } }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        asking.on('error', reject)
        asking.end()
      })
    expect(await statusFor('rebound.elsewhere.test')).toBe(421)
    expect(await statusFor('localhost.elsewhere.test:80')).toBe(421)
    expect(await statusFor('localhost:8080')).toBe(200)
    expect(await statusFor('[::1]:8080')).toBe(200)
    expect(await statusFor('127.0.0.1')).toBe(200)
    expect(await statusFor('things.example.test')).toBe(200)
  })

  test('an open route sets cookies and redirects, and is limited in rate', async () => {
    const first = await fetch(`${url}/enter`, { redirect: 'manual' })
    expect([first.status, first.headers.get('location'), first.headers.get('set-cookie')]).toEqual([302, '/', 'session=ada; SameSite=Lax'])
    for (let tries = 1; tries < 30; tries++) await fetch(`${url}/enter`, { redirect: 'manual' })
    expect(await errorOf(await fetch(`${url}/enter`, { redirect: 'manual' }))).toMatchObject({ status: 429, code: 'too-many-requests' })
  })
})

describe('streams of events', () => {
  const stream = async (path: string, more: Record<string, string> = {}, count = 1_000) => {
    const leave = new AbortController()
    const response = await fetch(`${url}${path}`, { ...as('ada', more), signal: leave.signal })
    let got = ''
    for await (const chunk of Readable.fromWeb(response.body as never)) {
      got += Buffer.from(chunk).toString()
      if (got.split('\n\n').length > count) {
        leave.abort()
        break
      }
    }
    return { response, got }
  }

  test('events carry ids and names, continue after the last id, and end their source when the client goes', async () => {
    const { response, got } = await stream('/api/follow', { 'last-event-id': '41' }, 3)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(got).toBe('retry: 1000\n\nid: 42\ndata: {"n":1}\n\nevent: named\ndata: {"text":"two\\nlines"}\n\n')
    await expect.poll(() => gone).toEqual(['the client has gone'])
  })

  test('a stream that cannot begin is a plain error; one that breaks later says so as an event', async () => {
    expect(await errorOf(await fetch(`${url}/api/follow?fail=first`, as('ada')))).toMatchObject({ status: 404, code: 'no-such' })
    const { got } = await stream('/api/follow?fail=later')
    expect(got).toMatch(/event: failed\ndata: {"error":{"code":"it-broke","message":"It broke.","facts":{}}}\n\n$/)
  })

  test('a silent stream says that it is still there', async () => {
    expect((await stream('/api/follow', {}, 4)).got).toContain('\n\n: still here\n\n')
  })

  test('a client that takes nothing is cut instead of being remembered in memory, and its source is ended', async () => {
    const before = process.memoryUsage().arrayBuffers
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.pause()
    socket.write('GET /api/follow?fail=flood HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ada\r\n\r\n')
    await expect.poll(() => gone, { timeout: 5_000 }).toEqual(['the flood has ended'])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
    socket.destroy()
  })

  test('streams end cleanly when the server closes', async () => {
    const following = stream('/api/follow')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const closedIn = performance.now()
    await api.close()
    expect(performance.now() - closedIn).toBeLessThan(2_000)
    expect((await following).got).toContain('named')
    expect(gone).toEqual(['the server closes'])
  })

  test('an answer can be taken as events: progress, then done or failed', async () => {
    const accept = { accept: 'text/event-stream' }
    expect(await (await post('/api/things', { name: 'one' }, accept)).text()).toBe(
      'retry: 1000\n\nevent: progress\ndata: {"step":"looking"}\n\nevent: done\ndata: {"added":"one"}\n\n',
    )
    expect(await (await post('/api/things', { name: 'taken' }, accept)).text()).toMatch(
      /event: failed\ndata: {"error":{"code":"thing-taken"/,
    )
    expect((await post('/api/things', { name: '' }, accept)).status).toBe(400)
  })
})

describe('the page and the description', () => {
  test('built files are cached for ever, the page never, and every view of it has its address', async () => {
    const asset = await fetch(`${url}/assets/main-abc123.js`, { headers: { 'accept-encoding': 'identity' } })
    expect([asset.headers.get('cache-control'), await asset.text()]).toEqual([
      'public, max-age=31536000, immutable',
      'export const plain = 1',
    ])
    for (const path of ['/', '/releases/v1.2', '/index.html']) {
      const page = await fetch(`${url}${path}`)
      expect([path, page.status, page.headers.get('cache-control'), await page.text()]).toEqual([
        path,
        200,
        'no-cache',
        '<!doctype html><title>page</title>',
      ])
    }
    expect(await (await fetch(`${url}/robots.txt`)).text()).toBe('User-agent: *')
    expect((await fetch(`${url}/assets/gone.js`)).status).toBe(404)
    expect((await fetch(`${url}/..%2f..%2fetc%2fpasswd`)).status).not.toBe(500)
  })

  test('a file that was compressed at build time is sent compressed', async () => {
    const headers = await new Promise<Record<string, unknown>>((resolve) => {
      rawRequest(`${url}/assets/main-abc123.js`, { headers: { 'accept-encoding': 'br' } }, (it) => {
        it.resume()
        resolve(it.headers)
      }).end()
    })
    expect(headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding' })
  })

  test('pages may run only scripts of this server', async () => {
    const policy = (await fetch(url)).headers.get('content-security-policy')
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("style-src 'self' 'unsafe-inline'")
    expect(policy).toContain("frame-ancestors 'none'")
  })

  test('the probes say the version, and readiness its reason', async () => {
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok', version: '1.2.3' })
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready', version: '1.2.3' })
    isReady = 'The store is full.'
    const response = await fetch(`${url}/readyz`)
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: 'not ready', because: 'The store is full.', version: '1.2.3' },
    ])
  })

  test('the API describes itself in OpenAPI 3.1, from the schemas that parse its requests', async () => {
    const description = (await (await fetch(`${url}/api/openapi.json`)).json()) as {
      openapi: string
      paths: Record<string, Record<string, { summary: string; responses: Record<string, unknown> }>>
    }
    expect(description.openapi).toBe('3.1.0')
    expect(Object.keys(description.paths).sort()).toEqual([
      '/api/bytes',
      '/api/follow',
      '/api/things',
      '/api/things/{name}',
      '/api/upload',
      '/enter',
    ])
    expect(description.paths['/api/things']?.post?.summary).toBe('Adds a thing')
    expect(JSON.stringify(description.paths['/api/things']?.post)).toContain('"minLength":2')
    expect(JSON.stringify(description.paths['/api/follow']?.get?.responses)).toContain('text/event-stream')
    const docs = await fetch(`${url}/api/docs`)
    expect([docs.status, (await docs.text()).includes('swagger')]).toEqual([200, true])
  })

  test.skipIf(whyNoChromium())('the description can be read in a browser, from this server alone', async () => {
    const browser = await openChromium()
    if ('skipped' in browser) return
    try {
      const page = await browser.newPage()
      const asked: string[] = []
      page.on('request', (request) => asked.push(new URL(request.url()).origin))
      const refused: string[] = []
      page.on('console', (line) => line.type() === 'error' && refused.push(line.text()))
      await page.goto(`${url}/api/docs`)
      await page.getByText('Adds a thing').waitFor({ timeout: 10_000 })
      expect([...new Set(asked)].filter((origin) => origin !== 'null')).toEqual([url])
      expect(refused).toEqual([])
    } finally {
      await browser.close()
    }
  })
})

describe('starting and ending', () => {
  test('a port that is taken is named, with what to do', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const { port } = holder.address() as AddressInfo
    const other = await createApi<Who>({
      name: 'x',
      version: '1',
      authenticate: async () => undefined,
      refuse: () => undefined,
      ready: async () => undefined,
    })
    await expect(other.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'port-taken', facts: { port } })
    await other.close()
    holder.close()
  })

  test('a request that is being answered is answered before the server ends', async () => {
    let finish = () => {}
    answering = (name) => new Promise((resolve) => (finish = () => resolve(name)))
    const asking = fetch(`${url}/api/things/slow`, as('ada'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closing = api.close()
    finish()
    expect(await text((await asking).body as never)).toContain('slow')
    await closing
  })
})
