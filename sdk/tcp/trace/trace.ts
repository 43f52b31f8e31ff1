/** Every segment of one session, in columns of plain numbers: what a time-sequence graph is drawn of. */
import { ACK, SYN, type Packet } from '../packet.ts'

/**
 * A segment takes 45 bytes here, so four million are 180 MB: what a browser's tab still holds beside the page, and
 * four times the largest session that a graph has to open. Later segments are counted in `dropped`.
 */
export const traceSegmentsMax = 4_000_000
/** SACK blocks, 16 bytes each. One for each segment on average; only sessions that lose without end have more. */
export const traceBlocksMax = 4_000_000

/**
 * The segments of one session, each at the same place of every column. Sequence numbers are relative to the session's
 * first (as tshark shows them) and go on beyond 2^32, so that they are in order and can be drawn.
 */
export type Columns = {
  readonly count: number
  /** Segments that came after the bound and are not here. */
  readonly dropped: number
  /** The absolute number (uint32) that a relative 0 stands for: of the client, of the server. */
  readonly bases: readonly [number, number]
  /** Nanoseconds since the session's first packet. */
  readonly t: Float64Array
  readonly frame: Uint32Array
  /** 1: sent by the client. */
  readonly fromClient: Uint8Array
  /** As `Packet.flags`. */
  readonly flags: Uint16Array
  readonly seq: Float64Array
  /** Bytes of payload. */
  readonly length: Uint32Array
  /** In the other side's numbers; what was acknowledged before where the segment acknowledges nothing. */
  readonly ack: Float64Array
  /** Scaled, bytes. */
  readonly window: Uint32Array
  /** Place in `kinds`; -1: carries nothing that has a kind. */
  readonly kind: Int8Array
  /** A bit for each of `labels`. */
  readonly labels: Uint16Array
  /** Where the segment's SACK blocks end in the next two columns; they begin where those of the segment before end. */
  readonly sackEnd: Uint32Array
  readonly sackLeft: Float64Array
  readonly sackRight: Float64Array
}

const firstSize = 1024

/** Collects segments; columns double as they fill. */
export class Trace {
  count = 0
  dropped = 0
  /** Which side the client is may be known late, so segments are told by who sent the session's first packet. */
  aIsClient = true
  private blocks = 0
  private t = new Float64Array(firstSize)
  private frame = new Uint32Array(firstSize)
  private fromA = new Uint8Array(firstSize)
  private flags = new Uint16Array(firstSize)
  private seq = new Float64Array(firstSize)
  private length = new Uint32Array(firstSize)
  private ack = new Float64Array(firstSize)
  private window = new Uint32Array(firstSize)
  private kind = new Int8Array(firstSize)
  private labels = new Uint16Array(firstSize)
  private sackEnd = new Uint32Array(firstSize)
  private sackLeft = new Float64Array(0)
  private sackRight = new Float64Array(0)
  /** Of `b` and of `a`: the number that stands for 0, whether it is known, and the newest relative one. */
  private readonly base = new Int32Array(2)
  private readonly known = new Uint8Array(2)
  private readonly newest = new Float64Array(2)
  private readonly lastAck = new Float64Array(2)
  private readonly segmentsMax: number
  private readonly blocksMax: number

  constructor(segmentsMax = traceSegmentsMax, blocksMax = traceBlocksMax) {
    this.segmentsMax = segmentsMax
    this.blocksMax = blocksMax
  }

