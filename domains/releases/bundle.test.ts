import { execFileSync } from 'node:child_process'
import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { sha256 } from '@belay/base/node'
import { openStore } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import fc from 'fast-check'
import { Header } from 'tar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bench, cloudFile, makeBench, makeRepository } from './fixtures.ts'
import { artifactCount, leftBehind, refusal } from './releases.contract.ts'

type File = { path: string; content: Buffer | string; type?: 'File' | 'Directory' | 'SymbolicLink' }
function tarOf(...files: File[]): Buffer {
  const pieces = files.flatMap(({ path, content, type = 'File' }) => {
    const bytes = Buffer.from(content)
    const header = new Header({
      path,
      size: bytes.length,
      type,
      mode: 0o644,
      mtime: new Date(0),
      linkpath: type === 'SymbolicLink' ? '/etc/passwd' : undefined,
    })
    header.encode()
    return [header.block as Buffer, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return Buffer.concat([...pieces, Buffer.alloc(1024)])
}
const artifact = gzipSync(tarOf({ path: './api.js', content: 'api' }))
const sha = sha256(artifact)
const manifest = {
  version: 1,
  name: 'v9',
  commit: 'c'.repeat(40),
  services: [{ service: 'api', artifact: sha }],
  config: { cloud: 'pages', services: { api: { run: 'node api.js' } }, deploy: [{ step: 'restart', on: 'api' }] },
}
type Manifest = Record<keyof typeof manifest, unknown>
const entries = (change: Partial<Manifest> = {}): [File, File] => [
  { path: 'manifest.json', content: JSON.stringify({ ...manifest, ...change }) },
  { path: `artifacts/${sha}.tgz`, content: artifact },
]
const asArtifact = (content: Buffer) => {
  const name = sha256(content)
  return tarOf(entries({ services: [{ service: 'api', artifact: name }] })[0], { path: `artifacts/${name}.tgz`, content })
}

describe('pushing a bundle', () => {
  let bench: Bench
  let close: () => Promise<void>
  beforeAll(async () => {
    const folder = await temporaryFolder()
    const store = await openStore({ file: join(folder.path, 'state.db') })
    bench = await makeBench(store, folder.path)
    close = async () => {
      await store.close()
      await folder[Symbol.asyncDispose]()
    }
  })
  afterAll(() => close())
  const push = (bytes: Buffer) => bench.releases.push(Readable.from([bytes], { objectMode: false }), 'ci')

  const good = tarOf(...entries())
  const [first, second] = entries()
  const config = (change: object) => tarOf(...entries({ config: { ...manifest.config, ...change } }))
  const cases: readonly [story: string, bundle: Buffer, message: string][] = [
    ['nothing at all', Buffer.alloc(0), 'the file: is not a whole tar'],
    ['something else', Buffer.from('hello, this is no tar at all'.repeat(100)), 'the file: is not a whole tar'],
    ['a tar that ends early', good.subarray(0, good.length - 1_300), 'the file: is not a whole tar'],
    ['no manifest', tarOf({ path: 'artifacts/', content: '', type: 'Directory' }), 'manifest.json: is missing'],
    ['the manifest last', tarOf(second, first), 'comes before manifest.json, which must be first'],
    ['two manifests', tarOf(first, first), 'manifest.json: is there twice'],
    ['a manifest that is no JSON', tarOf({ path: 'manifest.json', content: '{' }), 'manifest.json: is not JSON'],
    ['another version', tarOf(...entries({ version: 2 })), 'manifest.json: version: '],
    ['a name that leads out', tarOf(...entries({ name: '../../etc' })), "manifest.json: name: must be a release's name"],
    ['a short commit', tarOf(...entries({ commit: 'abc' })), 'manifest.json: commit: must be the full id'],
    ['an unknown member', tarOf({ path: 'manifest.json', content: JSON.stringify({ ...manifest, comits: [] }) }, second), 'comits'],
    [
      'a service without configuration',
      tarOf(...entries({ services: [...manifest.services, { service: 'web', artifact: sha }] })),
      'services[1].service: web is not among the services of config',
    ],
    [
      'a service twice',
      tarOf(...entries({ services: [...manifest.services, ...manifest.services] })),
      'services[1].service: api is there twice',
    ],
    [
      'a service without artifact',
      config({ services: { api: { run: 'x' }, web: { run: 'y' } } }),
      'manifest.json: services: web of config has no artifact',
    ],
    ['a broken configuration', config({ services: { api: { rum: 'x' } } }), 'manifest.json: config.services.api'],
    ['a step of an unknown kind', config({ deploy: [{ step: 'migrate', on: 'api' }] }), 'config.deploy[0].step: "migrate" needs run'],
    [
      'a size that is not the file’s',
      tarOf(...entries({ services: [{ service: 'api', artifact: sha, bytes: 7 }] })),
      `services[0].bytes: is 7, but the artifact has ${artifact.length} bytes`,
    ],
    [
      'neither configuration nor belay.yaml',
      tarOf(...entries({ config: undefined })),
      'manifest.json: config: is missing, and so is belay.yaml',
    ],
    ['both configuration and belay.yaml', tarOf(...entries(), { path: 'belay.yaml', content: cloudFile() }), 'leave one of them out'],
    ['a broken belay.yaml', tarOf(...entries({ config: undefined }), { path: 'belay.yaml', content: 'cloud: [' }), 'belay.yaml:1:'],
    ['an artifact missing', tarOf(first), `artifacts/${sha}.tgz: is missing; it is the artifact of api`],
    ['an artifact twice', tarOf(first, second, second), 'is there twice'],
    [
      'an artifact of nobody',
      tarOf(first, { path: `artifacts/${'a'.repeat(64)}.tgz`, content: 'x' }),
      'is not the artifact of any service',
    ],
    [
      'an artifact of other content',
      tarOf(first, { ...second, content: gzipSync(tarOf({ path: './x', content: 'x' })) }),
      'has other content than its name says',
    ],
    ['an artifact that is no .tgz', asArtifact(tarOf({ path: './x', content: 'x' })), 'is not a .tgz'],
    ['an artifact with half a gzip', asArtifact(artifact.subarray(0, 40)), 'cannot be unpacked'],
    [
      'an artifact with a way out',
      asArtifact(gzipSync(tarOf({ path: '../../etc/cron.d/x', content: 'x' }))),
      'has the entry "../../etc/cron.d/x", which leads out of its folder',
    ],
    ['a file that leads out', tarOf(first, { path: '../../etc/cron.d/x', content: 'x' }), 'does not belong into a bundle'],
    ['an absolute file', tarOf(first, { path: '/etc/cron.d/x', content: 'x' }), 'does not belong into a bundle'],
    [
      'a link',
      tarOf(first, { path: `artifacts/${sha}.tgz`, content: '', type: 'SymbolicLink' }),
      'is a SymbolicLink; a bundle holds plain files',
    ],
  ]
  test.each(cases)('%s is refused with file and field, and nothing of it is kept', async (_story, bytes, message) => {
    const problem = await refusal(push(bytes))
    expect(problem.code).toBe('bundle-broken')
    expect(problem.message).toContain(message)
    expect(problem.message).toMatch(/^The bundle cannot be taken: .*\. Nothing of it was kept\.$/)
    expect(leftBehind(bench)).toEqual([])
    expect(artifactCount(bench)).toBe(0)
    expect(await bench.releases.list(10)).toEqual([])
  })

  test('an upload that breaks off leaves nothing', async () => {
    const half = async function* () {
      yield good.subarray(0, 1_100)
      throw new Error('the line went dead')
    }
    await expect(bench.releases.push(Readable.from(half()), 'ci')).rejects.toThrow('the line went dead')
    expect(leftBehind(bench)).toEqual([])
  })

  test('a bundle made by hand is taken, plain or compressed, with its folder; what it does not tell is found or assumed', async () => {
    const deploy = [{ step: 'migrate', on: 'api', run: 'up', changes: 'database', watch: ['db'] }, ...manifest.config.deploy]
    const it = entries({ config: { ...manifest.config, deploy } })
    const bytes = gzipSync(
      tarOf(
        { path: './', content: '', type: 'Directory' },
        { ...it[0], path: './manifest.json' },
        { path: './artifacts/', content: '', type: 'Directory' },
        { ...it[1], path: `./${it[1].path}` },
      ),
    )
    const { release } = await push(bytes)
    expect(release).toMatchObject({
      name: 'v9',
      ref: manifest.commit,
      commits: [],
      since: null,
      cutBy: 'ci',
      services: [{ bytes: artifact.length, inputs: '' }],
    })
    expect(release.databaseSteps).toEqual([{ step: 'migrate', found: ['declared'], paths: ['db'], hasUndo: false }])
    expect(release.warnings[0]).toContain("is not in this server's repository")
    expect(release.config.deploy[0]?.within).toBe(300_000)
  })

  test('the shell commands of the reference make a bundle that is taken', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/reference/release-bundle.md'), 'utf8')
    const script = /```sh\n([^]*?)```/.exec(page)?.[1] ?? ''
    await using folder = await temporaryFolder()
    const { path, commit } = makeRepository(folder.path)
    const services = '  api: { path: api, run: node api.js, port: 4000 }\n'
    const sha1 = commit('one service', { 'belay.yaml': cloudFile(services, '  - { step: restart, on: api }\n') })
    execFileSync('sh', ['-e', '-c', script], { cwd: path })
    const { release } = await bench.releases.push(createReadStream(join(path, 'release.tar')), 'ci')
    expect(release).toMatchObject({
      name: 'v2',
      commit: sha1,
      services: [{ service: 'api' }],
      config: { services: { api: { port: 4000 } } },
    })
  })

  test('what somebody else built is not reused by a cut here', async () => {
    const { commit } = bench.repository
    commit('api', { 'belay.yaml': cloudFile('  api: { path: api, run: x }\n', '  - { step: restart, on: [api] }\n') })
    const { release } = await bench.cut('HEAD', 'built')
    await using folder = await temporaryFolder()
    const store = await openStore({ file: join(folder.path, 'state.db') })
    const there = await makeBench(store, folder.path, { repository: bench.repository })
    await there.releases.push(await bench.releases.bundle('built'), 'ci')
    commit('elsewhere', { 'web/web.js': 'other' })
    const next = await there.cut('HEAD', 'next')
    expect(next.release.services[0]).toMatchObject({ inputs: release.services[0]?.inputs, artifact: release.services[0]?.artifact })
    expect(there.told.join('\n')).not.toContain('not built again')
    await store.close()
  })
})

test('whatever a release holds, its bundle is the same release elsewhere', async () => {
  await using folder = await temporaryFolder()
  const path = fc.stringMatching(/^[a-z@ä][a-z0-9 @._-]{0,120}$/).filter((name) => !name.endsWith(' ') && name !== '.git')
  const duration = fc.oneof(
    fc.integer({ min: 1, max: 900 }).map((n) => `${n}ms`),
    fc.constantFrom('1.5s', '7d', '1h30m', ' 2m '),
  )
  const service = fc.record(
    {
      run: fc.string({ minLength: 1, maxLength: 20 }),
      stop: duration,
      port: fc.integer({ min: 1, max: 65_535 }),
      env: fc.dictionary(
        fc.stringMatching(/^[A-Z_]{1,5}$/),
        fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant({ fromEnv: 'X' })),
      ),
    },
    { requiredKeys: ['run', 'port'] },
  )
  const step = fc.record(
    {
      within: duration,
      batch: fc.integer({ min: 1, max: 9 }),
      check: fc.record({ tcp: fc.constant(true), within: duration, every: duration }, { requiredKeys: ['tcp'] }),
    },
    { requiredKeys: [] },
  )
  let round = 0
  const property = fc.asyncProperty(
    fc.dictionary(path, fc.string(), { minKeys: 1, maxKeys: 5 }),
    service,
    step,
    async (files, api, restart) => {
      const root = join(folder.path, String(round++))
      const file = JSON.stringify({
        cloud: 'pages',
        services: { api: { path: 'api', ...api } },
        environments: { private: { kind: 'private', hosts: { box: { roles: ['api'] } } } },
        deploy: [{ step: 'restart', on: 'api', ...restart }],
      })
      const repository = makeRepository(join(root, 'repository'))
      repository.commit('any', {
        'belay.yaml': file,
        ...Object.fromEntries(Object.entries(files).map(([name, content]) => [`api/${name}`, content])),
      })
      const store = await openStore({ file: join(root, 'here.db') })
      const other = await openStore({ file: join(root, 'there.db') })
      try {
        const here = await makeBench(store, join(root, 'here'), { repository })
        const there = await makeBench(other, join(root, 'there'), { repository })
        const { release } = await here.cut('HEAD', 'any')
        const bundle = await buffer(await here.releases.bundle('any'))
        const pushed = await there.releases.push(Readable.from([bundle]), 'ci')
        expect(pushed.release.id).toBe(release.id)
        expect(pushed.release.config).toEqual(release.config)
      } finally {
        await store.close()
        await other.close()
      }
    },
  )
  await fc.assert(property, { numRuns: 12, seed: Number(process.env['BELAY_SEED'] ?? 7) })
}, 60_000)
