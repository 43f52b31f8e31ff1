/**
 * Waits until `check` gives something true (or, if it throws, until it no longer does), and hands it back.
 *
 * @throws after `withinMs` milliseconds, with the last failure as its cause.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { withinMs, everyMs = 20, what }: { withinMs: number; everyMs?: number; what?: string },
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const endMs = performance.now() + withinMs
  let cause: unknown
  for (;;) {
    try {
      const result = await check()
      if (result) return result as Exclude<T, false | null | undefined | 0 | ''>
      cause = undefined
    } catch (thrown) {
      cause = thrown
    }
    if (performance.now() >= endMs) break
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  const reason = cause instanceof Error ? `: ${cause.message}` : ''
  throw new Error(`waited ${withinMs} ms for ${what ?? 'a condition that did not come true'}${reason}`, { cause })
}
