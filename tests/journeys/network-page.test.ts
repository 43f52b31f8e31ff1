/** TCP sessions in the page of a real browser: a dropped capture, a session in full, two solutions beside each other. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@belay/base'
import { type CapturePartInput, routes } from '@belay/protocol'
import { createAnalyser, pack, type SessionRecord } from '@belay/tcp'
import { back, type Captured, pcap, tcpFrame } from '@belay/tcp/fixtures'
import { openChromium, type TemporaryFolder, temporaryFolder, whyNoChromium } from '@belay/testkit'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { littleCloud, type TestCloud, testCloud } from './support.ts'
import { lookAtEach, openTab, visibleFocus } from './tab.ts'

const builtPage = fileURLToPath(new URL('../../apps/web/dist/index.html', import.meta.url))
const missing = whyNoChromium()
const [FIN, SYN, ACK] = [1, 2, 16]
const ms = 1e6

describe.skipIf(missing)(`TCP sessions in the page${missing === undefined ? '' : ` (${missing})`}`, () => {
  let browser: Browser
  let cloud: TestCloud
  let folder: TemporaryFolder
  let url = ''
  let files: { near: string; far: string }

  beforeAll(async () => {
    const opened = await openChromium()
    if ('skipped' in opened) throw new Error(opened.skipped)
    browser = opened
    if (!existsSync(builtPage)) throw new Error('The page is not built yet: node tools/setup.mjs --tests')
    folder = await temporaryFolder()
    files = { near: join(folder.path, 'near.pcap'), far: join(folder.path, 'far.pcap') }
    await writeFile(files.near, captureOf({ rttMs: 20, lost: false }))
    await writeFile(files.far, captureOf({ rttMs: 90, lost: true }))
    cloud = await testCloud(littleCloud)
    await cloud.start()
    url = cloud.client().url
  })
  afterAll(async () => {
    await browser?.close()
    await cloud?.close()
    await folder?.[Symbol.asyncDispose]()
  })
  const signIn = async (page: Page): Promise<void> => {
    const { actor } = await cloud.client().call(routes.me, {})
    await page.goto((await cloud.client().call(routes.users.link, { params: { name: actor }, body: {} })).url)
    await page.getByRole('navigation', { name: 'Places' }).waitFor()
  }

  test('a dropped capture is analysed in the browser: its sessions, one of them in graphs and words, gone with the tab', async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    await signIn(page)
    await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Network', exact: true }).click()
    await page.getByText('No TCP session was captured yet').waitFor()
    await page.getByText('belay tcp send FILE', { exact: true }).waitFor()
    await page.getByText('belay tcp live --send', { exact: true }).waitFor()

    const sent: string[] = []
    page.on('request', (request) => void (request.method() === 'POST' && sent.push(request.url())))
    await drop(page, 'far.pcap', captureOf({ rttMs: 90, lost: true }))
    await title(page, /^12 sessions/).waitFor()
    await page.getByText(/^pcap, .* packets · 12 sessions$/).waitFor()
    await page.getByRole('button', { name: 'Sort by RTT' }).click()
    expect(new URL(page.url()).searchParams.get('rank')).toBe('rtt')
    await page.getByRole('searchbox', { name: 'Port' }).fill('40003')
    await title(page, /^1 session, /).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('j')
    expect(await visibleFocus(page)).toMatch(/10\.0\.0\.1:40003/)
    await page.keyboard.press('Enter')

    await page.getByRole('region', { name: 'Where its time went' }).getByText('Loss').waitFor()
    await page.getByRole('region', { name: 'The story' }).getByText('What to try').waitFor()
    const graph = page.locator('[data-graph="Time-sequence graph"]')
    await graph.waitFor()
    // An empty picture of this size takes some 2 kB.
    expect((await picture(graph)).length).toBeGreaterThan(8_000)
    await page
      .getByText(/^fast retransmission/)
      .first()
      .waitFor()
    await graph.focus()
    await page.keyboard.press('n')
    await page.getByText('fast retransmission', { exact: true }).last().waitFor()
    const told = page.locator('[data-told]')
    expect(await told.textContent()).toMatch(/^frame [\d,]+.*server → client.*seq [\d,]+ to [\d,]+.*fast retransmission/)
    const before = await told.textContent()
    const whole = await picture(graph)
    for (const key of ['+', '+', '+', 'n']) await page.keyboard.press(key)
    expect(await told.textContent()).not.toBe(before)
    expect(await picture(graph)).not.toBe(whole)
    await page.keyboard.press('0')
    await page.getByRole('button', { name: 'absolute' }).click()
    await page.getByRole('button', { name: 'To the server' }).click()
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ numbers: 'absolute', way: 'client' })
    expect(sent).toEqual([])

    await page.reload()
    await title(page, /^This session is gone/).waitFor()
    expect(tab.complaints()).toEqual([])
  })

  test('two captures beside each other: what is better in which, and no difference where none is shown', async () => {
    await using tab = await openTab(browser)
    const { page } = tab
    await signIn(page)
    await page.keyboard.press('g')
    await page.keyboard.press('b')
    await page.getByText('Choose two captures').waitFor()
    await page.getByLabel('Captures to analyse in this browser').setInputFiles([files.near, files.far])
    await measure(page, /round trip, median/i)
      .getByText('better in A')
      .waitFor()
    await measure(page, /segments sent again /i)
      .getByText('better in A')
      .first()
      .waitFor()
    await measure(page, /closed window/i)
      .getByText('no difference shown')
      .waitFor()
    await page.getByRole('button', { name: 'Swap' }).click()
    await measure(page, /round trip, median/i)
      .getByText('better in B')
      .waitFor()
    expect(tab.complaints()).toEqual([])
  })

  test('every page of the network can be read in both schemes, by everybody, and on a telephone', async () => {
    await send('near-capture', 'near.pcap', captureOf({ rttMs: 20, lost: false }))
    await send('far-capture', 'far.pcap', captureOf({ rttMs: 90, lost: true }))
    await using tab = await openTab(browser)
    const { page } = tab
    await signIn(page)
    const graph = () => page.locator('[data-graph="Time-sequence graph"]')
    const views = [
      { name: 'network', path: '/network?port=40003', shows: () => page.getByRole('table', { name: 'Sessions' }).getByRole('link') },
      { name: 'network-session', path: '/network/sessions/far-capture.3', shows: graph },
      { name: 'network-compare', path: '/network/compare?a=near-capture&b=far-capture', shows: () => measure(page, /round trip, median/i) },
      { name: 'network-calls', path: '/network/calls', shows: () => page.getByText('No call fits') },
    ]
    expect(await lookAtEach(page, url, views)).toEqual([])
    expect(tab.complaints()).toEqual([])
  })

  async function send(id: string, name: string, bytes: Uint8Array): Promise<void> {
    const sessions: SessionRecord[] = []
    const traces: NonNullable<CapturePartInput['traces']> = []
    const analyser = createAnalyser({
      name,
      onSession: (record) => void sessions.push(record),
      trace: {
        sessions: [3],
        onTrace: (trace, session) =>
          void traces.push({ session, chunk: 0, chunks: 1, data: Buffer.from(pack(trace.columns())).toString('base64') }),
      },
    })
    analyser.write(bytes)
    const capture = analyser.end() as CapturePartInput['capture']
    const its = sessions as CapturePartInput['sessions']
    await cloud.client().call(routes.network.send, {
      body: { id, part: 1, last: true, environment: 'production', capture, sessions: its, traces },
    })
  }
})

/** As a person drops a file on the page. */
async function drop(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const data = await page.evaluateHandle(
    ({ base64, name }) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))], name))
      return transfer
    },
    { base64: Buffer.from(bytes).toString('base64'), name },
  )
  for (const type of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent('main', type, { dataTransfer: data })
}

