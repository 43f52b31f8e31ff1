import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { answerBytesMax, answerRowsMax, type Ask, statementBytesMax } from '../engine.ts'
import { explain } from '../explain.ts'
import { columnsProblem, sayAnswerBound } from '../problems.ts'
import type { EngineSettings, FromEngine, ToEngine } from './messages.ts'

/** One life of the engine's process. */
export type EngineChild = {
  readonly pid: number
  /** Resolves with the reason when it has ended, however it ended. */
  readonly ended: Promise<string>
  /**
   * The answer as JSON (an array of objects). With `signal` the statement is stopped in the engine too.
   * @throws Problem; the signal's reason when aborted.
   */
  run(connection: number, sql: string, ask: Ask): Promise<Uint8Array>
  /** Lets it finish what it does and end; by force when that takes longer than `closeMsMax`. */
  close(): Promise<void>
}

/** Loading the engine takes 0.2 s on an idle machine, and opening a folder after a crash up to 1 s for each 10 GB. */
const startMsMax = 120_000
/** A folder whose server was just killed is still held until the kernel has ended its engine. */
const takeOverMsMax = 3_000
const closeMsMax = 10_000
/** The engine ends a statement by its own clock, which it looks at between blocks; then it is told to; one that does neither is stuck. */
const graceMs = 500
const lateMsMax = 10_000
const lastWordsMax = 2_000
const gibibyte = 1024 ** 3
/** Questions over 30 days took 0.5 GB. A quarter of the machine leaves room for what it serves, and 4 GB are enough for the largest that one machine should hold. */
const memoryBytes = Math.round(Math.min(4 * gibibyte, Math.max(gibibyte, totalmem() / 4)))

/** @throws Problem `columns-taken`, `columns-missing`, `columns-down` */
export async function startChild(folder: string): Promise<EngineChild> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const givingUpAtMs = performance.now() + takeOverMsMax
  for (;;) {
    const outcome = await tryStart(folder)
    if ('run' in outcome) return outcome
    if (!outcome.taken) throw outcome.problem
    if (performance.now() > givingUpAtMs) throw columnsProblem('columns-taken', { folder, owner: ownerOf(folder) })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

type Failure = { readonly problem: Error; readonly taken: boolean }

async function tryStart(folder: string): Promise<EngineChild | Failure> {
  const settings: EngineSettings = {
    folder,
    memoryBytes,
    answerBytesMax,
    answerRowsMax,
    statementBytesMax,
    tooLong: sayAnswerBound(answerBytesMax),
  }
  const child = fork(new URL('./main.ts', import.meta.url), [JSON.stringify(settings)], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: environment(),
  })
  let lastWords = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-lastWordsMax)
  })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal === null ? `its process ended with ${code}` : `its process was ended by ${signal}`))
  })
  const first = await firstWord(child, ended)
  if (first === 'ready') return talkWith(child, folder, ended)
  child.kill('SIGKILL')
  await ended
  if (first.missing) return { taken: false, problem: columnsProblem('columns-missing', { platform: platform(), because: first.because }) }
  return {
    taken: /Cannot lock file/.test(lastWords),
    problem: columnsProblem('columns-down', { where: folder, because: lineOf(lastWords) ?? first.because }),
  }
}

/** No secret of the server's; the engine reads no environment. UTC, because days and hours are cut by the zone of the process. */
function environment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH']
  return {
    ...Object.fromEntries(kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    TZ: 'UTC',
    // Each statement under way holds one; with 4 of them, three heavy questions stopped all file access for seconds.
    UV_THREADPOOL_SIZE: '16',
  }
}

const platform = () => `${process.platform} ${process.arch}`

function lineOf(text: string): string | undefined {
  const line = text.split('\n').find((it) => it.includes('DB::Exception'))
  return line?.replace(/^Code: \d+\. DB::Exception: /, '').slice(0, 400)
}

/** The engine writes its process into the file that it locks. */
function ownerOf(folder: string): string {
  try {
    return /PID: (\d+)/.exec(readFileSync(join(folder, 'status'), 'utf8'))?.[1] ?? 'unknown'
  } catch {
    return 'unknown'
  }
}

type NotReady = { readonly because: string; readonly missing: boolean }

function firstWord(child: ChildProcess, ended: Promise<string>): Promise<'ready' | NotReady> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ because: `it was not ready after ${startMsMax / 1_000} s`, missing: false }), startMsMax)
    const settle = (word: 'ready' | NotReady) => {
      clearTimeout(timer)
      resolve(word)
    }
    child.once('message', (message: FromEngine) => {
      if (message.kind === 'ready') settle('ready')
      else if (message.kind === 'failed') settle(message)
    })
    void ended.then((because) => settle({ because, missing: false }))
  })
}

type Asked = { settle(end: 'lost' | FromEngine): void }

function talkWith(child: ChildProcess, folder: string, ended: Promise<string>): EngineChild {
  const asked = new Map<number, Asked>()
  let ids = 0
  let why = ''
  const send = (message: ToEngine) => {
    // A channel that just closed is told by `ended`.
    if (child.connected) child.send(message, () => {})
  }
  child.on('message', (message: FromEngine) => {
    if (message.kind === 'answer' || message.kind === 'refused') asked.get(message.id)?.settle(message)
  })
  const gone = ended.then((because) => {
    why ||= because
    for (const one of asked.values()) one.settle('lost')
    return why
  })

  function run(connection: number, sql: string, { timeoutMs, signal }: Ask): Promise<Uint8Array> {
    const id = ++ids
    return new Promise((resolve, reject) => {
      const stop = () => send({ kind: 'stop', id })
      let timer = setTimeout(() => {
        stop()
        timer = setTimeout(() => {
          why = 'it no longer answered'
          child.kill('SIGKILL')
        }, lateMsMax)
      }, timeoutMs + graceMs)
      const one: Asked = {
        settle(end) {
          clearTimeout(timer)
          signal?.removeEventListener('abort', stop)
          asked.delete(id)
          if (end === 'lost') reject(columnsProblem('columns-down', { where: folder, because: why }))
          else if (end.kind === 'answer') resolve(end.json)
          else if (signal?.aborted) reject(signal.reason)
          else if (end.kind === 'refused') reject(explain(end.refusal, folder, timeoutMs))
        },
      }
      asked.set(id, one)
      signal?.addEventListener('abort', stop, { once: true })
      if (child.connected) send({ kind: 'run', id, connection, sql, timeoutMs })
      else one.settle('lost')
    })
  }

  return {
    pid: child.pid as number,
    ended: gone,
    run,
    async close() {
      why = 'it was closed'
      send({ kind: 'close' })
      const timer = setTimeout(() => child.kill('SIGKILL'), closeMsMax)
      await ended
      clearTimeout(timer)
    },
  }
}
