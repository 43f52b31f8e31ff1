/**
 * The write queue. Writes are serial: all that wait when the queue turns are run one after the other in ONE
 * transaction, each in a savepoint of its own, and acknowledged after the one COMMIT. A commit costs a flush of the
 * disk (SQLite) or several round trips (PostgreSQL); sharing it makes concurrent writers several times quicker
 * without anyone being told "kept" before it is.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { Problem, sayDuration } from '@belay/base'
import { type ConnectionProvider, DefaultQueryExecutor, Transaction } from 'kysely'
import type { Engine, Signal, WriteSession } from './engine.ts'
import { storeProblem } from './problems.ts'
import type { Db } from './types.ts'

/**
 * 64 short writes take about as long as one flush of a slow disk (5 ms), so nobody waits much longer than for a write
 * of their own, and the flush's share of each is below 2 %: a larger batch would buy nothing.
 */
export const batchMax = 64
/** Half of what a neighbour process waits for the lock (10 s): work that is stuck must not make others fail. */
export const workMaxMs = 5_000
/** Deadlocks and restarts of PostgreSQL pass; five tries with doubling pauses from 20 ms wait 0.6 s in all. */
const triesMax = 5
/** Far above any real load: at 1,000 writes a second it is ten seconds of waiting, and then refusing is kinder. */
export const waitingMax = 10_000

type Write = {
  readonly work: (tx: Db) => Promise<unknown>
  readonly limitMs: number
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}
type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly signals: readonly Signal[] }
  | { readonly ok: false; readonly error: unknown }

/** The write whose work is running in this asynchronous context. */
type Running = { live: boolean; failed: { error: unknown } | undefined; signals: Map<string, Signal> }
const running = new AsyncLocalStorage<Running>()

/** A neighbour, not this work, made the shared transaction unusable. */
class TransactionLost extends Error {}
/** The transaction could not even be begun; no work has run. */
class NotBegun extends Error {}
const outcomeIsUnknown = (error: unknown) => error instanceof Problem && error.code === 'store-outcome-unknown'

export type WriteQueue = {
  write(work: (tx: Db) => Promise<unknown>, limitMs: number): Promise<unknown>
  /** Attaches the signal to the write that is running around the caller; false when there is none. */
  attach(signal: Signal): boolean
  drain(): Promise<void>
}

