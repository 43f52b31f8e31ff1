import { brotliDecompressSync } from 'node:zlib'
import { get } from 'node:http'
import { compileFlagSet, type FlagDocument } from '@belay/flag-evaluator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exampleFlags, flag, openServingWorld, type ServingWorld } from './fixtures.ts'

let world: ServingWorld
beforeAll(async () => {
  world = await openServingWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const bearer = (secret: string, more: Record<string, string> = {}) => ({ authorization: `Bearer ${secret}`, ...more })
const fetchDefinitions = (of = world, headers: Record<string, string> = {}, query = '') =>
  fetch(`${of.url}/api/sdk/definitions${query}`, { headers: bearer(of.server, headers) })
async function post(path: string, body: unknown, secret = world.server) {
  const response = await fetch(`${world.url}/api/sdk/${path}`, {
    method: 'POST',
    headers: bearer(secret, { 'content-type': 'application/json' }),
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as { error?: { code: string; message: string }; [key: string]: unknown } }
}

describe('definitions', () => {
  test('are the flagd document, with the revision; the same again is 304', async () => {
    const response = await fetchDefinitions(world, { 'accept-encoding': 'identity' })
    const live = world.live.environment('production')
    expect([response.status, response.headers.get('x-belay-revision'), response.headers.get('etag')]).toEqual([
      200,
      String(live.revision()),
      `"${live.etag()}"`,
    ])
    expect(await response.json()).toEqual(live.document())
    const again = await fetchDefinitions(world, { 'if-none-match': response.headers.get('etag') ?? '' })
    expect([again.status, await again.text(), again.headers.get('x-belay-revision')]).toEqual([304, '', String(live.revision())])
  })

  test('come compressed to who takes that, and their tag is weak then', async () => {
    const { etag, encoding, bytes } = await new Promise<{ etag: unknown; encoding: unknown; bytes: Buffer }>((resolve) => {
      get(`${world.url}/api/sdk/definitions`, { headers: bearer(world.server, { 'accept-encoding': 'gzip;q=0, br' }) }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ etag: response.headers.etag, encoding: response.headers['content-encoding'], bytes: Buffer.concat(chunks) }),
        )
      })
    })
    const live = world.live.environment('production')
    expect([etag, encoding]).toEqual([`W/"${live.etag()}"`, 'br'])
    expect(JSON.parse(brotliDecompressSync(bytes).toString())).toEqual(live.document())
    const gzipped = await fetchDefinitions(world, { 'accept-encoding': 'gzip' })
    expect([gzipped.headers.get('content-encoding'), await gzipped.json()]).toEqual(['gzip', live.document()])
    expect((await fetchDefinitions(world, { 'if-none-match': String(etag) })).status).toBe(304)
  })

  test('follow every change', async () => {
    await using own = await openServingWorld()
    const before = (await fetchDefinitions(own)).headers.get('etag') ?? ''
    own.live.change({ set: { fresh: flag({ on: 1 }) } })
    const after = await fetchDefinitions(own, { 'if-none-match': before })
    expect([after.status, after.headers.get('x-belay-revision')]).toEqual([200, '11'])
    expect(((await after.json()) as FlagDocument).flags.fresh).toEqual(flag({ on: 1 }))
  })

  test('for flagd itself, lists of segments are looked for in the context', async () => {
    const document = (await (await fetchDefinitions(world, {}, '?dialect=flagd')).json()) as FlagDocument
    expect(document.$evaluators?.['segment:early']).toEqual({ in: ['early', { var: 'belay.segments' }] })
    expect(Object.keys(document.flags)).toEqual(Object.keys(exampleFlags))
    const set = compileFlagSet(document)
    const told = { targetingKey: 'early-1', belay: { segments: ['early'] } }
    expect([set.evaluate('listed', told, 0).value, set.evaluate('listed', { targetingKey: 'early-1' }, 0).value]).toEqual([true, false])
    const tags = [await fetchDefinitions(world, {}, '?dialect=flagd'), await fetchDefinitions()].map((it) => it.headers.get('etag'))
    expect(tags[0]).not.toBe(tags[1])
    expect((await fetchDefinitions(world, {}, '?dialect=latin')).status).toBe(400)
  })

  test('are for server keys and for who may look; a key that stands in a page gets none', async () => {
    const asked = async (headers: Record<string, string>, query = '') =>
      (await fetch(`${world.url}/api/sdk/definitions${query}`, { headers })).status
    expect(await asked(bearer('blt_viewer'))).toBe(200)
    expect(await asked(bearer('blt_viewer'), '?environment=qa')).toBe(200)
    expect(await asked(bearer('blt_viewer'), '?environment=moon')).toBe(404)
    expect(await asked({})).toBe(401)
    expect(await asked(bearer('bsk_unknown'))).toBe(401)
    expect(await asked({ 'x-api-key': world.server })).toBe(200)
    const refused = await fetch(`${world.url}/api/sdk/definitions`, { headers: bearer(world.client) })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'client-key-evaluates-only' } }])
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    expect((await fetch(`${world.url}/api/sdk/nothing`, { headers: bearer(world.server) })).status).toBe(404)
  })

  test('who asks too often is told when to come back', async () => {
    await using own = await openServingWorld({ rates: { key: { perSecond: 0.1, burst: 1 }, address: { perSecond: 99, burst: 99 } } })
    expect((await fetchDefinitions(own)).status).toBe(200)
    const refused = await fetchDefinitions(own)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10'])
  })
})

