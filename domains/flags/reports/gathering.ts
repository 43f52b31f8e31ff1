/** What this server evaluates itself, added up in memory until it is written. */
import type { ReportWire } from '@belay/protocol'
import { reportMax } from '@belay/protocol'
import { KeySet } from '../segments/key-set.ts'
import { minuteOf } from './fold.ts'
import { cellsMax, rememberedMax, waitingCountsMax, waitingExposuresMax } from './limits.ts'

/** One variant of one flag in one environment. */
type Cell = { count: number; readonly seen: KeySet }
type Waiting = Pick<ReportWire, 'counts' | 'exposures'>

export type Gathering = {
  evaluated(environment: string, flag: string, variant: string | null, count: number, nowMs: number): void
  exposed(environment: string, flag: string, variant: string, unit: string, nowMs: number): void
  /** Hands out what was gathered, in reports that `take` may take, and begins anew. */
  drain(): { environment: string; report: Waiting }[]
  /** How many evaluations and exposures found no room since this was last asked. */
  takeLost(): number
  /** What was written as exposed may have been deleted since: it is written again when it is met again. */
  forgetExposed(): void
}

export function openGathering(): Gathering {
  let cells = new Map<string, Map<string, Map<string | null, Cell>>>()
  let cellCount = 0
  let remembered = 0
  let minute = 0
  let waiting = new Map<string, Waiting>()
  let waitingCounts = 0
  let waitingExposures = 0
  let lost = 0

  function cellOf(environment: string, flag: string, variant: string | null): Cell | undefined {
    let flags = cells.get(environment)
    if (!flags) cells.set(environment, (flags = new Map()))
    let variants = flags.get(flag)
    if (!variants) flags.set(flag, (variants = new Map()))
    let cell = variants.get(variant)
    if (!cell) {
      if (cellCount >= cellsMax) return undefined
      cellCount++
      variants.set(variant, (cell = { count: 0, seen: new KeySet() }))
    }
    return cell
  }
  function waitingOf(environment: string): Waiting {
    const known = waiting.get(environment)
    if (known) return known
    const fresh: Waiting = { counts: [], exposures: [] }
    waiting.set(environment, fresh)
    return fresh
  }
  /** The minute is over: what was counted in it waits to be written. */
  function closeMinute(): void {
    for (const [environment, flags] of cells)
      for (const [flag, variants] of flags)
        for (const [variant, cell] of variants) {
          if (cell.count === 0) continue
          if (waitingCounts >= waitingCountsMax) lost += cell.count
          else {
            waitingOf(environment).counts.push({ flag, variant, minuteAt: minute, count: cell.count })
            waitingCounts++
          }
          cell.count = 0
        }
  }

  return {
    evaluated(environment, flag, variant, count, nowMs) {
      const now = minuteOf(nowMs)
      if (now !== minute) {
        closeMinute()
        minute = now
      }
      const cell = cellOf(environment, flag, variant)
      if (cell) cell.count += count
      else lost += count
    },
    exposed(environment, flag, variant, unit, nowMs) {
      const cell = cellOf(environment, flag, variant)
      if (cell?.seen.has(unit)) return
      if (!cell || waitingExposures >= waitingExposuresMax) {
        lost++
        return
      }
      cell.seen.add(unit)
      waitingOf(environment).exposures.push({ flag, variant, unit, at: nowMs })
      waitingExposures++
      if (++remembered >= rememberedMax) this.forgetExposed()
    },
    drain() {
      closeMinute()
      const all = [...waiting].flatMap(([environment, it]) => inReports(it).map((report) => ({ environment, report })))
      waiting = new Map()
      waitingCounts = waitingExposures = 0
      return all
    },
    takeLost() {
      const now = lost
      lost = 0
      return now
    },
    forgetExposed() {
      closeMinute()
      cells = new Map()
      cellCount = remembered = 0
    },
  }
}

function inReports({ counts, exposures }: Waiting): Waiting[] {
  const reports: Waiting[] = []
  for (let at = 0; at < Math.max(counts.length, exposures.length); at += reportMax.counts) {
    reports.push({ counts: counts.slice(at, at + reportMax.counts), exposures: exposures.slice(at, at + reportMax.exposures) })
  }
  return reports
}
