import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { eventually, temporaryFolder } from '@belay/testkit'
import { describe, expect, test } from 'vitest'
import { listeningLogger, onOff, serverKey, startTestServer, type TestServer } from './fixtures.ts'
import { type BelayOptions, createBelayProvider } from './index.ts'

const soon = { withinMs: 5_000 }
const share = {
  fractional: [
    ['on', 1],
    ['off', 0],
  ],
}
const flags = {
  a: onOff('off', { metadata: { kind: 'release' }, targeting: share }),
  codes: onOff('on', { defaultVariant: null }),
  everybody: onOff('on', { metadata: { kind: 'release' } }),
  experiment: onOff('on', { metadata: { kind: 'experiment' } }),
}
const now = 1_700_000_040_000
const clock = {
  now: () => now,
  sleep: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    }),
}

async function open(server: TestServer, options: BelayOptions = {}) {
  const logger = listeningLogger()
  const provider = createBelayProvider({ url: server.url, key: serverKey, logger, clock, ...options })
  await provider.initialize?.()
  return {
    provider,
    logger,
    a: (targetingKey?: string, key = 'a') =>
      provider.resolveBooleanEvaluation(key, false, targetingKey === undefined ? {} : { targetingKey }, logger),
    [Symbol.asyncDispose]: async () => provider.onClose?.(),
  }
}

describe('reports', () => {
  test('tell what was evaluated, for whom, and what was tracked', async () => {
    await using server = await startTestServer({ flags })
    await using it = await open(server)
    for (const key of ['ann', 'ann', 'bob']) await it.a(key)
    await it.a('ann', 'codes')
    await it.a('ann', 'there-is-no-such-flag')
    it.provider.track?.('bought', { targetingKey: 'ann' }, { value: 9.5, currency: 'EUR', when: new Date(0), nothing: undefined as never })
    await it.provider.flush()
    expect(server.reports()).toEqual([
      {
        source: expect.stringMatching(/^[\w.-]{8,64}$/),
        batch: 1,
        counts: [
          { flag: 'a', variant: 'on', minuteAt: now, count: 3 },
          { flag: 'codes', variant: null, minuteAt: now, count: 1 },
        ],
        exposures: ['ann', 'bob'].map((unit) => ({ flag: 'a', variant: 'on', unit, at: now })),
        events: [{ name: 'bought', unit: 'ann', at: now, value: 9.5, attributes: { currency: 'EUR', when: '1970-01-01T00:00:00.000Z' } }],
        dropped: 0,
      },
    ])
    await it.provider.flush()
    expect(server.reports()).toHaveLength(1)
  })

  test('tell exposures of flags whose variants somebody compares, and of no others', async () => {
    await using server = await startTestServer({ flags })
    await using it = await open(server)
    for (const flag of Object.keys(flags)) await it.a('ann', flag)
    await it.a(undefined, 'experiment')
    await it.a('x'.repeat(501), 'experiment')
    await it.provider.flush()
    expect(server.reports().flatMap(({ exposures }) => exposures.map(({ flag, unit }) => `${flag} ${unit}`))).toEqual([
      'a ann',
      'experiment ann',
    ])
  })

  test('are sent when the provider is closed', async () => {
    await using server = await startTestServer({ flags })
    const it = await open(server)
    await it.a('ann')
    await it.provider.onClose?.()
    expect(server.reports()).toHaveLength(1)
  })

  test('can be switched off, each', async () => {
    await using server = await startTestServer({ flags })
    await using it = await open(server, { report: { counts: false, exposures: false } })
    await it.a('ann')
    await it.provider.flush()
    expect(server.reports()).toEqual([])
  })

  test('that were not acknowledged come again under their number', async () => {
    await using server = await startTestServer({ flags })
    await using it = await open(server)
    server.misbehave['/api/sdk/reports'] = { cutAfter: true }
    await it.a('ann')
    await it.provider.flush()
    await it.a('bob')
    delete server.misbehave['/api/sdk/reports']
    await it.provider.flush()
    expect(server.arrivals.map(({ batch }) => batch)).toEqual([1, 1, 2])
    expect(server.reports().map(({ exposures }) => exposures.map(({ unit }) => unit))).toEqual([['ann'], ['bob']])
  })

  test('that the server will never take are given up, and the next one says how many', async () => {
    await using server = await startTestServer({ flags })
    await using it = await open(server)
    server.misbehave['/api/sdk/reports'] = { status: 422 }
    await it.a('ann')
    await it.provider.flush()
    delete server.misbehave['/api/sdk/reports']
    await it.a('bob')
    await it.provider.flush()
    expect(server.reports()).toMatchObject([{ batch: 2, dropped: 2 }])
    expect(it.logger.lines.join()).toContain('the server refuses reports with 2 entries')
  })

  test('events that cannot be told are refused with a sentence, and nothing is thrown', async () => {
    await using server = await startTestServer({ flags })
    await using it = await open(server)
    const endless: Record<string, unknown> = {}
    endless.self = endless
    it.provider.track?.('bought', {}, endless as never)
    it.provider.track?.('', {}, {})
    it.provider.track?.('bought', {}, { note: 'x'.repeat(5_000) })
    expect(it.logger.lines).toEqual([
      'Belay: an event is not reported: the details of bought cannot be written as JSON',
      'Belay: an event is not reported: the name of a tracked event has 1 to 200 characters',
      'Belay: an event is not reported: the details of bought are longer than 4000 bytes of JSON',
    ])
  })
})

