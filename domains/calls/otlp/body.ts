/** Bodies of requests: read, bounded in time and size, decompressed; and how many may be worked on at once. */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { sayBytes } from '@belay/base'
import { contentTypes, type Encoding } from './answers.ts'
import { limits } from './limits.ts'
import { otlpProblem } from './problems.ts'

export type Body = {
  /** Decompressed. */
  readonly bytes: Buffer
  /** As it came, when that was gzip. */
  readonly gzip: Buffer | undefined
}

/** Room for bodies that are worked on. */
export type Room = {
  /** @throws Problem `otlp-busy` when there is none. */
  enter(): Lease
  readonly count: number
  readonly bytes: number
}
export type Lease = Disposable & {
  /** Changes how much it takes. @throws Problem `otlp-busy` */
  resize(bytes: number): void
}

export function createRoom(
  max: { readonly count: number; readonly bytes: number } = { count: limits.workingMax, bytes: limits.workingBytesMax },
): Room {
  let count = 0
  let bytes = 0
  const busy = (because: string) => otlpProblem('otlp-busy', { because, afterS: limits.busyAfterS })
  return {
    enter() {
      if (count >= max.count) throw busy(`${max.count} bodies are being taken, which is the most at once`)
      count++
      let own = 0
      let isOver = false
      return {
        resize(wanted) {
          if (wanted > own && bytes - own + wanted > max.bytes)
            throw busy(`${sayBytes(max.bytes)} of bodies are being taken, which is the most at once`)
          bytes += wanted - own
          own = wanted
        },
        [Symbol.dispose]() {
          if (isOver) return
          isOver = true
          count--
          bytes -= own
        },
      }
    },
    get count() {
      return count
    },
    get bytes() {
      return bytes
    },
  }
}

/** @throws Problem `otlp-media-type`; what it says of other types is read by whoever can. */
export function encodingOf(request: IncomingMessage): Encoding {
  const type = request.headers['content-type'] ?? ''
  const media = (type.split(';', 1)[0] as string).trim().toLowerCase()
  if (media === contentTypes.protobuf) return 'protobuf'
  if (media === contentTypes.json) return 'json'
  throw otlpProblem('otlp-media-type', { got: media === '' ? 'of no content type' : media.slice(0, 100) })
}

/** @throws Problem `otlp-too-large`, `otlp-content-encoding`, `otlp-malformed`, `otlp-slow`, `otlp-busy`. */
export async function bodyOf(request: IncomingMessage, encoding: Encoding, lease: Lease): Promise<Body> {
  const maxBytes = encoding === 'json' ? limits.jsonBytesMax : limits.bodyBytesMax
  const packed = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (packed !== 'gzip' && packed !== 'identity' && packed !== '') throw otlpProblem('otlp-content-encoding', { got: packed.slice(0, 100) })
  const tooLarge = () => otlpProblem('otlp-too-large', { maxBytes, encoding })
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maxBytes) throw tooLarge()
  lease.resize(announced)
  const came = await read(request, maxBytes, announced, lease, tooLarge)
  if (packed !== 'gzip' || came.length === 0) return { bytes: came, gzip: undefined }
  return { bytes: await unpacked(came, maxBytes, lease, tooLarge), gzip: came }
}

function read(request: IncomingMessage, maxBytes: number, announced: number, lease: Lease, tooLarge: () => Error): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let bytes = 0
    const timer = setTimeout(() => end(otlpProblem('otlp-slow', { afterS: limits.bodyMs / 1_000 })), limits.bodyMs)
    function end(error?: unknown): void {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
      if (error === undefined) resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces))
      else reject(error)
    }
    function onData(piece: Buffer): void {
      bytes += piece.length
      if (bytes > maxBytes) return end(tooLarge())
      pieces.push(piece)
      if (bytes <= announced) return
      try {
        lease.resize(bytes)
      } catch (error) {
        end(error)
      }
    }
    const onEnd = () => end()
    const onClose = () => end(otlpProblem('otlp-malformed', { because: 'the connection ended in the middle of it', where: '' }))
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
  })
}

const gunzipped = promisify<Buffer, { maxOutputLength: number; chunkSize: number }, Buffer>(gunzip)

/** The most that deflate packs into a byte. */
const ratioMax = 1_032
const smallestChunk = 1_024

async function unpacked(came: Buffer, maxBytes: number, lease: Lease, tooLarge: () => Error): Promise<Buffer> {
  // RFC 1952 §2.3.1: the last four bytes are the size before compression. Who lies about it is held to it; several
  // members in one body, which say only the size of the last, get the room that they might need.
  const said = came.length < 18 ? 0 : came.readUInt32LE(came.length - 4)
  const worst = Math.min(maxBytes, came.length * ratioMax)
  for (const room of said <= worst ? [said, worst] : [worst]) {
    lease.resize(came.length + room)
    try {
      const bytes = await gunzipped(came, {
        maxOutputLength: Math.max(1, room),
        chunkSize: Math.max(smallestChunk, Math.min(room + 1, maxBytes)),
      })
      lease.resize(came.length + bytes.length)
      return bytes
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE')
        throw otlpProblem('otlp-malformed', { because: 'it is not gzip, or was cut off', where: 'content-encoding' }, error)
    }
  }
  throw tooLarge()
}
