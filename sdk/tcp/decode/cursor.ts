import type { Packet } from '../packet.ts'
import type { Fragments } from './fragments.ts'

/**
 * Where in a frame we are. Each layer looks at `at`, moves it behind its own header, draws `end` and `limit` in where it
 * knows better, and answers what comes next: one of the layers below, or a reason to stop (`reasons.ts`).
 */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(this.bytes.buffer)
  at = 0
  /** End of what was captured of this layer. */
  end = 0
  /** End of what was on the wire of it, which may lie beyond what was captured. */
  limit = 0
  /** Inside the first fragment of an IP packet whose other fragments will not be joined to it. */
  fragmented = false
  /** Inside an ICMP redirect. */
  redirected = false
  /** Where the segment found goes: its addresses are those of the innermost IP header. */
  packet: Packet
  readonly fragments: Fragments

  constructor(packet: Packet, fragments: Fragments) {
    this.packet = packet
    this.fragments = fragments
  }

  /** Whether so many bytes of this layer are at hand. */
  has(length: number): boolean {
    return this.end - this.at >= length
  }

  u8(offset: number): number {
    return this.bytes[this.at + offset] as number
  }

  u16(offset: number): number {
    return this.view.getUint16(this.at + offset)
  }

  u32(offset: number): number {
    return this.view.getUint32(this.at + offset)
  }

  /** What follows is `length` bytes at most, whatever padding is behind it. */
  bound(length: number): void {
    const limit = this.at + length
    if (limit < this.limit) this.limit = limit
    if (limit < this.end) this.end = limit
  }

  /** Goes on in bytes of its own: a packet that was put together from its fragments. */
  moveTo(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
    this.end = bytes.length
    this.limit = bytes.length
  }
}

/** A layer: negative, so that it can't be taken for a reason. */
export const TCP = -1
export const IP = -2
export const ETHERNET = -3
export const LLC = -4
export const PPP = -5
export const CISCO_HDLC = -6
export const MPLS = -7
export const UDP = -8
export const GRE = -9
export const ICMP4 = -10
export const ICMP6 = -11
export const WLAN = -12
export const NSH = -13
/** Plus the type: what an EtherType names. */
export const ETHERTYPE = -0x2_0000
/** Plus the number: what an IP protocol number names. */
export const PROTOCOL = -0x3_0000
