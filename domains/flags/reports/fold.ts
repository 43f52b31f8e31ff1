/** Makes of a report what is to be stored: times judged, duplicates folded. Pure. */
import type { ReportWire } from '@belay/protocol'
import { aheadMaxMs, aheadMs, attributesMaxBytes, countMax, lateMaxMs, minuteMs } from './limits.ts'

/** Where the code's own default was used there is no variant; no variant has an empty name. */
export const codeDefault = ''

export type Folded = {
  readonly counts: readonly { flag: string; variant: string; at: number; count: number }[]
  readonly exposures: readonly { flag: string; variant: string; unit: string; at: number }[]
  readonly events: readonly { name: string; unit: string | null; at: number; value: number | null; attributes: string }[]
  readonly dropped: number
}

export const minuteOf = (at: number): number => at - (at % minuteMs)

/** The time that counts; undefined: nothing is taken of such a time. */
export function believedTime(at: number, nowMs: number): number | undefined {
  if (at < nowMs - lateMaxMs || at > nowMs + aheadMaxMs) return undefined
  return at > nowMs + aheadMs ? nowMs : at
}

/** What a database keeps: no NUL (PostgreSQL), no half of a surrogate pair (UTF-8). */
const clean = (text: string) => text.toWellFormed().replaceAll('\0', '')

export function foldReport(report: Pick<ReportWire, 'counts' | 'exposures' | 'events'>, nowMs: number): Folded {
  let dropped = 0
  const timed = <Entry>(entries: readonly Entry[], timeOf: (entry: Entry) => number, take: (entry: Entry, at: number) => void) => {
    for (const entry of entries) {
      const at = believedTime(timeOf(entry), nowMs)
      if (at === undefined) dropped++
      else take(entry, at)
    }
  }

  const counts = new Map<string, { flag: string; variant: string; at: number; count: number }>()
  timed(
    report.counts,
    (it) => it.minuteAt,
    (it, time) => {
      if (it.count > countMax) {
        dropped++
        return
      }
      const [flag, variant, at] = [clean(it.flag), clean(it.variant ?? codeDefault), minuteOf(time)]
      const key = `${flag}\0${variant}\0${at}`
      const known = counts.get(key)
      if (known) known.count += it.count
      else counts.set(key, { flag, variant, at, count: it.count })
    },
  )
  const exposures = new Map<string, { flag: string; variant: string; unit: string; at: number }>()
  timed(
    report.exposures,
    (it) => it.at,
    (it, at) => {
      const [flag, variant, unit] = [clean(it.flag), clean(it.variant), clean(it.unit)]
      const key = `${flag}\0${variant}\0${unit}`
      const known = exposures.get(key)
      if (known) known.at = Math.min(known.at, at)
      else exposures.set(key, { flag, variant, unit, at })
    },
  )
  const events: Folded['events'][number][] = []
  timed(
    report.events,
    (it) => it.at,
    (it, at) => {
      const attributes = JSON.stringify(it.attributes)
      if (Buffer.byteLength(attributes) > attributesMaxBytes) dropped++
      else events.push({ name: clean(it.name), unit: it.unit === null ? null : clean(it.unit), at, value: it.value, attributes })
    },
  )
  return { counts: [...counts.values()], exposures: [...exposures.values()], events, dropped }
}

/** Points that a page can draw: about 200 to 400 of each variant. Minutes are kept for two days, hours after that. */
export function stepOf(forMs: number): number {
  const steps: [untilHours: number, minutes: number][] = [
    [3, 1],
    [12, 5],
    [47, 15],
    [14 * 24, 60],
  ]
  const minutes = steps.find(([hours]) => forMs <= hours * 60 * minuteMs)?.[1] ?? 6 * 60
  return minutes * minuteMs
}
