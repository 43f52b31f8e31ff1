/**
 * How much of the CPU a call used: of every call (exact), of those of one second in ten (sampled), or of none (off). By
 * itself it measures all, until the process goes through so many callbacks that this would take more than a fiftieth of
 * a core.
 */
import type { AsyncLocalStorage } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import { createFactor } from './factor.ts'
import { adopt, areSlicesOn, type Charged, checkSlices, settle, sliceCounts, startSlices, stopSlices } from './slices.ts'

export const cpuModes = ['exact', 'sampled', 'off'] as const
export type CpuMode = (typeof cpuModes)[number]

/** What the meter keeps with a call. */
export type Metered = Charged & {
  /** The window in which it began; 0: it is not measured. */
  window: number
}

export type Meter = {
  readonly mode: CpuMode
  begin(call: Metered): void
  /** Slices in ms, to be multiplied by `factor`; -1: not measured. */
  end(call: Metered): number
  /** As of now. */
  factor(): number
  /** CPU of calls since this was last asked, ms: measured, or as much a second as in the last window. */
  takeAttributedMs(): number
  /** About once a second, from a timer. */
  tick(): void
  close(): void
}

/** Of a callback: what the hooks take, with what they keep V8 from doing. Measured on handlers of 20 awaits (bench/recorder.ts). */
const callbackMs = 0.00035
/** Of a core, beyond which calls are sampled; and below which all are measured again, so that it does not go to and fro. */
const coreShareMax = 0.02
const coreShareCalm = 0.01
const windowMs = 1_000
const everyMs = 10_000
/** Timers are late, and the next tick would be a second later. */
const slackMs = 500
/** Calls that began in a window are followed to their end, so that long ones are not left out; but not for ever. */
const followMaxMs = 2_000
/** So many windows in a row must have been calm. */
const calmWindows = 3

/** @param asked undefined: it chooses between exact and sampled itself. */
export function createMeter(asked: CpuMode | undefined, calls: AsyncLocalStorage<unknown>): Meter {
  const factor = createFactor()
  const threadMs = threadClock()
  let mode: CpuMode = asked ?? 'exact'
  /** Grows whenever the hooks are switched. */
  let window = 0
  let sinceMs = performance.now()
  /** Calls that begin now belong to the window. */
  let taking = false
  /** Calls of the window that have not ended. */
  let following = 0
  let calm = 0
  let counted = { atMs: sinceMs, callbacks: 0 }
  let attributed = { atMs: sinceMs, chargedMs: 0 }
  /** CPU ms of calls per ms, in the last window. */
  let rate = 0

  function open(): void {
    window++
    taking = true
    following = 0
    sinceMs = performance.now()
    counted = { atMs: sinceMs, callbacks: sliceCounts().callbacks }
    attributed = { atMs: sinceMs, chargedMs: sliceCounts().chargedMs }
    startSlices(calls)
  }

  function shut(): void {
    const nowMs = performance.now()
    rate = ((sliceCounts().chargedMs - attributed.chargedMs) * factor.value) / Math.max(1, nowMs - attributed.atMs)
    attributed.atMs = nowMs
    sinceMs = nowMs
    taking = false
    window++
    stopSlices()
  }

  /** Of a core, what the hooks took since this was last asked. */
  function share(nowMs: number): number {
    const { callbacks } = sliceCounts()
    const found = ((callbacks - counted.callbacks) * callbackMs) / Math.max(1, nowMs - counted.atMs)
    counted = { atMs: nowMs, callbacks }
    return found
  }

  function tickExact(nowMs: number): void {
    // A moment says little about a second.
    if (asked !== undefined || nowMs - counted.atMs < slackMs || share(nowMs) <= coreShareMax) return
    mode = 'sampled'
    calm = 0
    shut()
  }

  function tickSampled(nowMs: number): void {
    const passedMs = nowMs - sinceMs
    if (!areSlicesOn()) {
      if (passedMs >= everyMs - windowMs - slackMs || window === 0) open()
      return
    }
    if (passedMs < windowMs - slackMs) return
    if (taking) {
      taking = false
      calm = share(nowMs) < coreShareCalm ? calm + 1 : 0
      if (asked === undefined && calm >= calmWindows) {
        mode = 'exact'
        taking = true
        return
      }
    }
    if (following === 0 || passedMs >= windowMs + followMaxMs) shut()
  }

  function note(): void {
    factor.add({ threadMs: threadMs(), busyMs: performance.now() - performance.nodeTiming.idleTime })
  }

  note()
  if (mode === 'exact') open()

  return {
    get mode() {
      return mode
    },
    begin(call) {
      if (taking && areSlicesOn()) {
        call.window = window
        following++
      }
      adopt(call)
    },
    end(call) {
      if (call.window === 0 || call.window !== window) return -1
      settle(call)
      following--
      return call.sliceMs
    },
    factor() {
      note()
      return factor.value
    },
    takeAttributedMs() {
      const nowMs = performance.now()
      const { chargedMs } = sliceCounts()
      const taken =
        mode === 'exact' ? (chargedMs - attributed.chargedMs) * factor.value : mode === 'sampled' ? (nowMs - attributed.atMs) * rate : 0
      attributed = { atMs: nowMs, chargedMs }
      return taken
    },
    tick() {
      note()
      checkSlices()
      const nowMs = performance.now()
      if (mode === 'exact') tickExact(nowMs)
      else if (mode === 'sampled') tickSampled(nowMs)
    },
    close() {
      mode = 'off'
      shut()
    },
  }
}

let told = false
/** CPU ms of this thread; of the process where Node cannot tell (before 22.16 and 23.9), which is more. */
function threadClock(): () => number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage }
  if (threadCpuUsage === undefined && !told) {
    told = true
    process.emitWarning('Belay: this Node cannot tell the CPU time of a thread, so on a busy machine the CPU time of calls is too high.')
  }
  const usage = (threadCpuUsage ?? process.cpuUsage).bind(process)
  return () => {
    const { user, system } = usage()
    return (user + system) / 1_000
  }
}
