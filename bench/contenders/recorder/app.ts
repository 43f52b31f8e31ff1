/**
 * The service that is measured, a process of its own: Fastify and pg as they come, instrumented or not by what it was
 * started with. Says its port and what it used when it is asked over the channel to its parent.
 */
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'

/** OpenTelemetry sees what is required, whichever Node this is. */
const require = createRequire(import.meta.url)
const fastify = require('fastify') as () => FastifyInstance
const pg = require('pg') as { Pool: new (options: object) => Pool }

const pool = new pg.Pool({ connectionString: process.env.BENCH_DATABASE, max: 20 })
const query = (id: number) => pool.query('select id, name from item where id = $1', [id])

/** A loop that the compiler cannot leave out; how much of it is a millisecond is told by the thread's own clock. */
let kept = 0
function spin(rounds: number): void {
  let x = kept | 1
  for (let nth = 0; nth < rounds; nth++) x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0
  kept = x
}
let roundsPerMs = 100_000
function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
function calibrate(): void {
  spin(10_000_000)
  for (const lengthMs of [200, 800]) {
    const before = threadMs()
    const rounds = Math.round(lengthMs * roundsPerMs)
    spin(rounds)
    roundsPerMs = rounds / Math.max(1, threadMs() - before)
  }
}
const burn = (ms: number): void => {
  if (ms > 0) spin(Math.round(ms * roundsPerMs))
}

/** Each burns as many milliseconds in all as it is told to; with 0 it does everything else. */
const burners: Readonly<Record<string, (ms: number) => Promise<void>>> = {
  slice: async (ms) => burn(ms),
  queries: async (ms) => {
    for (let nth = 0; nth < 4; nth++) {
      burn(ms / 5)
      await query(1 + nth)
    }
    burn(ms / 5)
  },
  awaits: async (ms) => {
    for (let nth = 0; nth < 10; nth++) {
      burn(ms / 14)
      await Promise.resolve()
    }
    await Promise.all(
      [1, 2, 3, 4].map(async (nth) => {
        await wait(nth)
        burn(ms / 14)
      }),
    )
  },
  wait: async () => {
    await wait(30)
  },
}

const app = fastify()
app.get('/queries', async () => {
  for (const id of [1, 2, 3]) await query(id)
  return { ok: true }
})
app.get('/awaits', async () => {
  for (let nth = 0; nth < 20; nth++) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  return { ok: true }
})
app.get('/work', async () => {
  burn(3)
  for (const id of [1, 2, 3, 4]) await query(id)
  return { ok: true }
})
for (const [name, work] of Object.entries(burners)) {
  for (const part of ['with', 'without'] as const) {
    app.get<{ Querystring: { ms: string } }>(`/burn/${name}/${part}`, async (request) => {
      await work(part === 'with' ? Number(request.query.ms) : 0)
      return { ok: true }
    })
  }
}

process.on('message', (question) => {
  if (question === 'calibrate') calibrate()
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuUs: user + system, rss: process.memoryUsage.rss() })
})
process.on('disconnect', () => process.exit())

await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ port: (app.server.address() as AddressInfo).port })
