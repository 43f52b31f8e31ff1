/** Work that several ask for at once, and work of which only so much may run at once. */

export type Say = (service: string | null, text: string) => void

type Shared<T> = { readonly result: Promise<T>; readonly listeners: Set<Say>; readonly stop: AbortController }

/**
 * Runs a work once for all who ask for it by the same key while it runs; each hears its progress. It is stopped when
 * the last of them has gone away.
 */
export function shareWork<T>() {
  const running = new Map<string, Shared<T>>()

  function begin(key: string, work: (say: Say, signal: AbortSignal) => Promise<T>): Shared<T> {
    const listeners = new Set<Say>()
    const stop = new AbortController()
    const result = work((service, text) => {
      for (const listener of listeners) listener(service, text)
    }, stop.signal)
    const it = { result, listeners, stop }
    const forget = () => {
      if (running.get(key) === it) running.delete(key)
    }
    result.then(forget, forget)
    running.set(key, it)
    return it
  }

  return async (
    key: string,
    listener: Say,
    signal: AbortSignal | undefined,
    work: (say: Say, signal: AbortSignal) => Promise<T>,
  ): Promise<{ value: T; joined: boolean }> => {
    signal?.throwIfAborted()
    const present = running.get(key)
    const it = present ?? begin(key, work)
    it.listeners.add(listener)
    if (present) listener(null, 'this is being built already; waiting for it')
    const left = Promise.withResolvers<never>()
    const leave = () => {
      it.listeners.delete(listener)
      if (it.listeners.size > 0) return left.reject(signal?.reason)
      // Nobody may join a work that is ending. The last one to leave waits until it has tidied up behind itself.
      if (running.get(key) === it) running.delete(key)
      it.stop.abort(signal?.reason)
    }
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return { value: await Promise.race([it.result, left.promise]), joined: present !== undefined }
    } finally {
      signal?.removeEventListener('abort', leave)
      it.listeners.delete(listener)
    }
  }
}

export type Place = Disposable
/** At most `count` hold a place at a time; the others wait in order. */
export function limitTo(count: number) {
  let free = count
  const waiting: (() => void)[] = []
  const place = (): Place => ({
    [Symbol.dispose]() {
      const next = waiting.shift()
      if (next) next()
      else free++
    },
  })
  return {
    /** Undefined when one would have to wait. */
    tryTake(): Place | undefined {
      if (free === 0) return undefined
      free--
      return place()
    },
    async take(signal?: AbortSignal): Promise<Place> {
      signal?.throwIfAborted()
      if (free > 0) {
        free--
        return place()
      }
      await new Promise<void>((resolve, reject) => {
        const wake = () => {
          signal?.removeEventListener('abort', giveUp)
          resolve()
        }
        const giveUp = () => {
          waiting.splice(waiting.indexOf(wake), 1)
          reject(signal?.reason)
        }
        waiting.push(wake)
        signal?.addEventListener('abort', giveUp, { once: true })
      })
      return place()
    },
  }
}
