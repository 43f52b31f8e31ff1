/** What is reported to the server, as it travels. The other side is `reportWire` of Belay's protocol. */
import type { Json } from '@belay/flag-evaluator'
import type { Parcel } from '../outbox/parcel.ts'

export type CountReport = { readonly flag: string; readonly variant: string | null; readonly minuteAt: number; readonly count: number }
export type ExposureReport = { readonly flag: string; readonly variant: string; readonly unit: string; readonly at: number }
export type EventReport = {
  readonly name: string
  readonly unit: string | null
  readonly at: number
  readonly value: number | null
  readonly attributes: { readonly [name: string]: Json }
}

export type Contents = {
  readonly counts: readonly CountReport[]
  readonly exposures: readonly ExposureReport[]
  readonly events: readonly EventReport[]
  /** How many of the above were given up since the last batch, because a bound was reached. */
  readonly dropped: number
}

/** The server counts a pair of source and batch once, however often it comes. */
export type Report = Contents & { readonly source: string; readonly batch: number }

/** As it travels; what was lost on the way of others is told with it. */
export function sealReport(contents: Contents, { source, batch, lost }: { source: string; batch: number; lost: number }): Parcel {
  const report: Report = { source, batch, ...contents, dropped: contents.dropped + lost }
  return { source, batch, items: itemsOf(report), text: JSON.stringify(report) }
}

function itemsOf({ counts, exposures, events, dropped }: Contents): number {
  return counts.length + exposures.length + events.length + dropped
}
