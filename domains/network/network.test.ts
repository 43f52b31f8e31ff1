import { Problem, handClock } from '@belay/base'
import { refuse, type Who } from '@belay/access'
import type { Columns } from '@belay/columns'
import { createApi } from '@belay/http'
import { type Ledger, ledgerMigrations, openLedger } from '@belay/ledger'
import { type CapturePartInput, createClient, routes } from '@belay/protocol'
import type { Store } from '@belay/store'
import { columnsForTests, onEachStore, type TestColumns } from '@belay/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { partOf, sessionOf, turnOf } from './fixtures.ts'
import { type CallSource, type CarriedCall, networkMigrations, networkRoutes } from './index.ts'

/** Rows must be young for the engine's own clock, or it drops them as too old. */
const now = Date.now()
const began = now - 60_000
/** A capture of long ago that is sent today is kept as long as any. */
const longAgo = Date.UTC(2013, 4, 5)

const call = (it: Partial<CarriedCall>): CarriedCall => ({
  ...{ at: began, service: 'api', method: 'GET /items', release: 'v1', host: 'web1', status: 200, failed: false, realMs: 10, dbMs: 1 },
  ...{ externalMs: 0, trace: '', span: '', peer: '', local: '10.0.0.1:80' },
  ...it,
})

onEachStore('TCP sessions', (open) => {
  let held: TestColumns
  let down = false
  let columns: Columns
  let calls: CarriedCall[] = []
  let store: Store
  let ledger: Ledger
  const closing: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    store = await open()
    await store.migrate([ledgerMigrations, networkMigrations])
    ledger = openLedger({ store, clock: handClock(now) })
    held = await columnsForTests()
    columns = {
      ...held.columns,
      insertRows: async (rows) => {
        if (down) throw new Problem('columns-down', 503, 'It is down.', {})
        await held.columns.insertRows(rows)
      },
    }
  })
  afterAll(async () => {
    for (const close of closing) await close()
    await held[Symbol.asyncDispose]()
  })

  const source: CallSource = {
    slowest: async ({ slowerMs, limit }) =>
      calls
        .filter(({ realMs }) => realMs >= slowerMs)
        .sort((a, b) => b.realMs - a.realMs)
        .slice(0, limit),
    carried: async ({ windows, limit }) =>
      calls.filter((it) => windows.some((w) => w.peer === it.peer && it.at >= w.from && it.at <= w.to)).slice(0, limit),
  }

  async function house(who: Who) {
    const api = await createApi<Who>({ name: 'belay', version: '0', authenticate: async () => who, refuse, ready: async () => undefined })
    networkRoutes(api, {
      ...{ store, ledger, columns, clock: handClock(now), calls: source },
      environments: async () => [
        { name: 'production', kind: 'production' },
        { name: 'qa', kind: 'qa' },
      ],
    })
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 })
    closing.push(() => api.close())
    const client = createClient({ url, token: 'any' })
    return { client, send: (part: CapturePartInput) => client.call(routes.network.send, { body: part }) }
  }
  const ada: Who = { actor: 'ada', role: 'developer' }

  test('a part counts once, also when the column store went away in the middle; the whole capture is one fact', async () => {
    const { client, send } = await house(ada)
    const capture = 'capture-one'
    const sessions = Array.from({ length: 3 }, (_, nth) =>
      sessionOf({
        number: nth,
        client: '10.0.0.2',
        clientPort: 5_000 + nth,
        startedMs: longAgo + nth,
        score: 90 - 30 * nth,
        resent: nth * 4,
      }),
    )
    const first = partOf({ id: capture, part: 1, last: false, sessions: sessions.slice(0, 2) })
    down = true
    await expect(send(first)).rejects.toMatchObject({ code: 'columns-down', status: 503 })
    down = false
    expect(await send(first)).toEqual({ id: capture, part: 1, counted: true })
    expect(await send(first)).toEqual({ id: capture, part: 1, counted: false })
    const facts = async () => (await ledger.list({ kind: 'network.captured', subject: `capture:${capture}` })).facts
    expect(await facts()).toEqual([])
    const last = partOf({ id: capture, part: 2, last: true, sessions: sessions.slice(2) })
    expect(await send(last)).toMatchObject({ counted: true })
    expect(await facts()).toMatchObject([
      { actor: 'ada', says: 'sent 1 TCP session of the capture lo.pcap of web1 to production', data: { parts: 2, packets: 100 } },
    ])
    const list = await client.call(routes.network.sessions, { query: { capture } })
    expect(list).toMatchObject({ total: 3, grades: { good: 1, fair: 1, poor: 1 }, from: longAgo })
    expect(list.sessions.map((it) => [it.id, it.score, it.rttMs, it.resentShare])).toEqual([
      [`${capture}.2`, 30, 40, 0.16],
      [`${capture}.1`, 60, 40, 0.08],
      [`${capture}.0`, 90, 40, 0],
    ])
    const { captures } = await client.call(routes.network.captures, { query: { text: 'LO.PCAP' } })
    expect(captures.find((it) => it.id === capture)).toMatchObject({ actor: 'ada', complete: true, sessions: 3, poor: 1, score: 60 })
  })

  test('who may not, what is no environment, and a capture of somebody else are refused', async () => {
    const { send } = await house(ada)
    const eve = await house({ actor: 'eve', role: 'developer' })
    const viewer = await house({ actor: 'vera', role: 'viewer' })
    const part = partOf({ id: 'capture-two', sessions: [] })
    await expect(viewer.send(part)).rejects.toMatchObject({ code: 'not-allowed' })
    await expect(send({ ...part, environment: 'prod' })).rejects.toMatchObject({ code: 'network-environment-unknown', status: 404 })
    await send(part)
    expect(await eve.send(part)).toMatchObject({ counted: false })
    await expect(eve.send({ ...part, part: 2 })).rejects.toMatchObject({ code: 'network-capture-taken' })
    await expect(send({ ...part, part: 2 })).rejects.toMatchObject({ message: expect.stringContaining('part 1 was said to be the last') })
    await expect(send({ ...part, part: 2, environment: 'qa' })).rejects.toMatchObject({
      message: expect.stringContaining('it belongs to production'),
    })
    const twice = [sessionOf({ number: 1, client: '::1', clientPort: 1, startedMs: began })]
    await expect(send(partOf({ id: 'capture-bad', sessions: [...twice, ...twice] }))).rejects.toMatchObject({
      code: 'network-part-unclear',
    })
  })

  test('sessions are filtered by address, port, time, limit and words, and come page by page', async () => {
    const { client, send } = await house(ada)
    const capture = 'capture-three'
    const sessions = Array.from({ length: 7 }, (_, nth) =>
      sessionOf({
        number: nth,
        client: nth < 4 ? '10.9.0.2' : '2001:db8::2',
        clientPort: 100 + nth,
        startedMs: began + nth * 1_000,
        resent: nth % 2,
      }),
    )
    await send(partOf({ id: capture, label: 'Before The Router', sessions }))
    const numbers = async (query: Record<string, unknown>) =>
      (await client.call(routes.network.sessions, { query: { capture, rank: 'started', ...query } })).sessions.map(({ number }) => number)
    expect(await numbers({})).toEqual([6, 5, 4, 3, 2, 1, 0])
    expect(await numbers({ offset: 2, limit: 2 })).toEqual([4, 3])
    expect(await numbers({ host: '10.9.0.2' })).toEqual([3, 2, 1, 0])
    expect(await numbers({ host: '2001:db8:' })).toEqual([6, 5, 4])
    expect(await numbers({ port: 105 })).toEqual([5])
    expect(await numbers({ limited: 'loss' })).toEqual([5, 3, 1])
    expect(await numbers({ from: began + 5_500 })).toEqual([6, 5])
    expect(await numbers({ text: 'before the router' })).toHaveLength(7)
    expect(await numbers({ text: '10.9.0.2:103' })).toEqual([3])
    expect(await numbers({ text: "'; DROP" })).toEqual([])
    expect(await numbers({ grade: 'poor' })).toEqual([])
    const none = await client.call(routes.network.sessions, { query: { capture: 'nobody-sent' } })
    expect(none).toMatchObject({ sessions: [], total: 0, from: 0, to: 0 })
    for (const rank of ['score', 'duration', 'bytes', 'rtt', 'goodput', 'resent', 'server'])
      expect(await numbers({ rank, limit: 3 })).toHaveLength(3)
  })

  test('a session has its record, its story, its segments, and the calls that travelled in it', async () => {
    const { client, send } = await house(ada)
    const capture = 'capture-four'
    const session = sessionOf({ number: 12, client: '10.0.0.3', clientPort: 6_000, startedMs: began, seconds: 5, resent: 3 })
    const bytes = Buffer.from(Array.from({ length: 3_000 }, (_, nth) => nth % 251))
    const chunk = (nth: number) => ({
      session: 12,
      chunk: nth,
      chunks: 2,
      data: bytes.subarray(nth * 1_500, (nth + 1) * 1_500).toString('base64'),
    })
    const slow = turnOf(session, { startedMs: 1_000, serverMs: 8, responseMs: 900, ackMs: 40, lost: 3, responseBytes: 300_000 })
    await send(partOf({ id: capture, part: 1, last: false, turns: [turnOf(session), slow], traces: [chunk(1)] }))
    const path = { params: { id: `${capture}.12` } }
    await expect(client.call(routes.network.session, path)).rejects.toMatchObject({ code: 'network-session-unknown' })
    await send(partOf({ id: capture, part: 2, last: false, sessions: [session] }))
    await expect(client.bytes(routes.network.segments, path)).rejects.toMatchObject({ code: 'network-not-traced' })
    await send(partOf({ id: capture, part: 3, traces: [chunk(0)] }))
    calls = [
      call({ at: began + 1_000, peer: '10.0.0.3:6000', realMs: 9, method: 'GET /large' }),
      call({ at: began, peer: '10.0.0.3:6000', realMs: 10, method: 'GET /small' }),
      call({ at: began, peer: '10.0.0.3:6000', local: '10.0.0.8:80', realMs: 10, method: 'GET /elsewhere' }),
    ]
    const it = await client.call(routes.network.session, path)
    expect(it.record).toEqual(session)
    expect(it).toMatchObject({ environment: 'production', host: 'web1', captureId: capture, traced: true, others: [], notes: [] })
    expect(it.story.length).toBeGreaterThan(0)
    expect(it.turns.map(({ serverMs }) => serverMs)).toEqual([8, 10])
    expect(it.calls.map(({ method, slowBecause, wholeMs }) => [method, slowBecause, wholeMs])).toEqual([
      ['GET /large', 'network', 948],
      ['GET /small', 'server', 10],
    ])
    expect(Buffer.from(await (await client.bytes(routes.network.segments, path)).arrayBuffer())).toEqual(bytes)
    expect((await client.call(routes.network.sessions, { query: { capture } })).sessions[0]).toMatchObject({ traced: true })
  })

  test('slow calls are told with what made them slow, also those that were quick for their service', async () => {
    const { client, send } = await house(ada)
    const at = (nth: number) => now - 50_000 + nth * 1_000
    const sessions = [0, 1].map((nth) =>
      sessionOf({ number: nth, client: '10.0.0.4', clientPort: 7_000 + nth, startedMs: at(nth), seconds: 3 }),
    )
    const [one, other] = sessions as [(typeof sessions)[0], (typeof sessions)[0]]
    await send(
      partOf({
        id: 'capture-five',
        environment: 'qa',
        sessions,
        turns: [
          turnOf(one, { serverMs: 500, ackMs: 40 }),
          turnOf(other, { serverMs: 5, responseMs: 2_000, ackMs: 40, lost: 9, responseBytes: 1e6 }),
        ],
      }),
    )
    calls = [
      call({ at: at(0), peer: '10.0.0.4:7000', realMs: 499, method: 'GET /report' }),
      call({ at: at(1), peer: '10.0.0.4:7001', realMs: 6, method: 'GET /file' }),
      call({ at: at(1), peer: '10.0.0.5:7001', realMs: 300, method: 'GET /unseen' }),
      call({ at: at(1), realMs: 200, method: 'GET /logged' }),
    ]
    const ask = (query: Record<string, unknown>) => client.call(routes.network.calls, { query: { environment: 'qa', ...query } })
    const it = await ask({ slowerMs: 100 })
    expect(it.calls.map(({ method, slowBecause }) => [method, slowBecause])).toEqual([
      ['GET /file', 'network'],
      ['GET /report', 'server'],
      ['GET /unseen', 'unknown'],
      ['GET /logged', 'unknown'],
    ])
    expect(it.says).toBe('Of the 4 slowest calls, 1 was slow because of the network, 1 because of the server; of 2 it is not known.')
    expect(it.calls[0]).toMatchObject({ session: `${'capture-five'}.1`, rttMs: 40, turn: { lost: 9, responseMs: 2_000 } })
    expect(it.notes).toHaveLength(4)
    expect((await ask({ because: 'server' })).calls.map(({ method }) => method)).toEqual(['GET /report'])
    calls = []
    expect(await ask({ from: now - 1_000, to: now })).toMatchObject({ calls: [], says: 'No call of this time is so slow.' })
    await expect(ask({ environment: 'nowhere' })).rejects.toMatchObject({ code: 'network-environment-unknown' })
    await expect(ask({ from: 5, to: 5 })).rejects.toMatchObject({ code: 'network-range-unclear' })
  })

  test('two captures, or two times of an environment, are laid side by side; what has no session is refused', async () => {
    const { client, send } = await house(ada)
    const sides = ['capture-six', 'capture-seven'] as const
    for (const [nth, capture] of sides.entries())
      await send(
        partOf({
          id: capture,
          environment: 'qa',
          label: `solution ${nth}`,
          resources: { cpuMs: 100 * nth, memoryBytes: null },
          sessions: Array.from({ length: 8 }, (_, number) =>
            sessionOf({
              number,
              client: '10.7.0.1',
              clientPort: 9_000 + number,
              startedMs: longAgo + nth * 1e6 + number,
              rttMs: 10 + nth * 100 + number,
            }),
          ),
        }),
      )
    const compare = (a: string, b: string) => client.call(routes.network.compare, { query: { a, b } })
    const it = await compare(sides[0], sides[1])
    expect([it.a, it.b]).toMatchObject([
      { name: 'solution 0', sessions: 8, of: 8, resources: { cpuMs: 0 } },
      { name: 'solution 1', sessions: 8 },
    ])
    expect(it.comparison.sessions).toEqual({ a: 8, b: 8 })
    const times = await compare(`environment:qa@${longAgo}-${longAgo + 5e5}`, `environment:qa@${longAgo + 5e5}-${longAgo + 2e6}`)
    expect(times.comparison).toMatchObject({ sessions: { a: 8, b: 8 } })
    await expect(compare(sides[0], 'never-sent')).rejects.toMatchObject({ code: 'network-capture-unknown' })
    await expect(compare(sides[0], 'environment:qa@1-2')).rejects.toMatchObject({ code: 'network-nothing-to-compare' })
    await expect(compare(sides[0], 'environment:qa@9-2')).rejects.toMatchObject({ code: 'network-range-unclear' })
    const facets = await client.call(routes.network.facets, { query: { environment: 'qa' } })
    expect(facets).toMatchObject({ firstAt: longAgo, environments: ['production', 'qa'], store: { state: 'ready' } })
    expect(facets.servers[0]).toMatchObject({ address: '10.0.0.1', port: 80 })
    expect(facets.captures.map((capture) => capture.id)).toEqual(expect.arrayContaining([...sides]))
  })
})
