/**
 * Where the code of a commit mentions flags: `git grep` over the commit's tree. No build, no work tree, no checkout, so
 * a bare repository will do.
 */
import { stat } from 'node:fs/promises'
import type { Who } from '@belay/access'
import { Problem } from '@belay/base'
import { runCommand, streamCommand } from '@belay/exec'
import type { Api } from '@belay/http'
import { type ReferencesWire, routes } from '@belay/protocol'
import { referenceProblem } from './exchange/problems.ts'

/** A flag that is mentioned more often is not removed by reading a list. */
const mentionsPerFlagMax = 50
/** What a page or a terminal can hold; a hundred flags that are mentioned everywhere. */
const mentionsMax = 5_000
/** A line of code; what is longer was generated. */
const textCharactersMax = 200
/** Five thousand keys in a tree of 100 million bytes take some ten seconds; a person waits no longer than this. */
const searchLimitMs = 30_000
const resolveLimitMs = 10_000
/** Of a mention in a long line, so much stands before it. */
const charactersBefore = 60

type Mention = ReferencesWire['flags'][number]['mentions'][number]

/**
 * The lines of the ref's tree that mention each key, in the order of the keys; those that nothing mentions have none.
 * A key counts where it stands by itself: `checkout` is not in `checkout-v2`, nor in `checkout.v2` where that is a key
 * too. Binary files and lines of more than 64 KiB are passed over.
 *
 * @throws Problem `code-not-a-repository`, `code-git-missing`, `code-unknown-ref`, `code-search-failed`,
 *   `code-search-too-long`; the signal's reason when aborted.
 */
export async function findReferences(asking: {
  readonly repository: string
  readonly keys: readonly string[]
  /** A branch, a tag or a commit; by default HEAD. */
  readonly ref?: string
  readonly signal?: AbortSignal
}): Promise<ReferencesWire> {
  const { repository, ref = 'HEAD' } = asking
  const commit = await resolve(repository, ref)
  const found = new Map([...new Set(asking.keys)].map((key) => [key, { mentions: [] as Mention[], more: false }]))
  let total = 0
  const full = new AbortController()
  const take = (line: string): void => {
    const hit = hitOf(line, commit)
    if (!hit || full.signal.aborted) return
    for (const { key, at } of keysIn(hit.text, found)) {
      const of = found.get(key)
      if (!of) continue
      if (of.mentions.length >= mentionsPerFlagMax) of.more = true
      else if (total >= mentionsMax) full.abort(enough)
      else {
        of.mentions.push({ file: hit.file, line: hit.line, text: cut(hit.text, at) })
        total += 1
      }
    }
  }
  if (found.size > 0) await search({ ...asking, commit, onLine: take, full: full.signal })
  return {
    ref,
    commit,
    flags: [...found].map(([key, { mentions, more }]) => ({ key, mentions, more: more || full.signal.aborted })),
  }
}

/** Searches one after another: each keeps every core busy, and nobody gains from two that take twice as long. */
export function referenceRoutes(
  api: Api<Who>,
  from: { readonly repository: string; keys(): readonly string[] | Promise<readonly string[]> },
): void {
  let last: Promise<unknown> = Promise.resolve()
  api.handle(routes.flags.references, async ({ query, signal }) => {
    const mine = last.then(async () => {
      signal.throwIfAborted()
      const asked = query.keys?.split(',').map((key) => key.trim())
      const keys = asked?.filter((key) => key !== '') ?? (await from.keys())
      return findReferences({ repository: from.repository, keys, ref: query.ref, signal })
    })
    last = mine.catch(() => undefined)
    return mine
  })
}

const enough = new Error('enough mentions')

/** Of the repository as it is, whatever its owner's settings say. */
const always = ['-c', 'core.quotePath=false', '-c', 'core.fsmonitor=false', '-c', 'grep.column=false', '-c', 'grep.fallbackToNoIndex=false']

