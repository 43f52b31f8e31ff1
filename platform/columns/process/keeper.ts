import { type Clock, Problem, sentenceOf } from '@belay/base'
import { columnsProblem } from '../problems.ts'
import type { ColumnState } from '../types.ts'
import { type EngineChild, startChild } from './child.ts'

/** Starts the engine's process when it is first needed, and anew whenever it ends. */
export type Keeper = {
  /**
   * The running engine; waits while one starts.
   * @throws Problem why there is none: then it is tried again after a pause that nobody who asks can shorten.
   */
  engine(): Promise<EngineChild>
  state(): ColumnState
  close(): Promise<void>
}

const firstPauseMs = 200
/** An engine that keeps falling costs a second of one core at each start. */
const longestPauseMs = 10_000
/** One that has run so long fell for a new reason. */
const steadyMs = 10_000

export function keepEngine(it: {
  readonly folder: string
  readonly clock: Clock
  readonly log: (line: string, error?: unknown) => void
}): Keeper {
  const { folder, clock, log } = it
  const closing = new AbortController()
  let state: ColumnState['state'] = 'asleep'
  let failure: Problem | undefined
  let present: Promise<EngineChild> | undefined
  let restarts = 0
  let told: string | undefined
  let life: Promise<void> | undefined

  /** From the first question to the end: one engine after the other. */
  async function live(): Promise<void> {
    for (let pauseMs = firstPauseMs; ; ) {
      state = 'starting'
      present = startChild(folder)
      // Whoever asks gets the reason; here it is looked at below.
      present.catch(() => {})
      try {
        const engine = await present
        if (closing.signal.aborted) return await engine.close()
        state = 'ready'
        failure = undefined
        told = undefined
        const sinceMs = clock.now()
        const because = await engine.ended
        if (closing.signal.aborted) return
        if (clock.now() - sinceMs >= steadyMs) pauseMs = firstPauseMs
        failure = columnsProblem('columns-down', { where: folder, because })
      } catch (error) {
        failure = error instanceof Problem ? error : columnsProblem('columns-down', { where: folder, because: sentenceOf(error) }, error)
      }
      state = 'down'
      present = undefined
      // The same reason every half minute would be all that the log says.
      if (failure.message !== told) log('The column store is down; it is started again.', failure)
      told = failure.message
      try {
        await clock.sleep(pauseMs, closing.signal)
      } catch {
        return
      }
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
      restarts++
    }
  }

  return {
    async engine() {
      if (closing.signal.aborted) throw columnsProblem('columns-down', { where: folder, because: 'Belay is shutting down' })
      life ??= live()
      if (present !== undefined) return present
      throw failure as Problem
    },
    state: () => ({
      state,
      where: 'embedded',
      because: reasonOf(failure),
      restarts,
    }),
    async close() {
      closing.abort()
      const engine = await present?.catch(() => undefined)
      await engine?.close()
      await life
      state = 'asleep'
    },
  }
}

/** In the few words of a line of state; the whole sentence goes to whoever asks. */
function reasonOf(failure: Problem | undefined): string | null {
  if (failure === undefined) return null
  const { because } = failure.facts
  return typeof because === 'string' ? because : failure.message
}