describe('with a spool', () => {
  test('what the server did not take is sent by the next process, under the old source and number', async () => {
    await using server = await startTestServer({ flags })
    await using folder = await temporaryFolder()
    const first = await open(server, { spoolFolder: folder.path })
    await server.stop()
    await first.a('ann')
    await first.provider.flush()
    await first.a('bob')
    await first.provider.onClose?.()
    expect(await readdir(folder.path)).toHaveLength(2)
    await server.start()
    await using _second = await open(server, { spoolFolder: folder.path })
    await eventually(() => server.reports().length === 2, soon)
    const [one, two] = server.reports()
    expect([one?.batch, two?.batch, one?.source === two?.source]).toEqual([1, 2, true])
    await eventually(async () => (await readdir(folder.path)).length === 0, soon)
  })

  test('a process that is killed before it was thanked loses nothing, and nothing counts twice', async () => {
    await using server = await startTestServer({ flags })
    await using folder = await temporaryFolder()
    // Counted, and the thanks lost.
    server.misbehave['/api/sdk/reports'] = { cutAfter: true }
    const code = `
      import { createBelayProvider } from ${JSON.stringify(pathToFileURL(`${import.meta.dirname}/index.ts`).href)}
      const logger = { error() {}, warn() {}, info() {}, debug() {} }
      const provider = createBelayProvider({ url: ${JSON.stringify(server.url)}, key: 'bsk_test', spoolFolder: ${JSON.stringify(folder.path)}, logger })
      await provider.initialize()
      for (let nth = 0; nth < 100; nth++) await provider.resolveBooleanEvaluation('a', false, { targetingKey: 'user-' + nth }, logger)
      await provider.flush()
      console.log('flushed')
      setInterval(() => {}, 1_000)
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const arrived = server.arrivals.length
    expect(arrived).toBeGreaterThan(0)
    delete server.misbehave['/api/sdk/reports']
    await using _next = await open(server, { spoolFolder: folder.path })
    await eventually(() => server.arrivals.length > arrived, soon)
    expect(server.arrivals.at(-1)).toEqual(server.arrivals[0])
    expect(server.reports().flatMap(({ exposures }) => exposures)).toHaveLength(100)
  })

  test('a spool that cannot be written is told, and reports go on from memory', async () => {
    await using server = await startTestServer({ flags })
    await using it = await open(server, { spoolFolder: '/dev/null/spool' })
    await it.a('ann')
    await it.provider.flush()
    expect(server.reports()).toHaveLength(1)
    expect(it.logger.lines).toEqual([expect.stringContaining('reports cannot be kept in /dev/null/spool')])
  })
})
