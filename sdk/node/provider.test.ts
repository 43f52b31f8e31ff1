import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, temporaryFolder } from '@belay/testkit'
import { type Client, type Hook, OpenFeature, ProviderEvents } from '@openfeature/server-sdk'
import { afterEach, describe, expect, test } from 'vitest'
import { listeningLogger, onOff, serverKey, startTestServer, type TestServer } from './fixtures.ts'
import { type BelayOptions, type BelayProvider, createBelayProvider } from './index.ts'

const soon = { withinMs: 3_000 }
let domains = 0

afterEach(() => OpenFeature.clearProviders())

/** A client of its own domain, so that tests do not meet each other. */
async function open(
  server: Pick<TestServer, 'url'> | undefined,
  options: BelayOptions = {},
): Promise<{
  client: Client
  provider: BelayProvider
  events: string[]
  logger: ReturnType<typeof listeningLogger>
  ready: Promise<unknown>
}> {
  const logger = listeningLogger()
  const provider = createBelayProvider({ ...(server === undefined ? {} : { url: server.url, key: serverKey }), logger, ...options })
  const domain = `test-${++domains}`
  const client = OpenFeature.getClient(domain)
  client.setLogger(logger)
  const events: string[] = []
  for (const event of Object.values(ProviderEvents)) {
    client.addHandler(event as ProviderEvents.ConfigurationChanged, (details) => {
      events.push([event.replace('PROVIDER_', ''), ...(details?.flagsChanged ?? [])].join(' '))
    })
  }
  // The provider before ours, which does nothing, is ready too.
  await Promise.resolve()
  events.length = 0
  const ready = OpenFeature.setProviderAndWait(domain, provider)
  ready.catch(() => {})
  return { client, provider, events, logger, ready }
}

