/** Calls as ClickHouse's RowBinary: each value after the other, little-endian, in the order of `callColumns`. */
import { type CallRow, origins } from '../row.ts'

/** A row has 120 to 300 bytes. */
const roomFor = 64 * 1_024
const [u16Max, u32Max] = [0xffff, 0xffff_ffff]

/** Texts are cut here, so that no row can be large: names of the user's, which people read. */
export const textMax = 500
const variantsMax = 100
/** At the most: 14 texts, 100 variants of 3 bytes a character, and the numbers. */
const rowBytesMax = (14 + variantsMax) * (textMax * 3 + 2) + 128

export type RowWriter = {
  row(it: CallRow): void
  /** What was written since the last `take`, in a buffer of its own. */
  take(): Buffer
  rows(): number
}

export function createRowWriter(): RowWriter {
  let buffer = Buffer.allocUnsafe(roomFor)
  let at = 0
  let rows = 0
  /** Names come again and again; their bytes are made once. Emptied when there are too many (accounts may be any number). */
  const spelled = new Map<string, Buffer>()

  function room(): void {
    if (buffer.length - at >= rowBytesMax) return
    const larger = Buffer.allocUnsafe(buffer.length * 2 + rowBytesMax)
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }

  function text(value: string): void {
    let bytes = spelled.get(value)
    if (bytes === undefined) {
      const content = Buffer.from(value.length > textMax ? value.slice(0, textMax) : value)
      bytes = Buffer.concat([lengthOf(content.length), content])
      if (spelled.size >= spelledMax) spelled.clear()
      spelled.set(value, bytes)
    }
    if (bytes.length < 24) for (let i = 0; i < bytes.length; i++) buffer[at + i] = bytes[i] as number
    else bytes.copy(buffer, at)
    at += bytes.length
  }
  function u8(value: number): void {
    buffer[at++] = value
  }
  function u16(value: number): void {
    const it = value > u16Max ? u16Max : value
    buffer[at] = it & 0xff
    buffer[at + 1] = it >>> 8
    at += 2
  }
  function u32(value: number): void {
    const it = value > u32Max ? u32Max : value
    buffer[at] = it & 0xff
    buffer[at + 1] = (it >>> 8) & 0xff
    buffer[at + 2] = (it >>> 16) & 0xff
    buffer[at + 3] = it >>> 24
    at += 4
  }
  function hex(text: string, digits: number): void {
    if (text.length !== digits) {
      buffer.fill(0, at, at + digits / 2)
      at += digits / 2
      return
    }
    for (let i = 0; i < digits; i += 2) buffer[at++] = (digitOf(text.charCodeAt(i)) << 4) | digitOf(text.charCodeAt(i + 1))
  }

  return {
    row(it) {
      room()
      // 2^53 ms is far beyond what DateTime64 holds; two halves without a BigInt.
      const high = Math.floor(it.at / 2 ** 32)
      u32(it.at - high * 2 ** 32)
      u32(high)
      text(it.service)
      text(it.environment)
      text(it.release)
      text(it.lane)
      text(it.host)
      text(it.method)
      text(it.audience)
      text(it.account)
      const count = Math.min(it.variants.length, variantsMax)
      u8(count)
      for (let i = 0; i < count; i++) text(it.variants[i] as string)
      u16(it.status)
      u8(it.failed ? 1 : 0)
      u8(it.n)
      u32(it.realUs)
      u32(it.cpuUs)
      u8(it.cpuN)
      u32(it.dbUs)
      u32(it.dbWallUs)
      u32(it.externalUs)
      u16(it.externals)
      u32(it.loopUs)
      u16(it.statements)
      u16(it.transactions)
      u32(it.rows)
      u16(it.repeats)
      text(it.repeated)
      u32(it.requestBytes)
      u32(it.responseBytes)
      hex(it.trace, 32)
      // As a number the id's first digit is its highest; the bytes stand the other way round.
      hex(it.span, 16)
      buffer.subarray(at - 8, at).reverse()
      u8(origins[it.origin])
      u8(it.marks)
      text(it.peer)
      text(it.local)
      rows++
    },
    take() {
      const taken = Buffer.from(buffer.subarray(0, at))
      at = 0
      rows = 0
      return taken
    },
    rows: () => rows,
  }
}

/** Some thousand methods, hosts and releases, and room for the accounts of the last seconds. */
const spelledMax = 20_000

function lengthOf(length: number): Buffer {
  return length < 0x80 ? Buffer.from([length]) : Buffer.from([(length & 0x7f) | 0x80, length >>> 7])
}

/** Of `0`–`9`, `a`–`f`, `A`–`F`; anything else counts as 0. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : 0
}
