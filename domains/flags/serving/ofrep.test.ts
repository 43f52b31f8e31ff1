import { handClock } from '@belay/base'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contextMaxBytes } from './context.ts'
import { flag, openServingWorld, type ServingWorld } from './fixtures.ts'
import { slotMs } from './stream-token.ts'

let world: ServingWorld
beforeAll(async () => {
  world = await openServingWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

type Body = {
  key?: string
  reason?: string
  variant?: string
  value?: unknown
  metadata?: Record<string, unknown>
  errorCode?: string
  errorDetails?: string
  flags?: Body[]
  eventStreams?: { type: string; endpoint?: { requestUri: string }; url?: string; inactivityDelaySec: number }[]
}
const path = '/ofrep/v1/evaluate/flags'
async function ask(
  more: {
    key?: string
    body?: unknown
    text?: string
    headers?: Record<string, string>
    query?: string
    secret?: string
    of?: ServingWorld
  } = {},
) {
  const { key, body, text, headers, query = '', of = world } = more
  const response = await fetch(`${of.url}${path}${key === undefined ? '' : `/${key}`}${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${more.secret ?? of.client}`, ...headers },
    body: text ?? JSON.stringify(body ?? {}),
  })
  const answer = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    etag: response.headers.get('etag') ?? '',
    body: (answer === '' ? {} : JSON.parse(answer)) as Body,
  }
}
const as = (targetingKey: string, more: Record<string, unknown> = {}) => ({ context: { targetingKey, ...more } })

describe('one flag', () => {
  test('a flag without rules is STATIC, with its metadata', async () => {
    const { status, headers, body } = await ask({ key: 'fixed' })
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
    expect(body).toEqual({
      key: 'fixed',
      reason: 'STATIC',
      variant: 'off',
      value: false,
      metadata: { flagSetId: 'example', kind: 'release', version: 3 },
    })
  })

  test('a rule that matches is TARGETING_MATCH; what falls through to the default variant is UNKNOWN, which the schema knows', async () => {
    expect((await ask({ key: 'staff', body: as('u1', { email: 'a@example.test' }) })).body).toMatchObject({
      reason: 'TARGETING_MATCH',
      variant: 'on',
      value: true,
    })
    expect((await ask({ key: 'staff', body: as('u1') })).body).toMatchObject({ reason: 'UNKNOWN', variant: 'off', value: false })
  })

  test('a server may be told to send DEFAULT as flagd does', async () => {
    await using own = await openServingWorld({ reasons: 'flagd' })
    expect((await ask({ of: own, key: 'staff', body: as('u1') })).body.reason).toBe('DEFAULT')
  })

  test.each([
    ['text', 'short', 'b'],
    ['number', 'small', 0.5],
    ['thing', 'some', { list: [1, 'two', null], deep: { yes: true } }],
  ])('a value of type %s comes as it is', async (key, variant, value) => {
    expect((await ask({ key })).body).toMatchObject({ variant, value })
  })

  test('a disabled flag, and one that leaves the choice to the code, are successes without value', async () => {
    const { status, body } = await ask({ key: 'gone' })
    expect([status, body.reason, 'value' in body, 'variant' in body, 'errorCode' in body]).toEqual([200, 'DISABLED', false, false, false])
    const own = await ask({ key: 'codes-own' })
    expect([own.status, 'value' in own.body, own.body.errorCode]).toEqual([200, false, undefined])
  })

  test('a key may hold slashes, percent-encoded or as they are; a slash at the end of the path means nothing', async () => {
    for (const key of ['team%2Fcheckout', 'team%2fcheckout', 'team/checkout', 'team%2Fcheckout/'])
      expect((await ask({ key })).body).toMatchObject({ key: 'team/checkout', value: false })
    expect((await ask({ key: '' })).body.flags).toBeDefined()
  })

  test('what is not there is 404 FLAG_NOT_FOUND under its name, whatever the name', async () => {
    for (const [asked, key] of [
      ['nope', 'nope'],
      ['__proto__', '__proto__'],
      ['constructor', 'constructor'],
      ['%E2%82', '%E2%82'],
      ['%22%3C', '"<'],
    ] as const) {
      const { status, body } = await ask({ key: asked })
      expect([status, body.errorCode, body.key]).toEqual([404, 'FLAG_NOT_FOUND', key])
    }
  })

  test('a share without a targeting key is 400 TARGETING_KEY_MISSING; flags that need none answer', async () => {
    const { status, body } = await ask({ key: 'half', text: '' })
    expect([status, body.key, body.errorCode, typeof body.errorDetails]).toEqual([400, 'half', 'TARGETING_KEY_MISSING', 'string'])
    expect((await ask({ key: 'fixed', text: '' })).status).toBe(200)
  })

  test('a broken definition is 400 PARSE_ERROR for that flag alone', async () => {
    await using own = await openServingWorld({
      flags: { broken: flag({ on: true }, { targeting: { nope: [1] } }), fine: flag({ on: true }) },
    })
    expect(await ask({ of: own, key: 'broken' })).toMatchObject({ status: 400, body: { key: 'broken', errorCode: 'PARSE_ERROR' } })
    expect((await ask({ of: own, key: 'fine' })).status).toBe(200)
    expect((await ask({ of: own })).body.flags).toMatchObject([
      { key: 'broken', errorCode: 'PARSE_ERROR' },
      { key: 'fine', value: true },
    ])
  })
})

