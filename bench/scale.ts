import { type Client, routes } from '@belay/protocol'
import { freePort, openChromium, temporaryFolder, whyNoChromium } from '@belay/testkit'
import { type BenchOptions, type Row, row } from './measure.ts'
import { makeRepository, memoryOf, startServer, stopServer } from './server.ts'

export const about = 'Five thousand flags and a thousand segments: import, start of the server, list, search, a kill, the page.'

const flagCount = 5_000
const segmentCount = 1_000
/** Flags as teams have them: rules over attributes, a segment, a share. */
function documentOf(): string {
  const segments = Array.from({ length: segmentCount }, (_, n) => [`plan-${n}`, { in: [{ var: 'plan' }, [`p${n}`, `q${n}`, `r${n}`]] }])
  const flags = Array.from({ length: flagCount }, (_, n) => [
    `team-${n % 50}.feature-${n}`,
    {
      state: 'ENABLED',
      variants: { on: true, off: false },
      defaultVariant: 'off',
      targeting: {
        if: [
          { and: [{ $ref: `plan-${n % segmentCount}` }, { ends_with: [{ var: 'email' }, '@example.com'] }] },
          'on',
          {
            fractional: [
              ['on', 10],
              ['off', 90],
            ],
          },
        ],
      },
    },
  ])
  return JSON.stringify({ $evaluators: Object.fromEntries(segments), flags: Object.fromEntries(flags) })
}

export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  await using folder = await temporaryFolder()
  const port = await freePort()
  makeRepository(folder.path)
  const document = documentOf()

  note(`imports ${flagCount} flags and ${segmentCount} segments`)
  let server = await startServer(folder.path, port)
  try {
    const importedMs = await took(() => server.client.call(routes.flags.import, { query: { format: 'flagd' }, upload: document } as never))
    note('starts again')
    const starts: number[] = []
    for (let round = 0; round < rounds; round++) {
      await stopServer(server.child)
      server = await startServer(folder.path, port)
      starts.push(server.readyMs)
    }
    const { client } = server
    const list = await typical(rounds * 5, () => client.call(routes.flags.list, { query: { limit: 100 } }))
    const search = await typical(rounds * 5, (n) => client.call(routes.flags.list, { query: { text: `feature-${n}7`, limit: 100 } }))
    const segments = await typical(rounds * 5, () => client.call(routes.segments.list, { query: { limit: 100 } }))
    const change = await typical(rounds * 5, (n) =>
      client.call(routes.flags.change, {
        params: { key: `team-${n % 50}.feature-${n}` },
        body: { change: { do: 'kill', reason: 'bench' } },
      }),
    )
    const figure = (name: string, ours: number, atMost: number) => row({ name, unit: 'ms', ours, goal: { of: 'ours', atMost } })
    return [
      row({ name: `import of ${flagCount} flags and ${segmentCount} segments`, unit: 's', ours: importedMs / 1_000 }),
      figure('server start to ready, the slowest', Math.max(...starts), 5_000),
      figure('first 100 flags', list, 100),
      figure('search', search, 100),
      figure('first 100 segments', segments, 100),
      figure('a kill, until it is acknowledged', change, 200),
      ...(await pageRows(client, note)),
      row({ name: 'memory of the server', unit: 'MB', ours: memoryOf(server.child) }),
    ]
  } finally {
    await stopServer(server.child)
  }
}

async function pageRows(client: Client, note: (text: string) => void): Promise<Row[]> {
  const missing = whyNoChromium()
  if (missing !== undefined) {
    note(`the page was not measured: ${missing}`)
    return []
  }
  note('opens the page')
  const browser = await openChromium()
  if ('skipped' in browser) throw new Error(browser.skipped)
  try {
    const { name } = (await client.call(routes.users.list, {})).users[0] ?? { name: '' }
    const { url } = await client.call(routes.users.link, { params: { name } })
    const tab = await browser.newPage()
    await tab.goto(url)
    const opened = performance.now()
    await tab.goto(`${client.url}/flags`)
    await tab.getByText('team-0.feature-0', { exact: true }).first().waitFor()
    const listMs = performance.now() - opened
    const searched = performance.now()
    await tab.keyboard.press('/')
    await tab.keyboard.type('feature-4321')
    await tab.getByText('team-21.feature-4321', { exact: true }).first().waitFor()
    const searchMs = performance.now() - searched
    return [
      row({ name: 'the page Flags, opened anew', unit: 'ms', ours: listMs, goal: { of: 'ours', atMost: 3_000 } }),
      row({ name: 'a search on it, typed', unit: 'ms', ours: searchMs, goal: { of: 'ours', atMost: 1_500 } }),
    ]
  } finally {
    await browser.close()
  }
}

const took = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function typical(times: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const all: number[] = []
  for (let n = 0; n < times; n++) all.push(await took(() => work(n)))
  return all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0
}
