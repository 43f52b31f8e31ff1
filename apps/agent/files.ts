/** Orders about files. Each may be carried out again after an interruption and ends in the same state. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants, createReadStream, existsSync, readFileSync } from 'node:fs'
import { copyFile, lstat, mkdir, open, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { sentenceOf } from '@belay/base'
import type { ParsedOrder, Results } from '@belay/exec'
import { changeable, inside, placeFile, placeText, removeWhole, temporary } from './place.ts'
import { agentProblem } from './problems.ts'

/** A flush takes about a millisecond. Beyond so many files it is quicker to flush the whole file system once, whatever else lies in it. */
const flushedOneByOne = 200

/** In an unpacked folder: the SHA-256 of its archive, and how many files came out of it. */
const unpackedMark = '.belay-unpacked'
/** Flushing waits for the disk; so many at once keep it busy. */
const flushedAtOnce = 16

export async function put({ root, from, to, sha256 }: ParsedOrder<'put'>): Promise<Results['put']> {
  const path = changeable(root, to)
  await mustExist(from)
  return placeFile(root, path, 0o644, async (_, name) => {
    await copyFile(from, name, constants.COPYFILE_FICLONE)
    return { bytes: await verified(name, from, sha256) }
  })
}

/**
 * A folder that came out of the same archive is kept as it stands: a service may be working in it.
 */
export async function unpack({ root, archive, to, sha256 }: ParsedOrder<'unpack'>): Promise<Results['unpack']> {
  const path = changeable(root, to)
  const from = inside(root, archive)
  await mustExist(from)
  const standing = markOf(path)
  if (standing?.sha256 === sha256) return { files: standing.files }
  await verified(from, from, sha256)
  const folder = await temporary(root)
  try {
    const files = await extracted(from, folder)
    await writeFile(join(folder, unpackedMark), JSON.stringify({ sha256, files }))
    await flushed(folder)
    await mkdir(dirname(path), { recursive: true })
    await removeWhole(root, path)
    await rename(folder, path)
    return { files }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export async function write({ root, to, content, mode }: ParsedOrder<'write'>): Promise<Results['write']> {
  await placeText(root, changeable(root, to), content, mode)
  return {}
}

/** Where the link points now, relative to the root; null when there is none. */
export async function linkTarget(root: string, link: string): Promise<string | null> {
  const path = changeable(root, link)
  try {
    return relative(root, resolve(dirname(path), await readlink(path))) || '.'
  } catch (error) {
    if (['ENOENT', 'EINVAL', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

export async function link({ root, link: at, target }: ParsedOrder<'link'>): Promise<void> {
  const path = changeable(root, at)
  const to = inside(root, target)
  await mkdir(dirname(path), { recursive: true })
  const name = await temporary(root)
  // Relative, so that it holds wherever the root is seen from.
  await symlink(relative(dirname(path), to) || '.', name)
  try {
    await rename(name, path)
  } catch (error) {
    await rm(name, { force: true })
    throw error
  }
}

export async function remove({ root, path }: ParsedOrder<'remove'>): Promise<Results['remove']> {
  await removeWhole(root, changeable(root, path))
  return {}
}

async function mustExist(path: string): Promise<void> {
  if (!existsSync(path)) throw agentProblem('path-missing', { path })
}

/** @returns how many bytes it has. @throws Problem `artifact-corrupted` */
async function verified(path: string, named: string, expected: string): Promise<number> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  const found = hash.digest('hex')
  if (found !== expected) throw agentProblem('artifact-corrupted', { path: named, expected, found })
  return bytes
}

function markOf(folder: string): { sha256: string; files: number } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, unpackedMark), 'utf8')) as { sha256: string; files: number }
  } catch {
    return undefined
  }
}

async function extracted(archive: string, folder: string): Promise<number> {
  // Loaded at the first use: an agent that is started anew has services to look after first.
  const { x: extract } = await import('tar')
  await mkdir(folder, { recursive: true })
  let files = 0
  try {
    await extract({
      file: archive,
      cwd: folder,
      // Any entry that leads out of the folder, by its name or as a link, refuses the whole archive.
      strict: true,
      // The modes that were packed, whoever unpacks and whatever the umask.
      chmod: true,
      processUmask: 0,
      preserveOwner: false,
      onReadEntry: (entry) => {
        if (entry.type === 'File' || entry.type === 'OldFile') files++
      },
    })
  } catch (error) {
    if (['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    throw agentProblem('archive-unreadable', { path: archive, why: sentenceOf(error) }, error)
  }
  return files
}

/** To the disk with every file, before the journal says that they are there. */
async function flushed(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true })
  if (names.length > flushedOneByOne && (await fileSystemFlushed(folder))) return
  const next = names.values()
  const worker = async () => {
    for (const name of next) {
      const path = join(folder, name)
      if (!(await lstat(path)).isFile()) continue
      const file = await open(path, 'r')
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    }
  }
  await Promise.all(Array.from({ length: flushedAtOnce }, worker))
}

/** syncfs(2) through coreutils, for Node has no call of it. @returns false where there is no such command */
function fileSystemFlushed(folder: string): Promise<boolean> {
  return new Promise((resolve) => execFile('sync', ['--file-system', folder], (error) => resolve(error === null)))
}
