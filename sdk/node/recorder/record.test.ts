import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { eventually, temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { startTestServer } from '../fixtures.ts'
import { type App, callsOf, startApp } from './fixtures.ts'

const soon = { withinMs: 10_000 }
/** Prints the port on which `server` listens, and ends when it is told to. */
const serve = `
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.once('data', () => { process.stdin.destroy(); server.closeAllConnections(); server.close() })
`
const plain = `
import { createServer } from 'node:http'
const server = createServer((request, response) => response.end('ok'))
${serve}`

async function get(port: string, path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...init,
    headers: { connection: 'close', ...(init.headers as Record<string, string> | undefined) },
  })
  return response.text()
}

async function finish(app: App): Promise<readonly [number | null, string | null]> {
  app.process.stdin?.write('\n')
  return app.ended
}

test('calls are named by their routes in Fastify, Express and Hono, imported or required, and by rules over one path in tRPC', async () => {
  await using server = await startTestServer()
  await using folder = await temporaryFolder()
  server.setRules({ version: 'r1', methods: [{ path: '/trpc/:procedures', verb: null, name: '{procedures}' }], account: [], audiences: [] })
  await using app = startApp(`import { serveAll } from './served/fixtures.ts'\nawait serveAll()`, { server, folder: folder.path })
  const [fastify = '', express = '', hono = '', required = '', trpc = ''] = (await app.line()).split(' ')
  await eventually(() => expect(server.asked).toContain('GET /api/sdk/calls/rules'), soon)
  for (const id of ['1', '2']) {
    await get(fastify, `/fastify/items/${id}`)
    await get(express, `/express/items/${id}?page=${id}`)
    await get(hono, `/hono/items/${id}`)
    await get(required, `/hono/items/${id}`)
  }
  await get(express, '/of/1234/items/1')
  await get(fastify, '/fastify/items/3', { headers: { refuse: 'yes' } })
  await get(fastify, '/boom')
  await get(fastify, '/wp-login.php')
  await get(trpc, '/trpc/items.list')
  await get(trpc, '/trpc/items.list,items.count?batch=1&input={}')
  expect(await finish(app)).toEqual([0, null])
  const calls = callsOf(server.batches)
  expect(calls.map(({ name, status, failed }) => `${name} ${status}${failed ? ' failed' : ''}`)).toEqual([
    ...[1, 2].flatMap(() => [
      'GET /fastify/items/:id 200',
      'GET /express/items/:id 200',
      'GET /hono/items/:id 200',
      'GET /hono/items/:id 200',
    ]),
    'GET /of/{id}/items/:id 200',
    'GET /fastify/items/:id 401',
    'GET /boom 500 failed',
    '(not found) 404',
    'items.list 200',
    'items.list,items.count 200',
  ])
  expect(calls.find(({ failed }) => failed)?.exemplar).toMatchObject({
    why: 'failed',
    events: [{ kind: 'error', text: 'TypeError: out of paper' }],
  })
  expect(server.batches[0]).toMatchObject({ service: 'app', lane: 'stable', process: { mode: 'exact', dropped: 0 } })
  expect(app.errors()).toBe('')
})

