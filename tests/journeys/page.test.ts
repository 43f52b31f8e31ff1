/** The page in a real browser: the whole story as somebody watches it, both schemes, the keyboard alone, a restart. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, createClient, routes } from '@belay/protocol'
import { eventually, openChromium, temporaryFolder, whyNoChromium } from '@belay/testkit'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Demo, nothingIsLeft, spawnDemo } from './demo.ts'
import { littleCloud, testCloud } from './support.ts'
import {
  lookAtEach,
  anotherTab,
  isStillTheSame,
  markTab,
  openTab,
  schemes,
  seriousViolations,
  takePicture,
  visibleFocus,
  wear,
  type View,
} from './tab.ts'

/** The story takes a minute alone, and a few beside builds and other tests on two cores. */
const storyMs = 280_000
/** What one waits for the next thing to happen in it. */
const chapterMs = 150_000
const builtPage = fileURLToPath(new URL('../../apps/web/dist/index.html', import.meta.url))
const missing = whyNoChromium()

describe.skipIf(missing)(`the page in Chromium${missing === undefined ? '' : ` (${missing})`}`, () => {
  let browser: Browser
  let demo: Awaited<ReturnType<typeof startDemo>>
  let again: Demo | undefined

  beforeAll(async () => {
    const opened = await openChromium()
    if ('skipped' in opened) throw new Error(opened.skipped)
    browser = opened
    if (!existsSync(builtPage)) throw new Error('The page is not built yet: node tools/setup.mjs --tests')
    demo = await startDemo()
  })
  afterAll(async () => {
    await again?.[Symbol.asyncDispose]()
    await browser?.close()
    await demo?.[Symbol.asyncDispose]()
  })

  test('one tab shows the story live: v1 and v2 climb, v3 and v4 fall, each with its reason', { timeout: storyMs }, async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    tab.context.setDefaultTimeout(chapterMs)
    await page.goto(demo.link)
    await markTab(page)
    await keepNews(page)
    await rope(page, 'v1 is (climbing|on top)').waitFor()

    await rope(page, 'v2 is climbing').waitFor()
    await takePictures(page, 'now-climbing')
    await page.getByRole('link', { name: 'v2 to production', exact: true }).click()
    await title(page, 'v2 to production').waitFor()
    await page
      .getByRole('button', { name: /still ahead/ })
      .first()
      .waitFor()
    await page
      .getByRole('log')
      .getByText(/ is drained/)
      .first()
      .waitFor()
    await takePictures(page, 'deployment-running')
    await page.getByText(/^All steps passed in /).waitFor()
    expect(await page.getByRole('button', { name: /: (still ahead|runs)/ }).count()).toBe(0)

    await page.getByRole('button', { name: /^restart .+ on api1: done/ }).click()
    await page.getByRole('heading', { name: 'api1, restart' }).waitFor()
    await page
      .getByRole('log')
      .getByText(/^api@v2 started/)
      .waitFor()

    await goTo(page, 'Now')
    await rope(page, 'v2 is on top').waitFor()
    await rope(page, 'v3 is fallen: .*qa fell here').waitFor()
    await page
      .getByText(/migrate failed on qa1: .*UNIQUE constraint failed/)
      .first()
      .waitFor()

    await page.getByRole('link', { name: 'v4 to production', exact: true }).click()
    // Its failing check takes twelve seconds: time enough to look twice, however busy the machine is.
    await seeBarsGrow(page)
    await page.getByRole('button', { name: /^undo restart .*on api1/ }).waitFor()
    await takePictures(page, 'deployment-undoing')
    await page.getByText(/^restart failed on api2: check http .*RangeError.* brought back$/).waitFor()
    await page.getByText('undone', { exact: true }).waitFor()
    await page.getByRole('button', { name: /^undo restart .+ on api1: done/ }).waitFor()
    await page.getByRole('button', { name: /^restart .+ on api2: failed/ }).click()
    await page
      .getByRole('log')
      .getByText(/^ *api v4 listens/)
      .waitFor()

    await goTo(page, 'Now')
    await rope(page, 'v4 is fallen: .*production fell here').waitFor()
    await rope(page, 'v2 is on top').waitFor()
    expect(await keptNews(page)).toEqual(expect.arrayContaining([expect.stringMatching(/v3/)]))
    expect(await isStillTheSame(page)).toBe(true)
    expect(tab.complaints()).toEqual([])
  })

  test('the story went as it should, and is one document', { timeout: storyMs }, async () => {
    await demo.told
    const summary = demo.document()
    expect(summary.checks.filter((check) => !check.ok)).toEqual([])
    expect(summary).toMatchObject({ ok: true, ledger: { whole: true } })
    const production = summary.deployments.filter(({ environment }) => environment === 'production')
    expect(production.map(({ release, state }) => `${release} ${state}`)).toEqual(['v1 passed', 'v2 passed', 'v4 undone'])
    expect(summary.refusal?.code).toBeDefined()
    expect(summary.traffic.all?.sent).toBeGreaterThanOrEqual(5_000)
    expect(summary.traffic.all?.failed).toBe(0)
    const rungs = ['qa', 'staff', '50% of early-access', 'early-access', '10% of all', 'all', 'killed', 'restored']
    expect(summary.climb.map(({ name }) => name)).toEqual(rungs)
    expect(demo.said()).not.toContain('\u001b[')
  })

  test('what was released, where it runs and what happened can be looked up afterwards', async () => {
    await demo.told
    await using tab = await openTab(browser, { expected: [/^409: POST .*\/api\/deployments$/] })
    const { page, context } = tab
    await page.goto(await demo.newLink())

    await goTo(page, 'Releases')
    await page.getByRole('link', { name: 'v3', exact: true }).click()
    await page.getByRole('button', { name: 'Deploy', exact: true }).click()
    await page.getByRole('combobox', { name: 'To' }).selectOption('production')
    await page.getByRole('button', { name: 'Deploy to production' }).click()
    await page.getByText(/production takes only releases that passed their rehearsal; v3 failed its rehearsal/).waitFor()
    await takePictures(page, 'refused')
    await page.keyboard.press('Escape')

    await goTo(page, 'Releases')
    await page.getByRole('link', { name: 'v2', exact: true }).click()
    await page.getByRole('combobox', { name: 'Compare with another release' }).selectOption('v1')
    await title(page, 'From v1 to v2').waitFor()
    await page.getByText('api: comments on items').waitFor()
    await page.getByRole('row', { name: /api changed$/ }).waitFor()
    await page.getByRole('row', { name: /edge same$/ }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/releases/v1/diff/v2')

    await goTo(page, 'Environments')
    await page.getByText('3 environments on 10 hosts, none unwell.').waitFor()
    expect(await page.getByRole('article').count()).toBe(3)
    const opening = context.waitForEvent('page')
    await page.getByRole('article').filter({ hasText: 'production' }).getByRole('link', { name: 'open' }).click()
    const cloud = await opening
    await cloud.getByText('Pages v2 · production').waitFor()
    await cloud.close()

    await page.getByRole('link', { name: 'production', exact: true }).click()
    await page.getByRole('combobox', { name: 'Service' }).selectOption('worker')
    await page
      .getByRole('log', { name: 'Log of worker' })
      .getByText(/^worker v1 listens/)
      .last()
      .waitFor()
    expect(new URL(page.url()).searchParams.get('service')).toBe('worker')

    await goTo(page, 'Ledger')
    await page.getByRole('searchbox', { name: 'Kind' }).fill('deployment.undone')
    await eventually(async () => (await facts(page).count()) === 2, { withinMs: 30_000, what: 'v3 on qa and v4 in production' })
    await page.reload()
    await facts(page).first().click()
    await page
      .getByRole('complementary')
      .getByText(/^v4 was undone in production/)
      .waitFor()
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByText(/^whole: all \d+ links hold$/).waitFor()
    expect(tab.complaints()).toEqual([])
  })

  test('every page can be read in both schemes, by everybody, and on a telephone', { timeout: storyMs }, async () => {
    await demo.told
    await using tab = await openTab(browser)
    const { page } = tab
    await page.goto(await demo.newLink())
    expect(await lookAtEach(page, demo.url, await viewsOf(demo))).toEqual([])
    expect(tab.complaints()).toEqual([])
  })

  test('the keyboard alone leads everywhere, and one always sees where it is', async () => {
    await demo.told
    await using tab = await openTab(browser)
    const { page } = tab
    const { keyboard } = page
    await page.goto(await demo.newLink())
    await rope(page, 'v2 is on top').waitFor()
    await seeEveryStop(page)

    await keyboard.press('Control+k')
    await page.getByRole('textbox', { name: 'Search everything' }).waitFor()
    await takePictures(page, 'palette')
    expect(await seriousViolations(page)).toEqual([])
    await keyboard.type('v2')
    await keyboard.press('Enter')
    await title(page, 'v2').waitFor()
    for (const [keys, name] of places) {
      for (const key of keys) await keyboard.press(key)
      await title(page, name).waitFor()
    }

    await keyboard.press('g')
    await keyboard.press('d')
    await page.getByRole('link', { name: 'd1', exact: true }).waitFor()
    await keyboard.press('j')
    expect(await visibleFocus(page)).toMatch(/^d\d+$/)
    await keyboard.press('Enter')
    await title(page, 'v4 to production').waitFor()
    await page.getByRole('button', { name: /^restart .+ on api2: failed/ }).waitFor()
    await tabTo(page, /^restart .+ on api2: failed/)
    await keyboard.press('ArrowRight')
    expect(await visibleFocus(page)).toMatch(/^undo restart .+ on api2: done/)
    await keyboard.press('Enter')
    await page.getByRole('heading', { name: 'api2, undo of restart' }).waitFor()
    await keyboard.press('ArrowUp')
    expect(await visibleFocus(page)).toMatch(/ on api1: /)

    for (const key of ['g', 'l', '/']) await keyboard.press(key)
    await eventually(async () => (await visibleFocus(page)) === 'Text', { withinMs: 30_000, what: 'the filter to have the keyboard' })
    await keyboard.type('v4 was undone')
    await eventually(async () => (await facts(page).count()) === 1, { withinMs: 30_000, what: 'the one fact that says so' })
    await keyboard.press('Escape')
    await keyboard.press('j')
    await keyboard.press('Enter')
    await page.getByRole('complementary').waitFor()
    await keyboard.press('Escape')
    await page.getByRole('complementary').waitFor({ state: 'detached' })

    await keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await takePictures(page, 'keys')
    expect(await seriousViolations(page)).toEqual([])
    await keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(tab.complaints()).toEqual([])
  })

  test('a tab that nobody is signed in to says how to be, and goes on as soon as somebody is', async () => {
    await using tab = await openTab(browser, { expected: [/^401: GET .*\/api\/me$/] })
    const { page } = tab
    await page.goto(`${demo.url}/deployments`)
    await title(page, 'Sign in to Belay').waitFor()
    await page.getByText('belay open').waitFor()
    for (const scheme of schemes) {
      await wear(page, scheme)
      await takePicture(page, `sign-in-${scheme}`)
      expect(await seriousViolations(page, scheme !== 'light')).toEqual([])
    }
    const link = await demo.newLink()
    const other = await anotherTab(tab.context)
    await other.page.goto(link)
    await other.page.getByRole('navigation', { name: 'Places' }).waitFor()
    await title(page, 'Deployments').waitFor()

    await using stranger = await openTab(browser, { expected: [/^4\d\d: GET .*\/sign-in/] })
    await stranger.page.goto(link)
    await title(stranger.page, 'You are not signed in').waitFor()

    await other.page.getByRole('button', { name: 'Sign out' }).click()
    await title(other.page, 'Sign in to Belay').waitFor()
    expect([...tab.complaints(), ...other.complaints(), ...stranger.complaints()]).toEqual([])
  })

  test('tabs left open over the death of the server say since when they are stale, and come back by themselves', async () => {
    // Long enough to be killed in the middle of it.
    const file = littleCloud['belay.yaml']?.replace('undrain: echo', 'undrain: sleep 9; echo') as string
    const cloud = await testCloud({ ...littleCloud, 'belay.yaml': file })
    try {
      await cloud.start()
      await cloud.client().call(routes.releases.cut, { body: { ref: 'v1' } })
      await using tab = await openTab(browser, { expected: [/^net::ERR_/] })
      await tab.page.goto(await linkTo(cloud.client()))
      await rope(tab.page, 'v1 is climbing').waitFor()
      // Its code is loaded before the deployment begins, which may be over otherwise on a busy machine.
      const other = await anotherTab(tab.context, [/^net::ERR_/])
      await other.page.goto(`${new URL(tab.page.url()).origin}/deployments`)
      await title(other.page, 'Deployments').waitFor()
      const { id } = await cloud.deploy('private', 'v1')
      await other.page.goto(`${new URL(tab.page.url()).origin}/deployments/${id}`)
      await other.page.getByText('Now restart on box. Nothing has failed.').waitFor()
      const pages = [tab.page, other.page]
      await Promise.all(pages.map(markTab))

      await cloud.kill()
      for (const page of pages) await page.getByText(/^Stale since \d\d:\d\d:\d\d, reconnecting$/).waitFor()
      await title(other.page, 'v1 to private').waitFor()
      await takePictures(tab.page, 'stale')
      await cloud.start()
      for (const page of pages) await page.getByText(/^Stale since/).waitFor({ state: 'detached' })

      await other.page.getByText(/^All steps passed in /).waitFor()
      await tab.page.getByRole('link', { name: 'v1 is in private' }).waitFor()
      expect(await Promise.all(pages.map(isStillTheSame))).toEqual([true, true])
      expect([...tab.complaints(), ...other.complaints()]).toEqual([])
    } finally {
      await cloud.close()
    }
  })

  test('Ctrl-C ends the demo and all that it started; a second start shows what the first left, with its cloud', {
    timeout: storyMs,
  }, async () => {
    // A story that is told to its end is kept; one that is not would be told anew.
    await demo.told
    expect(await demo.end()).toBe(0)
    await nothingIsLeft(demo.home)
    again = spawnDemo(demo.home, [])
    await eventually(() => /users +use it: http/.test(again?.said() ?? ''), { withinMs: 60_000, what: 'the second start' })
    const page = /Belay +(http\S+)/.exec(again.said())?.[1] ?? ''
    expect((await fetch(`${page}/api/now`)).status).toBe(401)
    const cloud = /use it: (http\S+)/.exec(again.said())?.[1] ?? ''
    const served = async () => (await (await fetch(cloud)).text()).includes('Pages v2 · production')
    await eventually(served, { withinMs: 30_000, what: `v2 at ${cloud}` }).catch((error) => {
      throw new Error(`the second start said: ${again?.said()}`, { cause: error })
    })
    // The flag and who sees it outlived the server, and its services were told where the new one is.
    const sees = async () =>
      (await (await fetch(`${cloud}/items/i8`, { headers: { cookie: 'me=amaraberg' } })).text()).includes('inline-comments')
    await eventually(sees, { withinMs: 30_000, what: 'inline comments on the page of a customer' })
    const other = spawnDemo(demo.home, ['--once'])
    expect(await other.ended).toBe(1)
    expect(other.said()).toMatch(/A demo runs in .* already \(process \d+\)/)
    expect(await again.end(), again.said()).toBe(0)
    await nothingIsLeft(demo.home)
  })
})

