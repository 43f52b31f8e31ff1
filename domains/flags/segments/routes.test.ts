import { join } from 'node:path'
import { Readable } from 'node:stream'
import { refuse, type Who } from '@belay/access'
import { createApi } from '@belay/http'
import { createClient, routes } from '@belay/protocol'
import type { Store } from '@belay/store'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { segmentRoutes } from './routes.ts'
import { openBench, type SegmentsBench } from './segments.contract.ts'

describe('segments over HTTP', () => {
  let folder: TemporaryFolder
  let it: SegmentsBench
  let client: ReturnType<typeof createClient>
  const opened: Store[] = []
  const closing: (() => Promise<unknown>)[] = []
  let who: Who = { actor: 'ada', role: 'developer' }
  const uploaded = (text: string) => Readable.toWeb(Readable.from([Buffer.from(text)])) as ReadableStream<Uint8Array>

  beforeAll(async () => {
    folder = await temporaryFolder()
    it = await openBench({ file: join(folder.path, 'state.db') }, opened)
    const api = await createApi<Who>({
      name: 'belay',
      version: '0',
      authenticate: async () => who,
      refuse,
      ready: async () => undefined,
    })
    segmentRoutes(api, it.segments)
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 })
    client = createClient({ url, token: 'any' })
    closing.push(() => api.close())
  })
  afterAll(async () => {
    for (const close of closing) await close()
    for (const store of opened) await store.close()
    await folder[Symbol.asyncDispose]()
  })

  test('a list is made, uploaded, shown, downloaded and removed', async () => {
    await client.call(routes.segments.create, { body: { key: 'beta/one', keys: ['ann'] } })
    const params = { key: 'beta/one' }
    expect(await client.call(routes.segments.upload, { params, query: { version: 1 }, upload: uploaded('bob\r\ncarl\n') })).toMatchObject({
      size: 2,
      version: 2,
      changedBy: 'ada',
    })
    expect(await client.call(routes.segments.show, { params })).toMatchObject({ segment: { key: 'beta/one' }, keys: ['bob', 'carl'] })
    expect(await (await client.bytes(routes.segments.download, { params })).text()).toBe('bob\ncarl\n')
    expect(await client.call(routes.segments.change, { params, body: { add: ['dan'], version: 2 } })).toMatchObject({ size: 3 })
    expect(await client.call(routes.segments.list, { query: { text: 'BETA' } })).toMatchObject({ total: 1, more: false })
    expect(await client.call(routes.segments.remove, { params })).toEqual({})
    expect(await client.call(routes.segments.list, {})).toMatchObject({ segments: [], total: 0 })
  })

  test('what stands in the way keeps its code, and its line, on the way', async () => {
    await client.call(routes.segments.create, { body: { key: 'staff', rule: { '==': [{ var: 'team' }, 'us'] } } })
    await client.call(routes.segments.create, { body: { key: 'list' } })
    const upload = uploaded(`ann\n${'x'.repeat(501)}\n`)
    await expect(client.call(routes.segments.upload, { params: { key: 'list' }, upload })).rejects.toMatchObject({
      code: 'segment-bad-line',
      facts: { line: 2 },
    })
    await expect(client.call(routes.segments.change, { params: { key: 'list' }, body: { version: 7 } })).rejects.toMatchObject({
      code: 'segment-changed',
      status: 409,
    })
    await expect(client.call(routes.segments.show, { params: { key: 'stafff' } })).rejects.toMatchObject({
      code: 'unknown-segment',
      status: 404,
      facts: { near: ['staff'] },
    })
  })

  test('a segment that production leans on is changed by those who may change production', async () => {
    await client.call(routes.segments.create, { body: { key: 'pilots', keys: ['ann'] } })
    it.production.add('pilots')
    const params = { key: 'pilots' }
    const add = () => client.call(routes.segments.change, { params, body: { add: ['bob'] } })
    for (const ask of [
      add,
      () => client.call(routes.segments.upload, { params, upload: uploaded('bob') }),
      () => client.call(routes.segments.remove, { params }),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: 'not-allowed', message: expect.stringContaining('operator') })
    }
    who = { actor: 'olga', role: 'operator' }
    expect(await add()).toMatchObject({ size: 2, changedBy: 'olga' })
    who = { actor: 'vera', role: 'viewer' }
    await expect(add()).rejects.toMatchObject({ code: 'not-allowed' })
    expect(await client.call(routes.segments.show, { params })).toMatchObject({ keys: ['ann', 'bob'] })
  })
})
