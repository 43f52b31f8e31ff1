/** The real server as a process of its own, and an orderly end of all that it started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineProblems, Problem, sentenceOf } from '@belay/base'
import { connectAgent } from '@belay/exec'
import { type Client, createClient, routes } from '@belay/protocol'

export const demoProblem = defineProblems({
  'demo-port-taken': {
    status: 409,
    say: ({ port }: { port: number }) => `Port ${port} is taken by another program. Choose another one: --port N, or end that program.`,
  },
  'demo-server-ended': {
    status: 500,
    say: ({ code, said }: { code: number | string; said: string }) => `The server ended (${code})${said === '' ? '' : `: ${said}`}.`,
  },
  'demo-server-silent': {
    status: 500,
    say: ({ seconds, said }: { seconds: number; said: string }) =>
      `The server did not get ready within ${seconds} s${said === '' ? '' : `: ${said}`}.`,
  },
})

export type ServerProcess = {
  readonly url: string
  readonly client: Client
  /** One-time link for the person who runs the demo. */
  signInLink(): Promise<string>
  /** Rejects with Problem `demo-server-ended` when the server ends unasked. */
  readonly ended: Promise<never>
  stop(): Promise<void>
}

const serverMain = join(import.meta.dirname, '../../apps/server/main.ts')
const agentMain = join(import.meta.dirname, '../../apps/agent/main.ts')
/** Node takes a tenth of a second on an idle machine; one that builds something else takes its time. */
const startMsMax = 30_000
/** It lets requests under way end and closes its store. */
const stopMsMax = 15_000
/** The last words are the reason; more is its log's business. */
const saidCharactersMax = 600
type ServerFile = { url: string; token: string; pid: number }

/** Starts the server of `repository` on a home folder. @throws Problem `demo-port-taken`, `demo-server-ended`, `demo-server-silent`. */
export async function startServer(options: { repository: string; home: string; port: number }): Promise<ServerProcess> {
  const { repository, home, port } = options
  if (port !== 0 && !(await isFree(port))) throw demoProblem('demo-port-taken', { port })
  const child = spawn(process.execPath, [serverMain, '--repository', repository, '--home', home, '--port', String(port)], {
    // A group of its own: Ctrl-C in a terminal is for this process, which ends the server when the services are down.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: serverEnvironment(),
  })
  const said = keepLastWords(child)
  let wanted = true
  const gone = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'no code'))
  })
  const ended = gone.then((code): never => {
    if (wanted) throw demoProblem('demo-server-ended', { code, said: said() })
    return undefined as never
  })
  ended.catch(() => {})

  const stop = async () => {
    wanted = false
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
    await gone
    clearTimeout(late)
  }
  try {
    const file = await Promise.race([announced(home, child.pid, said), ended])
    const client = createClient(file)
    return { url: file.url, client, ended, stop, signInLink: () => signInLink(client) }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The demo stands for itself: no store and no home of another server, and `node` for its services is this one. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const { DATABASE_URL, BELAY_HOME, BELAY_PORT, BELAY_REPOSITORY, BELAY_TOKEN, ...rest } = process.env
  return { ...rest, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` }
}

async function announced(home: string, pid: number | undefined, said: () => string): Promise<ServerFile> {
  const until = Date.now() + startMsMax
  while (Date.now() < until) {
    const file = readServerFile(home)
    if (file !== undefined && file.pid === pid) return file
    await sleep(25)
  }
  throw demoProblem('demo-server-silent', { seconds: startMsMax / 1_000, said: said() })
}

function readServerFile(home: string): ServerFile | undefined {
  const path = join(home, 'server.json')
  if (!existsSync(path)) return undefined
  const { url, token, pid } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  return typeof url === 'string' && typeof token === 'string' && typeof pid === 'number' ? { url, token, pid } : undefined
}

function keepLastWords(child: ChildProcess): () => string {
  let text = ''
  // Its standard output has the sign-in link, which is nobody's error message.
  child.stdout?.resume()
  child.stderr?.on('data', (piece) => {
    text = (text + String(piece)).slice(-saidCharactersMax)
  })
  return () => text.trim()
}

/** The link that the server printed has served its turn, or its ten minutes: a new one is asked for. */
async function signInLink(client: Client): Promise<string> {
  const { actor } = await client.call(routes.me, {})
  return (await client.call(routes.users.link, { params: { name: actor }, body: {} })).url
}

/** Ends a server that an earlier run left behind when it was killed. Returns its process id when there was one. */
export async function endForgottenServer(home: string): Promise<number | undefined> {
  const file = readServerFile(home)
  if (file === undefined) return undefined
  // Only one that answers with the token of this very home is ours; a process id alone may be somebody else's by now.
  const ours = await createClient(file)
    .call(routes.me, {})
    .catch(() => undefined)
  if (ours === undefined) return undefined
  process.kill(file.pid, 'SIGTERM')
  const until = Date.now() + stopMsMax
  while (existsSync(join(home, 'server.json')) && Date.now() < until) await sleep(50)
  return file.pid
}

/** Stops the services of every environment; says which could not be stopped. */
export async function stopServices(client: Client): Promise<string[]> {
  const { environments } = await client.call(routes.environments.list, {})
  const ends = await Promise.allSettled(environments.filter((it) => it.state !== 'empty').map((it) => bringDown(client, it.name)))
  return ends.flatMap((end) => (end.status === 'rejected' ? [sentenceOf(end.reason)] : []))
}

/** Waits for whoever is just at work there. */
async function bringDown(client: Client, name: string): Promise<void> {
  const until = Date.now() + stopMsMax
  while (true) {
    try {
      await client.call(routes.environments.down, { params: { name }, body: {} })
      return
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 409 || Date.now() > until) throw error
      await sleep(100)
    }
  }
}

/**
 * Ends the agent of a home, which outlives the server on purpose. With `erase` every host goes first, whatever runs or
 * deploys there: for a story that was interrupted and cannot be taken up.
 */
export async function endAgent(home: string, { erase }: { erase: boolean }): Promise<void> {
  const hosts = join(home, 'hosts')
  const roots = existsSync(hosts)
    ? readdirSync(hosts).flatMap((name) => readdirSync(join(hosts, name)).map((host) => join(hosts, name, host)))
    : []
  // The agent's own note; without it none was ever started here.
  if (!existsSync(join(home, 'agent.json'))) return
  const agent = await connectAgent({ home, main: agentMain })
  try {
    // Above every lease's: nobody is to go on here.
    const fence = Number.MAX_SAFE_INTEGER
    if (erase) await Promise.all(roots.map((root) => agent.ask('erase', { root, fence, key: 'demo/erase' })))
    await agent.ask('retire', {})
  } finally {
    agent.close()
  }
}

/** The wished port, or, when nobody wished for one and it is taken, any free one. */
export async function choosePort(wished: number | undefined, usual: number): Promise<number> {
  return wished ?? ((await isFree(usual)) ? usual : 0)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