describe('the stream of definitions', () => {
  type StreamEvent = { id: string; event: string; data: Record<string, unknown> }
  async function follow(of: ServingWorld, headers: Record<string, string> = {}) {
    const stop = new AbortController()
    const response = await fetch(`${of.url}/api/sdk/stream`, { headers: bearer(of.server, headers), signal: stop.signal })
    let text = ''
    const ended = (async () => {
      for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += piece
    })().catch(() => {})
    const events = (): StreamEvent[] =>
      [...text.matchAll(/id: (\d+)\nevent: (\w+)\ndata: (.+)\n\n/g)].map(([, id = '', event = '', data = '']) => ({
        id,
        event,
        data: JSON.parse(data) as StreamEvent['data'],
      }))
    return { response, events, ended, stop: () => stop.abort() }
  }

  test('begins with the whole document and goes on with patches that lead from each revision to the next', async () => {
    await using own = await openServingWorld()
    const it = await follow(own)
    const live = own.live.on('production')
    await expect
      .poll(it.events)
      .toMatchObject([{ id: '10', event: 'document', data: { revision: 10, etag: live.etag(), document: live.document() } }])
    live.change({ set: { fixed: flag({ on: 'é\n' }) } })
    await expect.poll(() => it.events().length).toBe(2)
    live.change({ remove: ['text'] }, ['early'])
    await expect.poll(() => it.events().length).toBe(3)
    expect(it.events().slice(1)).toMatchObject([
      {
        id: '11',
        event: 'patch',
        data: { revision: 11, from: 10, patch: { set: { fixed: flag({ on: 'é\n' }) }, remove: [] }, segments: [] },
      },
      {
        id: '12',
        event: 'patch',
        data: { revision: 12, from: 11, etag: live.etag(), patch: { set: {}, remove: ['text'] }, segments: ['early'] },
      },
    ])
    it.stop()
  })

  test('who was cut off gets one patch from where they were, or the document when that is too long ago', async () => {
    await using own = await openServingWorld()
    const live = own.live.on('production')
    live.change({ set: { one: flag({ on: 1 }) } })
    live.change({ set: { two: flag({ on: 2 }) } })
    const [known, unknown, odd] = await Promise.all(['10', '3', 'x'].map((id) => follow(own, { 'last-event-id': id })))
    await expect
      .poll(() => known?.events())
      .toMatchObject([{ id: '12', event: 'patch', data: { revision: 12, from: 10, patch: { set: { one: {}, two: {} } } } }])
    for (const it of [unknown, odd]) await expect.poll(() => it?.events().map(({ id, event }) => [id, event])).toEqual([['12', 'document']])
    for (const it of [known, unknown, odd]) it?.stop()
  })

  test('many changes at once are told together, after the first', async () => {
    await using own = await openServingWorld()
    const live = own.live.on('production')
    const it = await follow(own)
    await expect.poll(() => it.events().length).toBe(1)
    for (let n = 0; n < 100; n++) live.change({ set: { [`new-${n}`]: flag({ on: n }) } })
    const late = await follow(own)
    await expect
      .poll(() =>
        it
          .events()
          .map(({ data }) => [data.from, data.revision])
          .slice(1),
      )
      .toEqual([
        [10, 11],
        [11, 110],
      ])
    expect(Object.keys((it.events()[2]?.data.patch as { set: object } | undefined)?.set ?? {})).toHaveLength(99)
    live.change({ remove: ['new-0'] })
    // Who came in the middle of it begins with the newest, and hears nothing of it again.
    await expect
      .poll(() => late.events().map(({ event, id }) => [event, id]))
      .toEqual([
        ['document', '110'],
        ['patch', '111'],
      ])
    for (const each of [it, late]) each.stop()
  })

  test('ends when its key is ended, and when its environment goes', async () => {
    await using own = await openServingWorld()
    const it = await follow(own)
    const [key] = (await own.keys.list()).filter(({ kind }) => kind === 'server')
    await own.keys.revoke(key?.id ?? '', 'ann')
    await it.ended
    const stop = new AbortController()
    const response = await fetch(`${own.url}/api/sdk/stream?environment=qa`, { headers: bearer('blt_viewer'), signal: stop.signal })
    own.live.remove('qa')
    expect(await response.text()).toContain('event: document')
  })
})

