import { expect, test } from 'vitest'
import { mayTryAgain } from './cloud/edge/forward.ts'
import { Pool, type Upstream } from './cloud/edge/pool.ts'
import { html } from './cloud/web/html.ts'

const open = (count = 2) =>
  new Pool(
    'api',
    Array.from({ length: count }, (_, i) => `10.0.0.${i + 1}:4000`),
  )
const upstream = (pool: Pool, nth: number) => pool.upstreams[nth] as Upstream

test('requests go to the instances in turn', () => {
  const pool = open(3)
  const order = Array.from({ length: 6 }, () => pool.pick(0)?.address)
  expect(new Set(order.slice(0, 3)).size).toBe(3)
  expect(order.slice(3)).toEqual(order.slice(0, 3))
})

test('a drained instance gets nothing, and draining waits for what it has in hand', async () => {
  const pool = open()
  const first = upstream(pool, 0)
  first.inFlight = 1
  setTimeout(() => {
    first.inFlight = 0
  }, 30)
  const draining = pool.drain(first, 1_000)
  expect([pool.pick(0), pool.pick(0), pool.pick(0)].every((it) => it === upstream(pool, 1))).toBe(true)
  expect(await draining).toMatchObject({ drained: true, inFlight: 0 })
  pool.undrain(first)
  expect([pool.pick(0), pool.pick(0)]).toContain(first)
})

test('draining does not wait for ever, and says how much was left', async () => {
  const pool = open()
  upstream(pool, 0).inFlight = 3
  expect(await pool.drain(upstream(pool, 0), 20)).toMatchObject({ drained: false, inFlight: 3 })
})

test('an instance that refused a connection rests, unless it is the only one left', () => {
  const pool = open()
  pool.refused(upstream(pool, 0), 1_000)
  expect([pool.pick(1_001), pool.pick(1_001)]).toEqual([upstream(pool, 1), upstream(pool, 1)])
  expect([pool.pick(2_000), pool.pick(2_000)]).toContain(upstream(pool, 0))
  const lone = open(1)
  lone.refused(upstream(lone, 0), 1_000)
  expect(lone.pick(1_001)).toBe(upstream(lone, 0))
})

test('while the only instance is drained, requests wait for it', async () => {
  const pool = open(1)
  await pool.drain(upstream(pool, 0), 100)
  expect(await pool.wait(20)).toBeUndefined()
  setTimeout(() => pool.undrain(upstream(pool, 0)), 30)
  expect(await pool.wait(1_000)).toBe(upstream(pool, 0))
})

const tries: readonly [story: string, outcome: Parameters<typeof mayTryAgain>[0], method: string, began: boolean, again: boolean][] = [
  ['a refused connection never carried the request', 'refused', 'POST', false, true],
  ['a read may be asked twice', 'broken', 'GET', false, true],
  ['a write that may have arrived is not sent twice', 'broken', 'POST', false, false],
  ['what was answered in part is not answered anew', 'broken', 'GET', true, false],
  ['what took too long would take as long again', 'timed-out', 'GET', false, false],
]
test.each(tries)('%s', (_, outcome, method, began, again) => {
  expect(mayTryAgain(outcome, method, began)).toBe(again)
})

test('what people write is shown as they wrote it, never run', () => {
  expect(html`<b title="${'"x'}">${'<script>&'}</b>${html`<i>${1}</i>`}`.text).toBe('<b title="&#34;x">&#60;script&#62;&#38;</b><i>1</i>')
})
