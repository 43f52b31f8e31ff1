/**
 * Files kept by content: `artifacts/<sha256>`. A file appears under its name only when it is whole and on the disk,
 * so a name that exists can be trusted, except for what the disk does to it later: `verify` tells.
 */
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem, sentenceOf } from '@belay/base'
import { sha256OfFile } from '@belay/base/node'
import { releaseProblem } from './problems.ts'

export type Draft = AsyncDisposable & {
  /** Write the content here. */
  readonly path: string
  /** Flushes it to the disk and gives it its name. A whole file that is already there stays. */
  keep(sha256: string): Promise<{ isNew: boolean }>
}
export type Artifacts = {
  path(sha256: string): string
  /** A place for a file whose name is not yet known; it is gone at the end of the block unless kept. */
  draft(): Promise<Draft>
  /** Undefined when the file is whole, else what is wrong with it. Reads all of it. */
  verify(sha256: string): Promise<string | undefined>
  size(sha256: string): Promise<number | undefined>
  remove(sha256: string): Promise<void>
  /** Removes drafts of servers that have ended, and files of nobody that are older than `orphanAgeMs`. */
  sweep(isUsed: (sha256s: readonly string[]) => Promise<ReadonlySet<string>>): Promise<void>
}

/** Between a file and the row that refers to it lie seconds; an hour is far from both a slow disk and a full one. */
const orphanAgeMs = 60 * 60_000

/**
 * Names what this process works on, so that a later one can tell what a killed one left. The start time is part of
 * it: in a container every server has the same process id.
 */
const owner = `${process.pid}-${Math.round(performance.timeOrigin)}`
let counter = 0
export const ownName = (): string => `${owner}-${(counter++).toString(36)}`

/** Has the process that chose this name with `ownName` ended? */
export function isLeftover(name: string, ageMs: number): boolean {
  const [, pid, startedAt] = /^(\d+)-(\d+)-/.exec(name) ?? []
  if (pid === undefined) return false
  if (`${pid}-${startedAt}` === owner) return false
  if (Number(pid) === process.pid) return true
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  // Some process has that id, perhaps another server on the same folder; no cut takes a day.
  return ageMs > 24 * 60 * 60_000
}

export function openArtifacts(folder: string): Artifacts {
  const path = (sha256: string) => join(folder, sha256)
  const size = (sha256: string) =>
    stat(path(sha256)).then(
      (file) => file.size,
      () => undefined,
    )

  async function verify(sha256: string): Promise<string | undefined> {
    try {
      const found = await sha256OfFile(path(sha256))
      return found === sha256
        ? undefined
        : `was changed on the disk: its SHA-256 is now ${found.slice(0, 10)}…, not ${sha256.slice(0, 10)}…`
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is missing on the disk' : `cannot be read (${sentenceOf(error)})`
    }
  }

  return {
    path,
    size,
    verify,
    remove: (sha256) => rm(path(sha256), { force: true }),
    async draft() {
      await mkdir(folder, { recursive: true })
      const draft = join(folder, `${ownName()}.new`)
      return {
        path: draft,
        async keep(sha256) {
          const isNew = (await verify(sha256)) !== undefined
          if (!isNew) return { isNew }
          await flush(draft)
          await rename(draft, path(sha256))
          await flush(folder)
          return { isNew }
        },
        [Symbol.asyncDispose]: () => rm(draft, { force: true }),
      }
    },
    async sweep(isUsed) {
      const now = Date.now()
      const names = await readdir(folder).catch(() => [])
      const ages = new Map<string, number>()
      for (const name of names) {
        const file = await stat(join(folder, name)).catch(() => undefined)
        if (file) ages.set(name, now - file.mtimeMs)
      }
      for (const [name, ageMs] of ages) if (name.endsWith('.new') && isLeftover(name, ageMs)) await rm(join(folder, name), { force: true })
      const old = [...ages].filter(([name, ageMs]) => /^[0-9a-f]{64}$/.test(name) && ageMs > orphanAgeMs).map(([name]) => name)
      const used = await isUsed(old)
      for (const name of old) if (!used.has(name)) await rm(path(name), { force: true })
    },
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A full disk in words a person can act on; anything else as it was thrown. */
export async function explainDisk(error: unknown, folder: string, doing: string): Promise<unknown> {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (error instanceof Problem || (code !== 'ENOSPC' && code !== 'EDQUOT')) return error
  const freeBytes = await statfs(folder).then(
    (disk) => disk.bavail * disk.bsize,
    () => null,
  )
  return releaseProblem('disk-full', { folder, freeBytes, doing }, error)
}
