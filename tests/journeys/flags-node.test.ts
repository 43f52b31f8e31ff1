/** A Node service with Belay's provider beside a real server: a change, a kill, a list, a day without the server. */
import { type BelayOptions, type BelayProvider, createBelayProvider } from '@belay/node'
import { type FlagChangeInput, routes } from '@belay/protocol'
import { eventually, temporaryFolder } from '@belay/testkit'
import { type Client, OpenFeature } from '@openfeature/server-sdk'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { littleCloud, type TestCloud, testCloud } from './support.ts'

const soon = { withinMs: 10_000 }
const ann = { targetingKey: 'ann' }

let cloud: TestCloud
let key: string
beforeAll(async () => {
  cloud = await testCloud(littleCloud)
  await cloud.start()
  const asked = { name: 'web', kind: 'server', environment: 'production' } as const
  key = (await cloud.client().call(routes.clientKeys.create, { body: asked })).secret
})
afterEach(() => OpenFeature.clearProviders())
afterAll(() => cloud.close())

async function service(domain: string, options: BelayOptions = {}): Promise<{ flags: Client; provider: BelayProvider }> {
  const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
  const provider = createBelayProvider({ url: cloud.client().url, key, logger: quiet, ...options })
  await OpenFeature.setProviderAndWait(domain, provider)
  return { flags: OpenFeature.getClient(domain), provider }
}

const make = (flag: string) => cloud.client().call(routes.flags.create, { body: { key: flag, kind: 'experiment' } })
const change = (flag: string, it: FlagChangeInput) =>
  cloud.client().call(routes.flags.change, { params: { key: flag }, body: { change: it } })

test('a change and a kill reach a service within a second', async () => {
  await make('comments')
  const { flags } = await service('changes')
  expect(await flags.getBooleanDetails('comments', true, ann)).toMatchObject({ value: false, variant: 'off' })
  await change('comments', { do: 'expose', exposure: { serve: { on: 1 }, ring: 'all', percent: 100 } })
  await eventually(() => flags.getBooleanValue('comments', false, ann), { withinMs: 1_000, everyMs: 5 })
  await change('comments', { do: 'kill', reason: 'it burns' })
  await eventually(async () => !(await flags.getBooleanValue('comments', true, ann)), { withinMs: 1_000, everyMs: 5 })
})

test('who is in a list is asked of the server, and asked again when the list changed', async () => {
  await cloud.client().call(routes.segments.create, { body: { key: 'beta', keys: ['ann'] } })
  await make('listed')
  await change('listed', { do: 'configure', setting: { targeting: { if: [{ $ref: 'segment:beta' }, 'on', null] } } })
  const { flags, provider } = await service('lists')
  expect(await flags.getBooleanValue('listed', false, ann)).toBe(true)
  await provider.know(['bob'])
  expect(await flags.getBooleanDetails('listed', true, { targetingKey: 'bob' })).toMatchObject({ value: false, reason: 'DEFAULT' })
  await cloud.client().call(routes.segments.change, { params: { key: 'beta' }, body: { add: ['bob'], remove: ['ann'] } })
  await eventually(() => flags.getBooleanValue('listed', false, { targetingKey: 'bob' }), soon)
  expect(await flags.getBooleanValue('listed', true, ann)).toBe(false)
})

test('without the server a service goes on, starts, and counts; afterwards everything is there once', async () => {
  await using folder = await temporaryFolder()
  const folders = { cacheFolder: folder.path, spoolFolder: folder.path }
  await make('lasting')
  await change('lasting', { do: 'configure', setting: { defaultVariant: 'on' } })
  let met = 0
  const look = async (flags: Client, unit = 'ann') => {
    const details = await flags.getBooleanDetails('lasting', false, { targetingKey: unit })
    if (details.variant === 'on') met++
    return details
  }
  const first = await service('first', folders)
  await cloud.kill()
  await eventually(() => first.flags.providerStatus === 'STALE', soon)
  expect((await look(first.flags)).value).toBe(true)
  await first.provider.flush()
  await OpenFeature.clearProviders()

  const second = await service('second', folders)
  for (const unit of ['ann', 'bob']) expect((await look(second.flags, unit)).value).toBe(true)
  await eventually(() => second.flags.providerStatus === 'STALE', soon)
  await cloud.start()
  await eventually(() => second.flags.providerStatus === 'READY', soon)
  await change('lasting', { do: 'off' })
  await eventually(async () => (await look(second.flags)).reason === 'DISABLED', soon)
  await second.provider.flush()

  const asked = { params: { key: 'lasting' }, query: { environment: 'production' } }
  const { totals } = await cloud.client().call(routes.flags.counts, asked)
  // Ann met it in both processes and is one unit.
  expect(totals.find(({ variant }) => variant === 'on')).toMatchObject({ count: met, units: 2 })
})

test('a key that was ended is refused', async () => {
  const asked = { name: 'old', kind: 'server', environment: 'production' } as const
  const made = await cloud.client().call(routes.clientKeys.create, { body: asked })
  await cloud.client().call(routes.clientKeys.revoke, { params: { id: made.key.id } })
  await expect(service('ended', { key: made.secret })).rejects.toThrow(/401.*was it revoked/)
})
