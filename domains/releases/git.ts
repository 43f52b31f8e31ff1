/**
 * What Belay asks of git. It reads the team's repository and never writes to it: a checkout is a repository of its
 * own that borrows the objects, so a killed server leaves a folder behind and no worktree, lock or ref.
 */
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { Problem } from '@belay/base'
import { runCommand } from '@belay/exec'
import { type Commit, nearNames, plainPath } from './model.ts'
import { releaseProblem } from './problems.ts'

export type Repository = {
  /** The commit that a ref names. @throws Problem `unknown-ref` with near branches and tags, `not-a-repository`. */
  resolve(ref: string): Promise<string>
  /** Is the commit here? */
  has(commit: string): Promise<boolean>
  /** Tags at the commit, the highest version first. */
  tagsAt(commit: string): Promise<string[]>
  /** A file's text at the commit, undefined when there is none. */
  fileAt(commit: string, path: string): Promise<string | undefined>
  /** For each path git's id and kind of what is there at the commit; absent paths are left out. */
  objectsAt(commit: string, paths: readonly string[]): Promise<Map<string, { id: string; kind: string }>>
  /** Commits that `to` has and `from` has not (all of `to`'s when null), newest first, at most `limit`. */
  log(from: string | null, to: string, limit: number): Promise<Commit[]>
  /** How many commits `from` has that `to` has not; none when it is an ancestor. */
  countLacking(from: string, to: string): Promise<number>
  /** Files that differ between two commits under the paths; all files there when `from` is null. Sorted. */
  filesChanged(from: string | null, to: string, paths: readonly string[]): Promise<string[]>
  /** Changed and untracked files of the working tree, when the commit is the one that is checked out. */
  uncommitted(commit: string, besides: string): Promise<string[]>
  committedAt(commit: string): Promise<number>
  hasSubmodules(commit: string): Promise<boolean>
  /** Writes the commit's files into a new folder; answers the folder there that stands for this one here. */
  checkOut(commit: string, folder: string, signal?: AbortSignal): Promise<string>
  /** Brings a checkout (the folder that was given to `checkOut`) back to what the commit has. */
  clean(folder: string): Promise<void>
}

/** Reading metadata takes milliseconds; a minute means that a disk or a network file system hangs. */
const readLimitMs = 60_000
/** A checkout writes every file: some gigabytes at a slow disk's 50 MB/s. */
const checkoutLimitMs = 10 * 60_000
/** A listing of 500,000 paths of 120 bytes; beyond that a release is not what it should be told from. */
const outputBytesMax = 64 * 1024 * 1024
/** As git shows it in one line; a body pasted into the subject must not fill the ledger. */
const subjectCharactersMax = 200

const always = [
  // The team's hooks, and helpers that its configuration names, are for people at work in it.
  ['-c', 'core.hooksPath=/dev/null'],
  ['-c', 'core.fsmonitor=false'],
  ['-c', 'core.quotePath=false'],
  ['-c', 'advice.detachedHead=false'],
  ['-c', 'gc.auto=0'],
  ['-c', 'maintenance.auto=false'],
].flat()

