import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '@belay/base'
import { openRepository } from './repository.ts'
import { apiShows, lookAs, peopleOf, rings } from './people.ts'
import { startTestCloud, type TestCloud } from './testcloud.ts'
import { startTestFlags } from './testflags.ts'
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

test('its people are in every ring: testers, staff by their address, customers with early access and without', async () => {
  const people = await peopleOf(cloud.edge)
  expect(rings.map((ring) => people.filter((it) => it.ring === ring).length)).toEqual([3, 6, 42, 98])
  expect(new Set(people.map(({ email }) => email)).size).toBe(people.length)
  const shown = await (await fetch(cloud.edge, { headers: { cookie: `me=${people.find((it) => it.ring === 'all')?.id}` } })).text()
  for (const kind of ['Testers', 'Pages', 'Customers with early access', 'Customers']) expect(shown).toContain(`<optgroup label="${kind}">`)
})

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
  const flags = await startTestFlags('inline-comments', 'secret')
  const v4 = await startTestCloud(
    folder,
    { db1: 'db', edge1: 'edge', api1: 'api', web1: 'web' },
    { BELAY_FLAGS_URL: flags.url, BELAY_FLAGS_KEY: 'secret' },
  )
  expect(await v4.run('api1', ['tests/functional.ts'])).toMatchObject({ code: 0, output: expect.stringContaining('# time') })
  expect(await (await fetch(`${v4.edge}/items/i1`)).text()).toContain('action="/items/i1/comments"')
  await showsInlineComments(v4, flags)
  await expect(v4.restart('api1', { PAGES_LOCALE: 'de_DE' })).rejects.toThrow('Incorrect locale information')
  await v4.stop()
  await flags.stop()
  rmSync(folder, { recursive: true })
}, 60_000)

/** To whom the flag lets in and nobody else; what is written while it is taken away is not lost. */
async function showsInlineComments(v4: TestCloud, flags: Awaited<ReturnType<typeof startTestFlags>>): Promise<void> {
  const people = (await peopleOf(v4.edge)).filter(({ id }) => ['petra', 'ada', 'amaraberg'].includes(id))
  const seers = async () => (await lookAs(v4.edge, people, seededRandom(1))).filter(({ sees }) => sees).map(({ person }) => person.id)
  const write = (as: string, text: string) =>
    fetch(`${v4.edge}/items/i8/inline`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: `me=${as}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ sentence: '0', text }).toString(),
    })
  const pageOf = async (as: string) => (await fetch(`${v4.edge}/items/i8`, { headers: { cookie: `me=${as}` } })).text()
  expect(await seers()).toEqual([])
  flags.turnOn('petra')
  await expect.poll(seers).toEqual(['petra'])
  for (const person of people) expect(await apiShows(v4.edge, person), person.id).toBe(person.id === 'petra')
  expect((await write('petra', 'Which screenshot?')).status).toBe(303)
  expect(await pageOf('petra')).toContain('Which screenshot?')
  for (const id of ['ada', 'amaraberg']) expect(await pageOf(id)).not.toMatch(/inline-comments|\/inline|Which screenshot/)
  expect((await write('ada', 'Written a moment too late.')).status).toBe(303)
  expect(await pageOf('amaraberg')).toContain('Written a moment too late.')
  flags.turnOn()
  await expect.poll(seers).toEqual([])
  await flags.stop()
  expect(await seers()).toEqual([])
}
