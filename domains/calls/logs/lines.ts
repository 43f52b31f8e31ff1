/** A stream as lines, unpacked when it is gzip. Never holds more than one line and one piece of the stream. */
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { lineMaxBytes } from './limits.ts'
import type { RawLine } from './types.ts'

const newLine = 0x0a

/**
 * Lines with the bytes that they are made of, without their line break; CRLF counts as one. The last may lack its break.
 * @throws what the stream fails with, also when it is broken gzip.
 */
export async function* linesOf(upload: Readable): AsyncGenerator<RawLine> {
  let rest: Buffer[] = []
  let restBytes = 0
  // The rest of a line that is too long is passed over.
  let isSkipping = false
  const line = (bytes: Buffer, terminated: boolean): RawLine => {
    const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length
    return { text: bytes.toString('utf8', 0, end), bytes, tooLong: false, terminated }
  }
  const tooLong = (bytes: Buffer, terminated: boolean): RawLine => ({
    text: '',
    bytes: bytes.subarray(0, lineMaxBytes),
    tooLong: true,
    terminated,
  })
  for await (const chunk of unpacked(upload)) {
    let from = 0
    while (true) {
      const end = chunk.indexOf(newLine, from)
      if (end < 0) break
      const piece = chunk.subarray(from, end)
      from = end + 1
      if (isSkipping) isSkipping = false
      else {
        const whole = rest.length === 0 ? piece : Buffer.concat([...rest, piece])
        yield whole.length > lineMaxBytes ? tooLong(whole, true) : line(whole, true)
      }
      rest = []
      restBytes = 0
    }
    if (isSkipping) continue
    rest.push(chunk.subarray(from))
    restBytes += chunk.length - from
    if (restBytes <= lineMaxBytes) continue
    yield tooLong(Buffer.concat(rest), true)
    isSkipping = true
    rest = []
    restBytes = 0
  }
  if (!isSkipping && restBytes > 0) yield line(Buffer.concat(rest), false)
}

async function* unpacked(upload: Readable): AsyncGenerator<Buffer> {
  const source = upload[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  const bytes = async (): Promise<Buffer | undefined> => {
    const { done, value } = await source.next()
    return done ? undefined : typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  let head = Buffer.alloc(0)
  while (head.length < 2) {
    const piece = await bytes()
    if (piece === undefined) break
    head = Buffer.concat([head, piece])
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head
    for (let piece = await bytes(); piece !== undefined; piece = await bytes()) yield piece
  }
  // RFC 1952 §2.3.1; no line of a log begins so.
  if (!(head[0] === 0x1f && head[1] === 0x8b)) {
    yield* all()
    return
  }
  const out = new PassThrough()
  const work = pipeline(all, createGunzip(), out)
  // It is awaited below; a failure also ends `out`, which is what the reader meets first.
  work.catch(() => {})
  for await (const piece of out) yield piece as Buffer
  await work
}
