import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { seededRandom } from '@belay/base'
import { figuresOf, quantile } from './figures.ts'
import { startTraffic } from './traffic.ts'

let server: Server
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

function listen(answer: (url: string) => { status: number; body: string; afterMs?: number }): Promise<string> {
  server = createServer((request, response) => {
    const { status, body, afterMs = 0 } = answer(request.url ?? '')
    setTimeout(() => response.writeHead(status).end(body), afterMs)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
    })
  })
}
const good = { status: 200, body: '{"items":[],"activities":[],"member":1}</html>' }
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('quantiles are nearest-rank: of 1 to 100 the 99th percentile is 99', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  expect([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1)]).toEqual([50, 99, 100])
  expect(quantile([], 0.99)).toBe(0)
})

test('figures count each reason and show the most frequent first', () => {
  const figures = figuresOf(
    [3, 1, 2],
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
    1,
  )
  expect(figures).toMatchObject({
    sent: 3,
    failed: 3,
    slowestMs: 3,
    failures: [
      { because: 'b', count: 2 },
      { because: 'a', count: 1 },
    ],
  })
})

test('requests come at the asked rate, however slow the answers', async () => {
  const url = await listen(() => ({ ...good, afterMs: 300 }))
  const traffic = startTraffic({ url, perSecond: 100, random: seededRandom(1) })
  const stretch = traffic.stretch()
  await wait(1_000)
  const figures = await stretch.end()
  await traffic.stop()
  expect(figures.sent).toBeGreaterThan(80)
  expect(figures.sent).toBeLessThan(130)
  expect(figures.p50Ms).toBeGreaterThanOrEqual(295)
})

test('an error page, a half page and a refused connection are failures, each with its reason', async () => {
  const url = await listen((path) => (path.startsWith('/api') ? { status: 500, body: 'broken' } : { status: 200, body: '<p>half' }))
  const traffic = startTraffic({ url, perSecond: 50, random: seededRandom(2) })
  const first = traffic.stretch()
  await wait(300)
  const figures = await first.end()
  expect(figures.failed).toBe(figures.sent)
  const reasons = figures.failures.map(({ because }) => because).join('\n')
  expect(reasons).toContain('status 500 instead of 200: broken')
  expect(reasons).toContain('the answer lacks </html>')
  server.closeAllConnections()
  server.close()
  const second = traffic.stretch()
  await wait(200)
  expect((await second.end()).failures[0]?.because).toContain('ECONNREFUSED')
  await traffic.stop()
})

test('a stretch counts what was sent in it, answered or not when it ends', async () => {
  const url = await listen(() => ({ ...good, afterMs: 100 }))
  const traffic = startTraffic({ url, perSecond: 100, random: seededRandom(3) })
  const whole = traffic.stretch()
  await wait(200)
  const part = traffic.stretch()
  await wait(200)
  const figures = await part.end()
  traffic.pace(0)
  const all = await whole.end()
  await traffic.stop()
  expect(figures.sent).toBeGreaterThan(10)
  expect(all.sent).toBeGreaterThan(figures.sent)
  expect(all.failed).toBe(0)
})
