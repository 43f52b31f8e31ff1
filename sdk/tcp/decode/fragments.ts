/** IP packets put together from their fragments, as Wireshark does by default: the last to come brings the whole. */

/**
 * Kept in all: what Linux keeps (ipfrag_high_thresh). Beyond it the packet that began first is given up; 4 MiB hold sixty
 * of the largest.
 */
export const fragmentBytesMax = 4 * 2 ** 20

/** What a part costs beyond its bytes. */
const partCost = 128

type Part = { readonly from: number; readonly bytes: Uint8Array }
type Whole = { readonly parts: Part[]; covered: number; total: number; cost: number }

export class Fragments {
  /** Packets that were given up because there were too many. */
  givenUp = 0
  readonly #open = new Map<string, Whole>()
  #cost = 0

  /**
   * @param key what the fragments of a packet have in common
   * @param from the first byte's place in the packet
   * @param more whether it is not the last fragment
   * @returns the packet, when this completes it
   */
  add(key: string, from: number, more: boolean, bytes: Uint8Array): Uint8Array | undefined {
    const whole = this.#open.get(key) ?? this.#begin(key)
    if (!more) whole.total = from + bytes.length
    const before = whole.cost
    insert(whole, from, bytes)
    this.#cost += whole.cost - before
    if (whole.total >= 0 && whole.covered >= whole.total) {
      this.#close(key, whole)
      const out = new Uint8Array(whole.total)
      for (const part of whole.parts) if (part.from < whole.total) out.set(part.bytes.subarray(0, whole.total - part.from), part.from)
      return out
    }
    this.#makeRoom()
    return undefined
  }

  #begin(key: string): Whole {
    const whole: Whole = { parts: [], covered: 0, total: -1, cost: partCost }
    this.#open.set(key, whole)
    this.#cost += whole.cost
    return whole
  }

  #close(key: string, whole: Whole): void {
    this.#open.delete(key)
    this.#cost -= whole.cost
  }

  #makeRoom(): void {
    for (const [key, whole] of this.#open) {
      if (this.#cost <= fragmentBytesMax) return
      this.#close(key, whole)
      this.givenUp += 1
    }
  }
}

/** Copies what is new of it: where fragments overlap, the first to come holds. Parts are in order. */
function insert(whole: Whole, from: number, bytes: Uint8Array): void {
  const { parts } = whole
  let place = lowerBound(parts, from)
  const previous = parts[place - 1]
  let at = previous === undefined ? from : Math.max(from, previous.from + previous.bytes.length)
  const end = from + bytes.length
  while (at < end) {
    const next = parts[place]
    const stop = next === undefined ? end : Math.min(end, next.from)
    if (stop > at) {
      const part = { from: at, bytes: bytes.slice(at - from, stop - from) }
      parts.splice(place, 0, part)
      place += 1
      whole.covered += part.bytes.length
      whole.cost += partCost + part.bytes.length
    }
    if (next === undefined) return
    at = Math.max(at, next.from + next.bytes.length)
    place += 1
  }
}

/** The first part that begins at `from` or later. */
function lowerBound(parts: readonly Part[], from: number): number {
  let low = 0
  let high = parts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((parts[middle] as Part).from < from) low = middle + 1
    else high = middle
  }
  return low
}
