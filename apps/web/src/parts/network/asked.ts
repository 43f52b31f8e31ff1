/** What an address asks the server. Pure. */
import { sayFromTo } from '../../time.ts'
import type { Span, TimeSearch } from './search.ts'

const hourMs = 3_600_000
const dayMs = 86_400_000
/** `stepMs`: the beginning of a moving range stays where it is for so long, so that not every look asks a new question. */
export const spanWords = {
  '1h': { says: 'last hour', ms: hourMs, stepMs: 60_000 },
  '24h': { says: 'last 24 hours', ms: dayMs, stepMs: 300_000 },
  '7d': { says: 'last 7 days', ms: 7 * dayMs, stepMs: hourMs },
  '30d': { says: 'last 30 days', ms: 30 * dayMs, stepMs: hourMs },
} as const satisfies Record<Span, { says: string; ms: number; stepMs: number }>

export function timesOf({ range, from, to }: TimeSearch, nowAt: number): { from?: number; to?: number } {
  if (from !== undefined && to !== undefined) return { from: Date.parse(from), to: Date.parse(to) }
  if (range === undefined) return {}
  const { ms, stepMs } = spanWords[range]
  return { from: Math.floor((nowAt - ms) / stepMs) * stepMs }
}

export function sayTimes({ range, from, to }: TimeSearch): string | undefined {
  if (from !== undefined && to !== undefined) return sayFromTo(Date.parse(from), Date.parse(to))
  return range === undefined ? undefined : spanWords[range].says
}
