/**
 * The way to an agent. Each question is a connection of its own, so an abandoned one (a log that nobody follows any
 * more) ends by closing it, and a broken one is simply asked again: reads may be, orders have their key.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { Problem, sentenceOf, systemClock } from '@belay/base'
import { privateFolder, socketPathOf, versionOf } from './agent-place.ts'
import { lineCutter } from './lines.ts'
import type { Events, Failure, Order, OrderName, Results } from './orders.ts'
import { execProblem } from './problems.ts'

export type EventOf<N extends OrderName> = N extends keyof Events ? Events[N] : never
export type Agent = {
  /**
   * Gives an order and waits for its result, over a broken connection and an agent that died and was started anew.
   * Aborting stops the waiting; what was ordered goes on (a job ends by the order `cancel`).
   *
   * @throws Problem as the agent said it, `agent-unreachable`; the signal's reason when aborted.
   */
  ask<N extends OrderName>(
    name: N,
    order: Order<N>,
    options?: { onEvent?: (event: EventOf<N>) => void; signal?: AbortSignal },
  ): Promise<Results[N]>
  /** Stops looking after the agent, which goes on. */
  close(): void
}

/** Node takes 0.1 s to start on an idle machine, and seconds on one that is busy building. */
const startMsMax = 15_000
/** A program that twice ends by itself with an error has a reason that does not pass by trying. */
const failuresMax = 2
/** An order that ends the agent so often within a minute will do so again. */
const breaksMax = 8
/** The journal of a root in one answer: 5,000 entries of about 300 bytes, with room. */
const answerBytesMax = 64 * 1024 * 1024
/** What an agent says about itself is rare; this is months of it. */
const agentLogBytesMax = 1024 * 1024

/**
 * Connects to the agent of a home, starting the program `main` when nobody listens, and starts it anew whenever it
 * ends, until closed. One that runs older code is asked to retire first; its services and jobs go on.
 *
 * @throws Problem `agent-unreachable`
 */
export async function connectAgent(options: { home: string; main: string }): Promise<Agent> {
  const { home, main } = options
  const version = versionOf(main)
  privateFolder(home)
  const socketPath = socketPathOf(home)
  let starting: Promise<'tried' | 'failed'> | undefined
  let closed = false
  let watch: Socket | undefined
  let retiring = false

  /** An open connection, after starting the agent where there is none. */
  async function reach(): Promise<Socket> {
    const endMs = performance.now() + startMsMax
    for (let failures = 0; ; ) {
      try {
        return await open(socketPath)
      } catch (error) {
        if (failures >= failuresMax || performance.now() > endMs) {
          throw execProblem('agent-unreachable', { home, why: lastWords(home) ?? sentenceOf(error) }, error)
        }
      }
      starting ??= start({ home, main, version, socketPath }).finally(() => {
        starting = undefined
      })
      if ((await starting) === 'failed') failures++
    }
  }

  async function ask<N extends OrderName>(
    name: N,
    order: Order<N>,
    { onEvent, signal }: { onEvent?: (event: EventOf<N>) => void; signal?: AbortSignal } = {},
  ): Promise<Results[N]> {
    let asked: object = { ...order, order: name }
    const breaksAtMs: number[] = []
    for (;;) {
      signal?.throwIfAborted()
      const socket = await reach()
      try {
        return (await converse(socket, asked, signal, (event) => {
          asked = goingOn(asked, event)
          onEvent?.(event as EventOf<N>)
        })) as Results[N]
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        // Its last act is to close; the answer may not have got through.
        if (name === 'retire') return {} as Results[N]
        const nowMs = performance.now()
        breaksAtMs.push(nowMs)
        if (breaksAtMs.filter((atMs) => nowMs - atMs < 60_000).length >= breaksMax) {
          throw execProblem('agent-unreachable', { home, why: lastWords(home) ?? `it ended ${breaksMax} times while it was asked` }, error)
        }
        await systemClock.sleep(20, signal)
      }
    }
  }

  /** Keeps one connection for no other purpose than to learn at once that the agent ended, and starts it anew. */
  async function lookAfter(): Promise<void> {
    for (let pauseMs = 50; !closed; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        const socket = await reach()
        watch = socket
        const sinceMs = performance.now()
        socket.unref()
        if (!closed) await new Promise((resolve) => socket.on('close', resolve).resume())
        if (performance.now() - sinceMs > 10_000) pauseMs = 50
      } catch {
        // Whoever asks next gets the reason; here only the trying goes on.
      }
      if (closed || retiring) return
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
    }
  }

  const hello = await ask('hello', {})
  if (hello.version !== version) {
    await ask('retire', {})
    await gone(socketPath)
    await ask('hello', {})
  }
  void lookAfter()
  return {
    async ask(name, order, how) {
      if (name !== 'retire') return ask(name, order, how)
      retiring = true
      // Nobody is started only to be sent home.
      if (!(await listens(socketPath))) return {} as Results[typeof name]
      const result = await ask(name, order, how)
      await gone(socketPath)
      return result
    },
    close() {
      closed = true
      watch?.destroy()
    },
  }
}

