import { useSyncExternalStore } from 'react'
import { now } from '../time.ts'

type Ticker = { readonly subscribe: (tell: () => void) => () => void; readonly at: () => number }
const tickers = new Map<number, Ticker>()

function makeTicker(everyMs: number): Ticker {
  const watchers = new Set<() => void>()
  let timer: ReturnType<typeof setInterval> | undefined
  let at = now()
  return {
    at: () => at,
    subscribe: (tell) => {
      // Nobody looked for a while: the moment that was kept may be long past.
      if (watchers.size === 0) at = now()
      watchers.add(tell)
      timer ??= setInterval(() => {
        at = now()
        for (const wake of watchers) wake()
      }, everyMs)
      return () => {
        watchers.delete(tell)
        if (watchers.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
  }
}

/** The server's present, renewed every `everyMs`. All who ask for the same pace share one timer and one moment. */
export function useNow(everyMs: number): number {
  let ticker = tickers.get(everyMs)
  if (ticker === undefined) {
    ticker = makeTicker(everyMs)
    tickers.set(everyMs, ticker)
  }
  return useSyncExternalStore(ticker.subscribe, ticker.at)
}
