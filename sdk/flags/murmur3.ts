/**
 * MurmurHash3, x86, 32 bits, seed 0, over UTF-8: the hash of flagd's shares.
 * Source: Austin Appleby's public-domain MurmurHash3.cpp (`MurmurHash3_x86_32`).
 */

/** Of a text's UTF-8 or of bytes, unsigned: 0 to 4,294,967,295. A lone surrogate counts as U+FFFD, as in TextEncoder. */
export function murmur3(hashed: string | Uint8Array): number {
  return (typeof hashed === 'string' ? murmur3After(nothingYet, hashed) : murmur3Bytes(hashed, hashed.length)) >>> 0
}

/** What the beginning of a text comes to, for hashing many texts that begin alike. */
export type Beginning = {
  /** Joined with the rest where one of them is not ASCII. */
  readonly text: string
  readonly isAscii: boolean
  /** Of its whole words. */
  readonly hash: number
  /** The bytes that did not fill a word, and how many bits they are. */
  readonly word: number
  readonly bits: number
}

const nothingYet: Beginning = { text: '', isAscii: true, hash: 0, word: 0, bits: 0 }

export function beginningOf(text: string): Beginning {
  let hash = 0
  let word = 0
  let bits = 0
  let isAscii = true
  for (let nth = 0; nth < text.length; nth++) {
    const code = text.charCodeAt(nth)
    isAscii &&= code <= 0x7f
    word |= code << bits
    bits += 8
    if (bits === 32) {
      hash = mixed(hash, word)
      word = bits = 0
    }
  }
  return { text, isAscii, hash, word, bits }
}

/**
 * Of the two texts one after the other. They are not joined, and nothing is allocated, as long as both are ASCII: the
 * 32 bits are the number with a sign, which engines keep without a box.
 */
export function murmur3After(beginning: Beginning, rest: string): number {
  let { hash, word, bits } = beginning
  const { length } = rest
  if (!beginning.isAscii) return murmur3OfUtf8(beginning.text + rest)
  for (let nth = 0; nth < length; nth++) {
    const code = rest.charCodeAt(nth)
    if (code > 0x7f) return murmur3OfUtf8(beginning.text + rest)
    word |= code << bits
    bits += 8
    if (bits === 32) {
      hash = mixed(hash, word)
      word = bits = 0
    }
  }
  return finished(hash, word, beginning.text.length + length)
}

/** As a number with a sign. */
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
  return last ^ (last >>> 16)
}
