/** A server that a run of the tests starts once and all its workers share: the first who asks starts it, the others wait. */
import { spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { runFolder } from './run.ts'

/** @param start gets a folder of its own, and answers what the others need to know, in one line. @throws with its reason when it did not start. */
export async function sharedServer(name: string, start: (folder: string) => Promise<string>): Promise<string> {
  const folder = join(runFolder(), name.toLowerCase())
  const answer = join(folder, 'url')
  if (isFirst(folder)) {
    const outcome = await start(folder).catch((thrown: unknown) => `failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    writeFileSync(`${answer}.new`, outcome)
    renameSync(`${answer}.new`, answer)
  }
  // About a second on an idle machine; a minute leaves room for a machine where everything is tested at once.
  await eventually(() => existsSync(answer), { withinMs: 60_000, everyMs: 50, what: `${name} to start` })
  const said = readFileSync(answer, 'utf8')
  if (said.startsWith('failed: ')) throw new Error(`${name} did not start: ${said.slice(8)}`)
  return said
}

function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o711 })
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw thrown
  }
}

/** Databases refuse root, which steps down to `postgres` (comes with Debian's package), else to `nobody`; the folder becomes theirs. */
export function stepDown(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  )
  const user = users.get('postgres') ?? users.get('nobody')
  if (user === undefined) throw new Error('running as root, and there is neither a user postgres nor a user nobody to step down to')
  chownSync(folder, user.uid, user.gid)
  return user
}

/** Starts it for the rest of the run, at whose end it is told to quit. Undefined when it answers, else the end of its log. */
export async function startForRun(
  name: string,
  [program, ...args]: readonly [program: string, ...args: string[]],
  folder: string,
  user: object,
  answers: () => Promise<unknown>,
): Promise<string | undefined> {
  const logFile = join(folder, 'log')
  const log = openSync(logFile, 'a')
  const server = spawn(program, args, { ...user, cwd: folder, detached: true, stdio: ['ignore', log, log] })
  let ended = false
  for (const event of ['exit', 'error'])
    server.once(event, () => {
      ended = true
    })
  server.unref()
  if (server.pid !== undefined) writeFileSync(join(runFolder(), `${name.toLowerCase()}.pid`), String(server.pid))
  await eventually(
    async () =>
      ended ||
      answers().then(
        () => true,
        () => false,
      ),
    { withinMs: 30_000, everyMs: 50, what: `${name} to answer` },
  )
  return ended ? readFileSync(logFile, 'utf8').slice(-2000) : undefined
}

/** @param start undefined when it runs, else why not: somebody may take the port between the look and the start. */
export async function onFreePort(start: (port: number) => Promise<string | undefined>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const problem = await start(port)
    if (problem === undefined) return port
    if (attempt === 3) throw new Error(problem)
  }
}

/** Its path, on the PATH or where Debian keeps servers. */
export function programOnPath(...names: readonly string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file))
}
