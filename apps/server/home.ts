/**
 * The home folder of a server (`.belay` beside belay.yaml by default): state, artifacts, hosts of the local driver, and
 * `server.json`, by which the CLI on this machine finds the server and may speak to it.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '@belay/base/node'
import { serverProblem } from './problems.ts'

export type Home = {
  readonly folder: string
  readonly serverId: string
  readonly state: string
  readonly hosts: string
  readonly releases: string
  readonly calls: string
}
type ServerFile = { url: string; token: string; pid: number; startedTicks: string }

export async function openHome(folder: string): Promise<Home> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Everything here is made by Belay; a repository that holds the folder must not pick it up.
  await writeWhole(join(folder, '.gitignore'), '*\n')
  return {
    folder,
    serverId: await lastingId(folder),
    state: join(folder, 'state.sqlite'),
    hosts: join(folder, 'hosts'),
    releases: join(folder, 'releases'),
    calls: join(folder, 'calls'),
  }
}

async function lastingId(folder: string): Promise<string> {
  const file = join(folder, 'server-id')
  const known = await readFile(file, 'utf8').catch(() => '')
  if (known.trim() !== '') return known.trim()
  const fresh = `server-${randomBytes(4).toString('hex')}`
  await writeWhole(file, `${fresh}\n`)
  return fresh
}

/** Field 22 of /proc/PID/stat, the moment a process began: a pid alone may have been given to somebody else since. */
async function startedTicks(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** @throws Problem `already-running` when another server works in this home. */
export async function claimHome(home: Home): Promise<void> {
  const text = await readFile(join(home.folder, 'server.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return
  const other = JSON.parse(text) as ServerFile
  if (other.pid !== process.pid && alive(other.pid) && (await startedTicks(other.pid)) === other.startedTicks)
    throw serverProblem('already-running', other)
}

/** For the CLI of the same user: where the server is, and a token for it (readable by this user alone). */
export async function announce(home: Home, it: { url: string; token: string }): Promise<void> {
  const file: ServerFile = { ...it, pid: process.pid, startedTicks: (await startedTicks(process.pid)) ?? '' }
  await writeWhole(join(home.folder, 'server.json'), `${JSON.stringify(file, null, 2)}\n`, 0o600)
}

/** Where the server of this home answers, or answered last; undefined: it never listened. */
export async function urlOf(home: Home): Promise<string | undefined> {
  const text = await readFile(join(home.folder, 'server.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as ServerFile).url
}

export async function leave(home: Home): Promise<void> {
  await rm(join(home.folder, 'server.json'), { force: true })
}