describe('bodies', () => {
  test.each([
    ['{', 'PARSE_ERROR'],
    ['[]', 'PARSE_ERROR'],
    ['null', 'PARSE_ERROR'],
    ['{"context":[]}', 'INVALID_CONTEXT'],
    ['{"context":"u1"}', 'INVALID_CONTEXT'],
    ['{"context":{"targetingKey":7}}', 'INVALID_CONTEXT'],
    [`{"context":${'{"a":'.repeat(20)}1${'}'.repeat(20)}}`, 'INVALID_CONTEXT'],
  ])('%s is 400 %s, with the key where one flag was asked for and without it where all were', async (text, errorCode) => {
    const one = await ask({ key: 'fixed', text })
    expect([one.status, one.body.key, one.body.errorCode, typeof one.body.errorDetails]).toEqual([400, 'fixed', errorCode, 'string'])
    const all = await ask({ text })
    expect([all.status, 'key' in all.body, all.body.errorCode]).toEqual([400, false, errorCode])
  })

  test.each(['', '{}', '{"context":null}', '{"context":{}}', '{"context":{"targetingKey":null}}'])(
    '%s is the empty context',
    async (text) => {
      expect((await ask({ key: 'fixed', text })).status).toBe(200)
      expect((await ask({ text })).status).toBe(200)
    },
  )

  test('a poisoned context is data like any other', async () => {
    const text = '{"context":{"__proto__":{"email":"a@example.test"},"constructor":{"prototype":{"x":1}},"targetingKey":"u1"}}'
    expect((await ask({ key: 'staff', text })).body).toMatchObject({ variant: 'off' })
    expect(({} as { email?: string }).email).toBeUndefined()
  })

  test('a body beyond the bound is 413, and the connection is good for the next request', async () => {
    const body = as('u1', { text: 'x'.repeat(contextMaxBytes) })
    expect(await ask({ key: 'fixed', body })).toMatchObject({ status: 413, body: { key: 'fixed', errorCode: 'INVALID_CONTEXT' } })
    expect((await ask({ body: as('u1', { text: 'x'.repeat(2_000_000) }) })).status).toBe(413)
    expect((await ask({ body: as('u1', { text: 'x'.repeat(contextMaxBytes - 1_000) }) })).status).toBe(200)
  })
})

