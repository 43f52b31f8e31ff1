/** A file's bytes, unpacked when they are packed. */
import { type FileReadResult, open } from 'node:fs/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import type { Transform } from 'node:stream'
import { decompressed, type Unpack } from '../decompress.ts'
import { zstdFrames } from './zstd.ts'

/** Reads of this size cost nothing beside what is done with them, and two of them fit the memory of any machine. */
const readBytes = 4 * 2 ** 20

/**
 * @param source a file, or the bytes of one as they come
 * @param onWarning told when the packing around the capture is damaged
 * @returns chunks, each overwritten when the next one is asked for
 */
export function captureBytes(
  source: string | AsyncIterable<Uint8Array>,
  onWarning: (sentence: string) => void,
): AsyncGenerator<Uint8Array, void, void> {
  // Node 20 has no zstd.
  const zstd: Unpack | undefined = createZstdDecompress === undefined ? undefined : unzstd
  return decompressed(typeof source === 'string' ? fileBytes(source) : source, {
    gzip: (packed) => unpackedBy(createGunzip(eager), packed),
    zstd,
    onWarning,
  })
}

/** Reads the next chunk into one buffer while the other one is looked at. */
async function* fileBytes(path: string): AsyncGenerator<Uint8Array, void, void> {
  await using file = await open(path)
  const buffers = [new Uint8Array(readBytes), new Uint8Array(readBytes)] as const
  let reading: Promise<FileReadResult<Uint8Array>> = file.read(buffers[0], 0, readBytes)
  try {
    for (let turn = 0; ; turn ^= 1) {
      const { bytesRead, buffer } = await reading
      if (bytesRead === 0) return
      reading = file.read(buffers[turn ^ 1] as Uint8Array, 0, readBytes)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    // Nobody may close the file under a read.
    await reading.catch(() => undefined)
  }
}

/**
 * With the lowest high-water mark a stream unpacks no further than one piece ahead of its reader, so that a small file that
 * unpacks to a large one takes no memory. Damage takes with it the piece in which it is found: hence small ones.
 */
const eager = { chunkSize: 16 * 1024, readableHighWaterMark: 1 }

async function* unzstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const frame of zstdFrames(packed)) yield* unpackedBy(createZstdDecompress(eager), frame)
}

async function* unpackedBy(stream: Transform, packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const out: Uint8Array[] = []
  const state = { ended: false, failure: undefined as Error | undefined, wake: () => {} }
  const changed = () => state.wake()
  stream.on('data', (piece: Uint8Array) => {
    out.push(piece)
    stream.pause()
    changed()
  })
  stream.on('end', () => {
    state.ended = true
    changed()
  })
  stream.on('error', (error: Error) => {
    state.failure = error
    changed()
  })
  /** Yields what comes until `done` says so. */
  async function* until(done: () => boolean): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const piece = out.shift()
      if (piece !== undefined) {
        yield piece
        continue
      }
      if (state.failure !== undefined) throw state.failure
      if (done()) return
      await new Promise<void>((resolve) => {
        state.wake = resolve
        stream.resume()
      })
    }
  }
  try {
    for await (const chunk of packed) {
      let taken = false
      stream.write(chunk, () => {
        taken = true
        changed()
      })
      // Only then may the chunk be overwritten.
      yield* until(() => taken)
    }
    stream.end()
    yield* until(() => state.ended)
  } finally {
    stream.destroy()
  }
}
