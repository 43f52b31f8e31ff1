/** Files that are there wholly or not at all, also after a loss of power. */
import { createHash, randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Names the files of one server and one key: what belongs to another environment must not be taken for ours, also where
 * services share a folder. The key itself cannot be told from it.
 */
export function ownerOf({ url, key }: { readonly url: string; readonly key: string }): string {
  return createHash('sha256').update(`${url}\n${key}`).digest('hex').slice(0, 16)
}

/** What a file that is still being written is called; one that a killed process left behind means nothing. */
export const unfinished = '.new'

/**
 * Resolves when the content is on the disk under its name. Readable by its owner alone: rules and reports name people.
 * @throws what the file system says; nothing is left behind then.
 */
export async function writeWhole(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${randomUUID()}${unfinished}`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {})
    throw thrown
  }
  await flushFolder(dirname(path))
}

/** The same for a process that ends now. The folder is not flushed: who is ended loses no power. @throws what the file system says. */
export function writeWholeNow(path: string, content: string): void {
  const temporary = `${path}.${randomUUID()}${unfinished}`
  try {
    const file = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (thrown) {
    rmSync(temporary, { force: true })
    throw thrown
  }
}

/** A new name is only safe when the folder is flushed too; systems on which a folder cannot be opened do it by themselves. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}

export function because(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