/** @param folder where belay.yaml is: the repository's top, or a folder below it. Paths are relative to it. */
export function openRepository(folder: string): Repository {
  type Asking = { cwd?: string; input?: string; timeLimitMs?: number; signal?: AbortSignal }
  /** Runs git; an exit code other than 0 is an answer, only a failure of the world throws. */
  async function ask(args: readonly string[], asking: Asking = {}): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    let end: Awaited<ReturnType<typeof runCommand>>
    try {
      end = await runCommand(['git', ...always, ...args], {
        cwd: folder,
        env: gitEnv(),
        onlyEnv: true,
        timeLimitMs: readLimitMs,
        outputBytesMax,
        okCodes: anyCode,
        ...asking,
      })
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (error.code !== 'command-not-found') throw failed(args, error.message, error)
      throw (await isFolder(asking.cwd ?? folder))
        ? releaseProblem('git-missing', { repository: folder }, error)
        : notARepository('there is no such folder')
    }
    if (/dubious ownership/.test(end.stderr))
      throw notARepository(`it belongs to another user; if that is right: ${lastLine(end.stderr).trim()}`)
    if (/not a git repository/.test(end.stderr)) throw notARepository(lastLine(end.stderr))
    return end
  }
  const notARepository = (because: string) => releaseProblem('not-a-repository', { repository: folder, because })
  const failed = (args: readonly string[], because: string, cause?: unknown) =>
    releaseProblem('git-failed', { command: args.find((arg) => !arg.startsWith('-')) ?? '', because }, cause)

  /** Runs git; any exit code but 0 is a failure. */
  async function must(args: readonly string[], asking: Asking = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await ask(args, asking)
    if (exitCode === 0) return stdout
    const because = lastLine(stderr) || `exit code ${exitCode}`
    // As Node would have thrown it: whoever knows what was being done makes a sentence of it.
    if (/no space left on device|out of diskspace|disk quota exceeded/i.test(stderr))
      throw Object.assign(new Error(because), { code: 'ENOSPC' })
    throw failed(args, because)
  }
  const succeeds = async (args: readonly string[]) => (await ask(args)).exitCode === 0
  const listed = (text: string, separator = '\0') => text.split(separator).filter((part) => part !== '')

  /** Where `folder` stands in the repository, with a closing slash; empty at its top. */
  let prefixFound: Promise<string> | undefined
  const prefix = () => {
    prefixFound ??= must(['rev-parse', '--show-prefix'])
    prefixFound.catch(() => {
      prefixFound = undefined
    })
    return prefixFound
  }
  const inCommit = (start: string, path: string) => plainPath(start + path)

  return {
    async resolve(ref) {
      const end = await ask(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
      if (end.exitCode === 0) return end.stdout
      const names = listed(await must(['for-each-ref', '--format=%(refname:short)', 'refs/heads', 'refs/tags', 'refs/remotes']), '\n')
      const empty = names.length === 0 && !(await succeeds(['rev-parse', '--verify', '--quiet', 'HEAD']))
      throw releaseProblem('unknown-ref', { ref, near: nearNames(ref, names), empty })
    },
    has: (commit) => succeeds(['cat-file', '-e', `${commit}^{commit}`]),
    tagsAt: async (commit) => listed(await must(['tag', '--points-at', commit, '--sort=-version:refname']), '\n'),
    async fileAt(commit, path) {
      const object = `${commit}:${inCommit(await prefix(), path)}`
      return (await succeeds(['cat-file', '-e', object])) ? must(['cat-file', 'blob', object]) : undefined
    },
    async objectsAt(commit, paths) {
      const start = await prefix()
      // One line asks for one object, so a path with a line break cannot be asked for: it counts as absent.
      const asked = paths.filter((path) => !path.includes('\n'))
      const answers = await must(['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
        input: asked.map((path) => `${commit}:${inCommit(start, path)}\n`).join(''),
      })
      const lines = answers.split('\n')
      return new Map(
        asked.flatMap((path, index) => {
          const [, id, kind] = /^([0-9a-f]{40,64}) (\w+)$/.exec(lines[index] ?? '') ?? []
          return id === undefined || kind === undefined ? [] : [[path, { id, kind }] as const]
        }),
      )
    },
    async log(from, to, limit) {
      const range = from === null ? to : `${from}..${to}`
      const text = await must(['log', '-z', `--max-count=${limit}`, '--format=%H%x1f%aN%x1f%at%x1f%s', range, '--'])
      return listed(text).map((record) => {
        const [sha = '', author = '', at = '0', ...subject] = record.split('\x1f')
        return { sha, author, at: Number(at) * 1_000, subject: bounded(subject.join(' ')) }
      })
    },
    async countLacking(from, to) {
      // Asked first: counting alone goes wrong where commits have dates before their parents'.
      if (await succeeds(['merge-base', '--is-ancestor', from, to])) return 0
      return Number(await must(['rev-list', '--count', `${to}..${from}`, '--']))
    },
    async filesChanged(from, to, paths) {
      if (paths.length === 0) return []
      const start = await prefix()
      const within = paths.map((path) => inCommit(start, path))
      const text =
        from === null
          ? await must(['ls-tree', '-r', '-z', '--name-only', '--full-tree', to, '--', ...(within.includes('') ? [] : within)])
          : await must(['diff', '--name-only', '-z', '--no-renames', from, to, '--', ...within.map((path) => `:(top,literal)${path}`)])
      return listed(text)
        .map((path) => path.slice(start.length))
        .sort()
    },
    async uncommitted(commit, besides) {
      if ((await must(['rev-parse', '--is-inside-work-tree'])) !== 'true') return []
      const head = await ask(['rev-parse', '--verify', '--quiet', 'HEAD'])
      if (head.stdout !== commit) return []
      const top = await must(['rev-parse', '--show-toplevel'])
      const own = relative(top, besides).split(sep).join('/')
      // The state that Belay itself keeps in the repository's folder is no change of the team's.
      const isOwn = (path: string) => (path.endsWith('/') ? `${own}/`.startsWith(path) : path.startsWith(`${own}/`))
      return listed(await must(['--no-optional-locks', 'status', '--porcelain', '-z', '--no-renames', '--untracked-files=normal']))
        .map((line) => line.slice(3))
        .filter((path) => !isOwn(path))
    },
    committedAt: async (commit) => Number(await must(['show', '-s', '--format=%ct', commit, '--'])) * 1_000,
    hasSubmodules: (commit) => succeeds(['cat-file', '-e', `${commit}:.gitmodules`]),
    async checkOut(commit, target, signal) {
      const start = await prefix()
      const [objects = '', format = 'sha1', shallow = ''] = (
        await must(['rev-parse', '--path-format=absolute', '--git-path', 'objects', '--show-object-format', '--git-path', 'shallow'])
      ).split('\n')
      await mkdir(target, { recursive: true })
      const there = { cwd: target, timeLimitMs: checkoutLimitMs, signal }
      await must(['init', '--quiet', '--template=', `--object-format=${format}`], there)
      await mkdir(join(target, '.git/objects/info'), { recursive: true })
      await writeFile(join(target, '.git/objects/info/alternates'), `${objects}\n`)
      await copyFile(shallow, join(target, '.git/shallow')).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
      // Builds ask `git describe` for a version; without the tags it would differ from what the team sees.
      const tags = await must(['for-each-ref', '--format=create %(refname) %(objectname)', 'refs/tags'])
      if (tags !== '') await must(['update-ref', '--stdin'], { ...there, input: `${tags}\n` })
      await must(['checkout', '--quiet', '--force', '--detach', commit], there)
      return join(target, start)
    },
    async clean(checkout) {
      await must(['reset', '--quiet', '--hard'], { cwd: checkout, timeLimitMs: checkoutLimitMs })
      await must(['clean', '--quiet', '-ffdx'], { cwd: checkout, timeLimitMs: checkoutLimitMs })
    },
  }
}

/** A server that was started from a git hook must not take that hook's repository for the team's. */
function gitEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('GIT_'),
  )
  return { ...Object.fromEntries(kept), LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' }
}

/** git ends with 1 for "no" and 128 for "cannot"; each asker tells what that means. */
const anyCode = Array.from({ length: 255 }, (_, index) => index + 1)
const isFolder = (path: string) =>
  stat(path).then(
    (it) => it.isDirectory(),
    () => false,
  )
const lastLine = (text: string) =>
  text
    .trim()
    .split('\n')
    .at(-1)
    ?.replace(/^(fatal|error): /, '') ?? ''
const bounded = (text: string) => (text.length > subjectCharactersMax ? `${text.slice(0, subjectCharactersMax - 1)}…` : text)
