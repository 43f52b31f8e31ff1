/** What releases promise, run on each database that there is. */
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { Problem } from '@belay/base'
import type { Store } from '@belay/store'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { list } from 'tar'
import { afterEach, expect, test } from 'vitest'
import { type Bench, makeBench, type TestRepository } from './fixtures.ts'

/** The names and contents of an artifact's files. */
export async function contentsOf(file: string): Promise<Record<string, string>> {
  const reading: Promise<[string, string]>[] = []
  await list({
    file,
    onReadEntry: (entry) => {
      if (entry.type === 'File') reading.push(entry.concat().then((content) => [entry.path, content.toString('utf8')]))
    },
  })
  return Object.fromEntries(await Promise.all(reading))
}

/** What is left of work that has ended; nothing should be. */
export function leftBehind(bench: Bench): string[] {
  const names = (folder: string) => (existsSync(folder) ? readdirSync(folder) : [])
  const drafts = names(join(bench.folder, 'artifacts')).filter((name) => name.endsWith('.new'))
  return [...names(join(bench.folder, 'checkouts')), ...drafts]
}
export const artifactCount = (bench: Bench): number =>
  existsSync(join(bench.folder, 'artifacts')) ? readdirSync(join(bench.folder, 'artifacts')).length : 0

export async function refusal(work: Promise<unknown>): Promise<Problem> {
  const thrown = await work.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  )
  if (!(thrown instanceof Problem)) throw new Error(`Expected a Problem, got: ${String(thrown)}`, { cause: thrown })
  return thrown
}

