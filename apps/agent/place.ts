/** Putting things in place so that a reader, or a machine that loses power, meets the old or the new, never a half. */
import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { agentProblem } from './problems.ts'

/** Swept when a root is opened, so what an ended agent had half-written is gone. */
export const temporaryFolder = '.tmp'
/** The agent's own bookkeeping in a root. */
const reserved = new Set(['journal.ndjson', 'journal.ndjson.new', 'fence', 'jobs', 'services', temporaryFolder])

/**
 * The absolute path of something inside the root.
 *
 * @throws Problem `path-outside` when it leads out, also by way of a symbolic link; `path-reserved`.
 */
export function inside(root: string, path: string): string {
  const absolute = resolve(root, path)
  const way = relative(root, absolute)
  if (path.includes('\0') || way === '..' || way.startsWith(`..${sep}`)) throw agentProblem('path-outside', { path, root })
  // The last part may itself be a link (it is replaced, not followed); the folders that lead to it are followed.
  if (way !== '' && !contains(realpathSync(root), realOf(dirname(absolute)))) throw agentProblem('path-outside', { path, root })
  return absolute
}

/** As `inside`, for what an order changes. */
export function changeable(root: string, path: string): string {
  const absolute = inside(root, path)
  const first = relative(root, absolute).split(sep)[0] as string
  if (first === '' || reserved.has(first)) throw agentProblem('path-reserved', { path })
  return absolute
}

/** As `inside`, for a folder to work in: it must exist, and be inside whatever links lead to it. */
export function workFolder(root: string, path: string): string {
  const absolute = inside(root, path)
  if (!existsSync(absolute)) throw agentProblem('path-missing', { path: absolute })
  if (!contains(realpathSync(root), realpathSync(absolute))) throw agentProblem('path-outside', { path, root })
  return absolute
}

function contains(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}

/** The real path of the nearest ancestor that exists, with what is still to be made behind it. */
function realOf(path: string): string {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return realpathSync(path)
  return join(realOf(dirname(path)), basename(path))
}

/** A new path in the root's own temporary folder, which is on the same file system. */
export async function temporary(root: string): Promise<string> {
  const folder = join(root, temporaryFolder)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return join(folder, randomBytes(8).toString('hex'))
}

/** Has `fill` write a temporary file, flushes it to the disk and renames it to `path`; on any failure nothing is left. */
export async function placeFile<T>(
  root: string,
  path: string,
  mode: number,
  fill: (file: FileHandle, name: string) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  const name = await temporary(root)
  try {
    const file = await open(name, 'wx', mode)
    let result: T
    try {
      result = await fill(file, name)
      // Whatever the umask of the user who started the agent.
      await file.chmod(mode)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(name, path)
    return result
  } catch (error) {
    await rm(name, { force: true })
    throw nameThe(path, error)
  }
}

export function placeText(root: string, path: string, content: string, mode: number): Promise<void> {
  return placeFile(root, path, mode, (file) => file.writeFile(content))
}

/** Takes something out of sight in one move, then deletes it at leisure: nobody meets a half-deleted folder. */
export async function removeWhole(root: string, path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  const name = await temporary(root)
  await rename(path, name)
  await rm(name, { recursive: true, force: true, maxRetries: 3 })
}

/** A person knows the path that they asked for, not the temporary one. */
function nameThe(path: string, error: unknown): unknown {
  if (error instanceof Error && 'code' in error) Object.assign(error, { path })
  return error
}
