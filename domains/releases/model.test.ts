import { describe, expect, test } from 'vitest'
import {
  chooseName,
  inputsOf,
  isReleaseName,
  nearNames,
  plainPath,
  type Release,
  releaseId,
  sayList,
  sayMade,
  tellCommits,
  watchedPaths,
} from './model.ts'

const commit = 'abcdef0123456789abcdef0123456789abcdef01'
const sha = (letter: string) => letter.repeat(64)

describe('what a release is', () => {
  const names: readonly [story: string, from: Parameters<typeof chooseName>[0], name: string][] = [
    ['the name that was asked for', { asked: 'mine', ref: 'v1', tags: ['v1'], commit }, 'mine'],
    ['the tag that was asked for', { ref: 'v1', tags: ['v2', 'v1'], commit }, 'v1'],
    ['the tag that was asked for in full', { ref: 'refs/tags/v1', tags: ['v2', 'v1'], commit }, 'v1'],
    ['the first tag', { ref: 'HEAD', tags: ['v2', 'v1'], commit }, 'v2'],
    ['no tag that could not be a folder', { ref: 'team/v1', tags: ['team/v1'], commit }, 'r-abcdef0123'],
    ['the commit', { ref: 'HEAD', tags: [], commit }, 'r-abcdef0123'],
  ]
  test.each(names)('its name is %s', (_story, from, name) => {
    expect(chooseName(from)).toBe(name)
    expect(isReleaseName(name)).toBe(true)
  })

  test('its id follows commit, artifacts and configuration, and nothing else', () => {
    const release = {
      commit,
      services: [
        { service: 'a', artifact: sha('1') },
        { service: 'b', artifact: sha('2') },
      ],
      config: { cloud: 'x', services: {}, deploy: [] },
    }
    const id = releaseId(release)
    expect(releaseId(Object.assign({ name: 'other', cutAt: 5 }, release, { services: release.services.toReversed() }))).toBe(id)
    expect(releaseId({ ...release, commit: 'other' })).not.toBe(id)
    expect(releaseId({ ...release, services: release.services.slice(1) })).not.toBe(id)
    expect(releaseId({ ...release, config: { ...release.config, cloud: 'y' } })).not.toBe(id)
  })

  test('what goes into an artifact is named by watched content, folder and build, however they are spelled', () => {
    const objectAt = (path: string) => ({ api: 'tree1', shared: 'tree2' })[path] ?? null
    const inputs = inputsOf({ path: 'api', watch: ['shared', 'api'], build: 'make' }, objectAt)
    expect(inputsOf({ path: './api/', watch: ['api/', './shared', 'api'], build: 'make' }, objectAt)).toBe(inputs)
    expect(inputsOf({ path: 'api', watch: ['api'], build: 'make' }, objectAt)).not.toBe(inputs)
    expect(inputsOf({ path: 'api', watch: ['shared', 'api'] }, objectAt)).not.toBe(inputs)
    expect(inputsOf({ path: 'api', watch: ['shared', 'api'], build: 'make' }, () => 'other')).not.toBe(inputs)
    expect(watchedPaths({ path: '.' })).toEqual([''])
    expect(plainPath('./a//b/')).toBe('a/b')
  })

  test('it is told in one sentence', () => {
    const service = (name: string, changed: boolean) => ({ service: name, artifact: sha('1'), bytes: 1, inputs: '', changed })
    const commits = ['Ann', 'Ben', 'Ann', 'Eva', 'Ann', 'Ann', 'Ann'].map((author, at) => ({ sha: commit, author, at, subject: '' }))
    const release = {
      name: 'v2',
      commit,
      since: { release: 'v1', commit },
      ...tellCommits(commits),
      services: [service('api', true), service('db', false), service('web', true)],
      databaseSteps: [{ step: 'migrate', found: ['declared'], paths: [], hasUndo: false }],
    } as unknown as Release
    expect(sayMade('cut', release)).toBe(
      'cut v2 from abcdef0123: 7 commits by 3 authors, api and web changed, migrate changes the database',
    )
    expect(sayMade('pushed', { ...release, commits: [], services: [], databaseSteps: [] })).toBe(
      'pushed v2 from abcdef0123: no new commit, no service changed',
    )
    expect(release.authors).toEqual(['Ann', 'Eva', 'Ben'])
  })

  test('a list is told with its last "and", a long one with a count', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(sayList)).toEqual(['', 'a', 'a and b', 'a, b and c'])
    expect(sayList('abcdefghijk'.split(''))).toBe('a, b, c, d, e, f, g and 4 others')
  })

  test('a name that is near is a slip of the hand or begins alike, at most three', () => {
    expect(nearNames('v21', ['v1', 'v2', 'main'])).toEqual(['v1'])
    expect(nearNames('r-abc', ['r-abc1', 'r-abcde', 'r-abcdef', 'r-abcdefgh', 'x'])).toHaveLength(3)
    expect(nearNames('production', ['v1', 'v2'])).toEqual([])
  })
})
