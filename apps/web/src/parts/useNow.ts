import { useSyncExternalStore } from 'react'
import { now } from '../time.ts'

type Ticker = { at: number; readonly watchers: Set<() => void>; timer: ReturnType<typeof setInterval> | undefined }
const tickers = new Map<number, Ticker>()

function tickerOf(everyMs: number): Ticker {
  const known = tickers.get(everyMs)
  if (known !== undefined) return known
  const fresh: Ticker = { at: now(), watchers: new Set(), timer: undefined }
  tickers.set(everyMs, fresh)
  return fresh
}

/** The server's present, renewed every `everyMs`. All who ask for the same pace share one timer and one moment. */
export function useNow(everyMs: number): number {
  return useSyncExternalStore(
    (tell) => {
      const ticker = tickerOf(everyMs)
      if (ticker.watchers.size === 0) ticker.at = now()
      ticker.watchers.add(tell)
      ticker.timer ??= setInterval(() => {
        ticker.at = now()
        for (const wake of ticker.watchers) wake()
      }, everyMs)
      return () => {
        ticker.watchers.delete(tell)
        if (ticker.watchers.size > 0) return
        clearInterval(ticker.timer)
        ticker.timer = undefined
      }
    },
    () => tickerOf(everyMs).at,
  )
}
