/**
 * MurmurHash3, x86, 32 bits, seed 0, over UTF-8: the hash of flagd's shares.
 * Source: Austin Appleby's public-domain MurmurHash3.cpp (`MurmurHash3_x86_32`).
 */

/** Of a text's UTF-8 or of bytes, unsigned: 0 to 4,294,967,295. A lone surrogate counts as U+FFFD, as in TextEncoder. */
export function murmur3(hashed: string | Uint8Array): number {
  return typeof hashed === 'string' ? murmur3Joined(hashed, '') : murmur3Bytes(hashed, hashed.length)
}

/** Of two texts one after the other, without joining them first: nothing is allocated as long as both are ASCII. */
export function murmur3Joined(first: string, second: string): number {
  let hash = 0
  let word = 0
  let shift = 0
  for (let nth = 0; nth < first.length; nth++) {
    const code = first.charCodeAt(nth)
    if (code > 0x7f) return murmur3OfUtf8(first + second)
    word |= code << shift
    shift += 8
    if (shift === 32) {
      hash = mixed(hash, word)
      word = shift = 0
    }
  }
  for (let nth = 0; nth < second.length; nth++) {
    const code = second.charCodeAt(nth)
    if (code > 0x7f) return murmur3OfUtf8(first + second)
    word |= code << shift
    shift += 8
    if (shift === 32) {
      hash = mixed(hash, word)
      word = shift = 0
    }
  }
  return finished(hash, word, first.length + second.length)
}

export function murmur3Bytes(bytes: ArrayLike<number>, length: number): number {
  let hash = 0
  let word = 0
  for (let nth = 0; nth < length; nth++) {
    word |= (bytes[nth] as number) << ((nth & 3) * 8)
    if ((nth & 3) === 3) {
      hash = mixed(hash, word)
      word = 0
    }
  }
  return finished(hash, word, length)
}

function murmur3OfUtf8(text: string): number {
  const bytes: number[] = []
  pushUtf8(bytes, text)
  return murmur3Bytes(bytes, bytes.length)
}

/** Appends the text's UTF-8. */
export function pushUtf8(bytes: number[], text: string): void {
  for (let nth = 0; nth < text.length; nth++) {
    let code = text.charCodeAt(nth)
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = text.charCodeAt(nth + 1)
      if (code <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        nth++
      } else code = 0xfffd
    }
    if (code < 0x80) bytes.push(code)
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f))
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
  }
}

function mixed(hash: number, word: number): number {
  const next = hash ^ scrambled(word)
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0
}

function scrambled(word: number): number {
  const multiplied = Math.imul(word, 0xcc9e2d51)
  return Math.imul((multiplied << 15) | (multiplied >>> 17), 0x1b873593)
}

/** `tail`: the last bytes that did not fill a word; 0 when there are none, which leaves the hash as it is. */
function finished(hash: number, tail: number, length: number): number {
  let last = hash ^ scrambled(tail) ^ length
  last = Math.imul(last ^ (last >>> 16), 0x85ebca6b)
  last = Math.imul(last ^ (last >>> 13), 0xc2b2ae35)
  return (last ^ (last >>> 16)) >>> 0
}