describe('values', () => {
  const flags = {
    bool: onOff('on', { metadata: { owner: 'ann' } }),
    text: { state: 'ENABLED', variants: { a: 'x', b: 'y' }, defaultVariant: 'a' },
    number: { state: 'ENABLED', variants: { one: 1 }, defaultVariant: 'one' },
    object: { state: 'ENABLED', variants: { it: { deep: [1, 2] } }, defaultVariant: 'it' },
    off: onOff('on', { state: 'DISABLED' }),
    codes: onOff('on', { defaultVariant: null }),
    ruled: onOff('off', { targeting: { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on', null] } }),
    share: onOff('off', {
      targeting: {
        fractional: [
          ['on', 50],
          ['off', 50],
        ],
      },
    }),
    broken: onOff('on', { targeting: { no_such: [] } }),
    dated: onOff('off', { targeting: { if: [{ starts_with: [{ var: 'born' }, '2001-'] }, 'on', 'off'] } }),
  } as const

  test('every type comes with its variant, reason and metadata', async () => {
    await using server = await startTestServer({ flags })
    const { client, ready } = await open(server)
    await ready
    expect(await client.getBooleanDetails('bool', false)).toEqual({
      flagKey: 'bool',
      value: true,
      variant: 'on',
      reason: 'STATIC',
      flagMetadata: { owner: 'ann' },
    })
    expect(await client.getStringDetails('text', '')).toMatchObject({ value: 'x', variant: 'a', reason: 'STATIC', flagMetadata: {} })
    expect(await client.getNumberValue('number', 0)).toBe(1)
    expect(await client.getObjectValue('object', {})).toEqual({ deep: [1, 2] })
    expect(await client.getBooleanDetails('ruled', true, { plan: 'pro' })).toMatchObject({ value: true, reason: 'TARGETING_MATCH' })
    expect(await client.getBooleanDetails('ruled', true, { plan: 'free' })).toMatchObject({ value: false, reason: 'DEFAULT' })
    expect(await client.getBooleanValue('dated', false, { born: new Date('2001-02-03') })).toBe(true)
  })

  test.each([
    ['nobody', 'FLAG_NOT_FOUND', 'ERROR'],
    ['text', 'TYPE_MISMATCH', 'ERROR'],
    ['share', 'TARGETING_KEY_MISSING', 'ERROR'],
    ['broken', 'PARSE_ERROR', 'ERROR'],
    ['off', undefined, 'DISABLED'],
    ['codes', undefined, 'DEFAULT'],
    ['__proto__', 'FLAG_NOT_FOUND', 'ERROR'],
  ])('%s: the code default, with %s and %s', async (key, errorCode, reason) => {
    await using server = await startTestServer({ flags })
    const { client, ready } = await open(server)
    await ready
    for (const fallback of [true, false]) {
      const details = await client.getBooleanDetails(key, fallback)
      expect([details.value, details.errorCode, details.reason]).toEqual([fallback, errorCode, reason])
    }
  })

  test('an object that all callers share cannot be changed by one of them', async () => {
    await using server = await startTestServer({ flags })
    const { client, ready } = await open(server)
    await ready
    const value = (await client.getObjectValue('object', {})) as { deep: number[] }
    expect(() => value.deep.push(3)).toThrow(TypeError)
  })

  test('hooks of the provider and of the client see what was decided', async () => {
    await using server = await startTestServer({ flags })
    const seen: unknown[] = []
    const hook: Hook = { after: (_, { variant, reason, flagMetadata }) => void seen.push([variant, reason, flagMetadata]) }
    const { client, ready } = await open(server, { hooks: [hook] })
    await ready
    client.addHooks(hook)
    await client.getBooleanValue('bool', false)
    expect(seen).toEqual(Array(2).fill(['on', 'STATIC', { owner: 'ann' }]))
  })
})

describe('changes', () => {
  test('a change comes by itself, and says which flags', async () => {
    await using server = await startTestServer({ flags: { a: onOff('off'), b: onOff('off') } })
    const { client, events, ready } = await open(server)
    await ready
    await eventually(() => server.streams.size === 1, soon)
    server.publish({ set: { a: onOff('on') } })
    await eventually(() => client.getBooleanValue('a', false), soon)
    server.publish({ remove: ['b'] })
    await eventually(async () => (await client.getBooleanDetails('b', false)).errorCode === 'FLAG_NOT_FOUND', soon)
    expect(events).toEqual(['READY', 'CONFIGURATION_CHANGED a', 'CONFIGURATION_CHANGED b'])
  })

  test('a changed ring names the flags whose rules lean on it, also by way of other rules', async () => {
    const rule = (ref: string) => ({ if: [{ $ref: ref }, 'on', 'off'] })
    const evaluators = {
      'ring:staff': { '==': [{ var: 'role' }, 'staff'] },
      'ring:all': { or: [{ $ref: 'ring:staff' }, true] },
      other: true,
    }
    const flags = {
      a: onOff('off', { targeting: rule('ring:staff') }),
      b: onOff('off', { targeting: rule('ring:all') }),
      c: onOff('off', { targeting: rule('other') }),
    }
    await using server = await startTestServer({ flags, $evaluators: evaluators })
    const { client, events, ready } = await open(server)
    await ready
    await eventually(() => server.streams.size === 1, soon)
    server.publish({ evaluators: { ...evaluators, 'ring:staff': { '==': [{ var: 'role' }, 'tester'] } } })
    await eventually(() => client.getBooleanValue('a', false, { role: 'tester' }), soon)
    expect(events).toEqual(['READY', 'CONFIGURATION_CHANGED a b'])
  })

  test('patches out of order lead to the newest state', async () => {
    await using server = await startTestServer({ flags: { a: onOff('off'), b: onOff('off'), c: onOff('off') } })
    const { client, ready } = await open(server)
    await ready
    await eventually(() => server.streams.size === 1, soon)
    const [one, two, three] = ['a', 'b', 'c'].map((key) => server.change({ set: { [key]: onOff('on') } }))
    for (const news of [two, one, one, three]) server.tell('patch', news as NonNullable<typeof one>)
    for (const key of ['a', 'b', 'c']) await eventually(() => client.getBooleanValue(key, false), soon)
    // The second was not ours to apply, so all was asked for once; the others were in it.
    expect(server.asked.filter((it) => it === 'GET /api/sdk/definitions')).toHaveLength(2)
  })

  test('a client that was cut off has the newest state when it is back', async () => {
    await using server = await startTestServer({ flags: { a: onOff('off'), b: onOff('off') } })
    const { client, events, ready } = await open(server)
    await ready
    await eventually(() => server.streams.size === 1, soon)
    server.cutStreams()
    await eventually(() => server.streams.size === 0, soon)
    server.change({ set: { a: onOff('on') } })
    await eventually(() => client.getBooleanValue('a', false), soon)
    // One patch was missed; of two the server of these tests sends the document.
    server.cutStreams()
    await eventually(() => server.streams.size === 0, soon)
    server.change({ set: { a: onOff('off') } })
    server.change({ set: { b: onOff('on') } })
    await eventually(() => client.getBooleanValue('b', false), soon)
    expect(await client.getBooleanValue('a', true)).toBe(false)
    expect(events).toEqual(['READY', 'STALE', 'READY', 'CONFIGURATION_CHANGED a', 'STALE', 'READY', 'CONFIGURATION_CHANGED a b'])
  })

  test('while the server is away the last definitions count, and the provider is stale', async () => {
    await using server = await startTestServer({ flags: { a: onOff('on') } })
    const { client, events, ready } = await open(server)
    await ready
    await server.stop()
    await eventually(() => client.providerStatus === 'STALE', soon)
    expect(await client.getBooleanDetails('a', false)).toMatchObject({ value: true, reason: 'STATIC' })
    server.change({ set: { a: onOff('off') } })
    await server.start()
    await eventually(async () => !(await client.getBooleanValue('a', true)), soon)
    expect(events).toEqual(['READY', 'STALE', 'READY', 'CONFIGURATION_CHANGED a'])
  })

  test('what cannot be read on the stream does no harm', async () => {
    await using server = await startTestServer({ flags: { a: onOff('on') } })
    const { client, ready } = await open(server)
    await ready
    await eventually(() => server.streams.size === 1, soon)
    for (const stream of server.streams) stream.write('event: patch\ndata: {"revision":\n\n')
    await eventually(() => server.asked.filter((it) => it.endsWith('/stream')).length === 2, soon)
    server.publish({ set: { b: onOff('on') } })
    await eventually(() => client.getBooleanValue('b', false), soon)
    expect(await client.getBooleanValue('a', false)).toBe(true)
  })

  test('without the stream it asks again, and is answered 304 while nothing changed', async () => {
    await using server = await startTestServer({ flags: { a: onOff('off') } })
    const { client, ready } = await open(server, { streaming: false, pollIntervalMs: 1_000 })
    await ready
    server.change({ set: { a: onOff('on') } })
    await eventually(() => client.getBooleanValue('a', false), soon)
    expect(server.asked.some((it) => it.includes('stream'))).toBe(false)
  })
})

describe('the start', () => {
  const flags = { a: onOff('on') }

  test('a key that the server does not know is fatal, and the sentence says what to look for', async () => {
    await using server = await startTestServer({ flags })
    const { client, logger, ready } = await open(server, { key: 'bsk_wrong' })
    await expect(ready).rejects.toThrow(/answered 401.*The key is not known there/)
    expect(client.providerStatus).toBe('FATAL')
    expect(await client.getBooleanDetails('a', false)).toMatchObject({ value: false, errorCode: 'PROVIDER_FATAL' })
    expect(logger.lines.join()).not.toContain('bsk_wrong')
  })

  test('a key that is refused later is an error, and what was known goes on to count', async () => {
    await using server = await startTestServer({ flags })
    const { client, events, ready } = await open(server)
    await ready
    await eventually(() => server.streams.size === 1, soon)
    server.misbehave['/api/sdk/stream'] = { status: 403 }
    server.cutStreams()
    await eventually(() => client.providerStatus === 'ERROR', soon)
    expect(await client.getBooleanValue('a', false)).toBe(true)
    expect(events).toEqual(['READY', 'STALE', 'ERROR'])
  })

  test('a server that was never reached: the code defaults, until it is', async () => {
    await using server = await startTestServer({ flags })
    await server.stop()
    const { client, ready } = await open(server, { initTimeoutMs: 50 })
    await expect(ready).rejects.toThrow(/no flag definitions.*does not answer/)
    expect(client.providerStatus).toBe('ERROR')
    expect(await client.getBooleanDetails('a', false)).toMatchObject({ value: false, errorCode: 'PROVIDER_NOT_READY' })
    await server.start()
    await eventually(() => client.getBooleanValue('a', false), soon)
    expect(client.providerStatus).toBe('READY')
  })

  test('a server that was never reached: the bootstrap, and then the server', async () => {
    await using server = await startTestServer({ flags })
    await server.stop()
    const { client, events, ready } = await open(server, { bootstrap: { flags: { a: onOff('off'), b: onOff('on') } } })
    await ready
    await eventually(() => client.providerStatus === 'STALE', soon)
    expect(await client.getBooleanValue('b', false)).toBe(true)
    await server.start()
    await eventually(() => client.getBooleanValue('a', false), soon)
    expect(events).toEqual(['READY', 'STALE', 'READY', 'CONFIGURATION_CHANGED b a'])
  })

  test('a server that was never reached: what was kept on disk, before the bootstrap', async () => {
    await using server = await startTestServer({ flags })
    await using folder = await temporaryFolder()
    const first = await open(server, { cacheFolder: folder.path })
    await first.ready
    await eventually(() => server.streams.size === 1, soon)
    server.publish({ set: { late: onOff('on') } })
    await eventually(() => first.client.getBooleanValue('late', false), soon)
    await first.provider.onClose?.()
    await server.stop()
    const second = await open(server, { cacheFolder: folder.path, bootstrap: { flags: { a: onOff('off') } } })
    await second.ready
    expect(await second.client.getBooleanValue('late', false)).toBe(true)
    await server.start()
    await eventually(() => second.events.length === 3, soon)
    // What was kept is what the server has: it said so, and sent nothing.
    expect(second.events).toEqual(['READY', 'STALE', 'READY'])
    const other = await open(server, { cacheFolder: folder.path, key: 'bsk_of_another_environment', initTimeoutMs: 50 })
    await expect(other.ready).rejects.toThrow(/401/)
  })

  test('a damaged cache and a damaged bootstrap are told, and the server is asked', async () => {
    await using server = await startTestServer({ flags })
    await using folder = await temporaryFolder()
    const first = await open(server, { cacheFolder: folder.path })
    await first.ready
    await first.provider.onClose?.()
    const [name] = await readdir(folder.path)
    await writeFile(join(folder.path, name as string), '{"format":1,"docum')
    await writeFile(join(folder.path, 'bootstrap.json'), '[]')
    const { client, logger, ready } = await open(server, { cacheFolder: folder.path, bootstrap: join(folder.path, 'bootstrap.json') })
    await ready
    expect(await client.getBooleanValue('a', false)).toBe(true)
    expect(logger.lines).toEqual([
      expect.stringMatching(/^Belay: the kept flags in .*json are not used: it is not whole JSON\./),
      expect.stringMatching(/^Belay: the bootstrap .*bootstrap.json cannot be used: it is not a flagd document/),
    ])
  })

  test('without a server the bootstrap file is all there is, and is said so', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'flags.json')
    await writeFile(path, JSON.stringify({ flags: [{ key: 'a', ...onOff('on') }] }))
    const { client, logger, ready } = await open(undefined, { bootstrap: path })
    await ready
    expect(await client.getBooleanValue('a', false)).toBe(true)
    expect(logger.lines).toEqual([expect.stringContaining('no url is given')])
  })

  test('a server that is overloaded is given the time it asks for', async () => {
    await using server = await startTestServer({ flags })
    server.misbehave['/api/sdk/definitions'] = { status: 429, headers: { 'retry-after': '1' } }
    const startMs = performance.now()
    const { ready } = await open(server)
    await eventually(() => server.asked.length === 1, soon)
    delete server.misbehave['/api/sdk/definitions']
    await ready
    expect(performance.now() - startMs).toBeGreaterThan(990)
  })
})
