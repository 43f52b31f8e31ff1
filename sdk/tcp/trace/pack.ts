/**
 * A trace as bytes: each column for itself, as differences from what could be expected, in varints (LEB128, signed
 * ones zigzag). A bulk transfer takes about 13 bytes a segment before compression, in which it halves again.
 *
 * `BTR1`, varints {count, blocks, dropped, two bases}, then the columns in the order of `write` below.
 */
import { kinds, labels as labelNames } from '../types.ts'
import { type Columns, traceBlocksMax, traceSegmentsMax } from './trace.ts'

/** The bytes are no trace, or one that was cut or changed; `at` tells where that showed. */
export class TraceUnreadable extends Error {
  override readonly name = 'TraceUnreadable'
  readonly at: number
  constructor(sentence: string, at: number) {
    super(`${sentence}, at byte ${at} of the trace.`)
    this.at = at
  }
}

const magic = [0x42, 0x54, 0x52, 0x31]
/** Columns that have one varint, so at least one byte, for each segment: what bounds a count that a file claims. */
const perSegment = 10

/** The packed form; `unpack` gives the same columns back. */
export function pack(columns: Columns): Uint8Array {
  const { count, blocks } = { count: columns.count, blocks: columns.sackLeft.length }
  const out = new Out(64 + 16 * count)
  for (const byte of magic) out.byte(byte)
  for (const value of [count, blocks, columns.dropped, ...columns.bases]) out.plain(value)
  let before = 0
  for (const value of columns.t) {
    out.signed(value - before)
    before = value
  }
  before = 0
  for (const value of columns.frame) {
    out.signed(value - before)
    before = value
  }
  for (let i = 0; i < count; i++) out.plain((columns.flags[i] ?? 0) * 2 + (columns.fromClient[i] ?? 0))
  // Of each direction: where the next segment is expected, and what it last said.
  const next = [0, 0]
  const lasts = { length: [0, 0], ack: [0, 0], window: [0, 0] }
  for (let i = 0; i < count; i++) {
    const side = columns.fromClient[i] ?? 0
    const seq = columns.seq[i] ?? 0
    out.signed(seq - (next[side] ?? 0))
    next[side] = seq + (columns.length[i] ?? 0)
  }
  for (const name of ['length', 'ack', 'window'] as const) {
    const column = columns[name]
    const last = lasts[name]
    for (let i = 0; i < count; i++) {
      const side = columns.fromClient[i] ?? 0
      const value = column[i] ?? 0
      out.signed(value - (last[side] ?? 0))
      last[side] = value
    }
  }
  for (const value of columns.kind) out.plain(value + 1)
  for (const value of columns.labels) out.plain(value)
  let ended = 0
  for (const value of columns.sackEnd) {
    out.plain(value - ended)
    ended = value
  }
  before = 0
  for (const value of columns.sackLeft) {
    out.signed(value - before)
    before = value
  }
  for (let i = 0; i < blocks; i++) out.signed((columns.sackRight[i] ?? 0) - (columns.sackLeft[i] ?? 0))
  return out.bytes()
}

/**
 * @param bytes what `pack` made, perhaps damaged on its way
 * @throws {TraceUnreadable} whatever else the bytes are; never allocates more than a fixed multiple of their number
 */
