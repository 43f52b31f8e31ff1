import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallBatch } from '@belay/call-record'
import { type Client, routes } from '@belay/protocol'
import { freePort, temporaryFolder } from '@belay/testkit'
import { bulkOf } from './contenders/bulk.ts'
import { type BenchOptions, median, type Row, row } from './measure.ts'
import { makeRepository, memoryOf, startServer, stopServer } from './server.ts'

export const about = 'Calls of recorders per second, durably acknowledged and stored, beside the engine’s own bulk insert of the same rows.'

const callsOfBatch = 10_000
const batches = Number(process.env.BELAY_BENCH_BATCHES ?? 150)
/** Senders that each wait for their acknowledgement. */
const senders = 4
/** Ten times what the server can take, for as long. */
const overloadMs = 8_000

export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  await using folder = await temporaryFolder()
  await using peerFolder = await temporaryFolder()
  makeRepository(folder.path)
  const total = batches * callsOfBatch
  const template = templateOf()
  const server = await startServer(folder.path, await freePort())
  const out: Row[] = []
  try {
    const { client } = server
    const body = { name: 'bench', kind: 'server', environment: 'production' } as const
    const { secret } = await client.call(routes.clientKeys.create, { body })
    await run(client, secret, template, 'warm-up-1', 5)
    await stored(client)
    const acknowledged: number[] = []
    const kept: number[] = []
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1}: ${total} calls in ${batches} batches by ${senders} senders`)
      const began = performance.now()
      await run(client, secret, template, `round-${round}-x`, batches)
      acknowledged.push(total / ((performance.now() - began) / 1_000))
      await stored(client)
      kept.push(total / ((performance.now() - began) / 1_000))
    }
    const usualMb = memoryOf(server.child)
    note(`ten times as many senders for ${overloadMs / 1_000} s`)
    const overload = await flood(client, secret, template)
    const floodedMb = memoryOf(server.child)
    await stored(client)
    const { total: counted } = await client.call(routes.calls.table, { query: { environment: 'production' } })
    await stopServer(server.child)

    note('the engine alone, from a file of the same rows')
    const peer = await bulkOf({ home: join(folder.path, '.belay'), folder: peerFolder.path, rows: Math.min(total, 250_000), rounds, note })
    const bulk = { name: 'the engine’s bulk insert (RowBinary file, no views)', value: peer.rowsPerS }
    out.push(
      row({
        name: 'recorder: calls durably acknowledged',
        unit: 'calls/s',
        ours: median(acknowledged),
        peer: bulk,
        goal: { of: 'ratio', atLeast: 0.5 },
      }),
      row({
        name: 'recorder: calls acknowledged and in the column store with all rollups',
        unit: 'calls/s',
        ours: median(kept),
        peer: bulk,
      }),
      row({ name: 'bytes on disk per call, raw rows', unit: 'B', ours: peer.bytesOfRow }),
      row({ name: 'bytes on disk per call, with all rollups', unit: 'B', ours: peer.bytesOfRowInAll }),
      row({ name: 'memory of the server after it', unit: 'MB', ours: usualMb }),
      row({ name: 'ten times the senders: memory of the server', unit: 'MB', ours: floodedMb, goal: { of: 'ours', atMost: 1_000 } }),
      row({ name: 'ten times the senders: batches refused with 429', unit: '', ours: overload.refused }),
      row({ name: 'ten times the senders: calls acknowledged', unit: 'calls/s', ours: overload.perSecond }),
      row({
        name: 'calls acknowledged in all, less those counted',
        unit: '',
        ours: total * rounds + 5 * callsOfBatch + overload.calls - counted.count,
        goal: { of: 'ours', atMost: 0 },
      }),
    )
    return out
  } finally {
    await stopServer(server.child)
  }
}

/** The text of a batch around its source and number: making it is the sender's work, not the server's. */
function templateOf(): { before: string; between: string; after: string } {
  const text = JSON.stringify(batchOf('SOURCE', 4_242_424_242))
  const [before = '', rest = ''] = text.split('SOURCE')
  const [between = '', after = ''] = rest.split('4242424242')
  return { before, between, after }
}

async function run(client: Client, secret: string, template: ReturnType<typeof templateOf>, source: string, count: number): Promise<void> {
  let next = 1
  const post = async (n: number) => {
    for (let batch = next++; batch <= count; batch = next++) {
      for (;;) {
        const status = await send(client, secret, `${template.before}${source}-${n}${template.between}${batch}${template.after}`)
        if (status === 200) break
        if (status !== 429) throw new Error(`a batch was answered by ${status}`)
        await sleep(50)
      }
    }
  }
  await Promise.all(Array.from({ length: senders }, (_, n) => post(n)))
}

async function send(client: Client, secret: string, body: string): Promise<number> {
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
  const answer = await fetch(`${client.url}/api/sdk/calls`, { method: 'POST', headers, body })
  await answer.arrayBuffer()
  return answer.status
}

async function flood(
  client: Client,
  secret: string,
  template: ReturnType<typeof templateOf>,
): Promise<{ refused: number; calls: number; perSecond: number }> {
  const until = performance.now() + overloadMs
  let refused = 0
  let taken = 0
  await Promise.all(
    Array.from({ length: senders * 10 }, async (_, n) => {
      for (let batch = 1; performance.now() < until; ) {
        const status = await send(client, secret, `${template.before}flood-er-${n}${template.between}${batch}${template.after}`)
        if (status === 200) {
          taken++
          batch++
        } else if (status === 429) {
          refused++
          await sleep(20)
        } else throw new Error(`a batch was answered by ${status}`)
      }
    }),
  )
  return { refused, calls: taken * callsOfBatch, perSecond: (taken * callsOfBatch) / (overloadMs / 1_000) }
}

/** Resolves when all that was acknowledged is in the column store. */
async function stored(client: Client): Promise<void> {
  for (;;) {
    const { store } = await client.call(routes.calls.facets, { query: { environment: 'production' } })
    if (store.waiting === 0) return
    await sleep(50)
  }
}

/** Calls as a busy service has them: 200 methods by Zipf, log-normal times, thousands of accounts. */
function batchOf(source: string, batch: number): CallBatch {
  let state = 7
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const all = (value: (i: number) => number) => Array.from({ length: callsOfBatch }, (_, i) => Math.round(value(i)))
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
  const methods = Array.from({ length: 200 }, (_, n) => `Method${n}.call`)
  const weights = methods.map((_, n) => 1 / (n + 1))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const zipf = () => {
    let left = random() * sum
    return Math.max(
      0,
      weights.findIndex((weight) => (left -= weight) <= 0),
    )
  }
  const real = all(() => Math.exp(9 + 0.6 * normal()))
  const sentAt = Date.now()
  const statements = all(() => random() * 6)
  return {
    version: 1,
    source,
    batch,
    service: 'api',
    release: 'v1',
    lane: 'stable',
    host: 'api1',
    sentAt,
    names: {
      methods,
      audiences: ['customer', 'staff', 'robot', 'everyone'],
      accounts: Array.from({ length: 3_000 }, (_, n) => `account-${n}`),
      statements: ['SELECT name FROM items WHERE id = ?'],
      variants: [[], ['inline-comments=on'], ['inline-comments=off'], ['inline-comments=on', 'new-search=off']],
    },
    calls: {
      at: all((i) => sentAt - 2_000 + i / 5),
      method: all(zipf),
      audience: all(() => random() * 3),
      account: all(() => random() * 2_999),
      variants: all(() => random() * 3),
      status: all(() => 200),
      failed: all(() => (random() < 0.01 ? 1 : 0)) as (0 | 1)[],
      realUs: real,
      cpuUs: real.map((us) => Math.round(us * 0.3)),
      dbUs: real.map((us) => Math.round(us * 0.4)),
      dbWallUs: real.map((us) => Math.round(us * 0.35)),
      externalUs: all(() => 0),
      externals: all(() => 0),
      loopUs: all(() => random() * 300),
      statements,
      transactions: statements.map((count) => Math.min(1, count)),
      rows: statements,
      repeats: statements.map((count) => Math.min(2, count)),
      repeated: statements.map((count) => (count > 1 ? 0 : -1)),
      requestBytes: all(() => random() * 500),
      responseBytes: all(() => random() * 20_000),
      trace: Array.from({ length: callsOfBatch }, () => hex(32)),
      span: Array.from({ length: callsOfBatch }, () => hex(16)),
    },
    exemplars: [],
    process: { intervalMs: 2_000, cpuMs: 1_900, attributedMs: 1_800, mode: 'exact', dropped: 0, overflowed: 0 },
  }
}
