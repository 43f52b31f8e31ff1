/** Clean copies of a commit, in which builds run. They are removed on every way out, and after a kill at the next start. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '@belay/exec'
import { isLeftover, ownName } from './artifacts.ts'
import type { Repository } from './git.ts'

export type Checkout = AsyncDisposable & {
  /** The folder of belay.yaml with the commit's files and nothing else; written at the first call, cleaned at each later one. */
  fresh(): Promise<string>
}

export function openCheckout(repository: Repository, folder: string, commit: string, signal: AbortSignal): Checkout {
  const top = join(folder, ownName())
  let place: string | undefined
  return {
    async fresh() {
      if (place === undefined) place = await repository.checkOut(commit, top, signal)
      else await repository.clean(top)
      return place
    },
    [Symbol.asyncDispose]: () => remove(top),
  }
}

export async function sweepCheckouts(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found && isLeftover(name, Date.now() - found.mtimeMs)) await remove(join(folder, name))
  }
}

async function remove(path: string): Promise<void> {
  const retried = { recursive: true, force: true, maxRetries: 3 } as const
  try {
    await rm(path, retried)
  } catch {
    // Some package managers make their folders read-only. What cannot be removed now is tried again at the next start.
    await runCommand(['chmod', '-R', 'u+rwX', path]).catch(() => {})
    await rm(path, retried).catch(() => {})
  }
}
