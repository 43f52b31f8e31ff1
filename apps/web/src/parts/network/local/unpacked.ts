/** A file's bytes as they come, out of gzip or zstd when it is in one. */

const gzip = [0x1f, 0x8b]
const zstd = [0x28, 0xb5, 0x2f, 0xfd]
const begins = (bytes: Uint8Array, with_: readonly number[]): boolean => with_.every((byte, at) => bytes[at] === byte)

/**
 * Streams the file through `take`; nothing of it is kept.
 * @param onRead bytes of the file that were read so far, for progress
 * @throws TypeError of the browser when gzip is damaged; Error of fzstd when zstd is
 */
export async function readUnpacked(file: Blob, take: (bytes: Uint8Array) => void, onRead: (bytes: number) => void): Promise<void> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer())
  let read = 0
  const counted = file.stream().pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        read += chunk.length
        onRead(read)
        controller.enqueue(chunk)
      },
    }),
  )
  if (begins(head, zstd)) {
    const { Decompress } = await import('fzstd')
    const unpacking = new Decompress((chunk) => take(chunk))
    await each(counted, (chunk) => unpacking.push(chunk))
    unpacking.push(new Uint8Array(0), true)
    return
  }
  await each(begins(head, gzip) ? counted.pipeThrough(new DecompressionStream('gzip')) : counted, take)
}

async function each(stream: ReadableStream<Uint8Array>, take: (bytes: Uint8Array) => void): Promise<void> {
  const reader = stream.getReader()
  while (true) {
    const { done, value } = await reader.read()
    if (done) return
    take(value)
  }
}
