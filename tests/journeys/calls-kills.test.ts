/**
 * Server, column store and a recorded service are killed (SIGKILL) at seeded moments while calls come in three ways:
 * batches as recorders send them, OpenTelemetry, and a real service with the recorder. Every call that was acknowledged
 * is counted exactly once. `npm run hunt` kills thirty times; BELAY_CALL_KILLS says how often.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { seededRandom, systemClock } from '@belay/base'
import { openColumns, sql } from '@belay/columns'
import { routes } from '@belay/protocol'
import { eventually, freePort, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { littleCloud, processesWith, type TestCloud, testCloud } from './support.ts'

const kills = Number(process.env.BELAY_CALL_KILLS ?? 4)
const seed = Number(process.env.BELAY_SEED ?? 20_261_122)
const senders = 3
const callsOfBatch = 150
const callsOfBody = 40
/** In which what was counted is read. */
const parts = 20
/** What a recorder holds in memory is lost with its process: it sends every two seconds, and a busy machine is late. */
const unsentMs = 8_000

let cloud: TestCloud
let secret = ''
beforeAll(async () => {
  cloud = await testCloud(littleCloud)
  await cloud.start()
  const body = { name: 'calls', kind: 'server', environment: 'production' } as const
  secret = (await cloud.client().call(routes.clientKeys.create, { body })).secret
})
afterAll(() => cloud.close())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test(`killed ${kills} times under load, every acknowledged call is counted exactly once (seed ${seed})`, async () => {
  await using spool = await temporaryFolder()
  const random = seededRandom(seed)
  const service = await startService(cloud.client().url, secret, spool.path)
  let isOver = false
  const sent = { acknowledged: new Set<string>(), unknown: new Set<string>(), answered: 0, refused: 0 }

  /** Sends until it is thanked, as senders do; what was never thanked may or may not be there. */
  async function insist(path: string, body: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) sent.unknown.add(id)
    for (;;) {
      const status = await post(`${cloud.client().url}${path}`, body)
      if (status === 200) break
      if (isOver && status === 0) return
      sent.refused++
      await pause(30)
    }
    sent.answered++
    for (const id of ids) sent.unknown.delete(id)
    for (const id of ids) sent.acknowledged.add(id)
  }
  async function post(url: string, body: string): Promise<number> {
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
    return fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) }).then(
      async (response) => {
        await response.arrayBuffer()
        return response.status
      },
      () => 0,
    )
  }

  const sending = [
    ...Array.from({ length: senders }, async (_, n) => {
      for (let batch = 1; !isOver; batch++) {
        const spans = Array.from({ length: callsOfBatch }, () => randomBytes(8).toString('hex'))
        await insist('/api/sdk/calls', JSON.stringify(batchOf(`sender-${n}-${seed}`, batch, spans)), spans)
        await pause(random() * 20)
      }
    }),
    (async () => {
      while (!isOver) {
        const spans = Array.from({ length: callsOfBody }, () => randomBytes(8).toString('hex'))
        await insist('/v1/traces', JSON.stringify(spansOf(spans)), spans)
        await pause(random() * 40)
      }
    })(),
  ]
  const served = serveLoad(service, () => isOver)

  for (let kill = 0; kill < kills; kill++) {
    await pause(400 + random() * 1_600)
    const what = (['both', 'store', 'service', 'server'] as const)[kill % 4]
    if (what === 'store' || what === 'both') for (const pid of await processesWith(join('columns', 'process'), cloud.home)) killed(pid)
    if (what === 'service') await service.kill()
    if (what === 'server' || what === 'both') {
      await cloud.kill()
      await cloud.start()
    }
  }
  await pause(1_000)
  isOver = true
  await Promise.all(sending)
  await served.done
  await service.stop()
  // All that waits is carried over before the server lets go of its store.
  await eventually(
    async () => {
      const { store } = await cloud.client().call(routes.calls.facets, { query: { environment: 'production' } })
      return store.state === 'ready' && store.waiting === 0
    },
    { withinMs: 60_000 },
  )
  await cloud.stop()

  const log = (line: string) => process.stderr.write(`${line}\n`)
  const columns = openColumns({ folder: join(cloud.home, 'calls', 'columns'), clock: systemClock, log })
  try {
    // The service's calls are known by the trace that the asker began, all others by the span that they were given. In parts:
    // an answer is bounded, and a long hunt has more rows than that.
    const rows: { id: string; times: string; service: string }[] = []
    for (let part = 0; part < parts; part++)
      rows.push(
        ...(await columns.query<(typeof rows)[number]>(
          sql`SELECT if(c.service = 'worked', lower(hex(trace)), leftPad(lower(hex(span)), 16, '0')) AS id, sum(n) AS times, any(c.service) AS service
            FROM calls AS c WHERE cityHash64(c.trace, c.span) % ${parts} = ${part} GROUP BY id`,
        )),
      )
    const times = new Map(rows.map((row) => [row.id, Number(row.times)]))
    expect([...sent.acknowledged].filter((id) => times.get(id) !== 1)).toEqual([])
    expect(rows.filter((row) => Number(row.times) !== 1)).toEqual([])
    expect(rows.filter((row) => row.service !== 'worked' && !sent.acknowledged.has(row.id) && !sent.unknown.has(row.id))).toEqual([])
    // Rollups are filled by views of the same insert.
    const [hours] = await columns.query<{ n: string }>(sql`SELECT sum(n) AS n FROM calls_hour`)
    expect(Number(hours?.n)).toBe(rows.length)
    const lost = served.calls.filter(
      ({ trace, at }) => times.get(trace) !== 1 && !service.killedAt.some((killedAt) => at > killedAt - unsentMs && at <= killedAt),
    )
    expect(lost).toEqual([])
    log(
      `${sent.acknowledged.size} calls in ${sent.answered} batches acknowledged (${sent.refused} tries were refused), ${rows.length} counted, ${served.calls.length} of them answered by the service`,
    )
  } finally {
    await columns.close()
  }
}, 600_000)