export function unpack(bytes: Uint8Array): Columns {
  const input = new In(bytes)
  for (const byte of magic) if (input.byte() !== byte) throw new TraceUnreadable('It does not begin as a trace does', input.at - 1)
  const count = input.plain(traceSegmentsMax, 'segments')
  const blocks = input.plain(traceBlocksMax, 'SACK blocks')
  const dropped = input.plain(Number.MAX_SAFE_INTEGER, 'dropped segments')
  const bases = [input.plain(uint32Max, 'base'), input.plain(uint32Max, 'base')] as const
  if (count * perSegment + blocks * 2 > bytes.length - input.at) {
    throw new TraceUnreadable(`It tells of ${count} segments and is too short for them`, input.at)
  }
  const t = new Float64Array(count)
  const frame = new Uint32Array(count)
  const fromClient = new Uint8Array(count)
  const flags = new Uint16Array(count)
  const seq = new Float64Array(count)
  const length = new Uint32Array(count)
  const ack = new Float64Array(count)
  const window = new Uint32Array(count)
  const kind = new Int8Array(count)
  const labels = new Uint16Array(count)
  const sackEnd = new Uint32Array(count)
  const sackLeft = new Float64Array(blocks)
  const sackRight = new Float64Array(blocks)

  let before = 0
  for (let i = 0; i < count; i++) t[i] = before = input.from(before, -safe, safe, 'time')
  before = 0
  for (let i = 0; i < count; i++) frame[i] = before = input.from(before, 0, uint32Max, 'frame')
  for (let i = 0; i < count; i++) {
    const both = input.plain(0x3ff, 'flags')
    flags[i] = both >> 1
    fromClient[i] = both & 1
  }
  // The lengths follow; until they are known `seq` holds how far each is from where it was expected.
  for (let i = 0; i < count; i++) seq[i] = input.from(0, -safe, safe, 'sequence number')
  sided(input, length, fromClient, 0, uint32Max, 'length')
  const next = [0, 0]
  for (let i = 0; i < count; i++) {
    const side = fromClient[i] ?? 0
    const value = (seq[i] ?? 0) + (next[side] ?? 0)
    if (!Number.isSafeInteger(value)) throw new TraceUnreadable('A sequence number is out of range', input.at)
    seq[i] = value
    next[side] = value + (length[i] ?? 0)
  }
  sided(input, ack, fromClient, -safe, safe, 'acknowledgement')
  sided(input, window, fromClient, 0, uint32Max, 'window')
  for (let i = 0; i < count; i++) kind[i] = input.plain(kinds.length, 'kind') - 1
  for (let i = 0; i < count; i++) labels[i] = input.plain(2 ** labelNames.length - 1, 'labels')
  let ended = 0
  for (let i = 0; i < count; i++) sackEnd[i] = ended += input.plain(blocks - ended, 'SACK blocks')
  before = 0
  for (let i = 0; i < blocks; i++) sackLeft[i] = before = input.from(before, -safe, safe, 'SACK edge')
  for (let i = 0; i < blocks; i++) sackRight[i] = input.from(sackLeft[i] ?? 0, -safe, safe, 'SACK edge')
  if (input.at !== bytes.length) throw new TraceUnreadable('More follows than it tells of', input.at)
  return { count, dropped, bases, t, frame, fromClient, flags, seq, length, ack, window, kind, labels, sackEnd, sackLeft, sackRight }
}

const safe = Number.MAX_SAFE_INTEGER
const uint32Max = 0xffff_ffff

/** A column whose values were told as differences from the one before of the same direction. */
function sided(input: In, column: Float64Array | Uint32Array, fromClient: Uint8Array, min: number, max: number, what: string): void {
  const last = [0, 0]
  for (let i = 0; i < column.length; i++) {
    const side = fromClient[i] ?? 0
    column[i] = last[side] = input.from(last[side] ?? 0, min, max, what)
  }
}

/** Bytes that grow. Values are whole numbers of up to 53 bits, so what is above 32 is divided, not shifted. */
class Out {
  private buffer: Uint8Array
  private at = 0
  constructor(size: number) {
    this.buffer = new Uint8Array(size)
  }
  byte(value: number): void {
    if (this.at === this.buffer.length) {
      const longer = new Uint8Array(2 * this.buffer.length)
      longer.set(this.buffer)
      this.buffer = longer
    }
    this.buffer[this.at++] = value
  }
  plain(value: number): void {
    let rest = value
    while (rest >= 0x8000_0000) {
      this.byte((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    while (rest >= 128) {
      this.byte((rest & 127) | 128)
      rest >>>= 7
    }
    this.byte(rest)
  }
  /** Zigzag: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... Differences stay below 2^52 in every column. */
  signed(value: number): void {
    this.plain(value >= 0 ? 2 * value : -2 * value - 1)
  }
  bytes(): Uint8Array {
    return this.buffer.slice(0, this.at)
  }
}

class In {
  at = 0
  private readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  byte(): number {
    const value = this.bytes[this.at]
    if (value === undefined) throw new TraceUnreadable('It ends too early', this.at)
    this.at++
    return value
  }
  plain(max: number, what: string): number {
    let byte = this.byte()
    let value = byte & 127
    // Eight bytes hold 56 bits: more than any value here has.
    for (let scale = 128; byte >= 128; scale *= 128) {
      if (scale > 2 ** 49) throw new TraceUnreadable(`The number of a ${what} does not end`, this.at)
      byte = this.byte()
      value += (byte & 127) * scale
    }
    if (value > max) throw new TraceUnreadable(`${value} is out of range for ${what}`, this.at)
    return value
  }
  from(base: number, min: number, max: number, what: string): number {
    const zigzag = this.plain(safe, what)
    const value = base + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2)
    if (!(value >= min && value <= max)) throw new TraceUnreadable(`${value} is out of range for ${what}`, this.at)
    return value
  }
}