describe('all flags', () => {
  test('every flag is there in the order of the document, failures among them', async () => {
    const { body } = await ask({ text: '' })
    expect(body.flags?.map(({ key }) => key)).toEqual([...world.live.environment('production').set().keys()])
    expect(body.flags?.find(({ key }) => key === 'half')).toMatchObject({ errorCode: 'TARGETING_KEY_MISSING' })
    expect(body.flags?.find(({ key }) => key === 'gone')).toMatchObject({ reason: 'DISABLED' })
    expect(body.metadata).toEqual({ flagSetId: 'example' })
  })

  test('bulk and single agree for every flag; what is said of all flags is said once in bulk', async () => {
    for (const context of [as('u1'), as('early-7'), as('u3', { email: 'a@example.test' }), {}]) {
      const { flags, metadata } = (await ask({ body: context })).body
      for (const one of flags ?? []) {
        const alone = (await ask({ key: encodeURIComponent(one.key ?? ''), body: context })).body
        expect(alone).toEqual({ ...one, metadata: { ...metadata, ...one.metadata } })
        expect(one.metadata ?? {}).not.toHaveProperty('flagSetId')
      }
    }
  })

  test('the same answer is 304, however the tag is written', async () => {
    const { etag } = await ask({ body: as('u1') })
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/)
    const bare = etag.slice(1, -1)
    for (const tag of [etag, bare, `W/${etag}`, `"other", ${etag}`, `"other",W/${etag} , "more"`, '*']) {
      const again = await ask({ body: as('u1'), headers: { 'if-none-match': tag } })
      expect([tag, again.status, again.etag, again.body]).toEqual([tag, 304, etag, {}])
    }
    for (const tag of ['"other"', '', `"${bare.slice(1)}"`])
      expect((await ask({ body: as('u1'), headers: { 'if-none-match': tag } })).status).toBe(200)
  })

  test('another context gets its own answer, not a 304 of somebody else', async () => {
    const { etag } = await ask({ body: as('u1') })
    const staff = await ask({ body: as('u1', { email: 'a@example.test' }), headers: { 'if-none-match': etag } })
    expect([staff.status, staff.etag === etag]).toEqual([200, false])
  })

  test('a change makes another tag; one who is not touched by it keeps theirs', async () => {
    await using own = await openServingWorld()
    const [before, staff] = [await ask({ of: own, body: as('u1') }), await ask({ of: own, body: as('u1', { email: 'a@example.test' }) })]
    own.live.change({
      set: { staff: flag({ on: true, off: false }, { metadata: { kind: 'release' }, targeting: { if: [true, null, 'on'] } }) },
    })
    expect((await ask({ of: own, body: as('u1'), headers: { 'if-none-match': before.etag } })).status).toBe(304)
    expect((await ask({ of: own, body: as('u1', { email: 'a@example.test' }), headers: { 'if-none-match': staff.etag } })).status).toBe(200)
  })

  test('a client that heard of another configuration gets a whole answer, not a 304', async () => {
    const { etag } = await ask({ body: as('u1') })
    const live = world.live.environment('production')
    const now = `${live.revision()}.${live.etag().slice(0, 16)}`
    const asked = async (query: string) => (await ask({ body: as('u1'), headers: { 'if-none-match': etag }, query: `?${query}` })).status
    expect(await asked(`flagConfigEtag=${now}&flagConfigLastModified=1771622898`)).toBe(304)
    expect(await asked(`flagConfigEtag=${encodeURIComponent(`"${now}"`)}`)).toBe(304)
    expect(await asked('flagConfigEtag=9.older')).toBe(200)
    expect(await asked('flagConfigLastModified=1771622898')).toBe(304)
    expect(await asked('flagConfigLastModified=2026-02-20T21:28:18Z')).toBe(304)
    expect(await asked('flagConfigLastModified=99999999999')).toBe(200)
    expect(await asked('flagConfigLastModified=yesterday')).toBe(200)
  })

  test('a server that is a moment behind the one that told of a change waits for it', async () => {
    const live = world.live.environment('production')
    const asking = ask({ key: undefined, body: as('u1'), query: `?flagConfigEtag=${live.revision() + 1}.0123` })
    await new Promise((resolve) => setTimeout(resolve, 50))
    world.live.change({ set: { late: flag({ on: 'just in time' }) } })
    expect((await asking).body.flags?.find(({ key }) => key === 'late')).toMatchObject({ value: 'just in time' })
    world.live.change({ remove: ['late'] })
  })

  test('flags that come and go are there and gone in the next answer', async () => {
    await using own = await openServingWorld({ flags: { one: flag({ on: 1 }) } })
    own.live.change({ set: { two: flag({ on: 2 }) }, remove: ['one'] })
    expect((await ask({ of: own })).body.flags).toMatchObject([{ key: 'two', value: 2 }])
    expect((await ask({ of: own, key: 'one' })).status).toBe(404)
  })
})