/** `newStore` gives a store on a new, empty database. */
export function releasesKeepTheirPromises(newStore: () => Promise<Store>): void {
  const folders: TemporaryFolder[] = []
  afterEach(async () => {
    for (const folder of folders.splice(0)) await folder[Symbol.asyncDispose]()
  })
  async function bench(repository?: TestRepository): Promise<Bench> {
    const folder = await temporaryFolder()
    folders.push(folder)
    return makeBench(await newStore(), folder.path, repository ? { repository } : {})
  }

  test('a cut builds each service from the commit, and tells who cut what in the ledger', async () => {
    const it = await bench()
    it.repository.write({ 'api/in.txt': 'not committed' })
    const { release, existed } = await it.cut('v1')
    expect(existed).toBe(false)
    expect(release).toMatchObject({ name: 'v1', ref: 'v1', cutBy: 'ann', since: null, authors: ['Ann'] })
    const [api, web] = release.services
    expect(await contentsOf(it.releases.artifactPath(api?.artifact ?? ''))).toEqual({
      './api.js': 'api',
      './in.txt': 'one',
      './out.txt': 'one',
    })
    expect(await contentsOf(it.releases.artifactPath(web?.artifact ?? ''))).toEqual({ './web.js': 'web' })
    const { facts } = await it.ledger.list({ kind: 'release.cut' })
    expect(facts).toMatchObject([
      {
        actor: 'ann',
        subject: 'release:v1',
        says: `cut v1 from ${release.commit.slice(0, 10)}: 1 commit by 1 author, nothing in production yet`,
        data: { id: release.id, commit: release.commit, changed: ['api', 'web'] },
      },
    ])
    expect(await it.releases.byName('v1')).toEqual(release)
    expect(leftBehind(it)).toEqual([])
  })

  test('the same commit gives the same release', async () => {
    const it = await bench()
    const first = await it.cut('v1')
    expect(await it.cut('main')).toEqual({ release: first.release, existed: true })
    expect((await it.ledger.list({ kind: 'release.' })).facts).toHaveLength(1)
    expect((await refusal(it.cut('HEAD', 'other'))).message).toContain('is already release v1, and a release has one name')
  })

  test('two who cut the same commit at once get one build and one release', async () => {
    const it = await bench()
    const both = await Promise.all([it.cut('v1'), it.cut('HEAD')])
    expect(both.map(({ release }) => release.name)).toEqual(['v1', 'v1'])
    expect(both.filter(({ existed }) => existed)).toHaveLength(1)
    expect(it.told).toContain('this is being built already; waiting for it')
    expect(artifactCount(it)).toBe(2)
  })

  test('two servers that cut the same commit at once keep one release', async () => {
    const it = await bench()
    const asking = { ref: 'v1' }
    const both = await Promise.all([it.releases.cut(asking, 'ann', () => {}), it.again().cut(asking, 'ben', () => {})])
    expect(both.filter(({ existed }) => existed)).toHaveLength(1)
    expect(both[0].release).toEqual(both[1].release)
    expect(await it.releases.list(10)).toHaveLength(1)
    await it.releases.verifyArtifact(both[0].release.services[0]?.artifact ?? '')
  })

  test('an unchanged service keeps its artifact without a build, a changed one is told as changed', async () => {
    const it = await bench()
    const first = await it.cut('v1')
    it.production = 'v1'
    it.repository.commit('better web', { 'web/web.js': 'better' }, 'Ben')
    it.told.length = 0
    const { release } = await it.cut('HEAD', 'v2')
    expect(it.told).toContain('api: the same as in v1, not built again')
    expect(it.told.join('\n')).not.toContain('building')
    expect(release.services.map(({ service, changed }) => [service, changed])).toEqual([
      ['api', false],
      ['web', true],
    ])
    expect(release.services[0]?.artifact).toBe(first.release.services[0]?.artifact)
    expect(release).toMatchObject({ since: { release: 'v1' }, authors: ['Ben'] })
    expect(release.commits.map(({ subject }) => subject)).toEqual(['better web'])
    const [fact] = (await it.ledger.list({ subject: 'release:v2' })).facts
    expect(fact?.says).toBe(`cut v2 from ${release.commit.slice(0, 10)}: 1 commit by 1 author, web changed`)
    expect((await it.releases.list(10)).map((one) => one.name)).toEqual(['v2', 'v1'])
  })

  test('a name is given once: another commit may not take it', async () => {
    const it = await bench()
    await it.cut('v1')
    it.repository.commit('next', { 'web/web.js': 'next' })
    const problem = await refusal(it.cut('HEAD', 'v1'))
    expect(problem.code).toBe('release-name-taken')
    expect(problem.message).toContain('Give commit')
    expect(await it.releases.list(10)).toHaveLength(1)
    expect(artifactCount(it)).toBe(2)
    expect(leftBehind(it)).toEqual([])
  })

  test('an unknown release is refused with the names that are near', async () => {
    const it = await bench()
    expect((await refusal(it.releases.byName('v1'))).message).toBe(
      'There is no release v1. There is none at all yet; make one: belay release cut',
    )
    await it.cut('v1')
    expect((await refusal(it.releases.byName('v2'))).message).toBe('There is no release v2. Did you mean v1?')
    expect((await refusal(it.releases.byName('production'))).message).toContain('belay release ls shows all of them')
    expect(await it.releases.find('v2')).toBeUndefined()
  })

  test('a bundle that is pushed elsewhere is the same release there', async () => {
    const here = await bench()
    const { release } = await here.cut('v1')
    const there = await bench(here.repository)
    const pushed = await there.releases.push(await here.releases.bundle('v1'), 'ci')
    expect(pushed.existed).toBe(false)
    expect(pushed.release).toEqual({ ...release, cutBy: 'ci' })
    await there.releases.verifyArtifact(release.services[0]?.artifact ?? '')
    expect((await there.ledger.list({ kind: 'release.pushed' })).facts).toMatchObject([{ actor: 'ci', subject: 'release:v1' }])
    expect(await there.releases.push(await here.releases.bundle('v1'), 'ci')).toEqual({ release: pushed.release, existed: true })
    expect(leftBehind(there)).toEqual([])
  })

  test('a bundle with other content for a released commit is refused, naming what differs', async () => {
    const here = await bench()
    await here.cut('v1')
    const there = await bench(here.repository)
    await there.cut('v1')
    const bundle = (await buffer(await here.releases.bundle('v1'))).toString('latin1')
    const other = Buffer.from(bundle.replace('"node api.js"', '"node abi.js"'), 'latin1')
    const problem = await refusal(there.releases.push(Readable.from([other]), 'ci'))
    expect(problem.code).toBe('release-differs')
    expect(problem.message).toContain('is already release v1 with other content (the configuration)')
    expect(await there.releases.list(10)).toHaveLength(1)
  })

  test('an artifact that the disk has spoilt is told with its release, service and remedy, and a rebuild mends it', async () => {
    const it = await bench()
    const { release } = await it.cut('v1')
    const artifact = release.services[0]?.artifact ?? ''
    truncateSync(it.releases.artifactPath(artifact), 10)
    const problem = await refusal(it.releases.verifyArtifact(artifact))
    expect(problem.message).toMatch(/The artifact of api in release v1 was changed on the disk: .*--rebuild/)
    expect((await refusal(it.releases.bundle('v1'))).code).toBe('artifact-corrupted')
    const mended = await it.releases.cut({ ref: 'v1', rebuild: true }, 'ann', () => {})
    expect(mended).toEqual({ release, existed: true })
    await it.releases.verifyArtifact(artifact)
    const [fact] = (await it.ledger.list({ kind: 'release.rebuilt' })).facts
    expect(fact?.says).toBe('built v1 anew: all artifacts came out equal; the spoilt artifact of api was replaced')
    rmSync(it.releases.artifactPath(artifact))
    expect((await refusal(it.releases.verifyArtifact(artifact))).message).toContain('is missing on the disk')
  })

  test('what a killed server left is swept: checkouts and drafts at once, files of no release after an hour', async () => {
    const it = await bench()
    await it.cut('v1')
    const artifacts = join(it.folder, 'artifacts')
    writeFileSync(join(artifacts, '4194305-1-0.new'), 'half')
    writeFileSync(join(artifacts, 'f'.repeat(64)), 'nobody')
    writeFileSync(join(it.folder, 'checkouts', '4194305-1-0'), 'half')
    const again = it.again()
    it.repository.commit('next', { 'web/web.js': 'next' })
    await again.cut({ ref: 'HEAD' }, 'ann', () => {})
    expect(leftBehind(it)).toEqual([])
    expect(existsSync(join(artifacts, 'f'.repeat(64)))).toBe(true) // It may belong to a cut of a moment ago.
  })
}
