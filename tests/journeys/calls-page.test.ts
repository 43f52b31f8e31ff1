/** What calls cost, in the page of a real browser: recorded calls in the table, a method in full, what changed and why. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@belay/base'
import { routes } from '@belay/protocol'
import { openChromium, whyNoChromium } from '@belay/testkit'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { littleCloud, type TestCloud, testCloud } from './support.ts'
import { lookAtEach, openTab, visibleFocus } from './tab.ts'

const builtPage = fileURLToPath(new URL('../../apps/web/dist/index.html', import.meta.url))
const missing = whyNoChromium()
const hourMs = 3_600_000
const statement = 'SELECT * FROM comments WHERE item_id = ? ORDER BY created_at'
const trace = '4bf92f3577b34da6a3ce929d0e0e4736'

/** What a call of each method takes, in µs. */
const methods = { 'Items.get': 36_000, 'Items.getList': 33_000, 'Activities.getItemStream': 41_000, 'Stats.save': 6_000 } as const
const names = Object.keys(methods) as (keyof typeof methods)[]
const perMethod = 150

describe.skipIf(missing)(`calls in the page${missing === undefined ? '' : ` (${missing})`}`, () => {
  let browser: Browser
  let cloud: TestCloud
  let url = ''
  let link = ''
  let key = ''

  beforeAll(async () => {
    const opened = await openChromium()
    if ('skipped' in opened) throw new Error(opened.skipped)
    browser = opened
    if (!existsSync(builtPage)) throw new Error('The page is not built yet: node tools/setup.mjs --tests')
    cloud = await testCloud(littleCloud)
    await cloud.start()
    url = cloud.client().url
    const { actor } = await cloud.client().call(routes.me, {})
    link = (await cloud.client().call(routes.users.link, { params: { name: actor }, body: {} })).url
    const body = { name: 'recorders', kind: 'server', environment: 'production' } as const
    key = (await cloud.client().call(routes.clientKeys.create, { body })).secret
  })
  afterAll(async () => {
    await browser?.close()
    await cloud?.close()
  })

  async function send(batch: object): Promise<void> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/sdk/calls`, { method: 'POST', headers, body: JSON.stringify(batch) })
    expect(response.status, await response.text()).toBe(200)
  }

  test('an empty page says how to begin; recorded calls appear in it, and the statement that a release repeats by name', async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    await page.goto(link)
    await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Calls', exact: true }).click()
    await page.getByText('No call was ever recorded in production').waitFor()
    await page.getByText('record: true', { exact: true }).waitFor()
    await page.getByText(/^OTEL_EXPORTER_OTLP_ENDPOINT=/).waitFor()

    const now = Date.now()
    await send(batchOf('v1', now - 3 * hourMs, now - hourMs))
    await send(batchOf('v2', now - hourMs, now - 1_000))
    await title(page, /^1,200 calls of 4 methods, last 24 hours/).waitFor()
    await row(page, /Activities\.getItemStream.*× 12/).waitFor()

    await page.getByRole('searchbox', { name: 'Find methods' }).fill('items get')
    await row(page, /Stats\.save/).waitFor({ state: 'detached' })
    await page.getByRole('searchbox', { name: 'Find methods' }).fill('')
    await page.getByRole('button', { name: /^Sort by Stc/ }).click()
    await row(page, /^1 Activities\.getItemStream/).waitFor()
    await page.getByRole('button', { name: 'compare with' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'v1', exact: true }).click()
    await row(page, /^1 Activities\.getItemStream.*\+2\d%/).waitFor()
    await row(page, /Items\.get .*no change shown/).waitFor()
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ sort: 'statements.mean', compare: 'release:v1' })

    await page.getByRole('button', { name: 'audience' }).click()
    await page.getByRole('button', { name: 'All but' }).click()
    await page.getByRole('checkbox', { name: 'robot' }).check()
    await page.keyboard.press('Escape')
    await title(page, /^[1-9]\d\d calls of 4 methods/).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'audience: all but robot' }).waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()

    await row(page, /^1 Activities/).waitFor()
    await page.keyboard.press('j')
    expect(await visibleFocus(page)).toMatch(/^Activities\.getItemStream/)
    await page.keyboard.press('Enter')
    await title(page, /^Activities\.getItemStream takes 5\d ms and 12 statements a call/).waitFor()
    await page.getByRole('row', { name: /^statements .*\+300%/ }).waitFor()
    await page.getByRole('region', { name: 'Statements that repeat within a call' }).getByText(statement).waitFor()
    await page.getByRole('region', { name: 'By release' }).getByRole('row', { name: /^v2 / }).waitFor()
    await page.getByRole('region', { name: 'Over time' }).locator('canvas').waitFor()
    await page.getByRole('listitem').filter({ hasText: '× 12' }).getByText(statement).first().waitFor()
    await page.getByRole('button', { name: /repeats a statement/ }).click()
    expect(new URL(page.url()).searchParams.get('trace')).toBe(trace)

    await page.goto(`${url}/calls/changes`)
    const change = page.getByRole('listitem').filter({ hasText: 'statements 3 → 12' })
    await change
      .filter({ hasText: `repeats ${statement}` })
      .getByRole('link', { name: 'v2', exact: true })
      .waitFor()
    expect(tab.complaints()).toEqual([])
  })

  test('every page of calls can be read in both schemes, by everybody, and on a telephone', async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    const { actor } = await cloud.client().call(routes.me, {})
    await page.goto((await cloud.client().call(routes.users.link, { params: { name: actor }, body: {} })).url)
    const method = '/calls/method?service=api&method=Activities.getItemStream&compare=release:v1'
    const views = [
      { name: 'calls', path: '/calls?compare=release:v1', shows: () => row(page, /Activities/) },
      { name: 'calls-method', path: method, shows: () => page.locator('canvas') },
      { name: 'calls-changes', path: '/calls/changes', shows: () => page.getByText('statements 3 → 12') },
      { name: 'calls-flags', path: '/calls/flags', shows: () => page.getByText(/inline-comments: on against off/) },
    ]
    expect(await lookAtEach(page, url, views)).toEqual([])
    expect(tab.complaints()).toEqual([])
  })
})

/** Evenly over the time; v2 asks once a comment, and every second call of it meets the flag. */
function batchOf(release: 'v1' | 'v2', from: number, to: number): object {
  const random = seededRandom(release === 'v1' ? 1 : 2)
  const isNew = release === 'v2'
  const calls = Array.from({ length: names.length * perMethod }, (_, nth) => {
    const method = names[nth % names.length] as (typeof names)[number]
    const slow = isNew && method === 'Activities.getItemStream'
    const realUs = Math.round(methods[method] * (0.8 + random() * 0.4) * (slow ? 1.25 : 1))
    return { method, slow, realUs, at: Math.round(from + ((to - from) * nth) / (names.length * perMethod)), nth }
  })
  const of = (value: (call: (typeof calls)[number]) => number): number[] => calls.map(value)
  const none = of(() => 0)
  const repeating = calls.findIndex((it) => it.slow)
  const exemplars = isNew ? [{ call: repeating, why: 'repeat', events: eventsOf(), cut: 0 }] : []
  return {
    version: 1,
    source: `recorder-${release}`,
    batch: 1,
    service: 'api',
    release,
    lane: 'stable',
    host: 'web1',
    sentAt: Date.now(),
    names: {
      methods: names,
      audiences: ['everyone', 'robot'],
      accounts: ['acme', 'globex'],
      statements: [statement],
      variants: isNew ? [['inline-comments=on'], ['inline-comments=off']] : [[]],
    },
    calls: {
      at: of((it) => it.at),
      method: of((it) => names.indexOf(it.method)),
      audience: of((it) => (it.nth % 11 === 0 ? 1 : 0)),
      account: of((it) => it.nth % 2),
      variants: of((it) => (isNew ? (it.nth >> 2) % 2 : 0)),
      status: of((it) => (it.nth % 97 === 0 ? 500 : 200)),
      failed: calls.map((it) => (it.nth % 97 === 0 ? 1 : 0)),
      realUs: of((it) => it.realUs),
      cpuUs: of((it) => Math.round(it.realUs / 3)),
      dbUs: of((it) => Math.round(it.realUs / 4)),
      dbWallUs: of((it) => Math.round(it.realUs / 4)),
      externalUs: none,
      externals: none,
      loopUs: none,
      statements: of((it) => (it.slow ? 12 : 3)),
      transactions: of(() => 1),
      rows: none,
      repeats: of((it) => (it.slow ? 12 : 1)),
      repeated: of((it) => (it.slow ? 0 : -1)),
      requestBytes: none,
      responseBytes: none,
      trace: calls.map((it, at) => (isNew && at === repeating ? trace : it.nth.toString(16).padStart(32, isNew ? 'b' : 'a'))),
      span: calls.map((it) => it.nth.toString(16).padStart(16, isNew ? 'b' : 'a')),
    },
    exemplars,
    process: { intervalMs: 2_000, cpuMs: 900, attributedMs: 700, mode: 'exact', dropped: 0, overflowed: 0 },
  }
}

function eventsOf(): readonly object[] {
  const event = (kind: 'statement' | 'evaluation', atUs: number, tookUs: number, text: string) => ({
    kind,
    atUs,
    tookUs,
    text,
    system: kind === 'statement' ? 'sqlite' : '',
    failed: false,
  })
  return [
    event('evaluation', 300, 0, 'inline-comments=on'),
    event('statement', 900, 4_000, 'SELECT * FROM items WHERE project_id = ?'),
    ...Array.from({ length: 12 }, (_, nth) => event('statement', 6_000 + nth * 3_000, 1_800, statement)),
  ]
}

const title = (page: Page, name: RegExp): Locator => page.getByRole('heading', { level: 1, name })
const row = (page: Page, name: RegExp): Locator => page.getByRole('table', { name: 'Methods' }).getByRole('row', { name })
