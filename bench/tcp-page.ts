/** A long session in the page of a real Chromium: how soon its graphs stand, and how smoothly they are moved and zoomed. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CapturePartInput, type Client, networkPartMax, routes } from '@belay/protocol'
import { createAnalyser, pack, type SessionRecord } from '@belay/tcp'
import { freePort, openChromium, temporaryFolder } from '@belay/testkit'
import { type BenchOptions, median, type Row, row } from './measure.ts'
import { makeRepository, startServer, stopServer } from './server.ts'
import { writeCapture } from './tcp/captures.ts'

export const about = 'The page with a session of a million segments, in Chromium without a graphics card: opening, panning, zooming.'

const builtPage = join(import.meta.dirname, '..', 'apps', 'web', 'dist', 'index.html')
const capture = 'bench-page'
const moveMs = 4_000
/** What opens later than this hangs. */
const patienceMs = 120_000

export async function rows({ rounds, quick, note }: BenchOptions): Promise<Row[]> {
  if (!existsSync(builtPage)) throw new Error('The page is not built yet: node tools/setup.mjs')
  const browser = await openChromium()
  if ('skipped' in browser) throw new Error(browser.skipped)
  await using folder = await temporaryFolder()
  makeRepository(folder.path)
  const { child, client } = await startServer(folder.path, await freePort())
  try {
    const file = join(folder.path, 'long.pcap')
    const packets = quick ? 100_000 : 1_000_000
    note(`writes a session of ${packets.toLocaleString('en')} packets`)
    writeCapture(file, { packets, sessions: 1, live: 1, snaplen: 128, seed: 8 })
    const segments = await send(client, file)
    return await measure({ browser, client, file, segments, rounds, note })
  } finally {
    await browser.close()
    await stopServer(child)
  }
}

type Browser = Exclude<Awaited<ReturnType<typeof openChromium>>, { skipped: string }>
type Page = Awaited<ReturnType<Browser['newPage']>>
type Measured = {
  readonly browser: Browser
  readonly client: Client
  readonly file: string
  readonly segments: number
  readonly rounds: number
  readonly note: (text: string) => void
}

async function measure({ browser, client, file, segments, rounds, note }: Measured): Promise<Row[]> {
  const kept: number[] = []
  const dropped: number[] = []
  const pans: Frames[] = []
  const zooms: Frames[] = []
  for (let round = 0; round < rounds; round++) {
    note(`opens it, ${round + 1} of ${rounds}`)
    const page = await signedIn(browser, client)
    kept.push(await graphAfter(page, () => page.goto(`${client.url}/network/sessions/${capture}.0`)))
    pans.push(await frames(page, 'pan'))
    zooms.push(await frames(page, 'zoom'))
    await page.goto(`${client.url}/network`)
    await page.getByLabel('Captures to analyse in this browser').waitFor({ state: 'attached' })
    dropped.push(
      await graphAfter(page, async () => {
        await page.getByLabel('Captures to analyse in this browser').setInputFiles(file)
        await page.getByText(/^1 session, /).waitFor()
        await page.getByRole('table', { name: 'Sessions' }).getByRole('link').first().click()
      }),
    )
    await page.context().close()
  }
  const of = (all: readonly Frames[], figure: keyof Frames) => median(all.map((it) => it[figure]))
  const size = `${segments.toLocaleString('en')} segments`
  return [
    row({ name: `${size}, kept by the server: first graph`, unit: 's', ours: median(kept) / 1_000 }),
    row({ name: `${size}, a dropped file: analysed, opened, first graph`, unit: 's', ours: median(dropped) / 1_000 }),
    row({ name: `${size}: panning`, unit: 'frames/s', ours: of(pans, 'perSecond'), goal: { of: 'ours', atLeast: 30 } }),
    row({ name: `${size}: panning, the slowest of 100 frames`, unit: 'ms', ours: of(pans, 'slowMs') }),
    row({ name: `${size}: zooming`, unit: 'frames/s', ours: of(zooms, 'perSecond'), goal: { of: 'ours', atLeast: 30 } }),
    row({ name: `${size}: zooming, the slowest of 100 frames`, unit: 'ms', ours: of(zooms, 'slowMs') }),
  ]
}

