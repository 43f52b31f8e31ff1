import { join } from 'node:path'
import { systemClock } from '@belay/base'
import { createApi } from '@belay/http'
import { type Client, createClient, routes, type ServerEvent } from '@belay/protocol'
import { openStore } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { type Ledger, ledgerMigrations, ledgerRoutes, openLedger } from './index.ts'

async function withServer(work: (it: { client: Client; ledger: Ledger; restart: () => Promise<void> }) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder()
  const store = await openStore({ file: join(folder.path, 'state.db') })
  await store.migrate([ledgerMigrations])
  const ledger = openLedger({ store, clock: systemClock })
  const start = async (port: number) => {
    const api = await createApi({
      name: 'Belay',
      version: '1',
      authenticate: async () => ({ actor: 'ada' }),
      refuse: () => undefined,
      ready: async () => undefined,
    })
    ledgerRoutes(api, ledger)
    return { api, ...(await api.listen({ host: '127.0.0.1', port })) }
  }
  let running = await start(0)
  try {
    const restart = async () => {
      await running.api.close()
      running = await start(Number(new URL(running.url).port))
    }
    await work({ client: createClient({ url: running.url }), ledger, restart })
  } finally {
    await running.api.close()
    await store.close()
  }
}
const record = (ledger: Ledger, name: string) =>
  ledger.record({ actor: 'ada', kind: 'release.cut', subject: `release:${name}`, says: `ada cut ${name}.` })
async function take(events: AsyncIterable<ServerEvent>, count: number): Promise<ServerEvent[]> {
  const taken: ServerEvent[] = []
  for await (const event of events) {
    taken.push(event)
    if (taken.length === count) break
  }
  return taken
}

test('the ledger is listed and verified over HTTP', () =>
  withServer(async ({ client, ledger }) => {
    const facts = [await record(ledger, 'v1'), await record(ledger, 'v2')]
    expect(await client.call(routes.ledger.list, { query: { order: 'oldest' } })).toEqual({ facts, more: false })
    expect(await client.call(routes.ledger.list, { query: { subject: 'release:v2', limit: 1 } })).toEqual({
      facts: [facts[1]],
      more: false,
    })
    expect(await client.call(routes.ledger.verify, {})).toEqual({ whole: true, count: 2, broken: null, head: facts[1]?.hash })
    await expect(client.call(routes.ledger.list, { query: { limit: 5_000 } })).rejects.toMatchObject({ code: 'bad-request' })
  }))

test('the feed tells what happens from now on, or after the fact that is named', () =>
  withServer(async ({ client, ledger }) => {
    await record(ledger, 'v1')
    const live = take(client.events(routes.feed, { query: {} }), 1)
    await new Promise((resolve) => setTimeout(resolve, 150))
    const v2 = await record(ledger, 'v2')
    expect(await live).toEqual([{ id: '2', event: 'message', data: v2 }])
    expect((await take(client.events(routes.feed, { query: { after: 0 } }), 2)).map((it) => it.id)).toEqual(['1', '2'])
    const resumed = client.events(routes.feed, { query: { after: 0 } }, { lastEventId: '1' })
    expect((await take(resumed, 1)).map((it) => it.id)).toEqual(['2'])
  }))

test('a listener that comes back after a restart of the server has missed nothing', () =>
  withServer(async ({ client, ledger, restart }) => {
    await record(ledger, 'v1')
    const seen: string[] = []
    const listenUntilItEnds = async () => {
      for await (const { id } of client.events(
        routes.feed,
        { query: { after: 0 } },
        seen.length > 0 ? { lastEventId: seen.at(-1) as string } : {},
      )) {
        seen.push(id as string)
        if (seen.length === 3) return
      }
    }
    const listening = listenUntilItEnds()
    await expect.poll(() => seen).toEqual(['1'])
    await restart()
    await listening
    await record(ledger, 'v2')
    await record(ledger, 'v3')
    await listenUntilItEnds()
    expect(seen).toEqual(['1', '2', '3'])
  }))
