/** A trend as a plot takes it, and the labels of what happened meanwhile. Pure. */
import type { MarkWire, TrendWire } from '@belay/protocol'

const grainMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const
/** More would be narrower than a pixel each. */
const pointsMax = 5_000

export type PlotData = {
  /** Seconds since the epoch, evenly; in the others null where no call was. */
  readonly at: number[]
  readonly mean: (number | null)[]
  readonly p50: (number | null)[]
  readonly p95: (number | null)[]
  readonly max: (number | null)[]
  readonly n: (number | null)[]
}

/** Steps in which no call was are gaps: a line drawn through them would claim what nobody measured. */
export function plotOf({ points, grain, measure }: Pick<TrendWire, 'points' | 'grain' | 'measure'>): PlotData {
  const data: PlotData = { at: [], mean: [], p50: [], p95: [], max: [], n: [] }
  const stepMs = grainMs[grain]
  const isCount = measure === 'count' || measure === 'errors'
  const push = (at: number, it: TrendWire['points'][number] | undefined) => {
    data.at.push(at / 1_000)
    data.n.push(it?.n ?? null)
    // How many calls there were is known where there were none.
    data.mean.push(it?.mean ?? (isCount ? (it?.n ?? 0) : null))
    data.p50.push(it?.p50 ?? null)
    data.p95.push(it?.p95 ?? null)
    data.max.push(it?.max ?? null)
  }
  const sorted = [...points].sort((a, b) => a.at - b.at)
  for (const [index, it] of sorted.entries()) {
    const before = sorted[index - 1]
    // A day is 23 or 25 hours twice a year, so a step is only missing when clearly more than one has gone by.
    if (before !== undefined)
      for (let at = before.at + stepMs; at < it.at - stepMs / 2 && data.at.length < pointsMax; at += stepMs) push(at, undefined)
    push(it.at, it)
  }
  return data
}

export type Box = { readonly leftPx: number; readonly widthPx: number; readonly from: number; readonly to: number }
export type MarkLabel = { readonly x: number; readonly mark: MarkWire; readonly others: readonly MarkWire[] }

const charPx = 6.6
const labelPadPx = 26
const labelMaxPx = 150
const labelPx = (name: string, others: number): number => Math.min(labelMaxPx, name.length * charPx + labelPadPx) + (others > 0 ? 24 : 0)

/** Labels left to right; what would run into the one before is told by that. */
export function labelsOf(marks: readonly MarkWire[], box: Box): MarkLabel[] {
  const labels: { x: number; mark: MarkWire; others: MarkWire[] }[] = []
  if (box.widthPx <= 0 || box.to <= box.from) return labels
  const inside = marks.filter((it) => it.at >= box.from && it.at <= box.to).sort((a, b) => a.at - b.at)
  for (const mark of inside) {
    const x = box.leftPx + ((mark.at - box.from) / (box.to - box.from)) * box.widthPx
    const before = labels.at(-1)
    if (before !== undefined && x < before.x + labelPx(before.mark.name, before.others.length)) before.others.push(mark)
    else labels.push({ x, mark, others: [] })
  }
  return labels
}