describe('memberships', () => {
  test('the lists of each key come with the revision that they are of', async () => {
    expect(await post('membership', { keys: ['early-1', 'late-1'] })).toEqual({
      status: 200,
      body: { revision: 10, members: { 'early-1': ['early'], 'late-1': [] } },
    })
  })

  test('a thousand keys are taken, more and other bodies are refused with the field', async () => {
    expect((await post('membership', { keys: Array.from({ length: 1_000 }, (_, n) => `u${n}`) })).status).toBe(200)
    expect(await post('membership', { keys: Array.from({ length: 1_001 }, (_, n) => `u${n}`) })).toMatchObject({
      status: 400,
      body: { error: { code: 'bad-request', message: expect.stringContaining('body.keys') } },
    })
    expect((await post('membership', '{')).body.error?.code).toBe('serving-bad-request')
    expect((await post('membership', { keys: ['x'.repeat(2_000_000)] })).status).toBe(413)
  })
})

describe('reports', () => {
  const report = { source: 'process-1', batch: 1, counts: [{ flag: 'fixed', variant: null, minuteAt: 60_000, count: 3 }] }

  test('are parsed and handed on with the environment of the key', async () => {
    expect(await post('reports', report)).toEqual({ status: 200, body: { counted: true } })
    expect(await post('reports', report)).toEqual({ status: 200, body: { counted: false } })
    expect(world.taken[0]).toEqual({ environment: 'production', ...report, exposures: [], events: [] })
  })

  test('are refused when they are not what they should be, and from who may only look', async () => {
    expect((await post('reports', `{"source": ${'['.repeat(1_000_000)}`)).body.error?.message).toContain('is nested deeper than 64 levels')
    expect(await post('reports', { ...report, batch: 0 })).toMatchObject({ status: 400, body: { error: { code: 'bad-request' } } })
    expect(await post('reports', report, 'blt_viewer')).toMatchObject({ status: 403, body: { error: { code: 'serving-not-allowed' } } })
    expect((await post('reports', { ...report, batch: 2 }, 'blt_developer')).status).toBe(200)
    expect((await post('reports', report, world.client)).status).toBe(403)
  })
})

test('nothing failed on the way', () => expect(world.logged).toEqual([]))