describe('who may ask', () => {
  test('a key by either header fixes the environment; nobody and unknown keys are 401', async () => {
    const asked = async (headers: Record<string, string>) =>
      (await fetch(`${world.url}${path}/fixed`, { method: 'POST', headers, body: '{}' })).status
    expect(await asked({ authorization: `Bearer ${world.client}` })).toBe(200)
    expect(await asked({ authorization: `bearer ${world.server}` })).toBe(200)
    expect(await asked({ 'x-api-key': world.client })).toBe(200)
    expect(await asked({})).toBe(401)
    expect(await asked({ authorization: 'Bearer bck_unknown' })).toBe(401)
    expect(await asked({ authorization: `Basic ${world.client}` })).toBe(401)
    expect(await asked({ 'x-api-key': `${world.client}x` })).toBe(401)
  })

  test('somebody who may look asks for any environment, by default the only production', async () => {
    world.live.on('qa').change({ set: { 'qa-only': flag({ on: 1 }) } })
    expect((await ask({ secret: 'blt_viewer', key: 'qa-only' })).status).toBe(404)
    expect((await ask({ secret: 'blt_viewer', key: 'qa-only', query: '?environment=qa' })).body).toMatchObject({ value: 1 })
    expect(await ask({ secret: 'blt_viewer', key: 'fixed', query: '?environment=moon' })).toMatchObject({
      status: 400,
      body: { key: 'fixed', errorCode: 'GENERAL' },
    })
    expect((await ask({ secret: 'blt_nobody', key: 'fixed' })).status).toBe(401)
  })

  test('a cookie is good for our own page alone', async () => {
    const asked = async (origin: string) =>
      (await fetch(`${world.url}${path}/fixed`, { method: 'POST', headers: { cookie: 'session=blt_viewer', origin } })).status
    expect(await asked(world.url)).toBe(200)
    expect(await asked('https://elsewhere.example.test')).toBe(401)
  })

  test('a key that was ended is 401 at once; one whose environment is gone is 403', async () => {
    await using own = await openServingWorld()
    const { key, secret } = await own.keys.create({ name: 'short', kind: 'client', environment: 'qa' }, 'ann')
    const { secret: other } = await own.keys.create({ name: 'lost', kind: 'client', environment: 'qa' }, 'ann')
    expect((await ask({ of: own, secret })).status).toBe(200)
    await own.keys.revoke(key.id, 'ann')
    expect((await ask({ of: own, secret })).status).toBe(401)
    own.live.remove('qa')
    await expect.poll(async () => (await ask({ of: own, secret: other })).status, { timeout: 5_000 }).toBe(403)
  })

  test('any page may ask with a key: preflight, answers and refusals carry what browsers want', async () => {
    const preflight = await fetch(`${world.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example.test',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,x-trace',
      },
    })
    expect([preflight.status, await preflight.text()]).toEqual([204, ''])
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST, GET, OPTIONS',
      'access-control-allow-headers': 'authorization,content-type,x-trace',
    })
    for (const { headers } of [await ask(), await ask({ key: 'nope' }), await ask({ text: '{' }), await ask({ secret: 'bck_x' })]) {
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('access-control-expose-headers')).toBe('ETag, Retry-After')
    }
  })

  test('other paths and methods are refused in words', async () => {
    expect((await fetch(`${world.url}/ofrep/v1/configuration`)).status).toBe(404)
    expect((await fetch(`${world.url}${path}`)).status).toBe(405)
    expect((await fetch(`${world.url}/ofrep/v1/stream`, { method: 'POST' })).status).toBe(405)
  })

  test('who asks too often is told when to come back, as whole seconds', async () => {
    await using own = await openServingWorld({
      rates: { key: { perSecond: 0.5, burst: 3 }, address: { perSecond: 1_000, burst: 1_000 } },
    })
    const statuses = []
    for (let n = 0; n < 5; n++) statuses.push((await ask({ of: own })).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    const refused = await ask({ of: own })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(2)
    // Another key is not held up by it.
    expect((await ask({ of: own, secret: own.server })).status).toBe(200)
  })

  test('an address that runs wild is stopped before anybody asks who it is', async () => {
    await using own = await openServingWorld({ rates: { key: { perSecond: 9, burst: 9 }, address: { perSecond: 0.1, burst: 1 } } })
    expect([(await ask({ of: own })).status, (await ask({ of: own, secret: 'bck_x' })).status]).toEqual([200, 429])
  })
})

describe('counting', () => {
  test('evaluations are counted by flag and variant, unknown flags are not, and exposures are of what is compared', async () => {
    const own = await openServingWorld()
    for (let n = 0; n < 3; n++) await ask({ of: own, body: as('u1') })
    await ask({ of: own, key: 'fixed', body: as('u1') })
    await ask({ of: own, key: 'half', body: as('u1') })
    await ask({ of: own, key: 'half', body: {} })
    await ask({ of: own, key: 'nope', body: as('u1') })
    await own[Symbol.asyncDispose]()
    const total = (name: string) => own.counted.filter(({ flag: key }) => key === name).reduce((sum, { count }) => sum + count, 0)
    expect([total('fixed'), total('half'), total('gone'), total('nope')]).toEqual([4, 5, 3, 0])
    expect(own.counted.filter(({ flag: key }) => key === 'gone').map(({ variant }) => variant)).toEqual([null])
    expect(own.exposed).toEqual([{ flag: 'half', variant: expect.any(String), unit: 'u1' }])
  })
})

describe('streams of events', () => {
  const streamUrl = async (of = world) => {
    const [stream] = (await ask({ of, body: as('u1') })).body.eventStreams ?? []
    return new URL(stream?.endpoint?.requestUri ?? '', of.url).href
  }
  async function follow(url: string, headers: Record<string, string> = {}) {
    const stop = new AbortController()
    const response = await fetch(url, { headers, signal: stop.signal })
    let text = ''
    const reading = (async () => {
      for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += piece
    })().catch(() => {})
    return {
      response,
      events: () =>
        [...text.matchAll(/id: (\S+)\nevent: message\ndata: (.+)\n\n/g)].map(([, id, data]) => ({ id, ...JSON.parse(data ?? '') })),
      reading,
      stop: () => stop.abort(),
    }
  }

  test('an answer names the stream with a token, and the address stays the same for hours', async () => {
    const clock = handClock()
    await using own = await openServingWorld({ clock })
    const first = (await ask({ of: own })).body.eventStreams
    expect(first).toEqual([
      { type: 'sse', endpoint: { requestUri: expect.stringMatching(/^\/ofrep\/v1\/stream\?token=\S+$/) }, inactivityDelaySec: 120 },
    ])
    expect((await ask({ of: own, secret: own.server })).body.eventStreams).toEqual(first)
    const etag = (await ask({ of: own })).etag
    clock.set(clock.now() + slotMs)
    const later = await ask({ of: own, headers: { 'if-none-match': etag } })
    expect([later.status, later.body.eventStreams === first]).toEqual([200, false])
    const url = new URL(first?.[0]?.endpoint?.requestUri ?? '', own.url).href
    const open = await follow(url)
    expect(open.response.status).toBe(200)
    open.stop()
    clock.set(clock.now() + slotMs)
    expect((await fetch(url)).status).toBe(401)
  })

  test('behind a proxy with a path of its own, the address is whole', async () => {
    await using own = await openServingWorld({ publicUrl: 'https://tools.example.test/belay' })
    expect((await ask({ of: own })).body.eventStreams?.[0]).toMatchObject({
      url: expect.stringMatching(/^https:\/\/tools\.example\.test\/belay\/ofrep\/v1\/stream\?token=/),
    })
  })

  test('each change of the environment is told, without any value, and leads to a 200', async () => {
    await using own = await openServingWorld()
    const one = await follow(await streamUrl(own), { 'last-event-id': '10' })
    expect(one.response.headers.get('access-control-allow-origin')).toBe('*')
    own.live.on('qa').change({ set: { other: flag({ on: 1 }) } })
    own.live.on('production').change({ set: { fixed: flag({ on: true, off: false }, { defaultVariant: 'on' }) } })
    await expect.poll(() => one.events().length).toBe(1)
    const [event] = one.events()
    expect(event).toEqual({ id: '11', type: 'refetchEvaluation', etag: expect.stringMatching(/^11\./), lastModified: expect.any(Number) })
    const answer = await ask({ of: own, query: `?flagConfigEtag=${event?.etag}&flagConfigLastModified=${event?.lastModified}` })
    expect(answer.body.flags?.find(({ key }) => key === 'fixed')).toMatchObject({ value: true })
    one.stop()
  })

  test('members of a list that change are a change too, although the document is the same', async () => {
    await using own = await openServingWorld()
    const one = await follow(await streamUrl(own), { 'last-event-id': '10' })
    own.live.on('production').change({}, ['early'])
    await expect.poll(() => one.events().map(({ etag }) => String(etag).split('.')[0])).toEqual(['11'])
    one.stop()
  })

  test('who missed a change while away is told when they are back; so is one who comes just after it', async () => {
    await using own = await openServingWorld()
    const url = await streamUrl(own)
    own.live.on('production').change({ set: { fixed: flag({ on: true }) } })
    for (const headers of [{ 'last-event-id': '10' }, {}] as Record<string, string>[]) {
      const it = await follow(url, headers)
      await expect.poll(() => it.events().map(({ id }) => id)).toEqual(['11'])
      it.stop()
    }
  })

  test('a forged, foreign or empty token opens nothing', async () => {
    const good = await streamUrl()
    const token = new URL(good).searchParams.get('token') ?? ''
    const [, slot, signature] = token.split('.')
    for (const bad of ['', 'x', `${Buffer.from('qa').toString('base64url')}.${slot}.${signature}`, `${token}x`, token.slice(0, -1)])
      expect([bad, (await fetch(`${world.url}/ofrep/v1/stream?token=${bad}`)).status]).toEqual([bad, 401])
  })

  test('streams end with the server, and nothing failed on the way', async () => {
    const own = await openServingWorld()
    const it = await follow(await streamUrl(own))
    await own[Symbol.asyncDispose]()
    await it.reading
    expect(own.logged).toEqual([])
  })
})
