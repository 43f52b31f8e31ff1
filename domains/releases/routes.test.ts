import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Problem } from '@belay/base'
import { type Api, createApi } from '@belay/http'
import { createClient, routes } from '@belay/protocol'
import { openStore, type Store } from '@belay/store'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import type { Who } from '@belay/access'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bench, makeBench } from './fixtures.ts'
import { releaseRoutes } from './index.ts'

describe('releases over HTTP', () => {
  let folder: TemporaryFolder
  const closing: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    folder = await temporaryFolder()
  })
  afterAll(async () => {
    for (const close of closing.reverse()) await close()
    await folder[Symbol.asyncDispose]()
  })
  async function server(name: string, repository?: Bench['repository']) {
    const store: Store = await openStore({ file: join(folder.path, `${name}.db`) })
    const bench = await makeBench(store, join(folder.path, name), repository ? { repository } : {})
    const who: Who = { actor: 'ann', role: 'developer' }
    const api: Api<Who> = await createApi<Who>({
      name: 'belay',
      version: '0',
      authenticate: async () => who,
      refuse: () => undefined,
      ready: async () => undefined,
    })
    releaseRoutes(api, bench.releases, async (release) => ({ environments: release.name === 'v1' ? ['qa'] : [], rehearsal: null }))
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 })
    closing.push(
      () => store.close(),
      () => api.close(),
    )
    return { bench, client: createClient({ url, token: 'any' }) }
  }

  test('a release is cut with its progress, listed, shown, compared, fetched and pushed to another server', async () => {
    const { bench, client } = await server('here')
    const events: { event: string; data: unknown }[] = []
    for await (const event of client.events(routes.releases.cut, { body: { ref: 'v1' } })) events.push(event)
    expect(events.filter(({ event }) => event === 'progress').map(({ data }) => (data as { text: string }).text)).toContain(
      'building: cat in.txt > out.txt',
    )
    expect(events.at(-1)).toMatchObject({
      event: 'done',
      data: { existed: false, release: { name: 'v1', cutBy: 'ann', environments: ['qa'] } },
    })

    bench.repository.commit('next', { 'web/web.js': 'next' })
    const { release } = await client.call(routes.releases.cut, { body: { name: 'v2' } })
    expect(release).toMatchObject({ name: 'v2', servicesChanged: ['api', 'web'], changesDatabase: false, commitCount: 2 })
    expect((await client.call(routes.releases.list, {})).releases.map(({ name }) => name)).toEqual(['v2', 'v1'])
    expect(await client.call(routes.releases.show, { params: { name: 'v2' } })).toEqual(release)
    expect(await client.call(routes.releases.diff, { params: { name: 'v1', to: 'v2' } })).toMatchObject({
      services: [
        { service: 'api', change: 'same' },
        { service: 'web', change: 'changed' },
      ],
      commits: [{ subject: 'next' }],
    })

    const there = await server('there', bench.repository)
    const bundle = await client.bytes(routes.releases.bundle, { params: { name: 'v2' } })
    const upload = bundle.body as ReadableStream<Uint8Array>
    const pushed = await there.client.call(routes.releases.push, { upload })
    expect(pushed).toMatchObject({ existed: false, release: { name: 'v2', id: release.id } })
  })

  test('a refusal keeps its code and sentence on the way', async () => {
    const { client } = await server('refusing')
    const thrown = await client.call(routes.releases.show, { params: { name: 'v1' } }).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(Problem)
    expect(thrown).toMatchObject({ code: 'unknown-release', status: 404 })
    const upload = Readable.toWeb(Readable.from([Buffer.from('no tar')])) as ReadableStream<Uint8Array>
    await expect(client.call(routes.releases.push, { upload })).rejects.toMatchObject({ code: 'bundle-broken' })
  })
})
