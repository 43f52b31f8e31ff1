/** Buckets that grow by a factor, as bars on an axis that does. Pure. */
type Bucket = { readonly upToUs: number; readonly count: number }
export type DistributionBar = {
  readonly fromUs: number
  readonly upToUs: number
  readonly count: number
  readonly x: number
  readonly y: number
  readonly width: number
}

/** Labels closer than this run into each other. */
const tickPx = 64

export function barsOf(
  buckets: readonly Bucket[],
  widthPx: number,
  heightPx: number,
): {
  readonly bars: readonly DistributionBar[]
  readonly ticks: readonly { readonly us: number; readonly x: number }[]
  readonly toX: (us: number) => number
} {
  const known = buckets.filter((it) => it.upToUs > 0).sort((a, b) => a.upToUs - b.upToUs)
  const [first, second] = known
  const last = known.at(-1)
  if (first === undefined || last === undefined) return { bars: [], ticks: [], toX: () => 0 }
  const ratios = known.slice(1).map((it, at) => it.upToUs / (known[at]?.upToUs ?? it.upToUs))
  // Buckets without a call may be missing: the least step is the factor.
  const factor = second === undefined ? 2 : Math.min(...ratios)
  const from = Math.log(first.upToUs / factor)
  const span = Math.max(Math.log(last.upToUs) - from, 1e-9)
  const toX = (us: number) => Math.min(widthPx, Math.max(0, ((Math.log(Math.max(us, 1e-9)) - from) / span) * widthPx))
  const top = Math.max(1, ...known.map((it) => it.count))
  const bars = known.map(({ upToUs, count }) => {
    const fromUs = upToUs / factor
    const x = toX(fromUs)
    // One call among a million is still there.
    const height = count === 0 ? 0 : Math.max(1, (count / top) * heightPx)
    return { fromUs, upToUs, count, x, width: toX(upToUs) - x, y: heightPx - height }
  })
  const ticks: { us: number; x: number }[] = []
  for (let power = Math.floor(Math.log10(first.upToUs / factor)); power <= Math.ceil(Math.log10(last.upToUs)); power++)
    for (const digit of [1, 2, 5]) {
      const us = digit * 10 ** power
      if (Math.log(us) < from - 1e-9 || us > last.upToUs * 1.000_001) continue
      const x = toX(us)
      if (x - (ticks.at(-1)?.x ?? -tickPx) >= tickPx) ticks.push({ us, x })
    }
  return { bars, ticks, toX }
}