/** The connection ended before the answer. */
class Broken extends Error {}

function open(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      // Whoever uses it learns from 'close'.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

function converse(socket: Socket, order: object, signal: AbortSignal | undefined, onEvent: (event: object) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal?.reason)
      socket.destroy()
    }
    const settle = (finish: () => void) => {
      signal?.removeEventListener('abort', stop)
      finish()
      socket.destroy()
    }
    signal?.addEventListener('abort', stop, { once: true })
    const cutter = lineCutter({
      bytesMax: answerBytesMax,
      onTooLong: () => settle(() => reject(new Error('the agent answered with more than 64 MiB in one line'))),
      onLine: (line) => {
        if (signal?.aborted) return
        try {
          const answer = JSON.parse(line) as { event?: object; done?: unknown; failed?: Failure }
          if (answer.event !== undefined) onEvent(answer.event)
          else if (answer.failed !== undefined) settle(() => reject(asProblem(answer.failed as Failure)))
          else settle(() => resolve(answer.done))
        } catch (error) {
          settle(() => reject(error))
        }
      },
    })
    socket.on('data', (chunk: Buffer) => cutter.push(chunk))
    socket.on('close', () => settle(() => reject(new Broken('the connection to the agent broke off'))))
    socket.write(`${JSON.stringify({ id: 1, order })}\n`)
  })
}

/** What to ask after a break so that no output comes twice. */
function goingOn(asked: object, event: object): object {
  if ('end' in event) return { ...asked, fromOffset: event.end }
  return 'lines' in asked ? { ...asked, lines: 0 } : asked
}

function asProblem(failed: Failure): Problem {
  return new Problem(failed.code, failed.status, failed.message, failed.facts)
}

/** Starts the program as leader of a session of its own, so that what ends this process leaves it alone. */
async function start(it: { home: string; main: string; version: string; socketPath: string }): Promise<'tried' | 'failed'> {
  const logPath = join(it.home, 'agent.log')
  if ((statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > agentLogBytesMax) renameSync(logPath, `${logPath}.1`)
  const log = openSync(logPath, 'a', 0o600)
  let failed: Error | undefined
  let end: 'tried' | 'failed' | undefined
  try {
    const child = spawn(process.execPath, [it.main, '--socket', it.socketPath, '--home', it.home, '--version', it.version], {
      cwd: it.home,
      detached: true,
      stdio: ['ignore', log, log],
      // What it compiled once need not be compiled again when it is started anew.
      env: { ...onlyWhatCommandsNeed(), NODE_COMPILE_CACHE: join(it.home, 'compiled') },
    })
    child.once('error', (error) => {
      failed = error
    })
    child.once('exit', (code) => {
      // Another start was quicker (0), somebody killed it (null), or it can't.
      end = code === 0 || code === null ? 'tried' : 'failed'
    })
    child.unref()
  } finally {
    closeSync(log)
  }
  const endMs = performance.now() + startMsMax
  while (performance.now() < endMs) {
    await systemClock.sleep(10)
    if (failed !== undefined) throw execProblem('agent-unreachable', { home: it.home, why: failed.message }, failed)
    if (await listens(it.socketPath)) return 'tried'
    if (end !== undefined) return systemClock.sleep(50).then(() => end as 'tried' | 'failed')
  }
  return 'failed'
}

/** The server's own secrets (DATABASE_URL, tokens) must not reach the commands that the agent runs. */
function onlyWhatCommandsNeed(): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'TMPDIR']
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
}

/** Until nobody listens there any more. */
async function gone(socketPath: string): Promise<void> {
  const endMs = performance.now() + startMsMax
  while (performance.now() < endMs && (await listens(socketPath))) await systemClock.sleep(10)
}

async function listens(socketPath: string): Promise<boolean> {
  try {
    ;(await open(socketPath)).destroy()
    return true
  } catch {
    return false
  }
}

function lastWords(home: string): string | undefined {
  try {
    const lines = readFileSync(join(home, 'agent.log'), 'utf8').trim().split('\n')
    return lines.findLast((line) => /error|problem/i.test(line)) ?? (lines.at(-1) || undefined)
  } catch {
    return undefined
  }
}
