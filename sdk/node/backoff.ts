/** How long to wait before the next try: twice as long each time, up to a bound, and not all clients at one moment. */
export function backoffMs(attempt: number, chance: () => number, { firstMs, maxMs }: { firstMs: number; maxMs: number }): number {
  const ms = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30))
  return ms / 2 + (ms / 2) * chance()
}
