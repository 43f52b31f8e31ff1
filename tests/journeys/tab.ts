/** A tab of a real Chromium, and everything that somebody who looks at it would complain about. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AxeBuilder } from '@axe-core/playwright'
import { eventually } from '@belay/testkit'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'

export const schemes = ['light', 'dark'] as const
export type Scheme = (typeof schemes)[number]

/** What most people's windows have at least, and a telephone held upright. */
export const desk = { width: 1440, height: 900 }
export const telephone = { width: 390, height: 844 }
const screenshotFolder = fileURLToPath(new URL('../../dist/screenshots', import.meta.url))
/** A machine that builds, checks and deploys on two cores answers late, but it answers. */
const patienceMs = 60_000

export type Tab = AsyncDisposable & {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors and warnings of the console, uncaught errors, requests that failed or were refused, oldest first. */
  complaints(): readonly string[]
}

/** @param expected complaints that belong to the test: a server that was killed refuses connections */
export async function openTab(browser: Browser, { expected = [] }: { expected?: readonly RegExp[] } = {}): Promise<Tab> {
  const context = await browser.newContext({ viewport: desk, colorScheme: 'light' })
  context.setDefaultTimeout(patienceMs)
  const { page, complaints } = await anotherTab(context, expected)
  return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** One more tab of the same person. */
export async function anotherTab(context: BrowserContext, expected: readonly RegExp[] = []): Promise<Pick<Tab, 'page' | 'complaints'>> {
  const page = await context.newPage()
  const complaints: string[] = []
  const complain = (text: string) => {
    if (!expected.some((it) => it.test(text))) complaints.push(text)
  }
  page.on('console', (message) => {
    // A request that went wrong is told below, with its address.
    if (message.text().startsWith('Failed to load resource')) return
    if (['error', 'warning'].includes(message.type())) complain(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complain(`uncaught: ${error.message}`))
  page.on('response', (response) => {
    if (response.status() >= 400) complain(`${response.status()}: ${response.request().method()} ${response.url()}`)
  })
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? 'for no known reason'
    // The page itself lets go of what nobody waits for any more: streams and answers of a page that was left.
    if (why !== 'net::ERR_ABORTED') complain(`${why}: ${request.method()} ${request.url()}`)
  })
  return { page, complaints: () => complaints }
}

/** A tab that loads again forgets this; see `isStillTheSame`. */
export async function markTab(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(window, { isMarked: true }))
}
export async function isStillTheSame(page: Page): Promise<boolean> {
  return page.evaluate(() => 'isMarked' in window)
}

/** The rules of axe that look at colours. */
const colourRules = ['color-contrast', 'link-in-text-block']

/** What axe finds serious or critical, as a sentence each. @param coloursAlone of a page whose other scheme was looked at whole */
export async function seriousViolations(page: Page, coloursAlone = false): Promise<string[]> {
  const axe = new AxeBuilder({ page })
  const { violations } = await (coloursAlone ? axe.withRules(colourRules) : axe).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}`))
}

/** The page follows the scheme of the system. */
export async function wear(page: Page, scheme: Scheme): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme })
  await eventually(
    async () => {
      const [red] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g) ?? [])
      return scheme === 'dark' ? Number(red) < 64 : Number(red) > 192
    },
    { withinMs: patienceMs, what: `a ${scheme} page` },
  )
  await settled(page)
}

/** Into `dist/screenshots/`, so that somebody can look at what the tests saw. */
export async function takePicture(page: Page, name: string, { whole = false } = {}): Promise<void> {
  await mkdir(screenshotFolder, { recursive: true })
  await page.screenshot({ path: join(screenshotFolder, `${name}.png`), fullPage: whole })
}

/** Colours that still fade would be neither the one nor the other. What goes on for ever is not waited for. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((it) => it.effect?.getComputedTiming().endTime !== Infinity)
    await Promise.allSettled(ending.map((it) => it.finished))
  })
}

/** How the element that has the keyboard shows it; undefined when one cannot see it. */
export async function visibleFocus(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const element = document.activeElement
    if (element === null || element === document.body || !element.matches(':focus-visible')) return undefined
    const box = element.getBoundingClientRect()
    if (box.width === 0 || box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) return undefined
    // A bar of the timeline draws its focus on the shape inside it.
    const shows = [element, ...element.children].some((it) => {
      const { outlineStyle, outlineWidth, boxShadow, strokeWidth, stroke } = getComputedStyle(it)
      return (
        (outlineStyle !== 'none' && outlineWidth !== '0px') ||
        boxShadow !== 'none' ||
        (it instanceof SVGElement && stroke !== 'none' && Number.parseFloat(strokeWidth) >= 3)
      )
    })
    return shows ? (element.getAttribute('aria-label') ?? element.textContent ?? element.tagName) : undefined
  })
}

/** A view of the page: what it is called, where it is, and what tells that it is there. */
export type View = { readonly name: string; readonly path: string; readonly shows: (page: Page) => Locator }

/**
 * Opens each view in both schemes and as on a telephone, takes its pictures, and answers what is wrong with them:
 * what axe finds serious, and what is wider than a telephone.
 */
export async function lookAtEach(page: Page, base: string, views: readonly View[]): Promise<string[]> {
  const wrong: string[] = []
  for (const { name, path, shows } of views) {
    await page.goto(base + path)
    await shows(page).first().waitFor()
    for (const scheme of schemes) {
      await wear(page, scheme)
      await takePicture(page, `${name}-${scheme}`)
      wrong.push(...(await seriousViolations(page, scheme !== 'light')).map((it) => `${name}, ${scheme}: ${it}`))
    }
    await wear(page, 'light')
    await page.setViewportSize(telephone)
    const fits = eventually(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), { withinMs: 10_000 })
    await fits.catch(() => wrong.push(`${name}: too wide for a telephone`))
    await takePicture(page, `${name}-telephone`, { whole: true })
    await page.setViewportSize(desk)
  }
  return wrong
}
