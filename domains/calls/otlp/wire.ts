/**
 * Protobuf's pieces on top of pbf, with every length checked against the message around it: what is torn, lies about its
 * length or has fields that end in the middle is malformed, never half read.
 *
 * Source: protobuf.dev, "Encoding".
 */
import { PbfReader } from 'pbf'
import { Malformed } from './shape.ts'
import { Texts } from './texts.ts'

/** One for all: texts of one sender are found again in the bodies of others. */
export const texts = new Texts()

export class WireReader extends PbfReader {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    super(bytes)
    this.bytes = bytes
  }

  /**
   * The next field of the message that ends at `end`, as number * 8 + wire type, so a field of another type than expected
   * is an unknown one. 0: the message is over. What was not read of the last field is skipped.
   */
  next(end: number): number {
    const field = this.nextField(end)
    if (field !== 0) return field * 8 + this.type
    if (this.pos !== end) throw new Malformed('a field ends outside of its message')
    return 0
  }

  /** Where the field that begins here with its length ends. */
  end(of: number): number {
    const length = this.readVarint()
    const end = this.pos + length
    if (!(end <= of)) throw new Malformed('a length reaches beyond its message')
    return end
  }

  text(of: number, max: number): string {
    const end = this.end(of)
    const start = this.pos
    this.pos = end
    return texts.read(this.bytes, start, end - start > max ? start + max : end)
  }

  /** For the loops that most of the time is spent in: like `next`, but whoever does not read a field skips it. 0: the message is over. */
  tag(end: number): number {
    const { pos } = this
    if (pos >= end) {
      if (pos > end) throw new Malformed('a field ends outside of its message')
      return 0
    }
    const first = this.bytes[pos] as number
    const tag = first < 0x80 ? first : this.readVarint()
    if (first < 0x80) this.pos = pos + 1
    if (tag < 8) throw new Malformed('a field has the number 0')
    return tag
  }

  /** Where an id of `length` bytes begins; -1 when it is empty, -2 when it has another length. */
  id(of: number, length: number): number {
    const end = this.end(of)
    const start = this.pos
    this.pos = end
    if (end === start) return -1
    return end - start === length ? start : -2
  }

  /** Two halves of a fixed64, low first: a double alone would round today's nanoseconds to 256. */
  fixed64(of: number, halves: Uint32Array): void {
    this.#fits(of, 8)
    halves[0] = this.bytes.readUInt32LE(this.pos)
    halves[1] = this.bytes.readUInt32LE(this.pos + 4)
    this.pos += 8
  }

  sfixed64(of: number): number | bigint {
    this.#fits(of, 8)
    const value = this.bytes.readBigInt64LE(this.pos)
    this.pos += 8
    return safe(value)
  }

  fixed32(of: number): number {
    this.#fits(of, 4)
    return this.readFixed32()
  }

  double(of: number): number {
    this.#fits(of, 8)
    return this.readDouble()
  }

  varint(of: number): number {
    const value = this.readVarint()
    if (this.pos > of) throw new Malformed('a number ends outside of its message')
    return value
  }

  /** Exact, also beyond 2^53. */
  int64(of: number): number | bigint {
    const start = this.pos
    const value = this.readVarint(true)
    if (this.pos > of) throw new Malformed('a number ends outside of its message')
    if (Number.isSafeInteger(value)) return value
    let exact = 0n
    for (let at = this.pos - 1; at >= start; at--) exact = (exact << 7n) | BigInt((this.bytes[at] as number) & 0x7f)
    return BigInt.asIntN(64, exact)
  }

  #fits(of: number, length: number): void {
    if (this.pos + length > of) throw new Malformed('a number ends outside of its message')
  }
}

const safe = (value: bigint): number | bigint => (value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value)

/** Wire types. */
export const [varint, fixed64, bytes, fixed32] = [0, 1, 2, 5] as const
