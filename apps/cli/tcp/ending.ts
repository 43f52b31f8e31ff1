/** When something that runs on and on is to end: Ctrl-C, an end that was asked for, a time that is over, or whoever stops services. */
export type Ending = {
  readonly signal: AbortSignal
  end(): void
  [Symbol.dispose](): void
}

/** How services are stopped, and what a closed terminal sends: what was captured is kept then as after Ctrl-C. */
const stops = ['SIGTERM', 'SIGHUP'] as const

export function openEnding(interrupted: AbortSignal, forMs: number | undefined): Ending {
  const own = new AbortController()
  const end = (): void => own.abort()
  const timer = forMs === undefined ? undefined : setTimeout(end, forMs)
  for (const name of stops) process.on(name, end)
  return {
    signal: AbortSignal.any([interrupted, own.signal]),
    end,
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      for (const name of stops) process.off(name, end)
    },
  }
}
