/**
 * Flags in somebody's web page: the stock OFREP web provider in a real browser, served from another origin, with a key
 * that anybody can read there. Values come at load, changes by events, and the page works while the server is away.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type FlagChangeInput, type NewFlagWire, routes } from '@belay/protocol'
import { openChromium, whyNoChromium } from '@belay/testkit'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from 'vite'
import { littleCloud, type TestCloud, testCloud } from './support.ts'
import { openTab, type Tab } from './tab.ts'

const missing = whyNoChromium()
const entry = fileURLToPath(new URL('./flags-web/page.ts', import.meta.url))
/** What the promise says, and an undo must keep. */
const withinMs = 1_000

const flags: readonly (NewFlagWire & { configure?: Extract<FlagChangeInput, { do: 'configure' }>['setting'] })[] = [
  { key: 'switch', variants: { on: true, off: false } },
  { key: 'colour', variants: { red: 'red', blue: 'blue' }, defaultVariant: 'blue' },
  { key: 'limit', variants: { low: 5, high: 0.25 }, defaultVariant: 'high' },
  { key: 'layout', variants: { wide: { columns: [1, 2] } }, defaultVariant: 'wide' },
  { key: 'staff', configure: { targeting: { if: [{ ends_with: [{ var: 'email' }, '@example.test'] }, 'on', null] } } },
  { key: 'stopped', configure: { state: 'DISABLED' } },
]

/** The page as a bundler makes it for a browser. */
async function bundled(): Promise<string> {
  const made = await build({
    configFile: false,
    logLevel: 'silent',
    root: fileURLToPath(new URL('..', import.meta.url)),
    build: { write: false, minify: false, target: 'es2022', rollupOptions: { input: entry } },
  })
  const outputs = Array.isArray(made) ? made : [made]
  for (const it of outputs) if ('output' in it) return it.output[0].code
  throw new Error('the bundler made nothing')
}

describe.skipIf(missing)(`flags in a web page${missing === undefined ? '' : ` (${missing})`}`, () => {
  let browser: Browser
  let cloud: TestCloud
  let shop: ReturnType<typeof createServer>
  let address: string

  beforeAll(async () => {
    const opened = await openChromium()
    if ('skipped' in opened) throw new Error(opened.skipped)
    browser = opened
    const code = await bundled()
    shop = createServer((request, response) => {
      const isScript = request.url === '/page.js'
      response.writeHead(200, { 'content-type': `${isScript ? 'text/javascript' : 'text/html'}; charset=utf-8` })
      response.end(
        isScript ? code : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script><body></body>',
      )
    })
    await new Promise<void>((resolve) => void shop.listen(0, '127.0.0.1', resolve))
    cloud = await testCloud(littleCloud)
    await cloud.start()
    for (const { configure, ...body } of flags) {
      await cloud.client().call(routes.flags.create, { body })
      if (configure) await change(body.key, { do: 'configure', setting: configure })
    }
    const key = { name: 'shop', kind: 'client', environment: 'production' } as const
    const { secret } = await cloud.client().call(routes.clientKeys.create, { body: key })
    const url = cloud.printed().match(/http:\/\/\S+/)?.[0] ?? ''
    address = `http://localhost:${(shop.address() as AddressInfo).port}/?${new URLSearchParams({ url, key: secret }).toString()}`
  })
  afterAll(async () => {
    await browser?.close()
    shop?.close()
    await cloud?.close()
  })

  const change = (key: string, it: FlagChangeInput) => cloud.client().call(routes.flags.change, { params: { key }, body: { change: it } })
  type Seen = { switch: { value: boolean; reason: string }; [flag: string]: unknown }
  const seen = async ({ page }: Tab): Promise<Seen> => JSON.parse((await page.textContent('body')) || '{"switch":{}}') as Seen
  const switched = (tab: Tab) => expect.poll(async () => (await seen(tab)).switch.value, { timeout: 20_000, interval: 10 })
  async function opened(expected: readonly RegExp[] = []): Promise<Tab> {
    const tab = await openTab(browser, { expected })
    await tab.page.goto(address)
    await expect.poll(async () => (await seen(tab)).colour, { timeout: 20_000 }).toBe('blue')
    return tab
  }

  test('values of every type are there at load, and defaults of the code where nothing is served', async () => {
    await using tab = await opened()
    expect(await seen(tab)).toMatchObject({
      switch: { value: false, variant: 'off', reason: 'STATIC', flagMetadata: { kind: 'release' } },
      ...{ colour: 'blue', limit: 0.25, layout: { columns: [1, 2] }, staff: false, stopped: true },
      nope: { value: 'mine', errorCode: 'FLAG_NOT_FOUND' },
    })
    expect(tab.complaints()).toEqual([])
  })

  test('a change and a kill reach the page within a second, by an event and not by asking', async () => {
    await using tab = await opened()
    const asked: string[] = []
    tab.page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    // Longer than any pause of the provider: it does not ask by itself.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(asked.filter((path) => path.endsWith('/flags')).length).toBeLessThanOrEqual(1)
    const expose = { serve: { on: 1 }, ring: 'all', percent: 100 }
    for (const [it, value] of [
      [{ do: 'expose', environment: 'production', exposure: expose }, true],
      [{ do: 'kill', environment: 'production', reason: 'it smokes' }, false],
      [{ do: 'restore', environment: 'production' }, true],
      [{ do: 'expose', environment: 'production', exposure: null }, false],
    ] as const) {
      const beganMs = performance.now()
      await change('switch', it)
      await switched(tab).toBe(value)
      expect(performance.now() - beganMs).toBeLessThan(withinMs)
    }
    expect(tab.complaints()).toEqual([])
  })

  test('another person gets what is theirs', async () => {
    await using tab = await opened()
    const become = (who: Record<string, string>) =>
      tab.page.evaluate((it) => (window as unknown as { be(it: unknown): Promise<void> }).be(it), who)
    await become({ targetingKey: 'user-1', email: 'a@example.test' })
    await expect.poll(async () => (await seen(tab)).staff).toBe(true)
    await become({ targetingKey: 'user-2', email: 'b@example.org' })
    await expect.poll(async () => (await seen(tab)).staff).toBe(false)
    expect(tab.complaints()).toEqual([])
  })

  test('while the server is away the page keeps what it had, also when it is loaded again; what was missed comes with the server', async () => {
    await using tab = await opened([/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/])
    await cloud.kill()
    await tab.page.reload()
    await expect.poll(() => seen(tab), { timeout: 20_000 }).toMatchObject({ colour: 'blue', switch: { value: false, reason: 'CACHED' } })
    await cloud.start()
    await change('switch', { do: 'expose', environment: 'production', exposure: { serve: { on: 1 }, ring: 'all', percent: 100 } })
    await switched(tab).toBe(true)
    expect(tab.complaints()).toEqual([])
  })
})
