import { Readable } from 'node:stream'
import { refuse, type Who } from '@belay/access'
import { handClock } from '@belay/base'
import { createApi } from '@belay/http'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { createClient, routes } from '@belay/protocol'
import { onEachStore } from '@belay/testkit'
import { afterAll, expect, test } from 'vitest'
import { tablesProblem } from '../tables/problems.ts'
import { endsOf, logMigrations, noteEnd } from './ends.ts'
import { ageMaxMs } from './limits.ts'
import { logRoutes } from './routes.ts'

const now = Date.UTC(2026, 10, 22, 12)
const line = (nth: number): string => `203.0.113.7 - - [22/Nov/2026:11:00:0${nth} +0000] "GET /items HTTP/1.1" 200 10 "-" "curl/8" 0.010\n`
const upload = (text: string) => Readable.toWeb(Readable.from([Buffer.from(text)])) as ReadableStream<Uint8Array>

onEachStore('access logs over HTTP', (open) => {
  const closing: (() => Promise<unknown>)[] = []
  afterAll(() => Promise.all(closing.map((close) => close())))

  async function house(who: Who) {
    const store = await open()
    await store.migrate([ledgerMigrations, logMigrations])
    const clock = handClock(now)
    const ledger = openLedger({ store, clock })
    const claims = new Set<string>()
    const api = await createApi<Who>({ name: 'belay', version: '0', authenticate: async () => who, refuse, ready: async () => undefined })
    logRoutes(api, {
      ...{ store, ledger, clock, rules: () => ({ version: 'r1', methods: [], account: [], audiences: [] }) },
      intake: {
        take: async ({ claim: { source } }) => ({ counted: claims.size < claims.add(source).size }),
      },
      async environmentOf(asked) {
        if (asked !== 'production') throw tablesProblem('calls-environment-unknown', { environment: asked, known: ['production'] })
        return asked
      },
    })
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 })
    closing.push(() => api.close())
    return { client: createClient({ url, token: 'any' }), ledger, store }
  }
  const query = { environment: 'production', service: 'web' }

  test('a log that grew is counted once, and each import that counted something is a fact', async () => {
    const { client, ledger } = await house({ actor: 'ada', role: 'developer' })
    const send = (text: string) => client.call(routes.calls.import, { query, upload: upload(text) })
    expect(await send(line(1) + line(2))).toMatchObject({ calls: 2, again: false })
    expect(await send(line(1) + line(2))).toMatchObject({ calls: 0, again: true })
    expect(await send(line(1) + line(2) + line(3))).toMatchObject({ calls: 1 })
    const { facts } = await ledger.list({})
    expect(facts.map(({ actor, kind, subject, says }) => ({ actor, kind, subject, says }))).toEqual(
      ['1 call', '2 calls'].map((calls) => ({
        ...{ actor: 'ada', kind: 'calls.imported', subject: 'environment:production' },
        says: `imported ${calls} of web from an access log of nginx`,
      })),
    )
  })

  test('who may not, what is no environment and what names no service is refused', async () => {
    const { client } = await house({ actor: 'eve', role: 'viewer' })
    await expect(client.call(routes.calls.import, { query, upload: upload(line(1)) })).rejects.toMatchObject({ code: 'not-allowed' })
    const other = (await house({ actor: 'ada', role: 'developer' })).client
    await expect(
      other.call(routes.calls.import, { query: { ...query, environment: 'prod' }, upload: upload(line(1)) }),
    ).rejects.toMatchObject({ code: 'calls-environment-unknown', status: 404 })
    await expect(other.call(routes.calls.import, { query: { ...query, service: '' }, upload: upload(line(1)) })).rejects.toMatchObject({
      code: 'calls-log-unnamed',
    })
  })

  test('where imports ended is known for as long as their lines may come again', async () => {
    const { store } = await house({ actor: 'ada', role: 'developer' })
    await store.write((tx) => noteEnd(tx, 'log', { lines: 5, hash: 'a' }, now))
    await store.write((tx) => noteEnd(tx, 'log', { lines: 5, hash: 'a' }, now + 1))
    await store.write((tx) => noteEnd(tx, 'log', { lines: 7, hash: 'b' }, now + 1))
    expect(await endsOf(store.read, 'log')).toHaveLength(2)
    await store.write((tx) => noteEnd(tx, 'other', { lines: 1, hash: 'c' }, now + 2 + ageMaxMs))
    expect(await endsOf(store.read, 'log')).toEqual([])
    expect(await endsOf(store.read, 'other')).toEqual([{ lines: 1, hash: 'c' }])
  })
})
