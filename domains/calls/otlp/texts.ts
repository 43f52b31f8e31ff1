/**
 * Texts that come again and again, made once: names of attributes, routes, statements. A text that is made anew has to be
 * hashed anew wherever it is looked up; this is half of what decoding takes.
 *
 * One slot for each hash: what comes more often pushes out what does not, and only what came twice gets in.
 */

const slots = 8_192
/** Longer ones are rare, and comparing them costs what making them does. */
const lengthMax = 512

export class Texts {
  readonly #texts = new Array<string>(slots).fill('')
  /** Hashes of those that missed last. */
  readonly #missed = new Int32Array(slots)

  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start
    if (length === 0) return ''
    if (length > lengthMax) return bytes.toString('utf8', start, end)
    const hash = hashOf(bytes, start, end)
    const slot = (hash ^ (hash >>> 15)) & (slots - 1)
    const known = this.#texts[slot] as string
    if (known.length === length && isSame(known, bytes, start)) return known
    const text = length < 24 ? short(bytes, start, end) : bytes.toString('utf8', start, end)
    // As long as its bytes: all of them are ASCII, and can be compared without being decoded.
    if (this.#missed[slot] === hash && text.length === length) this.#texts[slot] = text
    this.#missed[slot] = hash
    return text
  }
}

/** Of short texts every byte, of long ones their ends and some in between. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start
  const step = end - start <= 40 ? 1 : 5
  for (let at = start; at < end; at += step) hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193)
  for (let at = Math.max(start, end - 8); at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193)
  return hash | 0
}

function isSame(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}

/** The call into the decoder costs more than a short text takes here. */
function short(bytes: Buffer, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) {
    const code = bytes[at] as number
    if (code >= 0x80) return bytes.toString('utf8', start, end)
    text += String.fromCharCode(code)
  }
  return text
}
