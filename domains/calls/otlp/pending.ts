/** What spans told whose own call has not come yet, by the span that it waits for. Bounded; the oldest goes first. */
import { Gathering } from './events.ts'
import { limits } from './limits.ts'

export type Waiting = {
  /** The key of the span that it waits for. */
  readonly low: number
  readonly high: number
  /** The key of its trace. */
  readonly traceLow: number
  readonly traceHigh: number
  readonly at: number
  readonly gathering: Gathering
}

export type Pending = {
  /** Takes it out. */
  take(low: number, high: number): Gathering | undefined
  /** Adds what `fill` puts in. */
  put(of: Omit<Waiting, 'at' | 'gathering'>, now: number, fill: (into: Gathering) => void): void
  /** Forgets what waited too long, and the oldest when there is no more room. */
  age(now: number, forgotten: (it: Waiting) => void): void
  readonly size: number
  readonly bytes: number
  saved(): string
  /** Adds what was saved. @returns the highest `order` among its events. */
  restore(saved: string): number
}

/** 53 of the key's 64 bits: of 100,000 that wait, two are alike by chance once in 10^6. */
const keyOf = (low: number, high: number): number => (high & 0x1f_ffff) * 2 ** 32 + low

export function createPending(max: number = limits.pendingMax): Pending {
  const all = new Map<number, Waiting>()
  let bytes = 0

  return {
    take(low, high) {
      const key = keyOf(low, high)
      const it = all.get(key)
      if (it === undefined) return undefined
      all.delete(key)
      bytes -= it.gathering.bytes
      return it.gathering
    },
    put({ low, high, traceLow, traceHigh }, now, fill) {
      const key = keyOf(low, high)
      let it = all.get(key)
      if (it === undefined) {
        it = { low, high, traceLow, traceHigh, at: now, gathering: new Gathering() }
        all.set(key, it)
      } else bytes -= it.gathering.bytes
      fill(it.gathering)
      bytes += it.gathering.bytes
    },
    age(now, forgotten) {
      // In the order in which they were put.
      for (const [key, it] of all) {
        if (now - it.at < limits.pendingMs && all.size <= max && bytes <= limits.pendingBytesMax) break
        all.delete(key)
        bytes -= it.gathering.bytes
        forgotten(it)
      }
    },
    get size() {
      return all.size
    },
    get bytes() {
      return bytes
    },
    saved: () => JSON.stringify([...all.values()]),
    restore(saved) {
      let order = 0
      for (const it of JSON.parse(saved) as Waiting[]) {
        for (const event of it.gathering.events) order = Math.max(order, event.order)
        this.put(it, it.at, (into) => into.absorb(Object.assign(new Gathering(), it.gathering)))
      }
      return order
    },
  }
}
