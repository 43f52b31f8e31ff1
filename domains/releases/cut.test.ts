import { chmodSync, existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openStore, type Store } from '@belay/store'
import { temporaryFolder, tmpfs } from '@belay/testkit'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { buildEnv } from './build.ts'
import { type Bench, cloudFile, makeBench } from './fixtures.ts'
import { artifactCount, contentsOf, leftBehind, refusal } from './releases.contract.ts'

const one = (service: string) => cloudFile(`  api: ${service}\n`, '  - { step: restart, on: [api] }\n')

describe('cutting a release', () => {
  const closing: (() => PromiseLike<unknown>)[] = []
  afterAll(async () => {
    for (const close of closing.reverse()) await close()
  })
  let it: Bench
  let store: Store
  beforeEach(async () => {
    const folder = await temporaryFolder()
    store = await openStore({ file: join(folder.path, 'state.db') })
    closing.push(
      () => folder[Symbol.asyncDispose](),
      () => store.close(),
    )
    it = await makeBench(store, folder.path)
  })
  const commit = (service: string, files: Record<string, string> = {}) =>
    it.repository.commit('change', { 'belay.yaml': one(service), ...files })
  /** The artifact of the first service. */
  const artifact = async (ref = 'HEAD') => {
    const { release } = await it.cut(ref)
    return contentsOf(it.releases.artifactPath(release.services[0]?.artifact ?? ''))
  }

  test('a failed build is told with its last lines, and leaves no release, file or checkout', async () => {
    commit('{ path: api, build: "echo so far so good; echo no such module: left-pad >&2; exit 3", run: x }')
    const problem = await refusal(it.cut())
    expect(problem).toMatchObject({ code: 'build-failed', status: 422 })
    expect(problem.message).toMatch(/^The build of api \(echo so far.*\) ended with exit code 3\. No release was made\. It said last:\n/)
    expect(problem.message).toContain('no such module: left-pad')
    expect(it.told).toContain('api: so far so good')
    expect(await it.releases.list(10)).toEqual([])
    expect(leftBehind(it)).toEqual([])
    expect(artifactCount(it)).toBe(0)
  })

  test('everything wrong with the belay.yaml of the commit is told at once, each with its place', async () => {
    it.repository.commit('broken', { 'belay.yaml': 'cloud: pages\nservices:\n  api: { rum: x }\ndeploy: []\n' })
    const problem = await refusal(it.cut())
    expect(problem.code).toBe('cloud-file-broken')
    const lines = problem.message.split('\n').slice(1)
    expect(lines.length).toBeGreaterThan(2)
    for (const line of lines) expect(line).toMatch(/^belay\.yaml:\d+:\d+: /)
  })

  test('a belay.yaml that was never committed is told as that', async () => {
    it.repository.commit('none', { 'belay.yaml': null })
    expect((await refusal(it.cut())).message).toContain('Write one with belay init')
    it.repository.write({ 'belay.yaml': one('{ path: api, run: x }') })
    expect((await refusal(it.cut())).message).toContain('There is one in the working tree: commit it')
  })

  test('what is not committed is not in the release, and the release says so', async () => {
    it.repository.write({ 'web/web.js': 'changed', 'web/new file.js': 'new' })
    const { release } = await it.cut()
    expect(release.warnings).toEqual([
      'The working tree has 2 changed or new files that are not in this release, because not committed: web/web.js and web/new file.js.',
    ])
  })

  test("Belay's own folder inside the repository is no uncommitted change", async () => {
    const releases = it.again({ folder: join(it.repository.path, '.belay/releases') })
    const { release } = await releases.cut({ ref: 'HEAD' }, 'ann', () => {})
    expect(release.warnings).toEqual([])
  })

  test('a ref that git does not know is refused with those that are near', async () => {
    expect((await refusal(it.cut('mian'))).message).toBe('git knows no commit "mian". Did you mean main?')
    expect((await refusal(it.cut('--output=x'))).code).toBe('unknown-ref')
    expect((await refusal(it.cut(''))).code).toBe('unknown-ref')
  })

  test('a folder that is no repository, or one without a commit, is told as that', async () => {
    await using folder = await temporaryFolder()
    const elsewhere = (path: string) => it.again({ repository: path }).cut({ ref: 'HEAD' }, 'ann', () => {})
    expect((await refusal(elsewhere(folder.path))).message).toContain('cannot be read as a git repository')
    expect((await refusal(elsewhere(join(folder.path, 'none')))).message).toContain('there is no such folder')
    it.repository.git('init', '--quiet', folder.path)
    expect((await refusal(elsewhere(folder.path))).message).toContain('has no commit yet')
  })

  test('a name that could not be a folder on a host is refused before anything is built', async () => {
    for (const name of ['', '..', 'a/b', '.hidden', 'a b', 'x'.repeat(65)]) {
      expect((await refusal(it.cut('HEAD', name))).code).toBe('release-name-invalid')
    }
    expect(it.told).toEqual([])
  })

  test('the name is the tag that was asked for, else the highest tag, else made from the commit', async () => {
    it.repository.git('tag', 'v1.10')
    it.repository.git('tag', 'v1.9')
    it.repository.git('tag', 'team/x')
    expect((await it.cut('v1.9')).release.name).toBe('v1.9')
    const next = it.repository.commit('untagged', {})
    expect((await it.cut('main')).release.name).toBe(`r-${next.slice(0, 10)}`)
    it.repository.commit('tagged', {})
    it.repository.git('tag', 'v2.9')
    it.repository.git('tag', 'v2.10')
    expect((await it.cut('main')).release.name).toBe('v2.10')
  })

  test('no service sees what the build of another left', async () => {
    const services = '  api: { path: ., build: echo x > made-by-api, run: x }\n  web: { path: ., build: ls > seen, run: x }\n'
    it.repository.commit('both', { 'belay.yaml': cloudFile(services) })
    const { release } = await it.cut()
    const web = await contentsOf(it.releases.artifactPath(release.services[1]?.artifact ?? ''))
    expect(web['./seen']).not.toContain('made-by-api')
    expect(Object.keys(web)).not.toContain('./made-by-api')
  })

  test('services of equal inputs share one build', async () => {
    const services = '  api: { path: api, build: echo built, run: x }\n  web: { path: api, build: echo built, run: y }\n'
    it.repository.commit('both', { 'belay.yaml': cloudFile(services) })
    const { release } = await it.cut()
    expect(it.told.filter((line) => line.includes('building'))).toHaveLength(1)
    expect(release.services[0]?.artifact).toBe(release.services[1]?.artifact)
  })

  test('a change under a watched path builds anew, a change elsewhere does not', async () => {
    const spec = '{ path: api, watch: [api, shared], build: cat ../shared/x > y, run: x }'
    commit(spec, { 'shared/x': '1' })
    expect((await artifact())['./y']).toBe('1')
    it.repository.commit('elsewhere', { 'web/web.js': 'other' })
    await it.cut()
    expect(it.told.filter((line) => line.includes('building'))).toHaveLength(1)
    it.repository.commit('shared', { 'shared/x': '2' })
    expect((await artifact())['./y']).toBe('2')
  })

  test('a service whose folder the commit lacks is refused; a watched path that it lacks is a warning', async () => {
    commit('{ path: app, run: x }')
    expect((await refusal(it.cut())).message).toContain('services.api.path: commit')
    commit('{ path: api/in.txt, run: x }')
    expect((await refusal(it.cut())).code).toBe('service-path-missing')
    commit('{ path: ./api/, watch: [api, libs], run: x }')
    expect((await it.cut()).release.warnings).toEqual([expect.stringMatching(/^services\.api\.watch: commit \w+ has nothing at libs\.$/)])
  })

  test('a build that removes its folder, or puts a link to elsewhere in its place, is refused', async () => {
    for (const build of ['rm -r ../api', 'rm -r ../api; ln -s /etc ../api']) {
      commit(`{ path: api, build: "${build}", run: x }`)
      expect((await refusal(it.cut())).code).toBe('service-path-lost')
    }
    expect(leftBehind(it)).toEqual([])
  })

  test('a build gets Node, its home and little else: no secret of the server', async () => {
    const env = buildEnv(
      { PATH: '/a:/x/node_modules/.bin:/b', HOME: '/h', DATABASE_URL: 'secret', npm_lifecycle_event: 'start', https_proxy: 'p' },
      5_000,
    )
    expect(env).toEqual({
      PATH: `${join(process.execPath, '..')}:/a:/b`,
      HOME: '/h',
      https_proxy: 'p',
      CI: 'true',
      NO_COLOR: '1',
      SOURCE_DATE_EPOCH: '5',
    })
    commit('{ path: api, build: node -p process.version > version; git describe --tags > described, run: x }')
    const files = await artifact()
    expect(files['./version']).toBe(`${process.version}\n`)
    expect(files['./described']).toMatch(/^v1-1-g/)
  })

  test("the team's repository is only read: no worktree, ref, lock or hook is touched", async () => {
    const { path, git } = it.repository
    const marker = join(path, 'hook-ran')
    it.repository.write({ '.git/hooks/post-checkout': `#!/bin/sh\ntouch ${marker}\n` })
    chmodSync(join(path, '.git/hooks/post-checkout'), 0o755)
    const before = [git('for-each-ref'), git('worktree', 'list'), statSync(join(path, '.git/index')).mtimeMs]
    await it.cut()
    expect([git('for-each-ref'), git('worktree', 'list'), statSync(join(path, '.git/index')).mtimeMs]).toEqual(before)
    expect(existsSync(marker)).toBe(false)
  })

  test('a shallow clone can be cut from', async () => {
    await using folder = await temporaryFolder()
    it.repository.commit('second', { 'web/web.js': 'second' })
    it.repository.git('clone', '--quiet', '--depth=1', `file://${it.repository.path}`, join(folder.path, 'clone'))
    const { release } = await it.again({ repository: join(folder.path, 'clone') }).cut({ ref: 'HEAD' }, 'ann', () => {})
    expect(release.commits.map(({ subject }) => subject)).toEqual(['second'])
  })

  test('a repository with submodules is told that builds do not get them', async () => {
    it.repository.commit('sub', { '.gitmodules': '' })
    expect((await it.cut()).release.warnings).toEqual(['The repository has git submodules; builds do not get their files.'])
  })

  test('who gives up stops the build, unless somebody else waits for it', async () => {
    commit('{ path: api, build: "echo begun; sleep 0.4", run: x }')
    const begun = Promise.withResolvers<void>()
    const stop = new AbortController()
    const listen = ({ text }: { text: string }) => void (text === 'begun' && begun.resolve())
    const first = it.releases.cut({ ref: 'HEAD' }, 'ann', listen, stop.signal)
    await begun.promise
    const second = it.cut()
    await new Promise((resolve) => setTimeout(resolve, 50))
    stop.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect((await second).release.cutBy).toBe('ann')

    commit('{ path: api, build: "echo begun; sleep 60", run: x }')
    const alone = new AbortController()
    const left = it.releases.cut(
      { ref: 'HEAD' },
      'ann',
      ({ text }) => void (text === 'begun' && alone.abort(new Error('enough'))),
      alone.signal,
    )
    await expect(left).rejects.toThrow('enough')
    expect(leftBehind(it)).toEqual([])
    expect(await it.releases.list(10)).toHaveLength(1)
  })

  test('a rebuild that comes out different leaves the release as it is, and says so', async () => {
    commit('{ path: api, build: date +%N > now, run: x }')
    const { release } = await it.cut()
    const again = await it.releases.cut({ ref: 'HEAD', rebuild: true }, 'ann', () => {})
    expect(again.release.services).toEqual(release.services)
    expect(again.release.warnings).toEqual([
      'Built anew, api came out different, the release keeps what it has. Its build is not reproducible.',
    ])
    expect(await it.releases.byName(release.name)).toEqual(release)
    expect((await it.ledger.list({ kind: 'release.rebuilt' })).facts).toMatchObject([{ data: { differs: ['api'] } }])
    expect(artifactCount(it)).toBe(1)
  })

  test('two releases are compared by what a host would notice', async () => {
    await it.cut('v1')
    const services =
      '  api: { path: api, build: cat in.txt > out.txt, run: node api.js --fast, port: 4000 }\n  worker: { path: web, run: x }\n'
    const deploy = '  - { step: migrate, on: db, run: up, changes: database }\n  - { step: restart, on: [api] }\n'
    it.repository.commit('more', { 'belay.yaml': cloudFile(services, deploy).replace('web, db]', 'worker, db]') })
    await it.cut('HEAD', 'v2')
    const forward = await it.releases.diff('v1', 'v2')
    expect(forward).toMatchObject({
      from: 'v1',
      to: 'v2',
      services: [
        { service: 'api', change: 'changed' },
        { service: 'worker', change: 'added' },
        { service: 'web', change: 'removed' },
      ],
      steps: [
        { step: 'migrate', change: 'added' },
        { step: 'restart', change: 'changed' },
      ],
      databaseSteps: [{ step: 'migrate' }],
      warnings: [],
    })
    expect(forward.commits.map(({ subject }) => subject)).toEqual(['more'])
    expect((await it.releases.diff('v2', 'v1')).warnings[0]).toContain('This release lacks 1 commit of v2')
    expect((await it.releases.diff('v1', 'v1')).services.every(({ change }) => change === 'same')).toBe(true)
  })

  test('a full disk is told, and nothing half-written is kept', async (context) => {
    const disk = await tmpfs(1024 * 1024)
    if ('skipped' in disk) return context.skip(disk.skipped)
    await using small = disk
    const releases = it.again({ folder: join(small.path, 'belay') })
    commit('{ path: api, build: head -c 600000 /dev/urandom > noise, run: x }')
    const building = await refusal(releases.cut({ ref: 'HEAD' }, 'ann', () => {}))
    expect(building).toMatchObject({ code: 'disk-full', status: 507 })
    expect(building.message).toContain('nothing half-done was kept. Make room and try again.')
    commit('{ path: api, run: x }', { 'api/large': 'x'.repeat(3_000_000) })
    expect((await refusal(releases.cut({ ref: 'HEAD' }, 'ann', () => {}))).code).toBe('disk-full')
    expect(leftBehind({ ...it, folder: join(small.path, 'belay') })).toEqual([])
    expect(await it.releases.list(10)).toEqual([])
    expect((await releases.cut({ ref: 'v1' }, 'ann', () => {})).existed).toBe(false)
  })
})
