/** What a stretch of traffic came to. Times in milliseconds, from the moment a request was due to its last byte. */
export type Figures = {
  readonly sent: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly slowestMs: number
  readonly seconds: number
  /** The first few reasons, each with how often it occurred. */
  readonly failures: readonly { readonly because: string; readonly count: number }[]
}

/** Enough to see what went wrong; the count tells how much. */
const reasonsMax = 5

export function figuresOf(durationsMs: readonly number[], failures: ReadonlyMap<string, number>, seconds: number): Figures {
  const sorted = durationsMs.toSorted((a, b) => a - b)
  return {
    sent: sorted.length,
    failed: [...failures.values()].reduce((sum, count) => sum + count, 0),
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    slowestMs: round(sorted.at(-1) ?? 0),
    seconds: round(seconds),
    failures: [...failures]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, reasonsMax)
      .map(([because, count]) => ({ because, count })),
  }
}

/** The smallest value that at least the share `q` of all does not exceed (nearest rank); 0 when there is none. */
export function quantile(sorted: readonly number[], q: number): number {
  return round(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