/** What a canvas shows, as a picture's address. */
const picture = (canvas: Locator): Promise<string> =>
  canvas.evaluate(async (element) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    return (element as HTMLCanvasElement).toDataURL()
  })

const title = (page: Page, name: RegExp): Locator => page.getByRole('heading', { level: 1, name })
const measure = (page: Page, name: RegExp): Locator => page.getByRole('region', { name: 'Measures' }).getByRole('row', { name })

const segment = 1_400
/** Of each answer. */
const segments = 20
const turns = 6

/** Twelve sessions, captured at the server: questions, and answers of which the far network loses a segment each. */
function captureOf({ rttMs, lost }: { rttMs: number; lost: boolean }): Uint8Array {
  const random = seededRandom(rttMs)
  const all = Array.from({ length: 12 }, (_, nth) => session(nth, rttMs * (0.9 + random() * 0.3), lost, random))
  return pcap(all.flat().sort((a, b) => a.at - b.at))
}

function session(nth: number, rttMs: number, isLossy: boolean, random: () => number): Captured[] {
  const frames: Captured[] = []
  const [sport, rtt] = [40_000 + nth, rttMs * ms]
  let now = nth * 30 * ms
  let [mine, theirs, id] = [1_000 * nth, 5_000_000, 1]
  const options = { mss: 1460, sackPermitted: true, windowScale: 7 }
  const client = (fields: object) => frames.push({ at: now, frame: tcpFrame({ sport, seq: mine, ack: theirs, window: 2_000, ...fields }) })
  const server = (fields: object) =>
    frames.push({ at: now, frame: tcpFrame({ ...back, dport: sport, seq: theirs, ack: mine, window: 2_000, ipId: id++, ...fields }) })
  client({ flags: SYN, ack: 0, options })
  mine++
  server({ flags: SYN | ACK, options })
  theirs++
  now += rtt
  client({})
  for (let turn = 0; turn < turns; turn++) {
    now += 2 * ms
    client({ length: 300 })
    mine += 300
    now += (4 + random() * 4) * ms
    const start = theirs
    const hole = isLossy ? 3 + Math.floor(random() * 8) : -1
    for (let sent = 0; sent < segments; sent++) {
      server({ seq: start + sent * segment, length: segment })
      now += 0.1 * ms
    }
    theirs = start + segments * segment
    now += rtt - segments * 0.1 * ms
    if (hole < 0) client({ ack: theirs })
    else {
      const left = start + hole * segment
      client({ ack: left })
      for (let after = hole + 1; after < segments; after++) {
        now += 0.1 * ms
        client({ ack: left, options: { sack: [[left + segment, start + (after + 1) * segment]] } })
      }
      now += 0.2 * ms
      server({ seq: left, length: segment })
      now += rtt
      client({ ack: theirs })
    }
  }
  now += 3 * ms
  client({ flags: FIN | ACK })
  mine++
  server({ flags: FIN | ACK })
  theirs++
  now += rtt
  client({})
  return frames
}
