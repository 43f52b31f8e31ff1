import { globSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, root), 'utf8'))

type Manifest = {
  readonly name: string
  readonly workspaces?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly allowScripts?: Readonly<Record<string, boolean>>
}
type Locked = Manifest & { readonly optionalDependencies?: Readonly<Record<string, string>>; readonly hasInstallScript?: boolean }

const top = read('package.json') as Manifest
const lock = (read('package-lock.json') as { packages: Readonly<Record<string, Locked>> }).packages
const manifests = [
  'package.json',
  ...globSync(
    (top.workspaces ?? []).map((pattern) => `${pattern}/package.json`),
    { cwd: root.pathname },
  ),
].sort()

test.each(manifests)('the lock file is in step with %s', (file) => {
  const manifest = read(file) as Manifest
  const locked = lock[file === 'package.json' ? '' : dirname(file)]
  expect(locked?.dependencies ?? {}).toEqual(manifest.dependencies ?? {})
  expect(locked?.devDependencies ?? {}).toEqual(manifest.devDependencies ?? {})
})

test.each(manifests)('%s names exact versions', (file) => {
  const manifest = read(file) as Manifest
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(version, name).toMatch(name.startsWith('@belay/') ? /^\*$/ : /^(npm:[^@]+@)?\d+\.\d+\.\d+$/)
  }
})

test('one version of a package serves all rooms', () => {
  const versions = new Map<string, Set<string>>()
  for (const file of manifests) {
    const manifest = read(file) as Manifest
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      versions.set(name, (versions.get(name) ?? new Set()).add(version))
    }
  }
  expect([...versions].filter(([, all]) => all.size > 1)).toEqual([])
})

test('the lock file names the build of each platform, so that npm ci works on all of them', () => {
  const missing = Object.entries(lock).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => {
      // npm looks for a package beside the one that wants it, then further up.
      for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
        if (lock[`${at}/node_modules/${name}`]) return false
      }
      return lock[`node_modules/${name}`] === undefined
    }),
  )
  expect(missing).toEqual([])
})

test('every install script that npm would run was allowed on purpose', () => {
  const wanting = Object.entries(lock)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
  expect(Object.keys(top.allowScripts ?? {})).toEqual(expect.arrayContaining(wanting.filter((name) => name !== 'fsevents')))
})
