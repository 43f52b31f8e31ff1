/** Evaluations over time, as a picture and as a table. Pure. */
import type { FlagCountsWire } from '@belay/protocol'

export const spans = {
  '1h': { says: 'one hour', ms: 3_600_000 },
  '6h': { says: 'six hours', ms: 6 * 3_600_000 },
  '24h': { says: 'a day', ms: 86_400_000 },
  '7d': { says: 'a week', ms: 7 * 86_400_000 },
  '30d': { says: '30 days', ms: 30 * 86_400_000 },
} as const
export type Span = keyof typeof spans
export const isSpan = (text: string | undefined): text is Span => text !== undefined && text in spans

/** The code's default has no variant's name. */
export const codeDefault = "the code's default"
export const nameOf = (variant: string | null): string => variant ?? codeDefault

export type Column = { readonly at: number; readonly total: number; readonly counts: ReadonlyMap<string, number> }

/** One column a step that had any; steps without are gaps, not zeros: nobody reported. */
export function columnsOf(it: FlagCountsWire): Column[] {
  const byStep = new Map<number, Map<string, number>>()
  for (const { at, variant, count } of it.points) {
    const counts = byStep.get(at) ?? new Map<string, number>()
    counts.set(nameOf(variant), (counts.get(nameOf(variant)) ?? 0) + count)
    byStep.set(at, counts)
  }
  return [...byStep]
    .sort(([a], [b]) => a - b)
    .map(([at, counts]) => ({ at, counts, total: [...counts.values()].reduce((sum, count) => sum + count, 0) }))
}

/** Variants in one order everywhere: as the flag names them, then what it no longer has, then the code's default. */
export function variantsIn(it: FlagCountsWire, known: readonly string[]): string[] {
  const met = new Set([...it.totals, ...it.points].map(({ variant }) => nameOf(variant)))
  const rank = (name: string) => (name === codeDefault ? known.length + 1 : known.includes(name) ? known.indexOf(name) : known.length)
  return [...met].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
}

export type Bar = {
  readonly x: number
  readonly width: number
  readonly column: Column
  readonly parts: readonly { readonly variant: string; readonly y: number; readonly height: number }[]
}

/** Bars stacked from the ground up, in a box of this size. `top` is the count at the upper edge. */
export function barsOf(
  it: FlagCountsWire,
  variants: readonly string[],
  box: { readonly width: number; readonly height: number; readonly untilAt: number },
): { readonly bars: Bar[]; readonly top: number } {
  const columns = columnsOf(it)
  const top = roundUp(Math.max(1, ...columns.map(({ total }) => total)))
  const spanMs = Math.max(it.stepMs, box.untilAt - it.sinceAt)
  const stepPx = (it.stepMs / spanMs) * box.width
  const bars = columns.map((column): Bar => {
    let below = 0
    const parts = variants.flatMap((variant) => {
      const count = column.counts.get(variant) ?? 0
      if (count === 0) return []
      const height = (count / top) * box.height
      below += height
      return [{ variant, y: box.height - below, height }]
    })
    const x = ((column.at - it.sinceAt) / spanMs) * box.width
    return { x: Math.max(0, x), width: Math.max(1, stepPx - (stepPx > 4 ? 1 : 0)), column, parts }
  })
  return { bars, top }
}

/** The next of 1, 2, 5, 10, 20, 50: an axis that a person reads. */
export function roundUp(count: number): number {
  const power = 10 ** Math.floor(Math.log10(count))
  return ([1, 2, 5, 10].find((it) => it * power >= count) ?? 10) * power
}

const field = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
export const csvOf = (it: FlagCountsWire): string =>
  `${['at,variant,count', ...it.points.map(({ at, variant, count }) => `${new Date(at).toISOString()},${field(variant ?? '')},${count}`)].join('\n')}\n`