async function signedIn(browser: Browser, client: Client): Promise<Page> {
  const { actor } = await client.call(routes.me, {})
  const { url } = await client.call(routes.users.link, { params: { name: actor }, body: {} })
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  await page.goto(url)
  await page.getByRole('navigation', { name: 'Places' }).waitFor()
  return page
}

/** Milliseconds from `act` until the time-sequence graph has been painted. */
async function graphAfter(page: Page, act: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await act()
  await page.locator('[data-graph="Time-sequence graph"]').waitFor()
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
  return performance.now() - began
}

type Frames = { readonly perSecond: number; readonly slowMs: number }

/** Moves all four graphs in every frame for some seconds, by the events that a pointer or a wheel would send. */
async function frames(page: Page, how: 'pan' | 'zoom'): Promise<Frames> {
  const canvas = page.locator('[data-graph="Time-sequence graph"]')
  await canvas.scrollIntoViewIfNeeded()
  const gaps = await canvas.evaluate(
    async (element, { how, moveMs }) => {
      const box = element.getBoundingClientRect()
      const at = (x: number) => ({ clientX: box.left + x, clientY: box.top + box.height / 2, bubbles: true, cancelable: true })
      const wheel = (deltaY: number, x: number) => element.dispatchEvent(new WheelEvent('wheel', { deltaY, ...at(x) }))
      const point = (type: string, x: number) =>
        element.dispatchEvent(new PointerEvent(type, { pointerId: 1, isPrimary: true, button: 0, ...at(x) }))
      // There is no pointer to capture: the events are told to the canvas itself.
      element.setPointerCapture = () => {}
      const middle = box.width / 2
      if (how === 'pan') {
        // Half of the session is in sight, so that there is somewhere to go and every drawing is a full one.
        wheel(-380, middle)
        point('pointerdown', middle)
      }
      const gaps: number[] = []
      const began = performance.now()
      let last = began
      for (let nth = 0; last - began < moveMs; nth++) {
        if (how === 'pan') point('pointermove', middle + Math.sin(nth / 25) * box.width * 0.4)
        // Nearer for a second, and back.
        else wheel(Math.floor(nth / 60) % 2 === 0 ? -45 : 45, middle * 1.2)
        const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve))
        gaps.push(now - last)
        last = now
      }
      if (how === 'pan') point('pointerup', middle)
      element.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))
      return gaps
    },
    { how, moveMs },
  )
  const whole = gaps.reduce((sum, it) => sum + it, 0)
  const slow = gaps.toSorted((a, b) => b - a)[Math.floor(gaps.length / 100)] as number
  return { perSecond: (gaps.length * 1_000) / whole, slowMs: slow }
}

/** Analyses the capture and sends it with every segment of its session, as `belay tcp send` would. @returns how many those are */
async function send(client: Client, file: string): Promise<number> {
  const sessions: SessionRecord[] = []
  let packed = new Uint8Array()
  let count = 0
  const analyser = createAnalyser({
    name: 'long.pcap',
    onSession: (record) => void sessions.push(record),
    trace: {
      sessions: [0],
      onTrace: (trace) => {
        packed = new Uint8Array(pack(trace.columns()))
        count = trace.count
      },
    },
  })
  analyser.write(readFileSync(file))
  const summary = analyser.end()
  const data = Buffer.from(packed).toString('base64')
  const size = networkPartMax.traceChunk
  const chunks = Math.ceil(data.length / size)
  const about = {
    id: capture,
    environment: 'production',
    host: '',
    label: '',
    resources: null,
    capture: summary as CapturePartInput['capture'],
  }
  for (let chunk = 0; chunk < chunks; chunk++) {
    const its = { session: 0, chunk, chunks, data: data.slice(chunk * size, (chunk + 1) * size) }
    await client.call(routes.network.send, {
      body: {
        ...about,
        part: chunk + 1,
        last: chunk === chunks - 1,
        sessions: chunk === 0 ? (sessions as CapturePartInput['sessions']) : [],
        turns: [],
        traces: [its],
      },
    })
  }
  return count
}
