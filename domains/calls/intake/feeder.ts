/** Carries closed segments into the column store, in order, each until the store has it. */
import { type Clock, sayCount, sentenceOf } from '@belay/base'
import type { Columns } from '@belay/columns'
import { callColumns, callColumnsAtFirst } from '../row.ts'
import type { Sealed } from './segment.ts'
import type { Spool } from './spool.ts'

/** How often it looks for a segment that is due; what people see of a call is this much later at most. */
const lookEveryMs = 250
const againMs = { first: 250, max: 15_000 }
/**
 * An insert costs the engine as much for one call as for some thousand, and as much again to tidy up. It may take this share
 * of the time, so that a quiet cloud costs little; but nobody waits longer than `restMaxMs` to see a call.
 */
const shareOfTime = 1 / 20
const restMaxMs = 5_000

export type Feeder = {
  /** Until aborted. Never rejects. */
  run(signal: AbortSignal): Promise<void>
  /** Resolves when all that is in the spool now is in the column store. */
  drained(signal?: AbortSignal): Promise<void>
}

export function createFeeder(it: {
  spool: Spool
  name: string
  columns: Columns
  clock: Clock
  log: (line: string, error?: unknown) => void
}): Feeder {
  const { spool, name, columns, clock, log } = it
  let trouble = ''
  let dueAt = 0
  let wanted: (() => void)[] = []

  async function feed(sealed: Sealed): Promise<void> {
    const token = `${name}-${sealed.number}`
    // What an older server left on the disk has fewer columns.
    const written = callColumns.slice(0, sealed.columns ?? callColumnsAtFirst)
    if (sealed.rows > 0) await columns.insertFile({ table: 'calls', columns: written, path: spool.path(sealed), token })
    for (const [table, rows] of Object.entries(sealed.extras)) await columns.insertRows({ table, rows, token: `${token}-${table}` })
    await spool.done(sealed)
  }

  return {
    async run(signal) {
      let pauseMs = againMs.first
      while (!signal.aborted) {
        const asked = wanted
        wanted = []
        try {
          // Full segments do not wait for the rest; young ones do.
          let sealed = await spool.next({ now: asked.length > 0, rested: clock.now() >= dueAt })
          const beganAt = clock.now()
          const isBusy = sealed !== undefined
          for (; sealed !== undefined && !signal.aborted; sealed = await spool.next()) await feed(sealed)
          if (isBusy) dueAt = clock.now() + Math.min(restMaxMs, (clock.now() - beganAt) / shareOfTime)
          if (trouble !== '') log('The column store takes calls again.')
          trouble = ''
          pauseMs = againMs.first
          for (const done of asked) done()
          if (wanted.length === 0) await clock.sleep(lookEveryMs, signal).catch(() => {})
        } catch (error) {
          wanted.push(...asked)
          const { waitingRows } = spool.state()
          const sentence = sentenceOf(error)
          if (sentence !== trouble) log(`${sayCount(waitingRows, 'call')} wait on the disk for the column store: ${sentence}`)
          trouble = sentence
          await clock.sleep(pauseMs, signal).catch(() => {})
          pauseMs = Math.min(pauseMs * 2, againMs.max)
        }
      }
    },
    drained(signal) {
      return new Promise((resolve, reject) => {
        wanted.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    },
  }
}
