/** Where an agent listens, and which code it was started from. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { invariant } from '@belay/base'
import { sha256 } from '@belay/base/node'

/** The address of a Unix socket holds 108 bytes on Linux and 104 on macOS, its end included. */
const socketPathBytesMax = 100

/** The socket of the agent of a home: in it, or, where that path would be too long, in a short one of the same user. */
export function socketPathOf(home: string): string {
  const path = join(home, 'agent.sock')
  if (Buffer.byteLength(path) <= socketPathBytesMax) return path
  return join(tmpdir(), `belay-${process.getuid?.() ?? 0}-${sha256(home).slice(0, 12)}`, 'agent.sock')
}

/**
 * Makes the folder, or takes an existing one, so that only this user can reach what is in it. One that somebody else
 * made beforehand in the temporary folder is refused.
 */
export function privateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const it = lstatSync(path)
  invariant(it.isDirectory() && (process.getuid === undefined || it.uid === process.getuid()), `${path} is a folder of this user`)
  if ((it.mode & 0o077) !== 0) chmodSync(path, 0o700)
}

/** Changes when the agent's code does, so that a server with newer code replaces an agent that outlived an upgrade. */
export function versionOf(main: string): string {
  const sources = [dirname(main), import.meta.dirname].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.(ts|js|mjs)$/.test(name) && !name.includes('.test.'))
      .sort()
      .map((name) => readFileSync(join(folder, name), 'utf8')),
  )
  return sha256(sources.join('\n')).slice(0, 12)
}
