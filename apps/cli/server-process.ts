/** Starts and stops the server of a cloud, which is a program of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@belay/base'
import { type Place, readServerFile, type ServerFile, serverFileOf } from './place.ts'
import { fail } from './problems.ts'

export const serverProgram = fileURLToPath(new URL('../server/main.ts', import.meta.url))
/** A bookmark should survive a restart, so the first choice is always the same. */
export const usualPort = 4_747
/** The first start makes tables and keys; on two busy cores that takes a few seconds. */
const readyMaxMs = 60_000
/** The server waits for running requests and lets go of its leases. */
const endMaxMs = 20_000
const lookEveryMs = 50

export type ServeOptions = { readonly port?: number | undefined; readonly host?: string | undefined }

export async function serverArguments(place: Place, { port, host }: ServeOptions): Promise<readonly string[]> {
  if (!existsSync(serverProgram)) throw fail('nothing-runs-there', { file: serverProgram })
  const onHost = host ?? '127.0.0.1'
  const chosen = port ?? ((await isFree(usualPort, onHost)) ? usualPort : 0)
  return [serverProgram, '--repository', place.repository, '--home', place.home, '--port', String(chosen), '--host', onHost]
}

/** Somebody else may take it before the server does; then the server says so. */
function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}

/** The server that runs for this cloud: it wrote its file, its process lives and is ours. */
export function runningServer(place: Place): ServerFile | undefined {
  const file = readServerFile(place)
  return file !== undefined && isOurServer(file.pid, place) ? file : undefined
}

/** @throws Problem `server-runs-already` */
export function refuseSecondServer(place: Place): void {
  const running = runningServer(place)
  if (running !== undefined) throw fail('server-runs-already', { url: running.url, pid: running.pid })
}

/**
 * Starts the server so that it outlives this command, and waits until it answers.
 * @throws Problem `server-ended`, `server-not-ready`, with the end of its log
 */
export async function startDetached(
  place: Place,
  options: ServeOptions,
  signal: AbortSignal,
): Promise<{ server: ServerFile; said: string }> {
  const log = join(place.home, 'server.log')
  mkdirSync(place.home, { recursive: true })
  const output = openSync(log, 'a', 0o600)
  const from = sizeOf(log)
  const child = spawn(process.execPath, [...(await serverArguments(place, options))], {
    detached: true,
    stdio: ['ignore', output, output],
    cwd: place.repository,
  })
  let ending: number | string | undefined
  child.once('exit', (code, signalName) => {
    ending = code ?? signalName ?? 'unknown'
  })
  child.once('error', (error) => {
    ending = error.message
  })
  child.unref()
  const fromMs = Date.now()
  const said = (): string => readFileSync(log, 'utf8').slice(from).trim()
  while (Date.now() - fromMs < readyMaxMs) {
    if (ending !== undefined) throw fail('server-ended', { code: ending, log, said: lastLines(said()) })
    const server = readServerFile(place)
    if (server !== undefined && server.pid === child.pid && (await answers(server))) return { server, said: said() }
    await systemClock.sleep(lookEveryMs, signal)
  }
  throw fail('server-not-ready', { afterMs: readyMaxMs, log, said: lastLines(said()) })
}

const lastLines = (text: string): string => text.split('\n').slice(-10).join('\n')
const sizeOf = (file: string): number => (existsSync(file) ? readFileSync(file, 'utf8').length : 0)

async function answers({ url, token }: ServerFile): Promise<boolean> {
  const { createClient, routes } = await import('@belay/protocol')
  return createClient({ url, token })
    .call(routes.me, {})
    .then(
      () => true,
      () => false,
    )
}

/** @throws Problem `server-not-ours`, `server-still-ending` */
export async function stopServer(place: Place, signal: AbortSignal): Promise<ServerFile | undefined> {
  const server = readServerFile(place)
  if (server === undefined || !isAlive(server.pid)) return undefined
  if (!isOurServer(server.pid, place)) throw fail('server-not-ours', { pid: server.pid, file: serverFileOf(place) })
  process.kill(server.pid, 'SIGTERM')
  const fromMs = Date.now()
  while (isAlive(server.pid)) {
    if (Date.now() - fromMs > endMaxMs) throw fail('server-still-ending', { pid: server.pid, afterMs: endMaxMs })
    await systemClock.sleep(lookEveryMs, signal)
  }
  return server
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Process numbers are used again: what counts is that this one runs the server program for this very folder. */
function isOurServer(pid: number, place: Place): boolean {
  if (!isAlive(pid)) return false
  const words = commandOf(pid)
  return (
    words.some((word) => word.endsWith('server/main.ts')) &&
    words.some((word, index) => words[index - 1] === '--home' && word === place.home)
  )
}

function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // No /proc on this system.
    return (spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '').trim().split(' ')
  }
}
