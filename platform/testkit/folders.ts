import { spawnSync } from 'node:child_process'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TemporaryFolder = AsyncDisposable & {
  /** Absolute, without symbolic links. */
  readonly path: string
}

/** An empty folder that is removed, with all that is in it, on the way out of the block: `await using folder = …`. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'belay-test-')))
  return { path, [Symbol.asyncDispose]: () => remove(path) }
}

/**
 * A file system of `bytes` bytes, for tests of a full disk. Only root may mount one.
 */
export async function tmpfs(bytes: number): Promise<TemporaryFolder | { readonly skipped: string }> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return { skipped: 'only root on Linux may mount a small tmpfs' }
  const folder = await temporaryFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'belay-test', folder.path], { encoding: 'utf8' })
  if (mounted.status !== 0) {
    await folder[Symbol.asyncDispose]()
    return { skipped: `a small tmpfs could not be mounted: ${mounted.stderr.trim()}` }
  }
  return {
    path: folder.path,
    [Symbol.asyncDispose]: async () => {
      // Lazily: a process that a failed test left behind must not keep the mount.
      spawnSync('umount', ['--lazy', folder.path])
      await remove(folder.path)
    },
  }
}

/** Retried: a process that is just ending may still write into the folder. */
function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}
