/** The methods of a service that were seen: at most so many, however its paths look and whoever scans them. */
import { methodsMax, overflowMethod } from './types.ts'

export type MethodBook = {
  /**
   * The name to count a call under: its own, or `overflowMethod` when there is no more room.
   * @param otherwise Where a name was only guessed and the call came to nothing (404 without a route), the name to count
   * it under unless its own is known already: those who scan for holes would fill the book.
   */
  take(name: string, otherwise?: string): string
  /** Calls that found no room, since the beginning. */
  readonly overflowed: number
  readonly size: number
}

export function createMethodBook(max = methodsMax): MethodBook {
  const names = new Set<string>()
  let overflowed = 0
  return {
    take(name, otherwise) {
      if (names.has(name)) return name
      if (otherwise !== undefined && otherwise !== name) return this.take(otherwise)
      if (names.size < max) {
        names.add(name)
        return name
      }
      overflowed++
      return overflowMethod
    },
    get overflowed() {
      return overflowed
    },
    get size() {
      return names.size
    },
  }
}
