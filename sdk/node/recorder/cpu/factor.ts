/**
 * A slice is wall time: while it lasted the thread may have waited for a core, or for a disk. The thread's CPU time is
 * exact over long spans only (it moves in ticks of the scheduler, up to 4 ms), so the two meet here: what share of the
 * time in which the event loop was busy did the thread have a core?
 */

export type Factor = {
  /** What has passed since the process began, ms. */
  add(passed: { readonly threadMs: number; readonly busyMs: number }): void
  /** CPU ms per ms of a slice. */
  readonly value: number
}

/** A tick of 4 ms at either end is 1.6 % of it, and a neighbour's load that begins or ends shows within a second or two. */
const spanMs = 500
/** Less than this says more about ticks than about the machine. */
const enoughMs = 100

export function createFactor(): Factor {
  const pieces: { readonly threadMs: number; readonly busyMs: number }[] = []
  let last: { readonly threadMs: number; readonly busyMs: number } | undefined
  let threadMs = 0
  let busyMs = 0

  return {
    add(passed) {
      if (last !== undefined) {
        const piece = { threadMs: passed.threadMs - last.threadMs, busyMs: passed.busyMs - last.busyMs }
        pieces.push(piece)
        threadMs += piece.threadMs
        busyMs += piece.busyMs
      }
      last = passed
      for (let oldest = pieces[0]; oldest !== undefined && busyMs - oldest.busyMs >= spanMs; oldest = pieces[0]) {
        pieces.shift()
        threadMs -= oldest.threadMs
        busyMs -= oldest.busyMs
      }
    },
    get value() {
      if (busyMs <= 0) return 1
      // As if so much had passed without anybody in the way.
      const assumedMs = Math.max(0, enoughMs - busyMs)
      return Math.min(1, Math.max(0, (threadMs + assumedMs) / (busyMs + assumedMs)))
    },
  }
}
