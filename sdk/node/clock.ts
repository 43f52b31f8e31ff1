/** Time comes in through the door, so that tests need no waiting. */
export type Clock = {
  /** Milliseconds since the epoch. May jump: nothing here measures a span with it. */
  now(): number
  /**
   * Resolves after `ms`, or rejects with the signal's reason when aborted.
   * `background`: nobody waits for it, so it need not keep the process up.
   */
  sleep(ms: number, signal?: AbortSignal, background?: boolean): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal, background = false) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }, ms)
      if (background) timer.unref()
      signal?.addEventListener('abort', stop, { once: true })
    }),
}
