import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openRepository, versions } from './repository.ts'

const root = join(import.meta.dirname, '../..')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pages-repository-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const git = (repository: string, ...args: string[]) => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim()

test('every version of the cloud type-checks', async () => {
  const repository = join(folder, 'pages')
  const { add } = await openRepository(repository)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const config = { extends: join(root, 'tsconfig.json'), include: [repository], exclude: [] }
  for (const version of versions) {
    await add(version)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const said = execFileSync(process.execPath, [join(root, 'node_modules/tsc7/bin/tsc'), '-p', folder], { encoding: 'utf8' })
    expect(said, version).toBe('')
  }
  expect(git(repository, 'status', '--short')).toBe('')
}, 60_000)

test('the same files give the same commits, whoever runs it', async () => {
  const heads: string[] = []
  for (const name of ['one', 'two']) {
    const repository = join(folder, name)
    const { add } = await openRepository(repository)
    for (const version of versions) await add(version)
    heads.push(git(repository, 'rev-parse', 'v4'))
  }
  expect(heads[0]).toBe(heads[1])
}, 60_000)

test('v2 brings a migration with its undo and changes api and web alone', async () => {
  const repository = await openRepository(join(folder, 'pages'))
  await repository.add('v1')
  const commits = await repository.add('v2')
  expect(new Set(commits.map((line) => line.split(' ').slice(1, 3).join(' '))).size).toBe(4)
  const changed = git(repository.folder, 'diff', '--name-only', 'v1', 'v2').split('\n')
  expect(new Set(changed.map((path) => path.split('/')[0]))).toEqual(new Set(['api', 'web']))
  expect(changed).toEqual(expect.arrayContaining(['api/migrations/0003-comments.up.sql', 'api/migrations/0003-comments.down.sql']))
})

test('between v2 and v4 no migration is left: v4 takes back what v3 tried', async () => {
  const repository = await openRepository(join(folder, 'pages'))
  for (const version of versions) await repository.add(version)
  expect(git(repository.folder, 'diff', '--name-only', 'v2', 'v4', '--', 'api/migrations')).toBe('')
  expect(git(repository.folder, 'diff', '--name-only', 'v2', 'v3', '--', 'api/migrations')).not.toBe('')
})
