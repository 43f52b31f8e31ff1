/** What the commands send, checked by the routes' own schemas, and what scripts get back. No server, no process. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as wholeText } from 'node:stream/consumers'
import { listRoutes, type Route } from '@belay/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { aFlag, anAnswer, aProposal, aStanding, aSummary, ladderNames } from '../../flag-fixtures.ts'
import { startMs } from '../../fixtures.ts'
import { createProgram } from '../../program.ts'

type Asked = { readonly route: string; readonly query: unknown; readonly body: unknown }

const rings = ladderNames.map((name) => ({ name, source: 'file', where: null, segment: null, says: `the people of ${name}`, flags: [] }))
const segment = {
  ...{ key: 'early', description: '', kind: 'list', rule: null, by: 'targetingKey', size: 2, version: 1 },
  ...{ changedAt: startMs, changedBy: 'ada', usedBy: [] },
}
const key = { id: 'k1', name: 'api', kind: 'server', environment: 'production', createdBy: 'ada', createdAt: startMs, lastUsedAt: null }
const page = { flag: aFlag(), standings: [aStanding('qa')], stale: [], proposals: [], scheduled: [], neededBy: [], lastEvaluatedAt: null }
const answers: Readonly<Record<string, unknown>> = {
  'GET /api/flags': { flags: [aSummary()], total: 1, more: false, tags: [], owners: [] },
  'POST /api/flags': aFlag(),
  'GET /api/flags/:key': page,
  'POST /api/flags/:key/changes': anAnswer(),
  'GET /api/flags/:key/history': { versions: [], more: false },
  'GET /api/rings': { rings },
  'POST /api/rings': rings[0],
  'DELETE /api/rings/:name': {},
  'GET /api/flag-proposals': { proposals: [aProposal] },
  'POST /api/flag-proposals/:id/approve': anAnswer(),
  'POST /api/flag-proposals/:id/reject': aProposal,
  'GET /api/segments': { segments: [segment], total: 1, more: false },
  'POST /api/segments': segment,
  'PUT /api/segments/:key/keys': segment,
  'POST /api/segments/:key/changes': segment,
  'DELETE /api/segments/:key': {},
  'GET /api/client-keys': { keys: [key] },
  'POST /api/client-keys': { key, secret: 'bsk_secret' },
  'POST /api/flag-import': {
    ...{ format: 'unleash', planned: true, segments: [] },
    flags: [{ key: 'x', outcome: 'refused', carried: 'not', notes: ['no'] }],
  },
  'GET /api/flag-export': { flags: { x: {} } },
}

let asked: Asked[] = []
let printed = ''
let server: Server

/** Answers as the table says, after the route's schemas took what was sent. */
async function take(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
  const url = new URL(request.url ?? '/', 'http://x')
  const fits = ({ route }: { route: Route }): boolean =>
    route.method === request.method && new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`).test(url.pathname)
  const candidates = listRoutes().filter(fits)
  const found = candidates.find(({ route }) => route.path === url.pathname) ?? candidates[0]
  if (found === undefined) return { status: 404, body: { error: { code: 'none', message: 'No such route.', facts: {} } } }
  const route: Route = found.route
  const text = await wholeText(request)
  const name = `${route.method} ${route.path}`
  asked.push({
    route: name,
    query: Object.fromEntries(url.searchParams),
    body: route.upload ? text : route.body?.parse(JSON.parse(text)),
  })
  route.query?.parse(Object.fromEntries(url.searchParams))
  return { status: 200, body: answers[name] }
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void take(request)
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
  asked = []
  printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = 0
})

async function belay(line: string): Promise<Record<string, unknown>> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')
  const program = await createProgram(words[0])
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await program.parseAsync([...words, '--json', '--url', url], { from: 'user' })
  return JSON.parse(printed) as Record<string, unknown>
}
const sent = (): unknown => asked.at(-1)?.body

describe('a change of a flag', () => {
  const everywhere = { environment: '*' }
  const cases: readonly [line: string, change: object][] = [
    ['flag on new-editor', { do: 'on', ...everywhere }],
    ['flag off new-editor --env production', { do: 'off', environment: 'production' }],
    [
      'flag ring new-editor staff',
      { do: 'expose', ...everywhere, exposure: { serve: { on: 1 }, ring: 'staff', percent: 100, bucketBy: null } },
    ],
    ['flag ring new-editor --none', { do: 'expose', ...everywhere, exposure: null }],
    [
      'flag split new-editor on=30 off=70 --by account --environment qa',
      { do: 'expose', environment: 'qa', exposure: { serve: { on: 30, off: 70 }, ring: 'all', percent: 100, bucketBy: 'account' } },
    ],
    ['flag default new-editor on', { do: 'configure', ...everywhere, setting: { defaultVariant: 'on' } }],
    ['flag default new-editor', { do: 'configure', ...everywhere, setting: { defaultVariant: null } }],
    [`flag rules new-editor --file '{"if":[true,"on"]}'`, { do: 'configure', ...everywhere, setting: { targeting: { if: [true, 'on'] } } }],
    ['flag rules new-editor --none', { do: 'configure', ...everywhere, setting: { targeting: null } }],
    ['flag inherit new-editor --environment qa', { do: 'inherit', environment: 'qa' }],
    ['flag kill new-editor --reason broken', { do: 'kill', ...everywhere, reason: 'broken' }],
    ['flag restore new-editor', { do: 'restore', ...everywhere }],
    ['flag revert new-editor --to 2', { do: 'revert', to: 2 }],
    ['flag archive new-editor', { do: 'archive' }],
    ['flag unarchive new-editor', { do: 'unarchive' }],
    ['flag edit new-editor --no-owner --kind ops', { do: 'edit', set: { owner: null, kind: 'ops' } }],
  ]
  test.each(cases)('belay %s', async (line, change) => {
    expect(await belay(line)).toMatchObject({ schemaVersion: 1, outcome: 'done', flag: { version: 4 } })
    expect(sent()).toMatchObject({ change, plan: false })
  })

  test('carries the reason, the time, the version and whether it is only planned', async () => {
    await belay(`flag on new-editor --reason 'it is time' --at 2026-12-01T08:00Z --version 3 --plan`)
    expect(sent()).toMatchObject({ reason: 'it is time', at: Date.UTC(2026, 11, 1, 8), version: 3, plan: true })
  })

  test('of a list is refused when the list is not the one that was read', async () => {
    await belay('flag edit new-editor --tag web')
    expect(sent()).toMatchObject({ change: { set: { tags: ['web'] } }, version: 3 })
  })
})

test('a flag is made with what was said and the defaults of the server for the rest', async () => {
  await belay('flag create sizes --variant small=20 --variant large=50 --default small --tag web --needs base=on')
  expect(sent()).toMatchObject({
    ...{ key: 'sizes', kind: 'release', variants: { small: 20, large: 50 }, defaultVariant: 'small', owner: null },
    ...{ tags: ['web'], prerequisites: [{ flag: 'base', variant: 'on' }], bucketing: 2 },
  })
  await belayAgain('flag create plain --no-default')
  expect(sent()).toMatchObject({ key: 'plain', defaultVariant: null })
  expect(sent()).not.toHaveProperty('variants')
})
const belayAgain = (line: string): Promise<Record<string, unknown>> => {
  printed = ''
  return belay(line)
}

test('a list is asked for with its filters', async () => {
  expect(await belay('flag ls editor --environment qa --state climbing --stale --kind ops')).toMatchObject({ total: 1, more: false })
  expect(asked.find(({ route }) => route === 'GET /api/flags')?.query).toEqual({
    ...{ text: 'editor', environment: 'qa', state: 'climbing', stale: 'true', kind: 'ops', limit: '50' },
  })
})

test('who approves approves the hash that was shown, or the one that is named', async () => {
  await belay('flag approve p3')
  expect(sent()).toEqual({ hash: aProposal.hash })
  await belayAgain('flag approve p3 --hash abc')
  expect(sent()).toEqual({ hash: 'abc' })
})

test('an import that refuses something ends with 1', async () => {
  const file = new URL(import.meta.url).pathname
  expect(await belay(`flag import ${file} --format unleash --plan`)).toMatchObject({ planned: true, flags: [{ outcome: 'refused' }] })
  expect(process.exitCode).toBe(1)
  expect(asked[0]).toMatchObject({
    query: { format: 'unleash', plan: 'true', environment: '*' },
    body: expect.stringContaining('no server'),
  })
})

test('an export is one document', async () => {
  expect(await belay('flag export --environment qa')).toEqual({ schemaVersion: 1, document: { flags: { x: {} } } })
})

describe('segments, rings and keys', () => {
  test('a list is made empty and then filled; a rule is made at once', async () => {
    const file = new URL(import.meta.url).pathname
    await belay(`segment create early --keys ${file} --by account`)
    expect(asked.map(({ route }) => route)).toEqual(['POST /api/segments', 'PUT /api/segments/:key/keys'])
    expect(asked[0]?.body).toMatchObject({ key: 'early', keys: [], by: 'account' })
    await belayAgain(`segment create pro --rule '{"==":[{"var":"plan"},"pro"]}'`)
    expect(sent()).toMatchObject({ key: 'pro', rule: { '==': [{ var: 'plan' }, 'pro'] } })
    await belayAgain('segment add early ada grace --version 1')
    expect(sent()).toEqual({ add: ['ada', 'grace'], version: 1 })
  })

  test('a list that could not be filled is taken away again', async () => {
    const before = answers['PUT /api/segments/:key/keys']
    Object.assign(answers, { 'PUT /api/segments/:key/keys': undefined })
    await expect(belay(`segment create early --keys ${new URL(import.meta.url).pathname}`)).rejects.toThrow(/JSON/)
    Object.assign(answers, { 'PUT /api/segments/:key/keys': before })
    expect(asked.at(-1)?.route).toBe('DELETE /api/segments/:key')
  })

  test('a ring stands after another or below all', async () => {
    await belay('ring add berlin --after staff --segment berlin')
    expect(sent()).toEqual({ name: 'berlin', after: 'staff', segment: 'berlin' })
    await belayAgain('ring add berlin --lowest --where true')
    expect(sent()).toEqual({ name: 'berlin', after: null, where: true })
  })

  test('a key’s secret is in the answer that makes it, and in no other', async () => {
    expect(await belay('flag-key create api --environment production --kind server')).toMatchObject({ secret: 'bsk_secret' })
    expect(await belayAgain('flag-key ls')).toEqual({ schemaVersion: 1, keys: [key] })
  })
})