test('a call has its sizes, its trace, who asked, and what it was told of', async () => {
  await using server = await startTestServer()
  await using folder = await temporaryFolder()
  server.setRules({
    version: 'r1',
    methods: [
      { path: '/rpc', verb: 'POST', name: '{body.method}' },
      { path: '/trpc/:procedures', verb: null, name: '{procedures}' },
      { path: '/api/:noun/:verb', verb: null, name: '{noun}.{verb}' },
    ],
    account: ['header.x-account', 'query.account'],
    audiences: [
      { name: 'robot', where: { var: 'robot' } },
      { name: 'staff', where: { '==': [{ var: 'header.x-role' }, 'staff'] } },
    ],
  })
  await using app = startApp(
    `
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import { describeCall } from '@belay/node/record'
const server = createServer(async (request, response) => {
  let text = ''
  try {
    for await (const piece of request) text += piece
  } catch {
    return
  }
  if (request.url === '/described') {
    describeCall({ account: 'acme', audience: 'customer' })
    channel('belay:call').publish({ method: 'Described.call' })
    channel('belay:evaluation').publish({ flag: 'new-list', variant: 'on' })
    channel('belay:evaluation').publish({ flag: 'new-list', variant: 'on' })
    channel('belay:call').publish('nonsense')
    const statement = tracingChannel('belay:statement')
    for (const id of [1, 2]) await statement.tracePromise(async () => {}, { text: 'select * from items where id = ' + id, system: 'postgresql', rows: 3 })
    try { statement.traceSync(() => { throw new Error('no') }, { text: 'begin; select 1' }) } catch {}
  }
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    return response.write('data: 1\\n\\n')
  }
  response.end('you said ' + text.length)
})
${serve}`,
    { server, folder: folder.path, env: { BELAY_RELEASE: 'v7', BELAY_LANE: 'candidate', BELAY_HOST: 'web-3' } },
  )
  const port = await app.line()
  await eventually(() => expect(server.asked).toContain('GET /api/sdk/calls/rules'), soon)
  const json = { 'content-type': 'application/json' }
  await get(port, '/rpc', {
    method: 'POST',
    headers: { ...json, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x-role': 'staff' },
    body: JSON.stringify({ method: 'items.list', filling: 'x'.repeat(10_000) }),
  })
  await get(port, '/rpc', { method: 'POST', headers: json, body: '{"method":' })
  await get(port, '/trpc/items.list,items.count?batch=1', { headers: { 'user-agent': 'Googlebot/2.1', 'x-account': 'globex' } })
  await get(port, '/api/user/rename?account=initech')
  await get(port, '/described', { headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' } })
  await fetch(`http://127.0.0.1:${port}/events`, { headers: { accept: 'text/event-stream' } })
  const aborted = request({ port, path: '/api/slow/one', method: 'POST', headers: { 'transfer-encoding': 'chunked' } })
  aborted.on('error', () => {}).write('some of it')
  await new Promise((resolve) => setTimeout(resolve, 100))
  aborted.destroy()
  await new Promise((resolve) => setTimeout(resolve, 100))
  await finish(app)
  const [rpc, unclear, batch, path, described, events, slow] = callsOf(server.batches)
  expect(rpc).toMatchObject({ name: 'items.list', trace: '0af7651916cd43dd8448eb211c80319c', requestBytes: 10_036, responseBytes: 14 })
  expect(rpc?.span).toMatch(/^[0-9a-f]{16}$/)
  expect(rpc?.ends).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/), `127.0.0.1:${port}`])
  // Its socket is gone when it ends, and was there when it began.
  expect(slow?.ends).toEqual([expect.stringMatching(/:\d+$/), expect.stringMatching(new RegExp(`:${port}$`))])
  expect(unclear).toMatchObject({ name: 'POST /rpc' })
  expect(batch).toMatchObject({ name: 'items.list,items.count', audienceName: 'robot', accountName: 'globex' })
  expect(path).toMatchObject({ name: 'user.rename', accountName: 'initech' })
  expect(described).toMatchObject({
    name: 'Described.call',
    accountName: 'acme',
    audienceName: 'customer',
    flags: ['new-list=on'],
    statements: 3,
    transactions: 3,
    rows: 6,
    repeats: 2,
    statement: 'select * from items where id = ?',
  })
  expect(described?.exemplar?.events.map(({ kind, text, failed }) => `${kind} ${text}${failed ? ' failed' : ''}`)).toEqual([
    'evaluation new-list=on',
    'statement select * from items where id = ?',
    'statement select * from items where id = ?',
    'statement begin; select ? failed',
  ])
  expect(events).toMatchObject({ name: 'GET /events', status: 200, failed: 0 })
  expect(events?.realUs).toBeLessThan(80_000)
  expect(slow).toMatchObject({ name: 'slow.one', status: 0, failed: 1, requestBytes: 10 })
  expect(server.batches[0]).toMatchObject({ release: 'v7', lane: 'candidate', host: 'web-3' })
})