/** The demo as a newcomer starts it, up to the sign-in link; the story goes on from there. */
async function startDemo(): Promise<Demo & { url: string; link: string; newLink(): Promise<string>; client: Client; told: Promise<void> }> {
  const place = await temporaryFolder()
  const demo = spawnDemo(join(place.path, 'demo'), ['--json'])
  const says = async (pattern: RegExp, withinMs: number): Promise<string> => {
    const found = eventually(
      () => {
        if (demo.hasEnded()) throw new Error(`the demo ended: ${demo.said()}`)
        return pattern.exec(demo.said())
      },
      { withinMs: Math.max(withinMs, 1), what: `the demo to say ${pattern}` },
    )
    return (await found)[1] ?? ''
  }
  const dispose = async () => {
    await demo[Symbol.asyncDispose]()
    await place[Symbol.asyncDispose]()
  }
  try {
    // The one that the demo printed, good once.
    const link = await says(/sign in: (http\S+)/, 60_000)
    const client = createClient(JSON.parse(await readFile(join(demo.home, 'home/server.json'), 'utf8')))
    const told = says(/Ctrl-C (ends it)/, storyMs).then(() => {})
    told.catch(() => {})
    return { ...demo, url: new URL(link).origin, link, client, newLink: () => linkTo(client), told, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function linkTo(client: Client): Promise<string> {
  const { actor } = await client.call(routes.me, {})
  return (await client.call(routes.users.link, { params: { name: actor }, body: {} })).url
}

/** Every page at its address, and what is on it once it has been answered. */
async function viewsOf({ client }: { readonly client: Client }): Promise<View[]> {
  const { deployments } = await client.call(routes.deployments.list, { query: { environment: 'production', limit: 50 } })
  const of = (release: string) => deployments.find((it) => it.release === release)?.id
  const { rehearsals } = await client.call(routes.rehearsals.list, { query: { release: 'v2', limit: 1 } })
  const { facts: undone } = await client.call(routes.ledger.list, { query: { kind: 'deployment.undone', limit: 1 } })
  const text = (pattern: string | RegExp) => (page: Page) => page.getByText(pattern)
  return [
    { name: 'now', path: '/', shows: (page) => rope(page, 'v4 is fallen') },
    { name: 'releases', path: '/releases', shows: (page) => page.getByRole('row', { name: /^v4/ }) },
    { name: 'release', path: '/releases/v2', shows: text('api: comments on items') },
    { name: 'diff', path: '/releases/v1/diff/v2', shows: text('api: comments on items') },
    { name: 'deploy', path: '/releases/v4?deploy=private', shows: (page) => page.getByRole('dialog').getByText(/restart/) },
    { name: 'deployments', path: '/deployments', shows: (page) => page.getByRole('row', { name: /^d1 / }) },
    { name: 'deployment-passed', path: `/deployments/${of('v2')}`, shows: (page) => page.getByRole('log').getByText(/undrained/) },
    { name: 'deployment-undone', path: `/deployments/${of('v4')}`, shows: (page) => page.getByRole('log').getByText(/api v4 listens/) },
    { name: 'environments', path: '/environments', shows: (page) => page.getByRole('article') },
    { name: 'environment', path: '/environments/production', shows: (page) => page.getByRole('log').getByText(/listens/) },
    { name: 'rehearsal', path: `/rehearsals/${rehearsals[0]?.id}`, shows: text(/^ok 1 - /) },
    { name: 'ledger', path: '/ledger', shows: facts },
    { name: 'fact', path: `/ledger?fact=${undone[0]?.seq}`, shows: (page) => page.getByRole('complementary').getByText(/was undone/) },
    { name: 'access', path: '/access', shows: text('(you)') },
    { name: 'nowhere', path: '/nowhere', shows: (page) => page.getByRole('heading', { level: 1 }) },
  ]
}

/** Where the sequences of keys lead. */
const places = [
  ['gn', /falling/],
  ['gr', 'Releases'],
  ['gd', 'Deployments'],
  ['ge', 'Environments'],
  ['gl', 'Ledger'],
  ['ga', 'Access'],
] as const

const title = (page: Page, name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name, exact: true })
const rope = (page: Page, says: string): Locator => page.getByRole('img', { name: new RegExp(`^${says}`) })
const facts = (page: Page): Locator => page.getByRole('group', { name: 'Facts, newest first' }).getByRole('link')
const goTo = (page: Page, place: string): Promise<void> =>
  page
    .getByRole('navigation', { name: 'Places' })
    .getByRole('link', { name: new RegExp(`^${place}`) })
    .click()

async function takePictures(page: Page, name: string): Promise<void> {
  for (const scheme of schemes) {
    await wear(page, scheme)
    await takePicture(page, `${name}-${scheme}`)
  }
  await wear(page, 'light')
}

/** A bar that was seen running gets wider, be it running still, and more and more bars are done. */
async function seeBarsGrow(page: Page): Promise<void> {
  const narrowest = new Map<string, number>()
  const grew = async () => {
    const bars = await page.locator('[data-bar]').evaluateAll((all) =>
      all.map((bar) => ({
        key: bar.getAttribute('data-bar') ?? '',
        runs: bar.classList.contains('bar-running'),
        width: bar.getBoundingClientRect().width,
      })),
    )
    for (const { key, runs, width } of bars) {
      const before = narrowest.get(key)
      if (before !== undefined && width > before + 2) return true
      if (runs) narrowest.set(key, Math.min(before ?? width, width))
    }
    throw new Error(
      `seen running: ${[...narrowest].join('; ') || 'none'}; now: ${bars.map((it) => Object.values(it).join(' ')).join('; ')}`,
    )
  }
  await eventually(grew, { withinMs: 60_000, what: 'a running bar to grow' })
  const done = page.getByRole('button', { name: /: done/ })
  const before = await done.count()
  await eventually(async () => (await done.count()) > before, { withinMs: 60_000, what: 'one more bar to be done' })
}

/** Keeps what the corner of the page tells: it goes away after a while, sooner than a busy test looks. */
async function keepNews(page: Page): Promise<void> {
  await page.evaluate(() => {
    const news: string[] = []
    const look = () => {
      for (const { textContent } of document.querySelectorAll('[aria-label="News"] p'))
        if (textContent && !news.includes(textContent)) news.push(textContent)
    }
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true })
    Object.assign(window, { news })
  })
}
const keptNews = (page: Page): Promise<string[]> => page.evaluate(() => (window as unknown as { news: string[] }).news)

/** Once around the page with the tabulator key: at every stop one sees which it is. */
async function seeEveryStop(page: Page): Promise<void> {
  const stops: string[] = []
  for (let nth = 0; nth < 80; nth++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate(() => document.activeElement === document.body)) break
    const stop = await visibleFocus(page)
    if (stop === undefined)
      throw new Error(
        `after ${stops.join(', ')} the keyboard is nowhere to be seen: ${await page.evaluate(() => document.activeElement?.outerHTML)}`,
      )
    stops.push(stop)
  }
  expect(stops).toEqual(expect.arrayContaining(['To the content', 'Now', 'Sign out', 'v2', 'open', 'all facts']))
}

async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let nth = 0; nth < 80; nth++) {
    await page.keyboard.press('Tab')
    const stop = await visibleFocus(page)
    if (stop !== undefined && name.test(stop)) return
  }
  throw new Error(`the tabulator key does not lead to ${name}`)
}
