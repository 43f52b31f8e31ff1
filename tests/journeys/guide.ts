/** Pages of the guide as one shell script: every shell block of a page, in order, with `belay` on the PATH. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const cli = fileURLToPath(new URL('../../apps/cli/belay.mjs', import.meta.url))

/** @param folder where a folder `bin` with the command line is made */
export async function scriptOf(page: string, folder: string): Promise<{ script: string; blocks: number; env: NodeJS.ProcessEnv }> {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'belay'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`)
  await chmod(join(bin, 'belay'), 0o755)
  const blocks = [...(await readFile(page, 'utf8')).matchAll(/```sh\n([\s\S]*?)```/g)].map((it) => it[1] as string)
  return {
    script: ['set -e', ...blocks.map((block, nth) => `echo "== block ${nth + 1}"\n${block}`)].join('\n'),
    blocks: blocks.length,
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: '1' },
  }
}