  /**
   * Keeps one segment. `t`: ns since the session's first packet; `fromA`: sent by the side that sent that one;
   * `window`: bytes, scaled; `kind`: place in `kinds` or -1; `labels`: a bit for each of `labels`.
   */
  add(p: Packet, t: number, fromA: boolean, window: number, kind: number, labels: number): void {
    if (this.count >= this.segmentsMax) {
      this.dropped++
      return
    }
    if (this.count === this.t.length) this.grow()
    const at = this.count++
    const mine = fromA ? 1 : 0
    const theirs = 1 - mine
    if (this.known[mine] === 0) this.begin(mine, (p.flags & SYN) !== 0 ? p.seq : (p.seq - 1) | 0)
    this.t[at] = t
    this.frame[at] = p.frame
    this.fromA[at] = mine
    this.flags[at] = p.flags
    this.seq[at] = this.unwrap(mine, p.seq)
    this.length[at] = p.length
    if ((p.flags & ACK) !== 0) {
      if (this.known[theirs] === 0) this.begin(theirs, (p.ack - 1) | 0)
      this.lastAck[mine] = this.unwrap(theirs, p.ack)
      for (let i = 0; i < p.sacks; i++) this.block(theirs, p.sack[2 * i] ?? 0, p.sack[2 * i + 1] ?? 0)
    }
    this.ack[at] = this.lastAck[mine] ?? 0
    this.window[at] = window
    this.kind[at] = kind
    this.labels[at] = labels
    this.sackEnd[at] = this.blocks
  }

  /** A view of what was collected so far; only `fromClient` is copied. It stays right while more is added. */
  columns(): Columns {
    const { count, blocks } = this
    const fromClient = this.fromA.slice(0, count)
    if (!this.aIsClient) for (let i = 0; i < count; i++) fromClient[i] = 1 - (fromClient[i] ?? 0)
    const a = (this.base[1] ?? 0) >>> 0
    const b = (this.base[0] ?? 0) >>> 0
    return {
      count,
      dropped: this.dropped,
      bases: this.aIsClient ? [a, b] : [b, a],
      t: this.t.subarray(0, count),
      frame: this.frame.subarray(0, count),
      fromClient,
      flags: this.flags.subarray(0, count),
      seq: this.seq.subarray(0, count),
      length: this.length.subarray(0, count),
      ack: this.ack.subarray(0, count),
      window: this.window.subarray(0, count),
      kind: this.kind.subarray(0, count),
      labels: this.labels.subarray(0, count),
      sackEnd: this.sackEnd.subarray(0, count),
      sackLeft: this.sackLeft.subarray(0, blocks),
      sackRight: this.sackRight.subarray(0, blocks),
    }
  }

  private begin(side: number, base: number): void {
    this.base[side] = base
    this.known[side] = 1
    this.newest[side] = 0
  }

  /** The relative number nearest to the newest one of that side, so that it goes on where 32 bits wrap. */
  private unwrap(side: number, absolute: number): number {
    const newest = this.newest[side] ?? 0
    const value = newest + ((absolute - (this.base[side] ?? 0) - newest) | 0)
    if (value > newest) this.newest[side] = value
    return value
  }

  private block(side: number, left: number, right: number): void {
    if (this.blocks >= this.blocksMax) return
    if (this.blocks === this.sackLeft.length) {
      const size = Math.max(firstSize, 2 * this.blocks)
      this.sackLeft = longer(this.sackLeft, new Float64Array(size))
      this.sackRight = longer(this.sackRight, new Float64Array(size))
    }
    const at = this.blocks++
    const newest = this.newest[side] ?? 0
    const base = this.base[side] ?? 0
    this.sackLeft[at] = newest + ((left - base - newest) | 0)
    this.sackRight[at] = newest + ((right - base - newest) | 0)
  }

  private grow(): void {
    const size = Math.min(this.segmentsMax, 2 * this.t.length)
    this.t = longer(this.t, new Float64Array(size))
    this.frame = longer(this.frame, new Uint32Array(size))
    this.fromA = longer(this.fromA, new Uint8Array(size))
    this.flags = longer(this.flags, new Uint16Array(size))
    this.seq = longer(this.seq, new Float64Array(size))
    this.length = longer(this.length, new Uint32Array(size))
    this.ack = longer(this.ack, new Float64Array(size))
    this.window = longer(this.window, new Uint32Array(size))
    this.kind = longer(this.kind, new Int8Array(size))
    this.labels = longer(this.labels, new Uint16Array(size))
    this.sackEnd = longer(this.sackEnd, new Uint32Array(size))
  }
}

function longer<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from)
  return to
}