async function resolve(repository: string, ref: string): Promise<string> {
  const argv = ['git', ...always, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`] as const
  const end = await runCommand(argv, {
    cwd: repository,
    env: gitEnv(),
    onlyEnv: true,
    timeLimitMs: resolveLimitMs,
    okCodes: [1, 128],
  }).catch(async (error: unknown) => {
    throw await failureOf(error, repository, 1)
  })
  if (end.exitCode === 0) return end.stdout
  const said =
    end.stderr
      .trim()
      .split('\n')[0]
      ?.replace(/^fatal: /, '') ?? ''
  if (/not a git repository|dubious ownership/.test(said)) throw referenceProblem('code-not-a-repository', { repository, because: said })
  throw referenceProblem('code-unknown-ref', { ref })
}

async function search(it: {
  readonly repository: string
  readonly keys: readonly string[]
  readonly commit: string
  readonly signal?: AbortSignal
  readonly full: AbortSignal
  onLine(line: string): void
}): Promise<void> {
  const argv = ['git', ...always, 'grep', '-I', '-z', '--line-number', '--full-name', '--no-color', '--extended-regexp', '-f', '-'] as const
  try {
    await streamCommand([...argv, it.commit, '--', ':/'], {
      cwd: it.repository,
      env: gitEnv(),
      onlyEnv: true,
      input: `${patternOf(it.keys)}\n`,
      timeLimitMs: searchLimitMs,
      okCodes: [1],
      signal: it.signal ? AbortSignal.any([it.signal, it.full]) : it.full,
      onLine: it.onLine,
    })
  } catch (error) {
    if (error === enough) return
    throw await failureOf(error, it.repository, it.keys.length)
  }
}

async function failureOf(error: unknown, repository: string, keys: number): Promise<unknown> {
  if (!(error instanceof Problem)) return error
  if (error.code === 'command-timed-out') return referenceProblem('code-search-too-long', { seconds: searchLimitMs / 1_000, keys }, error)
  if (error.code !== 'command-not-found') return referenceProblem('code-search-failed', { because: lastLineOf(error.message) }, error)
  return (await isFolder(repository))
    ? referenceProblem('code-git-missing', { repository }, error)
    : referenceProblem('code-not-a-repository', { repository, because: 'there is no such folder' }, error)
}

/**
 * One extended regular expression that is any of the keys, what they have in common written once: git makes one
 * automaton of it. Asked as thousands of patterns (`--fixed-strings -f`) it tries one after the other: 5,000 keys took
 * 139 s in a tree where this takes 0.3 s, and a plain `a|b|c` 0.6 s.
 */
function patternOf(keys: readonly string[]): string {
  const branch = (sorted: readonly string[], from: number): string => {
    const [first = '', last = ''] = [sorted[0], sorted.at(-1)]
    let end = from
    while (end < first.length && first[end] === last[end]) end += 1
    const common = first.slice(from, end).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    if (sorted.length === 1) return common
    const isKey = first.length === end
    const groups = Map.groupBy(isKey ? sorted.slice(1) : sorted, (key) => key[end])
    return `${common}(${[...groups.values()].map((group) => branch(group, end)).join('|')})${isKey ? '?' : ''}`
  }
  return branch([...new Set(keys)].sort(), 0)
}

/** `COMMIT:FILE NUL LINE NUL TEXT`; anything else is git talking. */
function hitOf(said: string, commit: string): { file: string; line: number; text: string } | undefined {
  const [name, line, ...text] = said.split('\0')
  if (name === undefined || line === undefined || text.length === 0 || !name.startsWith(`${commit}:`)) return undefined
  return { file: name.slice(commit.length + 1), line: Number(line), text: text.join('') }
}

/** The keys that stand in a line by themselves, each once; where one key goes on as another, the longer one. */
function keysIn(text: string, keys: { has(key: string): boolean }): Iterable<{ key: string; at: number }> {
  const found = new Map<string, { key: string; at: number }>()
  for (const { 0: word, index } of text.matchAll(/[\w.:/-]+/g)) {
    const borders = bordersOf(word)
    let from = 0
    for (const start of borders) {
      if (start < from) continue
      const end = borders.findLast((it) => it > start && keys.has(word.slice(start, it)))
      if (end === undefined) continue
      const key = word.slice(start, end)
      if (!found.has(key)) found.set(key, { key, at: index + start })
      from = end
    }
  }
  return found.values()
}

/** A path of this many parts is no key; it keeps one line from taking long. */
const partsMax = 40

/** Where a key may begin or end in a word: at its ends, and before and after each dot, colon and slash. */
function bordersOf(word: string): number[] {
  const inside = [...word.matchAll(/[.:/]/g)].slice(0, partsMax).flatMap(({ index }) => [index, index + 1])
  return [...new Set([0, ...inside, word.length])]
}

function cut(text: string, at: number): string {
  const line = text.trimEnd()
  const lead = line.length - line.trimStart().length
  if (line.length - lead <= textCharactersMax) return line.slice(lead)
  const from = at - lead + charactersBefore < textCharactersMax ? lead : at - charactersBefore
  const room = textCharactersMax - (from > lead ? 1 : 0)
  const rest = line.length - from
  return `${from > lead ? '…' : ''}${rest > room ? `${line.slice(from, from + room - 1)}…` : line.slice(from)}`
}

/** A server that was started from a git hook must not take that hook's repository for the team's. */
function gitEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('GIT_'),
  )
  // C: bytes are bytes; in a locale with many the automaton is ten times slower.
  return { ...Object.fromEntries(kept), LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' }
}

const isFolder = (path: string) =>
  stat(path).then(
    (it) => it.isDirectory(),
    () => false,
  )
const lastLineOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .at(-1)
    ?.replace(/^(fatal|error): /, '') ?? ''
