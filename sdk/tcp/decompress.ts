/** Captures inside gzip or zstd, unpacked as they stream. What a file is packed with is told by its first bytes. */
import { CaptureError } from './read/index.ts'

/** Unpacks one format. A chunk that it is handed may be overwritten when the next one is asked for. */
export type Unpack = (packed: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

export type DecompressOptions = {
  /** The platform's DecompressionStream by default, which reads the first of several gzip members only. */
  readonly gzip?: Unpack
  /** Browsers have none of their own. */
  readonly zstd?: Unpack
  /** One sentence for the reader of the result: the packed file was cut off or damaged, so that its rest is missing. */
  readonly onWarning?: (sentence: string) => void
}

/**
 * The capture's own bytes; those of a file that is not packed come as they are.
 * @throws CaptureError when the file is zstd and nobody can unpack that here, or when nothing at all can be unpacked
 */
export async function* decompressed(
  chunks: AsyncIterable<Uint8Array>,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    const first = await firstBytes(iterator)
    // What fails in the file itself is no damage of its packing.
    const source: { failure?: { readonly error: unknown } } = {}
    const rest = withFirst(first, iterator, source)
    const packing = packingOf(first)
    if (packing === undefined) {
      yield* rest
      return
    }
    const unpack = packing === 'gzip' ? (options.gzip ?? gunzipped) : options.zstd
    if (unpack === undefined) throw new CaptureError('The file is packed with zstd, which cannot be unpacked here: unpack it first.', 0)
    let any = false
    const out = unpack(rest)[Symbol.asyncIterator]()
    for (;;) {
      let next: IteratorResult<Uint8Array>
      try {
        next = await out.next()
      } catch (error) {
        if (source.failure !== undefined) throw source.failure.error
        const reason = error instanceof Error ? error.message : String(error)
        if (!any) throw new CaptureError(`The ${packing} around the capture is damaged from its beginning (${reason}).`, 0)
        options.onWarning?.(`The ${packing} around the capture is cut off or damaged (${reason}): what comes before was read.`)
        return
      }
      if (next.done === true) return
      any ||= next.value.length > 0
      yield next.value
    }
  } finally {
    await iterator.return?.()
  }
}

type Packing = 'gzip' | 'zstd'

/** RFC 1952; RFC 8878 (a frame, or one that is to be skipped and may come first). */
function packingOf(first: Uint8Array): Packing | undefined {
  if (first.length < 4) return undefined
  const magic = new DataView(first.buffer, first.byteOffset, 4).getUint32(0, true)
  if ((magic & 0xffff) === 0x8b1f) return 'gzip'
  return magic === 0xfd2f_b528 || magic >>> 4 === 0x0184_d2a5 ? 'zstd' : undefined
}

/** At least four, unless there are no more. */
async function firstBytes(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let first: Uint8Array = new Uint8Array(0)
  while (first.length < 4) {
    const { done, value } = await iterator.next()
    if (done === true) break
    if (first.length === 0 && value.length >= 4) return value
    const joined = new Uint8Array(first.length + value.length)
    joined.set(first)
    joined.set(value, first.length)
    first = joined
  }
  return first
}

async function* withFirst(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
  source: { failure?: { readonly error: unknown } },
): AsyncGenerator<Uint8Array, void, void> {
  if (first.length > 0) yield first
  for (;;) {
    let next: IteratorResult<Uint8Array>
    try {
      next = await iterator.next()
    } catch (error) {
      source.failure = { error }
      throw error
    }
    if (next.done === true) return
    yield next.value
  }
}

async function* gunzipped(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const { readable, writable } = new DecompressionStream('gzip')
  const writer = writable.getWriter()
  const feeding = (async () => {
    for await (const chunk of packed) await writer.write(chunk as Uint8Array<ArrayBuffer>)
    await writer.close()
  })()
  // Its failure is also that of the reading side, where it is met.
  feeding.catch((error: unknown) => writer.abort(error).catch(() => undefined))
  const reader = readable.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
