/** Looks at a request's body while the service reads it, and leaves it as it is. */
import type { IncomingMessage } from 'node:http'

export type SeenBody = {
  readonly bytes: number
  /** The JSON, when it was kept and came whole; undefined otherwise. */
  json(): unknown
}

/** The name of a procedure stands in a message that people would call small; larger ones are named by their path. */
const keptMax = 64 * 1024

/**
 * Node's parser hands each piece to `push`. What is there before any reader can be: whether the service listens, pipes
 * or iterates, this sees the same.
 */
export function watchBody(request: IncomingMessage, keep: boolean): SeenBody {
  const pieces: Uint8Array[] = []
  let bytes = 0
  let keeping = keep
  const push = request.push
  request.push = function (this: IncomingMessage, piece: unknown, encoding?: BufferEncoding) {
    if (piece instanceof Uint8Array) {
      bytes += piece.length
      if (keeping && bytes <= keptMax) pieces.push(piece)
      else if (keeping) {
        keeping = false
        pieces.length = 0
      }
    }
    return push.call(this, piece, encoding)
  }
  return {
    get bytes() {
      return bytes
    },
    json() {
      if (!keeping || pieces.length === 0) return undefined
      try {
        return JSON.parse(Buffer.concat(pieces).toString()) as unknown
      } catch {
        return undefined
      }
    },
  }
}
