/**
 * Where a zstd frame ends (RFC 8878, section 3.1), found by its lengths alone: Node's decompressor reads one frame and
 * silently leaves out those that follow, and whoever packs in parallel or appends makes several.
 */
export class ZstdFrame {
  /** What the bytes that are gathered are. */
  #part: 'magic' | 'descriptor' | 'header' | 'block' | 'skippable' = 'magic'
  #needed = 4
  readonly #gathered: number[] = []
  /** Bytes that need not be looked at. */
  #skip = 0
  #last = false
  #checksum = false
  /** The frame is no frame: it has no end that could be known. */
  #endless = false

  /** @returns where in the chunk the frame ends; -1: not in this chunk */
  end(chunk: Uint8Array): number {
    let at = 0
    while (!this.#endless) {
      const skipped = Math.min(this.#skip, chunk.length - at)
      this.#skip -= skipped
      at += skipped
      if (this.#skip === 0 && this.#last) return at
      if (at === chunk.length) return -1
      this.#gathered.push(chunk[at] as number)
      at += 1
      if (this.#gathered.length === this.#needed) this.#understand(this.#gathered.splice(0))
    }
    return -1
  }

  #understand(bytes: readonly number[]): void {
    const value = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0)
    switch (this.#part) {
      case 'magic':
        if (value === 0xfd2f_b528) this.#await('descriptor', 1)
        else if (value >= 0x184d_2a50 && value <= 0x184d_2a5f) this.#await('skippable', 4)
        else this.#endless = true
        return
      case 'skippable':
        this.#skip = value
        this.#last = true
        return
      case 'descriptor': {
        const single = (value & 0x20) !== 0
        const content = [single ? 1 : 0, 2, 4, 8][value >> 6] as number
        const dictionary = [0, 1, 2, 4][value & 3] as number
        this.#checksum = (value & 4) !== 0
        const length = (single ? 0 : 1) + dictionary + content
        this.#await('header', length)
        return
      }
      case 'header':
        this.#await('block', 3)
        return
      case 'block': {
        const runLength = ((value >> 1) & 3) === 1
        this.#skip = runLength ? 1 : value >> 3
        this.#last = (value & 1) === 1
        if (this.#last && this.#checksum) this.#skip += 4
      }
    }
  }

  #await(part: 'descriptor' | 'header' | 'block' | 'skippable', needed: number): void {
    this.#part = part
    this.#needed = needed
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

/** The frames one by one, without those that say that they are to be skipped; each has to be read to its end before the next. */
export async function* zstdFrames(packed: AsyncIterable<Uint8Array>): AsyncGenerator<AsyncIterable<Uint8Array>, void, void> {
  const source = packed[Symbol.asyncIterator]()
  let chunk: Uint8Array = new Uint8Array(0)
  /** Whether there are so many bytes: a magic number is looked at as a whole. */
  const more = async (length: number) => {
    while (chunk.length < length) {
      const before = chunk.slice()
      const next = await source.next()
      if (next.done === true) return chunk.length > 0
      chunk = next.value
      if (before.length > 0) chunk = joined(before, chunk)
    }
    return true
  }
  async function* frame(): AsyncGenerator<Uint8Array, void, void> {
    const walk = new ZstdFrame()
    while (await more(1)) {
      const end = walk.end(chunk)
      const piece = end < 0 ? chunk : chunk.subarray(0, end)
      chunk = chunk.subarray(piece.length)
      yield piece
      if (end >= 0) return
    }
  }
  while (await more(4)) {
    const skippable = chunk.length >= 4 && ((chunk[0] as number) & 0xf0) === 0x50 && chunk[1] === 0x2a && chunk[2] === 0x4d
    if (!skippable) yield frame()
    else for await (const _ of frame());
  }
}
