/** What one call did, as rows of bars on one axis of time. Pure. */
import type { ExemplarWire } from '@belay/protocol'

type Event = ExemplarWire['events'][number]
export type TimelineRow = {
  readonly key: string
  readonly kind: string
  readonly text: string
  readonly system: string
  /** More than one: the same thing was done again and again. */
  readonly count: number
  readonly tookUs: number
  readonly failed: boolean
  readonly bars: readonly { readonly atUs: number; readonly tookUs: number; readonly failed: boolean }[]
}

/** Equal statements stand in one row, whatever lies between them: "× 12" is what one looks for. In order of first doing. */
export function timelineOf(events: readonly Event[]): TimelineRow[] {
  const rows = new Map<string, { event: Event; bars: Event[] }>()
  for (const event of events) {
    const key = `${event.kind} ${event.system} ${event.text}`
    const row = rows.get(key)
    if (row === undefined) rows.set(key, { event, bars: [event] })
    else row.bars.push(event)
  }
  return [...rows].map(([key, { event, bars }]) => ({
    key,
    kind: event.kind,
    text: event.text,
    system: event.system,
    count: bars.length,
    tookUs: bars.reduce((sum, it) => sum + it.tookUs, 0),
    failed: bars.some((it) => it.failed),
    bars: bars.map(({ atUs, tookUs, failed }) => ({ atUs, tookUs, failed })),
  }))
}

/** Round times along the axis, in µs; at most `most` of them after zero. */
export function axisOf(spanUs: number, most: number): number[] {
  const rough = Math.max(spanUs, 1) / Math.max(1, most)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((it) => it * power >= rough) ?? 10) * power
  const ticks: number[] = []
  for (let at = 0; at <= spanUs; at += step) ticks.push(at)
  return ticks
}

const reasons: Readonly<Record<string, string>> = {
  slow: 'slow',
  failed: 'failed',
  cpu: 'much CPU time',
  repeat: 'repeats a statement',
  usual: 'usual',
}
export const sayWhy = (why: string): string => reasons[why] ?? why