test('what was recorded while the server was away is sent once it is there, each call once', async () => {
  await using server = await startTestServer()
  await using folder = await temporaryFolder()
  await server.stop()
  {
    await using app = startApp(plain, { server, folder: folder.path })
    const port = await app.line()
    for (let nth = 0; nth < 7; nth++) await get(port, `/first-${'abcdefg'[nth]}`)
    // Whole, and not half written under another name: that one dies with its writer.
    await eventually(async () => expect((await readdir(join(folder.path, 'calls'))).join()).toMatch(/\.calls(,|$)/), soon)
    app.process.kill('SIGKILL')
    await app.ended
    expect(app.errors()).toMatch(/Belay: calls wait: .* does not answer/)
  }
  await server.start()
  // The answer is lost: what was taken already comes again.
  server.misbehave['/api/sdk/calls'] = { cutAfter: true }
  await using app = startApp(plain, { server, folder: folder.path })
  const port = await app.line()
  await get(port, '/second')
  await eventually(() => expect(server.batches.length).toBeGreaterThanOrEqual(1), soon)
  delete server.misbehave['/api/sdk/calls']
  // What waits on the disk and what is new go their own ways; a process that ends earlier leaves the rest to the next.
  const names = () => callsOf(server.batches).map(({ name }) => name)
  await eventually(() => expect(names()).toHaveLength(8), soon)
  expect(await finish(app)).toEqual([0, null])
  expect(names().toSorted()).toEqual(
    'abcdefg'
      .split('')
      .map((it) => `GET /first-${it}`)
      .concat('GET /second'),
  )
  expect(server.batches.length).toBeGreaterThan(2)
  expect(await readdir(join(folder.path, 'calls'))).toEqual([])
})

const ends: readonly (readonly [story: string, how: string, expected: readonly [number | null, string | null]])[] = [
  ['its signal ends it as if nobody had listened', 'process.kill(process.pid, "SIGTERM")', [null, 'SIGTERM']],
  ['process.exit ends it at once', 'process.exit(3)', [3, null]],
  ['what nobody catches ends it', 'setImmediate(() => { throw new Error("oh") })', [1, null]],
  [
    'its own handler of a signal has its time',
    'process.on("SIGTERM", () => setTimeout(() => process.exit(4), 50)); process.kill(process.pid, "SIGTERM")',
    [4, null],
  ],
]
test.each(ends)('a process is not kept from its end, and what it recorded is there for the next: %s', async (_, how, expected) => {
  await using server = await startTestServer()
  await using folder = await temporaryFolder()
  server.misbehave['/api/sdk/calls'] = { hang: true }
  await using app = startApp(
    `import { createServer } from 'node:http'
const server = createServer((request, response) => response.end('ok'))
server.listen(0, '127.0.0.1', async () => {
  await fetch('http://127.0.0.1:' + server.address().port + '/last').then((it) => it.text())
  ${how}
})`,
    { server, folder: folder.path },
  )
  expect(await app.ended).toEqual(expected)
  expect((await readdir(join(folder.path, 'calls'))).join()).toMatch(/^[0-9a-f]{16}\.node-[\w-]+\.\d+\.1\.calls$/)
})

test('a mistake in the environment is said once, and the service goes on', async () => {
  await using folder = await temporaryFolder()
  await using app = startApp(plain, { server: { url: 'belay.example.test' }, folder: folder.path })
  expect(await get(await app.line(), '/')).toBe('ok')
  await finish(app)
  expect(app.errors()).toBe(
    'Belay records no calls: the address of the server is one such as https://belay.example.test; got belay.example.test.\n',
  )
})

test('an import alone records nothing; startRecorder does, and stopRecorder sends what there is', async () => {
  await using server = await startTestServer()
  await using folder = await temporaryFolder()
  await using app = startApp(
    `
import { createServer } from 'node:http'
import '@belay/node'
import { startRecorder, stopRecorder } from '@belay/node/record'
const server = createServer((request, response) => response.end('ok'))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const ask = (path) => fetch('http://127.0.0.1:' + server.address().port + path).then((it) => it.text())
await ask('/before')
startRecorder({ service: 'said-so', cpu: 'off' })
await ask('/during')
await stopRecorder()
await ask('/after')
server.close()
`,
    { server, folder: folder.path, preload: '' },
  )
  expect(await app.ended).toEqual([0, null])
  expect(callsOf(server.batches).map(({ name, cpuUs }) => [name, cpuUs])).toEqual([['GET /during', -1]])
  expect(server.batches[0]).toMatchObject({ service: 'said-so', process: { mode: 'off' } })
})
