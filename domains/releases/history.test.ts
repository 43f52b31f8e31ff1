import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { temporaryFolder } from '@belay/testkit'
import { describe, expect, test } from 'vitest'
import { cloudFile, makeRepository } from './fixtures.ts'
import { openRepository } from './git.ts'
import { historyOf } from './history.ts'
import type { ReleaseConfig } from './model.ts'
import { readCloudFile } from '@belay/cloudfile'

function configOf(deploy: string): ReleaseConfig {
  const { file, problems } = readCloudFile(cloudFile(undefined, deploy), 'belay.yaml')
  if (!file) throw new Error(JSON.stringify(problems))
  return file
}
const migrate = (more: string) => configOf(`  - { step: migrate, on: db, run: node migrate.js, ${more} }\n`)
const declared = migrate('changes: database')
const watched = migrate('watch: [db/migrations], undo: node migrate.js down')
const both = migrate('changes: database, watch: [db/migrations]')

describe('what changed since production', () => {
  test('commits and authors are those since the release in production, the first author first', async () => {
    await using folder = await temporaryFolder()
    const made = makeRepository(folder.path)
    const base = { name: 'v1', commit: made.git('rev-parse', 'HEAD') }
    made.commit('two', {}, 'Ben')
    made.commit('three', {}, 'Eva')
    const commit = made.commit('four; with a | and a "quote"', {}, 'Ben')
    const history = await historyOf(openRepository(folder.path), { commit, config: declared }, base, 'v1')
    expect(history.since).toEqual({ release: 'v1', commit: base.commit })
    expect(history.commits.map(({ subject }) => subject)).toEqual(['four; with a | and a "quote"', 'three', 'two'])
    expect(history.authors).toEqual(['Ben', 'Eva'])
    expect(history.warnings).toEqual([])
  })

  test('production that is ahead on another branch is told with the commits that would be taken back', async () => {
    await using folder = await temporaryFolder()
    const made = makeRepository(folder.path)
    made.git('checkout', '--quiet', '-b', 'hotfix')
    made.commit('fix one', {})
    const base = { name: 'v1.1', commit: made.commit('fix two', { 'db/migrations/1.sql': '' }) }
    made.git('checkout', '--quiet', 'main')
    const commit = made.commit('feature', {})
    const history = await historyOf(openRepository(folder.path), { commit, config: watched }, base, "production's release v1.1")
    expect(history.commits.map(({ subject }) => subject)).toEqual(['feature'])
    expect(history.warnings).toEqual([
      "This release lacks 2 commits of production's release v1.1, whose commit is not an ancestor; deploying it takes those back.",
    ])
    // The migration that goes away is a difference too.
    expect(history.databaseSteps).toMatchObject([{ step: 'migrate', found: ['paths'], paths: ['db/migrations/1.sql'] }])
  })

  test('production of a commit that is not in this repository is told, and every database step counts', async () => {
    await using folder = await temporaryFolder()
    const made = makeRepository(folder.path)
    const commit = made.git('rev-parse', 'HEAD')
    const history = await historyOf(openRepository(folder.path), { commit, config: watched }, { name: 'v0', commit: 'a'.repeat(40) }, 'v0')
    expect(history).toMatchObject({
      commits: [],
      since: { release: 'v0' },
      databaseSteps: [{ found: ['paths'], paths: ['db/migrations'] }],
    })
    expect(history.warnings[0]).toContain('is not in this repository')
  })

  test('a long list is bounded and says so', async () => {
    await using folder = await temporaryFolder()
    const made = makeRepository(folder.path)
    const base = { name: 'v1', commit: made.git('rev-parse', 'HEAD') }
    const stream = Array.from(
      { length: 1_003 },
      (_, n) =>
        `commit refs/heads/main\ncommitter A <a@example.test> ${n} +0000\ndata 1\n${n % 10}\n${n === 0 ? `from ${base.commit}\n` : ''}`,
    )
    execFileSync('git', ['fast-import', '--quiet', '--force'], { cwd: folder.path, input: stream.join('') })
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`db/migrations/${n}.sql`, '']))
    made.git('reset', '--quiet', '--hard', 'main')
    const commit = made.commit('many', files)
    const history = await historyOf(openRepository(folder.path), { commit, config: watched }, base, 'v1')
    expect(history.commits).toHaveLength(1_000)
    expect(history.databaseSteps[0]?.paths).toHaveLength(50)
    expect(history.warnings).toEqual([
      'Only the newest 1,000 commits since v1 are listed.',
      'migrate: 10 more files changed under its watched paths than are listed.',
    ])
  })

  const migration = { 'db/migrations/1.sql': 'create' }
  const cases: readonly [story: string, config: ReleaseConfig, files: Record<string, string>, found: unknown][] = [
    ['a step that only declares it always counts', declared, {}, [{ step: 'migrate', found: ['declared'], paths: [], hasUndo: false }]],
    [
      'a step that watches counts when a file there changed',
      watched,
      migration,
      [{ step: 'migrate', found: ['paths'], paths: ['db/migrations/1.sql'], hasUndo: true }],
    ],
    ['a step that watches is silent when nothing there changed', watched, { 'web/web.js': 'x' }, []],
    ['a step that declares and watches is silent when nothing there changed', both, { 'web/web.js': 'x' }, []],
    [
      'a step that declares and watches names both reasons',
      both,
      migration,
      [{ step: 'migrate', found: ['declared', 'paths'], paths: ['db/migrations/1.sql'], hasUndo: false }],
    ],
  ]
  test.each(cases)('%s', async (_story, config, files, found) => {
    await using folder = await temporaryFolder()
    const made = makeRepository(folder.path)
    const base = { name: 'v1', commit: made.git('rev-parse', 'HEAD') }
    const commit = made.commit('next', files)
    expect((await historyOf(openRepository(folder.path), { commit, config }, base, 'v1')).databaseSteps).toEqual(found)
  })

  test('with nothing in production all of the history and every watched file counts', async () => {
    await using folder = await temporaryFolder()
    const made = makeRepository(folder.path)
    const commit = made.commit('next', migration)
    const history = await historyOf(openRepository(folder.path), { commit, config: both }, undefined, 'nothing')
    expect(history).toMatchObject({ since: null, databaseSteps: [{ found: ['declared', 'paths'], paths: ['db/migrations/1.sql'] }] })
    expect(history.commits).toHaveLength(2)
  })

  test('a cloud in a folder of a larger repository is read from that folder', async () => {
    await using folder = await temporaryFolder()
    const made = makeRepository(folder.path)
    const base = { name: 'v1', commit: made.commit('cloud', { 'clouds/a/belay.yaml': cloudFile(), 'clouds/a/db/migrations/1.sql': '' }) }
    const commit = made.commit('next', { 'clouds/a/db/migrations/2.sql': '', 'db/migrations/other.sql': '' })
    const repository = openRepository(join(folder.path, 'clouds/a'))
    expect((await historyOf(repository, { commit, config: watched }, base, 'v1')).databaseSteps[0]?.paths).toEqual(['db/migrations/2.sql'])
    expect((await historyOf(repository, { commit, config: watched }, undefined, 'v1')).databaseSteps[0]?.paths).toEqual([
      'db/migrations/1.sql',
      'db/migrations/2.sql',
    ])
    expect(await repository.fileAt(commit, 'belay.yaml')).toContain('cloud: pages')
    expect(await repository.fileAt(commit, 'nothing.yaml')).toBeUndefined()
  })
})