function batchOf(source: string, batch: number, spans: readonly string[]): object {
  const now = Date.now()
  const all = (value: number) => spans.map(() => value)
  const zero = all(0)
  return {
    version: 1,
    source,
    batch,
    service: 'sent',
    release: 'v1',
    lane: 'stable',
    host: 'h1',
    sentAt: now,
    names: { methods: ['Items.get'], audiences: ['everyone'], accounts: [], statements: [], variants: [[]] },
    calls: {
      at: all(now),
      method: zero,
      audience: zero,
      account: all(-1),
      variants: zero,
      status: all(200),
      failed: zero,
      realUs: all(900),
      cpuUs: all(100),
      dbUs: zero,
      dbWallUs: zero,
      externalUs: zero,
      externals: zero,
      loopUs: zero,
      statements: all(1),
      transactions: all(1),
      rows: zero,
      repeats: all(1),
      repeated: all(-1),
      requestBytes: zero,
      responseBytes: zero,
      trace: spans.map(() => '0123456789abcdef0123456789abcdef'),
      span: spans,
    },
    exemplars: [],
    process: { intervalMs: 2_000, cpuMs: 10, attributedMs: 9, mode: 'exact', dropped: 0, overflowed: 0 },
  }
}

function spansOf(ids: readonly string[]): object {
  const end = BigInt(Date.now()) * 1_000_000n
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const spans = ids.map((spanId) => ({
    traceId: randomBytes(16).toString('hex'),
    spanId,
    name: 'GET /items',
    kind: 2,
    startTimeUnixNano: String(end - 3_000_000n),
    endTimeUnixNano: String(end),
    attributes: [attribute('http.request.method', 'GET'), attribute('http.route', '/items')],
  }))
  const resource = { attributes: [attribute('service.name', 'traced'), attribute('service.version', 'v1')] }
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'test' }, spans }] }] }
}

const appSource = `require('node:http').createServer((_, response) => response.end('worked')).listen(Number(process.env.PORT), '127.0.0.1')`

type Service = {
  readonly url: string
  /** When it was killed, ms. */
  readonly killedAt: number[]
  kill(): Promise<void>
  stop(): Promise<void>
}

/** A service that knows nothing of Belay, with the recorder before it. */
async function startService(belay: string, key: string, data: string): Promise<Service> {
  const port = await freePort()
  const killedAt: number[] = []
  let child: ChildProcess
  const env = { ...process.env, PORT: String(port), BELAY_URL: belay, BELAY_KEY: key, BELAY_SERVICE: 'worked', BELAY_RELEASE: 'v1' }
  async function start(): Promise<void> {
    const flags = ['--import', import.meta.resolve('@belay/node/record'), '-e', appSource]
    child = spawn(process.execPath, flags, { env: { ...env, BELAY_DATA: data }, stdio: 'ignore' })
    // In a trace of its own, like all others.
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: inTrace(newTrace()) })).ok, { withinMs: 20_000 })
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }
  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    killedAt,
    async kill() {
      killedAt.push(Date.now())
      await end('SIGKILL')
      await start()
    },
    async stop() {
      // Its recorder sends every two seconds, and again when the server was away.
      await pause(unsentMs)
      await end('SIGTERM')
    },
  }
}

const newTrace = (): string => randomBytes(16).toString('hex')
const inTrace = (trace: string) => ({ traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01` })

/** Asks the service again and again; the calls that it answered, each in a trace of its own. */
function serveLoad(service: Service, isOver: () => boolean): { calls: { trace: string; at: number }[]; done: Promise<void> } {
  const calls: { trace: string; at: number }[] = []
  const done = (async () => {
    while (!isOver()) {
      const trace = newTrace()
      const text = await fetch(`${service.url}/`, { headers: inTrace(trace) }).then(
        (it) => it.text(),
        () => '',
      )
      if (text === 'worked') calls.push({ trace, at: Date.now() })
      await pause(10)
    }
  })()
  return { calls, done }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}
