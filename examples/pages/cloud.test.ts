import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '@belay/base'
import { openRepository } from './repository.ts'
import { startTestCloud, type TestCloud } from './testcloud.ts'
import { startTraffic } from './traffic.ts'

const hosts = { db1: 'db', edge1: 'edge', api1: 'api', api2: 'api', web1: 'web', web2: 'web', worker1: 'worker' }
let cloud: TestCloud
beforeAll(async () => {
  cloud = await startTestCloud(join(import.meta.dirname, 'cloud'), hosts)
}, 60_000)
afterAll(() => cloud?.stop())

test('restarting every web and api behind a drain fails no request', async () => {
  const traffic = startTraffic({ url: cloud.edge, perSecond: 100, random: seededRandom(7) })
  const stretch = traffic.stretch()
  for (const host of ['api1', 'api2', 'web1', 'web2']) {
    const out = await cloud.run(host, ['shared/drain.ts', 'out'])
    expect(out).toMatchObject({ code: 0, output: expect.stringContaining('is drained') })
    await cloud.restart(host)
    expect(await cloud.run(host, ['shared/drain.ts', 'in'])).toMatchObject({ code: 0, output: expect.stringContaining('serves again') })
  }
  const figures = await stretch.end()
  await traffic.stop()
  expect(figures.failures).toEqual([])
  expect(figures.sent).toBeGreaterThan(100)
}, 60_000)

test('the functional tests pass, and say so in TAP', async () => {
  const { code, output } = await cloud.run('api1', ['tests/functional.ts'])
  expect(output).not.toContain('not ok')
  expect(code).toBe(0)
}, 30_000)

test('no address that a client sends ends a service', async () => {
  for (const path of ['//', '//healthz', '/%', '/lists/%E0%A4%A', '/api/', '/api//', '/items/../..', '/-/drain', '/-/nothing']) {
    expect((await fetch(`${cloud.edge}${path}`)).status, path).toBeLessThan(600)
  }
  expect((await fetch(`${cloud.edge}/api/Items.save`, { method: 'POST', body: '{"list":' })).status).toBe(400)
  expect((await fetch(`${cloud.edge}/lists/launch`, { method: 'POST', body: 'x'.repeat(1_100_000) })).status).toBe(413)
  expect((await cloud.health('edge1')).status).toBe(200)
  expect((await cloud.health('web1')).status).toBe(200)
})

test('a database that restarts makes requests wait, not fail', async () => {
  const traffic = startTraffic({ url: cloud.edge, perSecond: 20, random: seededRandom(8) })
  const stretch = traffic.stretch()
  await cloud.restart('db1')
  const figures = await stretch.end()
  await traffic.stop()
  expect(figures.failures.filter(({ because }) => because.startsWith('GET'))).toEqual([])
}, 30_000)

test('migrations down take back only what this release applied, and up brings it again', async () => {
  expect((await cloud.run('api1', ['migrate.ts', 'up'])).output).toContain('nothing to do')
  expect((await cloud.run('api1', ['migrate.ts', 'down'])).output).toContain('2 migrations taken back')
  expect(await cloud.run('api1', ['migrate.ts', 'up'])).toMatchObject({
    code: 0,
    output: expect.stringContaining('2 of 2 migrations were new'),
  })
}, 30_000)

test('an instance that dies without a word is left out and its requests go to the other one', async () => {
  cloud.kill('api2')
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${cloud.edge}/api/Lists.getList`).then((it) => it.status)))
  expect(answers.filter((status) => status !== 200)).toEqual([])
  await cloud.restart('api2')
}, 30_000)

test('v3 fails its migration and leaves the database as it was; v4 is well but where the locale is spelt de_DE', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pages-versions-'))
  const repository = await openRepository(folder)
  for (const version of ['v1', 'v2', 'v3'] as const) await repository.add(version)
  await expect(startTestCloud(folder, { db1: 'db', api1: 'api' })).rejects.toThrow('UNIQUE constraint failed: items.list_id, items.title')
  await repository.add('v4')
  const v4 = await startTestCloud(folder, { db1: 'db', edge1: 'edge', api1: 'api', web1: 'web' })
  expect(await v4.run('api1', ['tests/functional.ts'])).toMatchObject({ code: 0, output: expect.stringContaining('# time') })
  expect(await (await fetch(`${v4.edge}/items/i1`)).text()).toContain('action="/items/i1/comments"')
  await expect(v4.restart('api1', { PAGES_LOCALE: 'de_DE' })).rejects.toThrow('Incorrect locale information')
  await v4.stop()
  rmSync(folder, { recursive: true })
}, 60_000)