export function createWriteQueue(engine: Engine, told: (signals: readonly Signal[]) => void): WriteQueue {
  const waiting: Write[] = []
  let turning: Promise<void> | undefined
  let closed = false
  const { dialect, driver } = engine.kysely
  const compiler = dialect.createQueryCompiler()
  const adapter = dialect.createAdapter()

  async function turn(): Promise<void> {
    // One turn of the event loop, so that everyone whom the last commit woke can join this batch.
    await setImmediate()
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchMax)
      if (batch.length === 1 || !(await runTogether(batch))) for (const write of batch) await runAlone(write)
      await setImmediate()
    }
    turning = undefined
  }

  /** False: the transaction was spoilt for all of them, and none has been answered. */
  async function runTogether(batch: readonly Write[]): Promise<boolean> {
    let outcomes: Outcome[]
    try {
      outcomes = await inTransaction(async (session) => {
        const all: Outcome[] = []
        for (const write of batch) all.push(await inSavepoint(session, write))
        return { result: all, signals: all.flatMap((outcome) => (outcome.ok ? outcome.signals : [])) }
      })
    } catch (error) {
      if (!(error instanceof NotBegun) && !outcomeIsUnknown(error)) return false
      for (const write of batch) write.reject(engine.explain(error instanceof NotBegun ? error.cause : error))
      return true
    }
    batch.forEach((write, index) => settle(write, outcomes[index] as Outcome))
    return true
  }

  async function inSavepoint(session: WriteSession, write: Write): Promise<Outcome> {
    await session.savepoint()
    try {
      const done = await runWork(session, write)
      await session.releaseSavepoint()
      return { ok: true, ...done }
    } catch (error) {
      if (session.isLost()) throw new TransactionLost('the database ended the transaction', { cause: error })
      await session.rollbackToSavepoint()
      return { ok: false, error }
    }
  }

  async function runAlone(write: Write): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = await inTransaction(async (session) => {
          const done = await runWork(session, write)
          return { result: { ok: true as const, ...done }, signals: done.signals }
        })
        return settle(write, outcome)
      } catch (error) {
        if (error instanceof NotBegun) return write.reject(engine.explain(error.cause))
        if (outcomeIsUnknown(error) || attempt >= triesMax || !engine.isPassing(error)) return write.reject(engine.explain(error))
        await pause(attempt)
      }
    }
  }

  function settle(write: Write, outcome: Outcome): void {
    if (!outcome.ok) return write.reject(engine.explain(outcome.error))
    write.resolve(outcome.value)
    if (outcome.signals.length > 0) told(outcome.signals)
  }

  async function inTransaction<T>(body: (session: WriteSession) => Promise<{ result: T; signals: readonly Signal[] }>): Promise<T> {
    const session = await begin()
    try {
      try {
        const { result, signals } = await body(session)
        if (signals.length > 0) await session.announce(distinct(signals))
        await session.commit()
        return result
      } catch (error) {
        await rollback(session)
        throw error
      }
    } finally {
      await session.end()
    }
  }

  async function begin(): Promise<WriteSession> {
    for (let attempt = 1; ; attempt++) {
      let session: WriteSession | undefined
      try {
        session = await engine.openSession()
        await session.begin()
        return session
      } catch (error) {
        await session?.end()
        if (attempt >= triesMax || !engine.isPassing(error)) throw new NotBegun('no transaction', { cause: error })
        await pause(attempt)
      }
    }
  }

  async function runWork(session: WriteSession, write: Write): Promise<{ value: unknown; signals: readonly Signal[] }> {
    const state: Running = { live: true, failed: undefined, signals: new Map() }
    const executor = new DefaultQueryExecutor(compiler, adapter, guarded(session, state))
    const tx: Db = new Transaction({ config: { dialect }, dialect, driver, executor })
    try {
      const value = await withinLimit(
        running.run(state, () => write.work(tx)),
        write.limitMs,
      )
      if (state.failed) throw state.failed.error
      return { value, signals: [...state.signals.values()] }
    } finally {
      state.live = false
    }
  }

  return {
    write(work, limitMs) {
      if (running.getStore()?.live)
        return Promise.reject(new Error('Broken promise: a write does not ask for another write; hand its `tx` on instead'))
      if (closed) return Promise.reject(storeProblem('store-closed', undefined))
      if (waiting.length >= waitingMax) return Promise.reject(storeProblem('store-overloaded', { waiting: waiting.length }))
      return new Promise((resolve, reject) => {
        waiting.push({ work, limitMs, resolve, reject })
        turning ??= turn()
      })
    },
    attach(signal) {
      const state = running.getStore()
      if (!state?.live) return false
      state.signals.set(`${signal.channel}\n${signal.payload ?? ''}`, signal)
      return true
    },
    async drain() {
      closed = true
      await turning
    },
  }
}

async function rollback(session: WriteSession): Promise<void> {
  if (session.isLost()) return
  try {
    await session.rollback()
  } catch {
    // The error that led here says more; a connection that cannot roll back is thrown away by `end`.
  }
}

/**
 * Statements of one work, one at a time, and none after the work has ended: a forgotten `await` would otherwise write
 * into a neighbour's savepoint.
 */
function guarded(session: WriteSession, state: Running): ConnectionProvider {
  let busy: Promise<unknown> | undefined
  return {
    async provideConnection(consumer) {
      while (busy) await busy.catch(() => {})
      if (!state.live) throw new Error('Broken promise: `tx` is used only while its write runs (is an await missing?)')
      const result = consumer(session.connection)
      busy = result
      try {
        return await result
      } catch (error) {
        state.failed ??= { error }
        throw error
      } finally {
        busy = undefined
      }
    },
  }
}

const pause = (attempt: number) => setTimeout(20 * 2 ** (attempt - 1))

async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  if (limitMs === Number.POSITIVE_INFINITY) return work
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    const stop = () => reject(new Error(`Broken promise: a write holds the lock for at most ${sayDuration(limitMs)}`))
    timer = globalThis.setTimeout(stop, limitMs)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

const distinct = (signals: readonly Signal[]): Signal[] => [
  ...new Map(signals.map((signal) => [`${signal.channel}\n${signal.payload ?? ''}`, signal])).values(),
]
