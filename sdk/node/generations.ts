/**
 * A map that forgets: two generations of at most `max` entries each. What is asked for moves to the young one; when that
 * is full it becomes the old one, and the old one is gone. So it holds the `max` most recently used entries at least,
 * twice as many at most, and needs no list to keep them in order.
 */
export type Generations<Value> = {
  readonly size: number
  get(key: string): Value | undefined
  set(key: string, value: Value): void
}

export function createGenerations<Value>(max: number): Generations<Value> {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()

  function set(key: string, value: Value): void {
    if (young.size >= max && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
    old.delete(key)
  }

  return {
    get size() {
      return young.size + old.size
    },
    get(key) {
      const value = young.get(key)
      if (value !== undefined) return value
      const older = old.get(key)
      if (older !== undefined) set(key, older)
      return older
    },
    set,
  }
}
