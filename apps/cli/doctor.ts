/** Looks at the machine: what Belay needs, what it can use, and the command that mends each lack. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { createServer, connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Problem, sayBytes, sayDuration, sentenceOf } from '@belay/base'
import type { GlobalOptions } from './context.ts'
import { findServer, folderWithCloudFile } from './place.ts'
import { usualPort } from './server-process.ts'

export type Finding = {
  readonly what: string
  /** optional: it is not there, and only some of Belay needs it. */
  readonly state: 'ok' | 'missing' | 'optional'
  readonly says: string
  /** The command, or the sentence, that mends it. */
  readonly mend: string | null
}
type Verdict = Omit<Finding, 'what'>

/** A healthy program answers `--version` at once; a hanging one must not hang the doctor. */
const answerMaxMs = 5_000
/** A small release of a handful of services takes tens of MiB; below this the next build may fill the disk. */
const diskFreeMin = 1024 ** 3
/** Leases and tokens are compared by the clock; a human notices half a minute in a ledger. */
const clockSkewMaxMs = 5_000

const ok = (says: string): Verdict => ({ state: 'ok', says, mend: null })
const missing = (says: string, mend: string): Verdict => ({ state: 'missing', says, mend })
const optional = (says: string, mend: string | null): Verdict => ({ state: 'optional', says, mend })

export async function examine(options: GlobalOptions, signal: AbortSignal): Promise<readonly Finding[]> {
  const looks: readonly [what: string, look: () => Promise<Verdict> | Verdict][] = [
    ['node', lookAtNode],
    ['git', () => program('git', ['--version'], missing('not found; releases are cut from git', install('git')))],
    ['disk', lookAtDisk],
    ['belay.yaml', lookForCloudFile],
    ['server', () => lookAtServer(options, signal)],
    ['port', () => lookAtPort(options)],
    ['cells', lookAtCells],
    ['ssh', () => program('ssh', ['-V'], optional('not found; hosts of the driver ssh cannot be reached', install('openssh-client')))],
    ['chromium', lookForChromium],
    ['postgres', lookForPostgres],
  ]
  return Promise.all(looks.map(async ([what, look]) => ({ what, ...(await look()) })))
}

function lookAtNode(): Verdict {
  const major = Number(process.versions.node.split('.')[0])
  return major >= 24 ? ok(process.version) : missing(`${process.version} is too old; Belay needs 24`, 'npm ci')
}

/** The command of the system's package manager, as far as it can be known. */
function install(debianPackage: string): string {
  if (process.platform === 'darwin') return `brew install ${debianPackage}`
  return existsSync('/etc/debian_version')
    ? `sudo apt-get install ${debianPackage}`
    : `install ${debianPackage} with your system's package manager`
}

async function run(file: string, args: readonly string[]): Promise<{ ok: boolean; said: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...args], { timeout: answerMaxMs, maxBuffer: 1024 * 1024 })
    return { ok: true, said: (stdout.trim() || stderr.trim()).split('\n')[0] ?? '' }
  } catch (error) {
    const { stderr } = error as { stderr?: string }
    return { ok: false, said: (stderr?.trim() || sentenceOf(error)).split('\n')[0] ?? '' }
  }
}

async function program(file: string, args: readonly string[], otherwise: Verdict): Promise<Verdict> {
  const result = await run(file, args)
  return result.ok ? ok(result.said) : otherwise
}

async function lookAtDisk(): Promise<Verdict> {
  const folder = folderWithCloudFile(process.cwd()) ?? process.cwd()
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  return free >= diskFreeMin
    ? ok(`${sayBytes(free)} free in ${folder}`)
    : missing(
        `${sayBytes(free)} free in ${folder}; builds need about ${sayBytes(diskFreeMin)}`,
        'df -h && du -sh .belay   # then make room',
      )
}

function lookForCloudFile(): Verdict {
  const folder = folderWithCloudFile(process.cwd())
  return folder === undefined ? optional(`none in ${process.cwd()} or above`, 'belay init') : ok(join(folder, 'belay.yaml'))
}

