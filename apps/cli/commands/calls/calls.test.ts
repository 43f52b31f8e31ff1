/** What the commands send, checked by the routes' own schemas, and what scripts get back. No process. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as wholeText } from 'node:stream/consumers'
import { listRoutes, type Route } from '@belay/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { aChange, aFlagCost, aMethod, anExemplar, aRow, aTable, aTrend, aVerdict, noFacets, someDifferences } from '../../calls/fixtures.ts'
import { createProgram } from '../../program.ts'

type Asked = { readonly route: string; readonly query: Record<string, string>; readonly body: string }

const rows = ['Items.get', 'Items.getList', 'Pages.get', 'pages.get.All'].map((method) => aRow({ method, compared: someDifferences() }))
const tableFor = ({ text = '' }: Record<string, string>) =>
  aTable(rows.filter(({ method }) => method.toLowerCase().includes(text.toLowerCase())))
const answers: Readonly<Record<string, (query: Record<string, string>) => unknown>> = {
  'GET /api/environments': () => ({
    environments: [
      { name: 'qa', kind: 'qa' },
      { name: 'production', kind: 'production' },
    ].map((it) => ({ ...anEnvironment, ...it })),
  }),
  'GET /api/calls/table': tableFor,
  'GET /api/calls/facets': () => noFacets,
  'GET /api/calls/method': () => aMethod(),
  'GET /api/calls/exemplars': () => ({ exemplars: [anExemplar(), anExemplar({ trace: `4bf9${'0'.repeat(28)}` })] }),
  'GET /api/calls/trend': () => aTrend,
  'GET /api/calls/changes': () => ({
    ...{ changes: [aChange()], more: false, digest: 'One.', lookedAt: { release: null, trend: null, flag: null } },
  }),
  'GET /api/calls/flags': () => ({ flags: [aFlagCost], notes: [] }),
  'GET /api/calls/budgets': () => aVerdict,
  'POST /api/calls/import': () => ({
    ...{ lines: 1, calls: 0, refused: 1, examples: [{ line: 1, because: 'no' }], again: false, says: 'Nothing.' },
  }),
}
const anEnvironment = {
  ...{ state: 'healthy', because: null, release: 'v4', hosts: [], lease: null, lastDeployment: null, deployedAt: null },
  ...{ createdAt: null, createdBy: null, expiresAt: null },
}

let asked: Asked[] = []
let printed = ''
let server: Server

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x')
    const route: Route | undefined = listRoutes().find(({ route: it }) => it.method === request.method && it.path === url.pathname)?.route
    const query = Object.fromEntries(url.searchParams)
    const name = `${request.method} ${url.pathname}`
    void wholeText(request)
      .then((body) => {
        asked.push({ route: name, query, body })
        route?.query?.parse(query)
        return { status: 200, body: answers[name]?.(query) }
      })
      .catch((error: Error) => ({ status: 422, body: { error: { code: 'schema', message: error.message, facts: {} } } }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = 0
})

async function belay(line: string): Promise<string> {
  asked = []
  printed = ''
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')
  const program = await createProgram(words[0])
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await program.parseAsync([...words, '--url', url], { from: 'user' })
  return printed
}
const json = async (line: string): Promise<Record<string, unknown>> => JSON.parse(await belay(`${line} --json`)) as Record<string, unknown>
const queryOf = (route: string): Record<string, string> | undefined => asked.findLast((it) => it.route === `GET /api/calls/${route}`)?.query

describe('belay calls top', () => {
  test('asks for production by Mix and hands over the table', async () => {
    expect(await json('calls top')).toMatchObject({
      schemaVersion: 1,
      environment: 'production',
      rows: [{ method: 'Items.get' }, {}, {}, {}],
    })
    expect(queryOf('table')).toEqual({ environment: 'production', rank: 'mix', limit: '5000', external: 'with' })
  })

  test('carries every filter', async () => {
    await json(
      "calls top --env qa --rank cpu --day 2026-11-22 --audience '!robot,!staff' --release v4 --lane stable --account acme --host web1 " +
        '--variant new-editor=on --service api --service web --without-external --compare release:v3 --text get --limit 3',
    )
    expect(queryOf('table')).toEqual({
      ...{ environment: 'qa', rank: 'cpu', day: '2026-11-22', audience: '!robot,!staff', release: 'v4', lane: 'stable', account: 'acme' },
      ...{
        host: 'web1',
        variant: 'new-editor=on',
        service: 'api,web',
        external: 'without',
        compare: 'release:v3',
        text: 'get',
        limit: '3',
      },
    })
  })

  test('reads times as having been', async () => {
    const before = Date.now()
    await json('calls top --last 2h --compare 3d..2d')
    const { from, to, compare } = queryOf('table') ?? {}
    expect(Number(to) - Number(from)).toBe(7_200_000)
    expect(Number(to)).toBeGreaterThanOrEqual(before)
    const [, first, second] = /^range:(\d+)-(\d+)$/.exec(compare ?? '') ?? []
    expect(Number(second) - Number(first)).toBeGreaterThanOrEqual(86_400_000 - 10)
    expect(Number(second)).toBeLessThan(before - 86_400_000)
    await json('calls top --from 2026-11-22T08:00Z --to 2026-11-22T09:30Z --compare previous')
    expect(queryOf('table')).toMatchObject({
      ...{ from: String(Date.UTC(2026, 10, 22, 8)), to: String(Date.UTC(2026, 10, 22, 9, 30)), compare: 'previous' },
    })
  })

  const refused: readonly [line: string, says: RegExp][] = [
    ['calls top --day today --last 2h', /Say when in one way/],
    ['calls top --from 1h --to 2h', /ends before it begins/],
    ['calls top --json --csv', /Choose one of --json and --csv/],
    ['calls top --watch', /--watch draws in a terminal/],
    ['calls compare v3 lane:stable', /Both sides must be of one kind/],
    ['calls compare v3 v4 --release v5', /leave out --release/],
    ['calls compare 2d..1d 1d..1h --last 2h', /The two ranges say when/],
  ]
  test.each(refused)('%s is refused', async (line, says) => {
    await expect(belay(line)).rejects.toThrow(says)
  })

  test('is tab-separated in a pipe, and CSV when asked', async () => {
    expect((await belay('calls top')).split('\n')[0]).toMatch(/^api\tItems\.get\t3473\t0\t0\.123\t36200\t/)
    const lines = (await belay('calls top --csv')).split('\r\n')
    expect(lines[0]).toMatch(/^service,method,count,/)
    expect(lines).toHaveLength(6)
  })
})

describe('a method is found', () => {
  const cases: readonly [asked: string, method: string][] = [
    ['Items.get', 'Items.get'],
    ['items.getlist', 'Items.getList'],
    ['getL', 'Items.getList'],
    ['Pages.get', 'Pages.get'],
  ]
  test.each(cases)('by %s: %s', async (text, method) => {
    await json(`calls show ${text} --last 2h`)
    expect(queryOf('method')).toMatchObject({ method, service: 'api', environment: 'production' })
    expect(queryOf('exemplars')).toMatchObject({ method, limit: '5' })
    // The same two hours, wherever the name was looked up.
    expect(queryOf('table')?.from).toBe(queryOf('method')?.from)
  })

  test('or the candidates are named, or the nearest', async () => {
    await expect(belay('calls show Items')).rejects.toThrow('Items is a part of several names: Items.get, Items.getList. Write more')
    await expect(belay('calls show Itmes.get')).rejects.toThrow('Did you mean Items.get?')
    await expect(belay('calls show zzz')).rejects.toThrow(/No method of production has zzz in its name in this range\. belay calls top/)
  })
})

test('one division, one kept call, one trend', async () => {
  expect(await json('calls show getList --by release')).toMatchObject({ divisions: [{ by: 'release' }], exemplars: [{}, {}] })
  expect(await json('calls show getList --exemplar 4bf92')).toMatchObject({ exemplar: { trace: anExemplar().trace } })
  await expect(belay('calls show getList --exemplar 4bf9')).rejects.toThrow('2 traces begin with 4bf9')
  await expect(belay('calls show getList --exemplar abc')).rejects.toThrow('No call of Items.getList that was kept')
  expect((await belay('calls show getList --exemplar 4bf92 --csv')).split('\r\n')[0]).toBe('at_us,took_us,kind,system,failed,text')
  expect(await json('calls trend getList --measure statements')).toMatchObject({ method: 'Items.getList', measure: 'statements' })
  expect(queryOf('trend')).toMatchObject({ measure: 'statements', method: 'Items.getList' })
})

test('changes, costs of flags and budgets are asked for where and since when they are meant', async () => {
  expect(await json('calls changes --since 30d --kind release --cause release:v4 --method getList')).toMatchObject({ digest: 'One.' })
  const { from, to, ...query } = queryOf('changes') ?? {}
  expect(Number(to) - Number(from)).toBe(30 * 86_400_000)
  expect(query).toEqual({
    ...{ environment: 'production', kind: 'release', cause: 'release:v4', service: 'api', method: 'Items.getList', limit: '50' },
  })
  await belay('calls flags inline-comments --last 7d')
  expect(queryOf('flags')).toMatchObject({ flag: 'inline-comments', environment: 'production' })
  expect(printed).toMatch(/^inline-comments\ton\toff\tapi\tItems\.getList\treal\t500\t480\t36000\t/)
  expect(await json('calls budgets --env qa --release v4')).toMatchObject({ ok: false })
  expect(process.exitCode).toBe(1)
})

test('two releases are compared over 30 days, two ranges over themselves', async () => {
  const it = await json('calls compare v3 v4')
  expect(it).toMatchObject({ rows: [{ compared: {} }, {}, {}, {}] })
  const { from, to, ...query } = queryOf('table') ?? {}
  expect(Number(to) - Number(from)).toBe(30 * 86_400_000)
  expect(query).toMatchObject({ release: 'v4', compare: 'release:v3', rank: 'mix' })
  await json('calls compare lane:stable lane:candidate --last 2h --measure cpu')
  expect(queryOf('table')).toMatchObject({ lane: 'candidate', compare: 'lane:stable', rank: 'cpu' })
  await json('calls compare 2026-11-01T00:00Z..2026-11-08T00:00Z 2026-11-08T00:00Z..2026-11-15T00:00Z')
  expect(queryOf('table')).toMatchObject({
    ...{ from: String(Date.UTC(2026, 10, 8)), to: String(Date.UTC(2026, 10, 15)) },
    compare: `range:${Date.UTC(2026, 10, 1)}-${Date.UTC(2026, 10, 8)}`,
  })
  expect((await belay('calls compare v3 v4 --measure cpu --csv')).split('\r\n')).toHaveLength(6)
})

test('a log is sent as it is, for a service of an environment; one that nobody understood ends with 1', async () => {
  const file = new URL(import.meta.url).pathname
  expect(await json(`calls import ${file} --format haproxy --service api --release v4`)).toMatchObject({ refused: 1 })
  expect(asked.at(-1)).toMatchObject({
    route: 'POST /api/calls/import',
    query: { environment: 'production', service: 'api', format: 'haproxy', release: 'v4' },
    body: expect.stringContaining('No process.'),
  })
  expect(process.exitCode).toBe(1)
})
