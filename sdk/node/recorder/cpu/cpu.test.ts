import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { startTestServer } from '../../fixtures.ts'
import { callsOf, startApp, type Told } from '../fixtures.ts'
import { createFactor } from './factor.ts'

const round = (calls: readonly Told[], name: string) => {
  const found = calls.filter((it) => it.name === name && it.cpuUs >= 0).map((it) => it.cpuUs)
  return { count: found.length, meanMs: found.reduce((sum, us) => sum + us, 0) / found.length / 1_000 }
}

/**
 * A hundred calls at once, in three kinds: one that burns in one piece, one that burns in ten with a wait of some sort
 * between them, and one that only waits. What each burns is told by the loop that burns it.
 */
const burning = `
import { createServer } from 'node:http'
import { setImmediate as pass, setTimeout as wait } from 'node:timers/promises'
BEFORE
const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); }
const kinds = {
  '/one': async () => spin(4),
  '/ten': async () => {
    for (let nth = 0; nth < 10; nth++) {
      spin(0.2)
      await [() => pass(), () => wait(1), () => null, () => Promise.all([null, pass()]), () => new Promise((go) => process.nextTick(go))][nth % 5]()
    }
  },
  '/idle': async () => { for (let nth = 0; nth < 5; nth++) await wait(10) },
}
const server = createServer(async (request, response) => { await kinds[request.url](); response.end('ok') })
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const { request, Agent } = await import('node:http')
const agent = new Agent({ keepAlive: true, maxSockets: 100 })
const ask = (path) => new Promise((resolve, reject) => request({ port: server.address().port, path, agent }, (it) => it.resume().on('end', resolve)).on('error', reject).end())
ROUNDS
agent.destroy()
server.close()
console.log('done')
`
const rounds = `for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 99 }, (_, nth) => ask(Object.keys(kinds)[nth % 3])))`

const others: readonly (readonly [who: string, before: string])[] = [
  ['nobody else listens', ''],
  ['another has hooks before', `import { createHook } from 'node:async_hooks'\ncreateHook({ init() {} }).enable()`],
  [
    'another takes hooks on and off',
    `import { createHook } from 'node:async_hooks'
const hook = createHook({ init() {}, before() {} }).enable()
setTimeout(() => hook.disable(), 200)`,
  ],
]
test.each(others)('each of a hundred calls at once is charged with its own work, when %s', async (_, before) => {
  await using server = await startTestServer()
  await using folder = await temporaryFolder()
  await using app = startApp(burning.replace('BEFORE', before).replace('ROUNDS', rounds), {
    server,
    folder: folder.path,
    env: { BELAY_CPU: 'exact' },
  })
  expect(await app.ended, app.errors()).toEqual([0, null])
  const calls = callsOf(server.batches)
  expect(calls).toHaveLength(3 * 99)
  const [one, ten, idle] = ['GET /one', 'GET /ten', 'GET /idle'].map((name) => round(calls, name)) as [Mean, Mean, Mean]
  expect([one.count, ten.count, idle.count]).toEqual([99, 99, 99])
  // Other tests have the cores meanwhile: of 4 ms by the clock the thread had a part, the same for all kinds.
  expect(one.meanMs).toBeGreaterThan(0.8)
  expect(one.meanMs).toBeLessThan(8)
  expect(ten.meanMs / one.meanMs).toBeGreaterThan(0.3)
  expect(ten.meanMs / one.meanMs).toBeLessThan(1.5)
  expect(idle.meanMs / one.meanMs).toBeLessThan(0.5)
})
type Mean = { readonly count: number; readonly meanMs: number }

test('sampled, calls of a window have their CPU time and all others have none', async () => {
  await using server = await startTestServer()
  await using folder = await temporaryFolder()
  const paced = `const end = performance.now() + 2_700
while (performance.now() < end) { await Promise.all([ask('/one'), ask('/idle')]) }`
  await using app = startApp(burning.replace('BEFORE', '').replace('ROUNDS', paced), {
    server,
    folder: folder.path,
    env: { BELAY_CPU: 'sampled' },
  })
  expect(await app.ended, app.errors()).toEqual([0, null])
  const calls = callsOf(server.batches)
  const measured = calls.filter((it) => it.cpuUs >= 0)
  expect(measured.length).toBeGreaterThan(2)
  expect(measured.length).toBeLessThan(0.7 * calls.length)
  const [first, last] = [measured[0] as Told, measured.at(-1) as Told]
  expect(last.at - first.at).toBeLessThan(1_800)
  expect(round(calls, 'GET /one').meanMs).toBeGreaterThan(0.8)
  expect(server.batches.at(-1)?.process.mode).toBe('sampled')
})

test('a slice counts as much as the thread had of a core', () => {
  const factor = createFactor()
  expect(factor.value).toBe(1)
  factor.add({ threadMs: 1_000, busyMs: 2_000 })
  // A few milliseconds say more about the clock than about the machine.
  factor.add({ threadMs: 1_000, busyMs: 2_004 })
  expect(factor.value).toBeGreaterThan(0.95)
  factor.add({ threadMs: 1_500, busyMs: 3_004 })
  expect(factor.value).toBeCloseTo(0.5, 2)
  // A neighbour went: what is long ago counts no more.
  for (let nth = 1; nth <= 3; nth++) factor.add({ threadMs: 1_500 + nth * 400, busyMs: 3_004 + nth * 400 })
  expect(factor.value).toBe(1)
})
