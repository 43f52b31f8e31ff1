/** Flags in the page of a real browser: made, climbed, explained, edited by two at once, killed, taken back. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { routes } from '@belay/protocol'
import { eventually, openChromium, whyNoChromium } from '@belay/testkit'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { littleCloud, type TestCloud, testCloud } from './support.ts'
import { lookAtEach, openTab, schemes, takePicture, visibleFocus, wear } from './tab.ts'

const builtPage = fileURLToPath(new URL('../../apps/web/dist/index.html', import.meta.url))
const missing = whyNoChromium()
const rings = `rings:
  - qa: { where: { in: [{ var: role }, [tester]] } }
  - staff: { where: { ends_with: [{ var: email }, "@example.test"] } }
  - early-access: { segment: early-access }
  - all
`

describe.skipIf(missing)(`flags in the page${missing === undefined ? '' : ` (${missing})`}`, () => {
  let browser: Browser
  let cloud: TestCloud

  beforeAll(async () => {
    const opened = await openChromium()
    if ('skipped' in opened) throw new Error(opened.skipped)
    browser = opened
    if (!existsSync(builtPage)) throw new Error('The page is not built yet: node tools/setup.mjs --tests')
    cloud = await testCloud({
      ...littleCloud,
      // On QA, and not in production, so that most of the story needs but one person.
      'belay.yaml': `${littleCloud['belay.yaml']?.replace('kind: qa,', 'kind: qa, approval: second-person,')}${rings}`,
      'web.js': `${littleCloud['web.js']}// isOn('inline-comments')\n`,
    })
    await cloud.start()
    await cloud.client().call(routes.users.add, { body: { name: 'bea', role: 'operator' } })
    await cloud.client().call(routes.segments.create, { body: { key: 'early-access', keys: ['user-3', 'user-4'] } })
  })
  afterAll(async () => {
    await browser?.close()
    await cloud?.close()
  })

  const linkFor = async (name: string) => (await cloud.client().call(routes.users.link, { params: { name }, body: {} })).url
  const me = async () => (await cloud.client().call(routes.me, {})).actor
  const change = (key: string, body: { do: 'on' | 'off'; environment: string }) =>
    cloud.client().call(routes.flags.change, { params: { key }, body: { change: body } })

  test('a flag is made with the keyboard, climbs, and says who gets what and why', async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    await page.goto(await linkFor(await me()))
    await page.getByRole('navigation', { name: 'Places' }).waitFor()
    for (const key of ['g', 'f']) await page.keyboard.press(key)
    await title(page, 'Flags').waitFor()
    await page.getByText('No flag yet').waitFor()

    await page.keyboard.press('Control+k')
    await page.getByRole('textbox', { name: 'Search everything' }).waitFor()
    await page.keyboard.type('New flag')
    await page.getByText('New flag…').waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'New flag' }).waitFor()
    await page.keyboard.type('inline-comments')
    await page.keyboard.press('Enter')
    await title(page, 'In production everybody gets off').waitFor()

    await page.getByRole('button', { name: 'Up to qa' }).click()
    await dialog(page)
      .getByText(/It would expose inline-comments in production: on to qa/)
      .waitFor()
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('a first look')
    await page.keyboard.press('Enter')
    await title(page, 'In production qa gets on, everybody else gets off').waitFor()
    await page.getByRole('button', { name: /^qa 100%/ }).waitFor()

    await page.getByRole('button', { name: /^early-access not reached/ }).click()
    await dialog(page).getByRole('spinbutton', { name: 'Share of early-access' }).fill('50')
    await dialog(page).getByRole('button', { name: 'Expose to 50% of early-access' }).click()
    await title(page, 'In production qa, staff and 50% of early-access get on, everybody else gets off').waitFor()
    await page.getByRole('button', { name: /^early-access 50%/ }).waitFor()

    await page.getByRole('link', { name: 'Who sees what' }).click()
    await page.getByRole('textbox', { name: 'targetingKey' }).fill('ann')
    await page.getByRole('combobox', { name: 'Attribute 1', exact: true }).fill('role')
    await page.getByRole('textbox', { name: 'Value of role' }).fill('tester')
    await page.getByText(/^ann gets on: /).waitFor()
    await steps(page).getByText('all of qa').waitFor()
    expect(new URL(page.url()).searchParams.get('context')).toBe('{"targetingKey":"ann","role":"tester"}')
    await page.reload()
    await page.getByText(/^ann gets on: /).waitFor()
    await page.getByRole('textbox', { name: 'Value of role' }).fill('author')
    await page.getByText(/^ann gets off: /).waitFor()

    for (const key of ['Escape', 'Tab']) await page.keyboard.press(key)
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
    for (const key of ['g', 'f']) await page.keyboard.press(key)
    await title(page, 'Flags').waitFor()
    await page.getByRole('link', { name: /inline-comments.*early-access 50%/ }).waitFor()
    await page.keyboard.press('j')
    expect(await visibleFocus(page)).toMatch(/^inline-comments/)
    await page.keyboard.press('Enter')
    await title(page, /^In production qa, staff and 50%/).waitFor()
    expect(tab.complaints()).toEqual([])
  })

  test('two people edit at once: the second sees the change of the first, and loses nothing of the own', async () => {
    await using first = await openTab(browser)
    await using second = await openTab(browser)
    await first.page.goto(await linkFor(await me()))
    await first.page.goto(`${cloud.client().url}/flags/inline-comments`)
    await second.page.goto(await linkFor('bea'))
    await second.page.goto(`${cloud.client().url}/flags/inline-comments?json=yes`)

    await first.page.getByRole('button', { name: 'Add a rule' }).click()
    await first.page.getByRole('combobox', { name: 'Attribute, condition 1 of rule 1' }).fill('plan')
    await first.page.getByRole('textbox', { name: 'Value, condition 1 of rule 1' }).fill('pro')
    await first.page.getByText('not saved').waitFor()

    const json = second.page.getByRole('textbox', { name: 'Rules as JSON' })
    await json.fill('{"if": [{"$ref": "ring:qa"},\n  "onn"]}')
    await second.page.getByRole('button', { name: 'Line 2, column 3' }).waitFor()
    await second.page.getByText('there is no variant onn').first().waitFor()
    await json.fill('{"if": [{"$ref": "ring:qa"}, "off"]}')
    await second.page.getByRole('button', { name: /^if in the ring qa serve off$/ }).waitFor()
    await second.page.getByRole('button', { name: 'Save…' }).click()
    await dialog(second.page).getByRole('button', { name: 'Save' }).click()
    await title(second.page, /^In production, after 1 rule, /).waitFor()

    const meanwhile = first.page.getByRole('alert', { name: 'Changed meanwhile' })
    await meanwhile.getByText(/bea set targeting of inline-comments in production/).waitFor()
    await meanwhile.getByText('settings.production.targeting').waitFor()
    await first.page.getByRole('button', { name: /^if plan is pro serve on$/ }).waitFor()
    await takePictures(first.page, 'flag-meanwhile')
    await meanwhile.getByRole('button', { name: 'Keep mine, on top of it' }).click()
    await first.page.getByRole('button', { name: 'Save…' }).click()
    await dialog(first.page).getByRole('button', { name: 'Save' }).click()
    await dialog(first.page).waitFor({ state: 'detached' })
    await second.page.getByRole('button', { name: /^if plan is pro serve on$/ }).waitFor()

    // The same while a dialog is open.
    await first.page.getByRole('button', { name: 'All of early-access' }).click()
    await dialog(first.page)
      .getByText(/It would expose inline-comments/)
      .waitFor()
    await change('inline-comments', { do: 'off', environment: 'private' })
    await dialog(first.page)
      .getByText(/turned inline-comments off in private/)
      .waitFor()
    await dialog(first.page).getByRole('button', { name: 'I have seen it: mine on top' }).click()
    await dialog(first.page).getByRole('button', { name: 'Expose up to early-access' }).click()
    await title(second.page, /^In production, after 1 rule, qa, staff and early-access get on, /).waitFor()
    expect([...first.complaints(), ...second.complaints()]).toEqual([])
  })

  test('a kill needs a reason and is seen by everybody at once; it is taken back, and an earlier version too', async () => {
    await using first = await openTab(browser)
    await using second = await openTab(browser)
    await first.page.goto(await linkFor(await me()))
    await first.page.goto(`${cloud.client().url}/flags/inline-comments`)
    await second.page.goto(await linkFor('bea'))
    await second.page.goto(`${cloud.client().url}/flags`)

    await first.page.getByRole('button', { name: 'Kill…' }).click()
    const kill = dialog(first.page).getByRole('button', { name: 'Kill it in production' })
    expect(await kill.getAttribute('aria-disabled')).toBe('true')
    await first.page.keyboard.type('comments are lost')
    await first.page.keyboard.press('Enter')
    await title(first.page, 'In production it is killed: everybody gets off').waitFor()
    await second.page.getByRole('link', { name: /inline-comments.*production: *killed/ }).waitFor()
    await takePictures(first.page, 'flag-killed')
    await first.page.getByRole('button', { name: 'Restore' }).click()
    await dialog(first.page).getByRole('button', { name: 'Restore' }).click()
    await title(first.page, /^In production, after 1 rule, /).waitFor()

    await first.page.getByRole('link', { name: 'History' }).click()
    await first.page.getByText('a first look').waitFor()
    await first.page.getByRole('listitem').filter({ hasText: 'a first look' }).getByRole('button', { name: 'Revert to this' }).click()
    await dialog(first.page).getByRole('button', { name: 'Revert to 2' }).click()
    await title(first.page, 'In production qa gets on, everybody else gets off').waitFor()

    await first.page.getByRole('link', { name: 'Code' }).click()
    await first.page.getByText(/^web\.js:\d+$/).waitFor()
    expect([...first.complaints(), ...second.complaints()]).toEqual([])
  })

  test('where a second person is asked for, a change waits on top until somebody else approves this very content', async () => {
    await using first = await openTab(browser)
    await using second = await openTab(browser)
    await first.page.goto(await linkFor(await me()))
    await first.page.goto(`${cloud.client().url}/flags/inline-comments?environment=qa`)
    await second.page.goto(await linkFor('bea'))
    await second.page.goto(`${cloud.client().url}/flags`)

    await first.page.getByRole('button', { name: 'Up to qa' }).click()
    await dialog(first.page)
      .getByText(/a second person must approve it/)
      .waitFor()
    await dialog(first.page).getByRole('button', { name: 'Expose up to qa' }).click()
    await first.page.getByRole('dialog', { name: 'A second person has to approve' }).getByRole('button', { name: 'Close' }).last().click()
    const own = first.page.getByRole('button', { name: 'Look and approve' })
    expect(await own.getAttribute('aria-disabled')).toBe('true')

    await second.page.getByRole('region', { name: 'A change waits for a second person' }).waitFor()
    await takePictures(second.page, 'flags-proposal')
    await second.page.getByRole('button', { name: 'Look and approve' }).click()
    await dialog(second.page).getByText('settings.qa').waitFor()
    await takePictures(second.page, 'flag-approve')
    await dialog(second.page).getByRole('button', { name: 'Approve' }).click()
    await title(first.page, 'In qa qa gets on, everybody else gets off').waitFor()
    await own.waitFor({ state: 'detached' })
    expect([...first.complaints(), ...second.complaints()]).toEqual([])
  })

  test('segments, rings and keys are made where they are looked at', async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    await page.goto(await linkFor(await me()))
    await page.goto(`${cloud.client().url}/segments/early-access`)
    await page.getByRole('textbox', { name: 'Keys, one a line' }).fill('user-5\nuser-6')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await title(page, 'early-access: 4 keys').waitFor()
    await page.getByLabel('File with one key a line').setInputFiles({
      name: 'keys.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from(Array.from({ length: 20_000 }, (_, nth) => `user-${nth}`).join('\n')),
    })
    await title(page, 'early-access: 20,000 keys').waitFor()
    await page.getByRole('searchbox', { name: 'Find keys' }).fill('user-19999')
    await eventually(async () => (await page.getByRole('button', { name: /^Remove user-/ }).count()) === 1, { withinMs: 30_000 })

    for (const key of ['Escape', 'g', 'i']) await page.keyboard.press(key)
    await title(page, 'Rings').waitFor()
    await page.getByRole('button', { name: 'New ring' }).click()
    await dialog(page).getByRole('textbox', { name: 'Name' }).fill('partners')
    await dialog(page).getByRole('button', { name: 'Add a condition' }).click()
    await dialog(page).getByRole('combobox', { name: 'Attribute, condition 1' }).fill('partner')
    await dialog(page).getByRole('textbox', { name: 'Value, condition 1' }).fill('true')
    await dialog(page).getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'partners' }).waitFor()

    for (const key of ['g', 'k']) await page.keyboard.press(key)
    await page.getByRole('button', { name: 'New key' }).click()
    await dialog(page).getByRole('textbox', { name: 'Name' }).fill('web')
    await dialog(page).getByRole('combobox', { name: 'Kind' }).selectOption('client')
    await dialog(page).getByRole('button', { name: 'Make it' }).click()
    const secret = await dialog(page).getByText(/^bck_/).first().textContent()
    await takePictures(page, 'client-key')
    await dialog(page).getByRole('button', { name: 'I have kept it' }).click()
    const answer = await fetch(`${cloud.client().url}/ofrep/v1/evaluate/flags/inline-comments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ context: { targetingKey: 'ann', role: 'tester' } }),
    })
    expect(await answer.json()).toMatchObject({ key: 'inline-comments', value: true, variant: 'on' })
    expect(tab.complaints()).toEqual([])
  })

  test('every page of flags can be read in both schemes, by everybody, and on a telephone', async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    await page.goto(await linkFor(await me()))
    expect(await lookAtEach(page, cloud.client().url, views)).toEqual([])
    expect(tab.complaints()).toEqual([])
  })
})

const text = (pattern: string | RegExp) => (page: Page) => page.getByText(pattern)
const flagAt = (search: string) => `/flags/inline-comments?${search}`
const views = [
  { name: 'flags', path: '/flags', shows: (page: Page) => page.getByRole('link', { name: /^inline-comments/ }) },
  { name: 'flag-new', path: '/flags?new=yes', shows: (page: Page) => dialog(page) },
  { name: 'flag', path: flagAt('json=yes'), shows: (page: Page) => page.getByRole('group', { name: 'Rings, lowest first' }) },
  { name: 'flag-who', path: flagAt('tab=who&context={"targetingKey":"ann"}'), shows: text(/^ann gets/) },
  { name: 'flag-history', path: flagAt('tab=history'), shows: text('a first look') },
  { name: 'flag-evaluations', path: flagAt('tab=evaluations&table=yes'), shows: text(/^Evaluations in production/) },
  { name: 'flag-code', path: flagAt('tab=code'), shows: text(/^web\.js:/) },
  { name: 'flag-about', path: flagAt('tab=about'), shows: text('What does not change') },
  { name: 'rings', path: '/rings', shows: text('partners') },
  { name: 'segments', path: '/segments', shows: (page: Page) => page.getByRole('row', { name: /^early-access/ }) },
  { name: 'segment', path: '/segments/early-access', shows: text('Change the list') },
  { name: 'client-keys', path: '/client-keys', shows: (page: Page) => page.getByRole('row', { name: /^web/ }) },
]

const title = (page: Page, name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name, exact: true })
const dialog = (page: Page): Locator => page.getByRole('dialog')
const steps = (page: Page): Locator => page.getByRole('list', { name: 'Steps in the order in which they count' })

async function takePictures(page: Page, name: string): Promise<void> {
  for (const scheme of schemes) {
    await wear(page, scheme)
    await takePicture(page, `${name}-${scheme}`)
  }
  await wear(page, 'light')
}
