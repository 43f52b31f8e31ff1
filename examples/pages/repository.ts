/**
 * The git repository whose releases the demo deploys. Its first version is the folder `cloud/`; each later version is
 * a folder of patches in `history/`, applied with their authors and dates when the story reaches it. The same files
 * give the same commits on every machine.
 *
 * To change the history: make a repository (`node examples/pages/repository.ts FOLDER`), amend there, and write the
 * patches anew with `git format-patch --no-signature --zero-commit -o history/v2 v1..v2`.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export const versions = ['v1', 'v2', 'v3', 'v4'] as const
export type Version = (typeof versions)[number]
export type Repository = {
  readonly folder: string
  /** Commits a version on top of the one before it and tags it. Says what came in, one line a commit. */
  add(version: Version): Promise<string[]>
}

type First = { paths: readonly string[]; author: string; date: string; subject: string; body: string }
const mira = 'Mira Solberg <mira@pages.example>'
const tomas = 'Tomás Ferreira <tomas@pages.example>'
const ada = 'Ada Okafor <ada@pages.example>'

/** The commits of v1: the folder `cloud/`, piece by piece. */
const beginning: readonly First[] = [
  {
    paths: ['README.md', '.gitignore', 'package.json', 'shared', 'db'],
    author: ada,
    date: '2026-09-01T09:12:00+02:00',
    subject: 'db: SQLite behind HTTP, one request a transaction',
    body: 'Every service leaves without breaking a request: it answers what it has and closes kept-alive connections.',
  },
  {
    paths: ['api', 'worker'],
    author: tomas,
    date: '2026-09-02T16:40:00+02:00',
    subject: 'api: items, lists, members and their activities',
    body: 'The schema belongs to the api. The worker counts page views.',
  },
  {
    paths: ['edge', 'web', 'belay.yaml'],
    author: mira,
    date: '2026-09-04T11:05:00+02:00',
    subject: 'web: pages from the server, behind an edge that drains',
    body: 'A person can use it now. belay.yaml takes it to private, qa and production with the same steps.',
  },
]

const here = import.meta.dirname
const run = promisify(execFile)
/** Nobody's own git configuration (hooks, signing, line ends) may change the commits. */
const env = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_COMMITTER_NAME: 'Pages',
  GIT_COMMITTER_EMAIL: 'team@pages.example',
  GIT_TERMINAL_PROMPT: '0',
}

/** Opens the repository at `folder`; a folder without one becomes an empty repository. */
export async function openRepository(folder: string): Promise<Repository> {
  const git = async (args: readonly string[], more: Record<string, string> = {}) =>
    (await run('git', ['-C', folder, ...args], { env: { ...env, ...more } })).stdout.trim()

  await mkdir(folder, { recursive: true })
  if (!(await readdir(folder)).includes('.git')) {
    await git(['init', '--quiet'])
    await git(['symbolic-ref', 'HEAD', 'refs/heads/main'])
  }

  async function commitBeginning(): Promise<void> {
    for (const { paths, author, date, subject, body } of beginning) {
      for (const path of paths) await cp(join(here, 'cloud', path), join(folder, path), { recursive: true })
      await git(['add', '--', ...paths])
      await git(['commit', '--quiet', '--author', author, '--date', date, '-m', subject, '-m', body], { GIT_COMMITTER_DATE: date })
    }
  }

  async function applyPatches(version: Version): Promise<void> {
    const patches = join(here, 'history', version)
    const files = (await readdir(patches)).filter((file) => file.endsWith('.patch')).sort()
    await git(['am', '--quiet', '--committer-date-is-author-date', ...files.map((file) => join(patches, file))])
  }

  return {
    folder,
    add: async (version) => {
      await (version === 'v1' ? commitBeginning() : applyPatches(version))
      await git(['tag', version])
      const before = versions[versions.indexOf(version) - 1]
      const range = before === undefined ? version : `${before}..${version}`
      return (await git(['log', '--reverse', '--format=%h %an: %s', range])).split('\n')
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  const repository = await openRepository(resolve(process.argv[2] ?? 'pages'))
  for (const version of versions) console.log(`${version}\n  ${(await repository.add(version)).join('\n  ')}`)
}
