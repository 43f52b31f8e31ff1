import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { type Client, routes } from '@belay/protocol'
import { freePort, temporaryFolder } from '@belay/testkit'
import { bulkOf } from './contenders/bulk.ts'
import { type SpanBodies, spanBodies } from './contenders/spans.ts'
import { type BenchOptions, median, type Row, row } from './measure.ts'
import { makeRepository, memoryOf, startServer, stopServer } from './server.ts'

export const about =
  'Calls of OpenTelemetry per second, durably acknowledged, beside the engine’s own bulk insert of the same rows; overload.'

const sizes = {
  whole: { bodies: 24, overloadMs: 8_000, bulkRows: 250_000 },
  quick: { bodies: 4, overloadMs: 2_000, bulkRows: 20_000 },
}
/** Exporters that each wait for their acknowledgement. */
const senders = 4
const crowd = 10 * senders

type Body = { readonly bytes: Buffer<ArrayBuffer>; readonly gzip: boolean; readonly calls: number }
type Sent = { calls: number; refused: number; without: number }

export async function rows({ rounds, quick, note }: BenchOptions): Promise<Row[]> {
  const size = quick ? sizes.quick : sizes.whole
  await using folder = await temporaryFolder()
  await using peerFolder = await temporaryFolder()
  makeRepository(folder.path)
  const kinds = [0, 3].flatMap((statements) =>
    [false, true].map((gzip) => ({
      statements,
      gzip,
      name: `calls with ${statements} statements${gzip ? ', gzip' : ''}`,
      bodies: spanBodies(statements),
    })),
  )
  const server = await startServer(folder.path, await freePort())
  try {
    const { client } = server
    const body = { name: 'bench', kind: 'server', environment: 'production' } as const
    const { secret } = await client.call(routes.clientKeys.create, { body })
    let acknowledged = 0
    for (const { bodies, gzip } of kinds) acknowledged += (await sendAll(client, secret, made(bodies, gzip, 3), senders)).calls
    const perSecond = new Map<string, number[]>(kinds.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round++)
      for (const { name, bodies, gzip } of round % 2 === 0 ? kinds : kinds.toReversed()) {
        note(`round ${round + 1}: ${name}`)
        const all = made(bodies, gzip, size.bodies)
        await stored(client)
        const began = performance.now()
        const { calls } = await sendAll(client, secret, all, senders)
        perSecond.get(name)?.push(calls / ((performance.now() - began) / 1_000))
        acknowledged += calls
      }
    await stored(client)
    const usualMb = memoryOf(server.child)

    note(`${crowd} senders for ${size.overloadMs / 1_000} s`)
    const overload = await flood(client, secret, spanBodies(3), size.overloadMs, () => memoryOf(server.child))
    acknowledged += overload.sent.calls
    await stored(client)
    const { total } = await client.call(routes.calls.table, { query: { environment: 'production' } })
    await stopServer(server.child)

    note('the engine alone, from a file of the same rows')
    const home = join(folder.path, '.belay')
    const bulk = await bulkOf({ home, folder: peerFolder.path, rows: size.bulkRows, rounds, note })
    const peer = { name: 'the engine’s bulk insert (RowBinary file, no views)', value: bulk.rowsPerS }
    return [
      ...kinds.map(({ name, statements }) => {
        const ours = median(perSecond.get(name) ?? [])
        const figures = { name: `${name}: acknowledged`, unit: 'calls/s', ours, peer }
        // With three statements a call is four spans, of which one process decodes half a million a second at best.
        return row(statements === 0 ? { ...figures, goal: { of: 'ratio', atLeast: 0.35 } } : figures)
      }),
      row({ name: 'memory of the server after it', unit: 'MB', ours: usualMb }),
      row({
        name: 'ten times the senders: most memory of the server',
        unit: 'MB',
        ours: overload.mostMb,
        goal: { of: 'ours', atMost: 1_500 },
      }),
      row({ name: 'ten times the senders: calls acknowledged', unit: 'calls/s', ours: overload.sent.calls / (size.overloadMs / 1_000) }),
      row({ name: 'ten times the senders: bodies refused with 429', unit: '', ours: overload.sent.refused }),
      row({ name: 'refusals that did not say when to come again', unit: '', ours: overload.sent.without, goal: { of: 'ours', atMost: 0 } }),
      row({
        name: 'calls acknowledged, less those counted',
        unit: '',
        ours: Math.abs(acknowledged - total.count),
        goal: { of: 'ours', atMost: 0 },
      }),
    ]
  } finally {
    await stopServer(server.child)
  }
}

/** Made before the clock runs: it is the exporters' work. */
function made(bodies: SpanBodies, gzip: boolean, count: number): Body[] {
  return Array.from({ length: count }, () => {
    const bytes = bodies.next()
    return { bytes: gzip ? Buffer.from(gzipSync(bytes, { level: 1 })) : bytes, gzip, calls: bodies.callsOfBody }
  })
}

async function sendAll(client: Client, secret: string, bodies: readonly Body[], atOnce: number): Promise<Sent> {
  const left = [...bodies]
  const sent: Sent = { calls: 0, refused: 0, without: 0 }
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let body = left.pop(); body !== undefined; body = left.pop()) while (!(await send(client, secret, body, sent))) await sleep(50)
    }),
  )
  return sent
}

async function flood(
  client: Client,
  secret: string,
  bodies: SpanBodies,
  forMs: number,
  memory: () => number,
): Promise<{ sent: Sent; mostMb: number }> {
  const until = performance.now() + forMs
  const sent: Sent = { calls: 0, refused: 0, without: 0 }
  let mostMb = memory()
  const watch = setInterval(() => {
    mostMb = Math.max(mostMb, memory())
  }, 100)
  await Promise.all(
    Array.from({ length: crowd }, async () => {
      while (performance.now() < until) {
        const body = { bytes: bodies.next(), gzip: false, calls: bodies.callsOfBody }
        // What was refused may be applied already: the exporter sends the same again until it is taken.
        while (!(await send(client, secret, body, sent))) await sleep(20)
      }
    }),
  )
  clearInterval(watch)
  return { sent, mostMb }
}

/** Whether it was acknowledged. */
async function send(client: Client, secret: string, { bytes, gzip, calls }: Body, sent: Sent): Promise<boolean> {
  const headers = {
    authorization: `Bearer ${secret}`,
    'content-type': 'application/x-protobuf',
    ...(gzip ? { 'content-encoding': 'gzip' } : {}),
  }
  const answer = await fetch(`${client.url}/v1/traces`, { method: 'POST', headers, body: bytes })
  await answer.arrayBuffer()
  if (answer.status === 200) {
    sent.calls += calls
    return true
  }
  if (answer.status !== 429) throw new Error(`a body was answered by ${answer.status}`)
  sent.refused++
  if (answer.headers.get('retry-after') === null) sent.without++
  return false
}

/** Resolves when all that was acknowledged is in the column store. */
async function stored(client: Client): Promise<void> {
  for (;;) {
    const { store } = await client.call(routes.calls.facets, { query: { environment: 'production' } })
    if (store.waiting === 0) return
    await sleep(50)
  }
}