async function lookAtServer(options: GlobalOptions, signal: AbortSignal): Promise<Verdict> {
  let server: { url: string; token: string | undefined }
  try {
    server = findServer(options)
  } catch (error) {
    return optional(
      sentenceOf(error).split('. ')[0] ?? '',
      error instanceof Problem && error.code === 'no-cloud' ? 'belay init' : 'belay serve --detach',
    )
  }
  try {
    const fromMs = Date.now()
    const response = await fetch(`${server.url}/api/me`, {
      headers: server.token === undefined ? {} : { authorization: `Bearer ${server.token}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMaxMs)]),
    })
    const untilMs = Date.now()
    if (response.status === 401)
      return missing(`${server.url} answers, but this token is not good`, 'belay token create   # by an admin; then set BELAY_TOKEN')
    if (!response.ok) return missing(`${server.url} answers ${response.status}`, 'belay stop && belay serve --detach')
    return clockVerdict(server.url, response.headers.get('date'), fromMs, untilMs)
  } catch {
    return optional(`${server.url} does not answer`, 'belay serve --detach')
  }
}

/** The Date header has whole seconds, and the answer took its time: only what lies beyond both is skew. */
export function clockVerdict(url: string, date: string | null, fromMs: number, untilMs: number): Verdict {
  const theirs = Date.parse(date ?? '')
  if (Number.isNaN(theirs)) return ok(`${url} answers in ${untilMs - fromMs} ms`)
  const skewMs = theirs > untilMs ? theirs - untilMs : theirs + 1_000 < fromMs ? fromMs - theirs - 1_000 : 0
  return skewMs <= clockSkewMaxMs
    ? ok(`${url} answers in ${untilMs - fromMs} ms; the clocks agree`)
    : missing(`${url} answers, but its clock differs by ${sayDuration(skewMs)}`, 'timedatectl set-ntp true   # on both machines')
}

function lookAtPort(options: GlobalOptions): Promise<Verdict> {
  if (usesUsualPort(options)) return Promise.resolve(ok(`${usualPort} is this cloud's own server`))
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error) =>
      resolve(
        optional(
          `${usualPort} is taken (${(error as NodeJS.ErrnoException).code})`,
          'belay serve --port N   # without --port the server takes a free one by itself',
        ),
      ),
    )
    probe.listen(usualPort, '127.0.0.1', () => probe.close(() => resolve(ok(`${usualPort} is free`))))
  })
}

function usesUsualPort(options: GlobalOptions): boolean {
  try {
    return new URL(findServer(options).url).port === String(usualPort)
  } catch {
    // No server is known, so it is nobody's of ours.
    return false
  }
}

/** Tried for real, in a namespace that is gone when the command ends. */
async function lookAtCells(): Promise<Verdict> {
  if (process.platform !== 'linux') return optional('need Linux; the driver local works everywhere', null)
  const spaces = ['--mount', '--pid', '--net', '--uts', '--ipc', '--fork']
  const privileged = await run('unshare', [...spaces, 'true'])
  if (privileged.ok) return ok('namespaces work, privileged')
  const unprivileged = await run('unshare', ['--user', '--map-root-user', ...spaces, 'true'])
  if (unprivileged.ok) return ok('namespaces work, unprivileged')
  if (/ENOENT/.test(unprivileged.said)) return optional('unshare is not installed', install('util-linux'))
  return optional(
    `namespaces are refused: ${unprivileged.said}`,
    'sudo sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0',
  )
}

async function lookForChromium(): Promise<Verdict> {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const result = await run(name, ['--version', '--no-sandbox'])
    if (result.ok) return ok(result.said)
  }
  return optional('not found; only Belay’s own tests need it', install('chromium'))
}

async function lookForPostgres(): Promise<Verdict> {
  const address = process.env.DATABASE_URL
  if (address !== undefined) return lookAtDatabase(address)
  const folder = '/usr/lib/postgresql'
  const versions = existsSync(folder) ? readdirSync(folder).filter((version) => existsSync(join(folder, version, 'bin', 'postgres'))) : []
  if (versions.length > 0) return ok(`${versions.join(', ')} in ${folder}; DATABASE_URL is not set, so state is kept in SQLite`)
  const result = await run('postgres', ['--version'])
  return result.ok ? ok(result.said) : optional('not found; state is kept in SQLite', install('postgresql'))
}

function lookAtDatabase(address: string): Promise<Verdict> {
  let where: URL
  try {
    where = new URL(address)
  } catch {
    return Promise.resolve(missing('DATABASE_URL is not an address', 'export DATABASE_URL=postgres://user@host/database'))
  }
  const port = Number(where.port || 5_432)
  return new Promise((resolve) => {
    const lost = (because: string): void =>
      resolve(
        missing(`${where.hostname}:${port} of DATABASE_URL cannot be reached: ${because}`, `pg_isready -h ${where.hostname} -p ${port}`),
      )
    const socket = connectTcp({ host: where.hostname, port, timeout: answerMaxMs })
    socket.once('connect', () => {
      socket.destroy()
      resolve(ok(`${where.hostname}:${port} of DATABASE_URL can be reached`))
    })
    socket.once('timeout', () => {
      socket.destroy()
      lost('no answer')
    })
    socket.once('error', (error) => lost(error.message))
  })
}
