/**
 * Which calls are kept with all that they did: of each method and minute those that get slower and slower beyond what is
 * usual, the first that failed, those with more and more CPU time or equal statements, and one as they usually are.
 */
import type { ExemplarReason } from './types.ts'

type Judged = {
  readonly realUs: number
  /** As measured, or -1. */
  readonly cpu: number
  readonly repeats: number
  readonly failed: boolean
}

export type ExemplarChoice = {
  /** Why this one is kept; undefined: it is not. */
  choose(method: string, call: Judged, nowMs: number): ExemplarReason | undefined
  /** A batch was taken: there is room again. */
  nextBatch(): void
}

/** At most so many in a batch: a few hundred bytes to some kilobytes each. */
const exemplarsMax = 100
/** One usual call for a page, and a handful of the odd ones; more of them tell the same. */
const periodMs = 60_000
const failedMax = 3
/** Fewer equal statements are a habit, not a loop. */
const repeatsMin = 5

type Seen = {
  periodAt: number
  slowest: number
  mostCpu: number
  mostRepeats: number
  failed: number
  usual: boolean
  readonly real: Quantile
  readonly cpu: Quantile
}

export function createExemplarChoice(): ExemplarChoice {
  /** By method, of which there are at most `methodsMax`. */
  const seen = new Map<string, Seen>()
  let kept = 0

  function reasonOf(it: Seen, call: Judged): ExemplarReason | undefined {
    const isSlow = it.real.add(call.realUs)
    const isDear = call.cpu >= 0 && it.cpu.add(call.cpu)
    if (call.failed && it.failed < failedMax) {
      it.failed++
      return 'failed'
    }
    if (call.repeats >= repeatsMin && call.repeats > it.mostRepeats) {
      it.mostRepeats = call.repeats
      return 'repeat'
    }
    if (isSlow && call.realUs > it.slowest) {
      it.slowest = call.realUs
      return 'slow'
    }
    if (isDear && call.cpu > it.mostCpu) {
      it.mostCpu = call.cpu
      return 'cpu'
    }
    if (it.usual || call.failed || isSlow) return undefined
    it.usual = true
    return 'usual'
  }

  return {
    choose(method, call, nowMs) {
      let it = seen.get(method)
      if (it === undefined) {
        it = { ...fresh, real: new Quantile(), cpu: new Quantile() }
        seen.set(method, it)
      }
      if (nowMs - it.periodAt >= periodMs) Object.assign(it, fresh, { periodAt: nowMs })
      if (kept >= exemplarsMax) return void it.real.add(call.realUs)
      const reason = reasonOf(it, call)
      if (reason !== undefined) kept++
      return reason
    },
    nextBatch() {
      kept = 0
    },
  }
}

const fresh = { periodAt: 0, slowest: 0, mostCpu: 0, mostRepeats: 0, failed: 0, usual: false }

/** Each value beyond the estimate raises it by 22 %, each other one lowers it by 0.2 %: at the 99th percentile they are even. */
const up = Math.exp(0.2 * 0.99)
const down = Math.exp(-0.2 * 0.01)

/** A running 99th percentile in one number: stochastic approximation (Robbins and Monro 1951) of its logarithm. */
class Quantile {
  #estimate = 0

  /** Is it beyond what 99 of 100 were up to now? The first is not. */
  add(value: number): boolean {
    if (this.#estimate === 0) {
      this.#estimate = value
      return false
    }
    const beyond = value > this.#estimate
    this.#estimate *= beyond ? up : down
    return beyond
  }
}
