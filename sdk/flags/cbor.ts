/**
 * A value's one spelling in bytes: CBOR with the core deterministic encoding of RFC 8949 §4.2.1, which is what
 * fractional v3 hashes. Whole numbers from −2^63 to 2^64−1 are integers however they were written; −0 is 0.
 */
import { pushUtf8 } from './murmur3.ts'
import { TooMuchWork } from './work.ts'

/** As deep as a rule may be, and as long as a text that it makes: a context can hold itself, and then there is no end. */
const depthMax = 64
const bytesMax = 1_048_576

/** @throws TooMuchWork when the value is nested deeper than 64 levels or is too large. What JSON has no word for counts as null. */
export function cborOf(value: unknown): number[] {
  const bytes: number[] = []
  push(bytes, value, 0)
  return bytes
}

function push(bytes: number[], value: unknown, depth: number): void {
  if (depth > depthMax) throw new TooMuchWork(`a value to hash is nested deeper than ${depthMax} levels`)
  if (bytes.length > bytesMax) throw new TooMuchWork(`a value to hash has more than ${bytesMax} bytes`)
  if (typeof value === 'string') pushText(bytes, value)
  else if (typeof value === 'number') pushNumber(bytes, value)
  else if (typeof value === 'boolean') bytes.push(value ? 0xf5 : 0xf4)
  else if (Array.isArray(value)) {
    pushHead(bytes, arrays, value.length)
    for (const item of value) push(bytes, item, depth + 1)
  } else if (typeof value === 'object' && value !== null) pushMap(bytes, value, depth)
  else bytes.push(0xf6)
}

/** Major types, RFC 8949 §3.1. */
const [wholes, negatives, texts, arrays, maps] = [0x00, 0x20, 0x60, 0x80, 0xa0] as const

function pushText(bytes: number[], text: string): void {
  const utf8: number[] = []
  pushUtf8(utf8, text)
  pushHead(bytes, texts, utf8.length)
  for (const byte of utf8) bytes.push(byte)
}

/** Members in the bytewise order of their encoded names. */
function pushMap(bytes: number[], value: object, depth: number): void {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => {
      const encoded: number[] = []
      pushText(encoded, name)
      return { encoded, member: member as unknown }
    })
    .sort((a, b) => byBytes(a.encoded, b.encoded))
  pushHead(bytes, maps, members.length)
  for (const { encoded, member } of members) {
    for (const byte of encoded) bytes.push(byte)
    push(bytes, member, depth + 1)
  }
}

function byBytes(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length)
  for (let nth = 0; nth < length; nth++) {
    const difference = (a[nth] as number) - (b[nth] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function pushNumber(bytes: number[], value: number): void {
  if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 64) {
    if (value >= 0) pushHead(bytes, wholes, value)
    else if (value >= -Number.MAX_SAFE_INTEGER) pushHead(bytes, negatives, -1 - value)
    // Beyond 2^53 one less is not a number of its own: the 64 bits are made from −value, then one is taken away.
    else pushBeforeWhole(bytes, -value)
    return
  }
  pushFloat(bytes, value)
}

function pushHead(bytes: number[], major: number, argument: number): void {
  if (argument < 24) bytes.push(major | argument)
  else if (argument < 0x100) bytes.push(major | 24, argument)
  else if (argument < 0x10000) bytes.push(major | 25, argument >>> 8, argument & 0xff)
  else if (argument < 0x1_0000_0000) pushWord(bytes, major | 26, argument)
  else {
    pushWord(bytes, major | 27, Math.floor(argument / 0x1_0000_0000))
    pushWord(bytes, undefined, argument % 0x1_0000_0000)
  }
}

/** The head of a negative number with the argument `whole` − 1, for a `whole` from 2^53 to 2^63. */
function pushBeforeWhole(bytes: number[], whole: number): void {
  const low = whole % 0x1_0000_0000
  const high = Math.floor(whole / 0x1_0000_0000)
  pushWord(bytes, negatives | 27, low === 0 ? high - 1 : high)
  pushWord(bytes, undefined, low === 0 ? 0xffff_ffff : low - 1)
}

function pushWord(bytes: number[], head: number | undefined, word: number): void {
  if (head !== undefined) bytes.push(head)
  bytes.push((word >>> 24) & 0xff, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff)
}

/** The shortest of 16, 32 and 64 bits that keeps the value. */
function pushFloat(bytes: number[], value: number): void {
  if (Number.isNaN(value)) {
    bytes.push(0xf9, 0x7e, 0x00)
    return
  }
  const half = halfOf(value)
  if (half !== undefined) {
    bytes.push(0xf9, half >>> 8, half & 0xff)
    return
  }
  const view = new DataView(new ArrayBuffer(8))
  const single = Math.fround(value) === value
  if (single) view.setFloat32(0, value)
  else view.setFloat64(0, value)
  bytes.push(single ? 0xfa : 0xfb)
  for (let nth = 0; nth < (single ? 4 : 8); nth++) bytes.push(view.getUint8(nth))
}

/** The bits of the half-precision float that is exactly this value, if there is one (IEEE 754 binary16). */
function halfOf(value: number): number | undefined {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00
  if (size > 65504) return undefined
  // Below 2^-14 halves are multiples of 2^-24, and their bits count them.
  if (size < 2 ** -14) {
    const count = size * 2 ** 24
    return Number.isInteger(count) ? sign | count : undefined
  }
  const exponent = Math.floor(Math.log2(size))
  const fraction = (size / 2 ** exponent - 1) * 1024
  return Number.isInteger(fraction) ? sign | ((exponent + 15) << 10) | fraction : undefined
}
