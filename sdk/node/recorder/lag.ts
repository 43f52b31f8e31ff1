/**
 * How long what becomes ready now waits for the event loop: the rest of the pass that is under way (how late a timer is),
 * and on average half of the next one (how long until all that was ready has been called). Twenty samples a second, so
 * that no callback has to be looked at.
 */
import { performance } from 'node:perf_hooks'

const everyMs = 50
/** Timers count whole milliseconds. */
const grainMs = 1

let latestMs = 0

/** Mean of the last samples. */
export function lagMs(): number {
  return latestMs
}

/** Returns what stops it. Keeps no process alive. */
export function watchLag(): () => void {
  let timer: NodeJS.Timeout
  let stopped = false
  // The first is late by all that the service does before it serves.
  let first = true
  const arm = () => {
    const dueMs = performance.now() + everyMs
    timer = setTimeout(() => {
      const calledMs = performance.now()
      // Runs when the pass is over; it is not unref'd, or a loop with nothing to do would sleep first.
      setImmediate(() => {
        const passMs = performance.now() - calledMs
        if (first) first = false
        else latestMs = (latestMs + Math.max(0, calledMs - dueMs - grainMs) + passMs / 2) / 2
        if (!stopped) arm()
      })
    }, everyMs)
    timer.unref()
  }
  arm()
  return () => {
    stopped = true
    clearTimeout(timer)
    latestMs = 0
  }
}
