/** For tests: a real git repository of a small cloud, and releases over it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { handClock } from '@belay/base'
import { type Ledger, ledgerMigrations, openLedger } from '@belay/ledger'
import type { Store } from '@belay/store'
import { openReleases, releaseMigrations, type Releases, type ReleasesOptions } from './index.ts'

export type TestRepository = {
  readonly path: string
  /** Writes files (null removes one) and commits them; answers the commit. */
  commit(subject: string, files: Record<string, string | null>, author?: string): string
  write(files: Record<string, string | null>): void
  git(...args: string[]): string
}

export const cloudFile = (services = apiAndWeb, deploy = '  - step: restart\n    on: [api, web]\n') => `cloud: pages
services:
${services}environments:
  private: { kind: private, hosts: { box: { roles: [api, web, db] } } }
deploy:
${deploy}`
const apiAndWeb =
  '  api: { path: api, build: cat in.txt > out.txt, run: node api.js, port: 4000 }\n  web: { path: web, run: node web.js, port: 3000 }\n'

/** Two services (api builds, web does not), one step; `v1` is tagged at the first commit. */
export function makeRepository(path: string): TestRepository {
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: path,
      encoding: 'utf8',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    }).trim()
  const write = (files: Record<string, string | null>) => {
    for (const [name, content] of Object.entries(files)) {
      const file = join(path, name)
      mkdirSync(dirname(file), { recursive: true })
      if (content === null) rmSync(file)
      else writeFileSync(file, content)
    }
  }
  const commit = (subject: string, files: Record<string, string | null>, author = 'Ann') => {
    write(files)
    git('add', '--all', '.')
    git(
      '-c',
      `user.name=${author}`,
      '-c',
      `user.email=${author.toLowerCase()}@example.test`,
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      subject,
    )
    return git('rev-parse', 'HEAD')
  }
  mkdirSync(path, { recursive: true })
  git('init', '--quiet', '--initial-branch=main')
  git('config', 'user.name', 'Ann')
  git('config', 'user.email', 'ann@example.test')
  commit('begin', { 'belay.yaml': cloudFile(), 'api/in.txt': 'one', 'api/api.js': 'api', 'web/web.js': 'web' })
  git('tag', 'v1')
  return { path, commit, write, git }
}

export type Bench = {
  readonly releases: Releases
  readonly repository: TestRepository
  readonly ledger: Ledger
  readonly store: Store
  /** Belay's own folder. */
  readonly folder: string
  production: string | null
  /** A second server on the same state. */
  again(options?: Partial<ReleasesOptions>): Releases
  cut(ref?: string, name?: string): Promise<Awaited<ReturnType<Releases['cut']>>>
  /** What was told during cuts, `service: text`. */
  readonly told: string[]
}

export async function makeBench(
  store: Store,
  folder: string,
  more: { repository?: TestRepository; options?: Partial<ReleasesOptions> } = {},
): Promise<Bench> {
  await store.migrate([ledgerMigrations, releaseMigrations])
  const clock = handClock()
  const ledger = openLedger({ store, clock })
  const repository = more.repository ?? makeRepository(join(folder, 'repository'))
  const told: string[] = []
  const own = join(folder, 'belay')
  const again = (options: Partial<ReleasesOptions> = {}) =>
    openReleases({
      store,
      ledger,
      clock,
      folder: own,
      repository: repository.path,
      cloudFileName: 'belay.yaml',
      inProduction: async () => bench.production,
      ...more.options,
      ...options,
    })
  const bench: Bench = {
    releases: undefined as never,
    repository,
    ledger,
    store,
    folder: own,
    production: null,
    told,
    again,
    cut: (ref = 'HEAD', name) =>
      bench.releases.cut({ ref, name }, 'ann', ({ service, text }) => told.push(service === null ? text : `${service}: ${text}`)),
  }
  return Object.assign(bench, { releases: again() })
}
