/**
 * Captures made to measure, for tests: frames from a segment's fields, and files from frames.
 *
 *     const file = pcap([
 *       { at: 0, frame: tcpFrame({ flags: SYN, seq: 99, options: { mss: 1460, windowScale: 7, sackPermitted: true } }) },
 *       { at: 40e6, frame: tcpFrame({ ...back, flags: SYN | ACK, seq: 299, ack: 100 }) },
 *     ])
 */
import { ACK } from './packet.ts'

/** A segment and the headers around it. What is left out is the client's: 10.0.0.1:40000 to 10.0.0.2:80. */
export type SegmentFields = {
  /** Dotted IPv4 or any form of IPv6; both of one family. */
  readonly src?: string
  readonly dst?: string
  readonly sport?: number
  readonly dport?: number
  /** Any integer: taken modulo 2^32. */
  readonly seq?: number
  readonly ack?: number
  /** The sum of FIN, SYN, ... of packet.ts; ACK by default. */
  readonly flags?: number
  readonly window?: number
  /** Bytes of payload, zeros; or the payload itself. */
  readonly length?: number
  readonly payload?: Uint8Array
  readonly options?: TcpOptions
  /** 0 by default; IPv4 only. */
  readonly ipId?: number
  /** The two ECN bits. */
  readonly ecn?: number
  /** VLAN ids, the outermost first. */
  readonly vlans?: readonly number[]
}

export type TcpOptions = {
  readonly mss?: number
  readonly windowScale?: number
  readonly sackPermitted?: boolean
  readonly timestamps?: readonly [value: number, echo: number]
  /** Pairs of left and right edges. */
  readonly sack?: readonly (readonly [left: number, right: number])[]
  /** These bytes after the others, as they are. */
  readonly raw?: readonly number[]
}

/** The other way: `tcpFrame({ ...back, seq, ack })`. */
export const back = { src: '10.0.0.2', dst: '10.0.0.1', sport: 80, dport: 40000 } as const

/** Ethernet, VLAN tags, IP, TCP. */
export function tcpFrame(fields: SegmentFields = {}): Uint8Array {
  return ethernetFrame(tcpPacket(fields), fields.vlans)
}

/** IP and TCP: a frame of link type RAW (101). */
export function tcpPacket(fields: SegmentFields = {}): Uint8Array {
  const { src = '10.0.0.1', dst = '10.0.0.2', ipId, ecn } = fields
  return ipPacket({ src, dst, protocol: 6, id: ipId, ecn }, tcpSegment(fields))
}

/** A TCP header with its options and payload. Checksums are left 0: nothing here looks at them. */
export function tcpSegment(fields: SegmentFields = {}): Uint8Array {
  const { sport = 40000, dport = 80, seq = 0, ack = 0, flags = ACK, window = 65535, length = 0 } = fields
  const options = optionBytes(fields.options ?? {})
  const header = 20 + options.length
  const head = bytes([
    ...u16(sport),
    ...u16(dport),
    ...u32(seq),
    ...u32(ack),
    ...u16(((header / 4) << 12) | flags),
    ...u16(window),
    0,
    0,
    0,
    0,
  ])
  return joined(head, options, fields.payload ?? new Uint8Array(length))
}

function optionBytes({ mss, windowScale, sackPermitted, timestamps, sack = [], raw = [] }: TcpOptions): Uint8Array {
  const out: number[] = []
  if (mss !== undefined) out.push(2, 4, ...u16(mss))
  if (windowScale !== undefined) out.push(1, 3, 3, windowScale)
  if (sackPermitted === true) out.push(1, 1, 4, 2)
  if (timestamps !== undefined) out.push(1, 1, 8, 10, ...u32(timestamps[0]), ...u32(timestamps[1]))
  if (sack.length > 0) out.push(1, 1, 5, 2 + 8 * sack.length, ...sack.flatMap(([left, right]) => [...u32(left), ...u32(right)]))
  out.push(...raw)
  while (out.length % 4 !== 0) out.push(0)
  return bytes(out)
}

export type IpFields = {
  readonly src: string
  readonly dst: string
  readonly protocol: number
  readonly id?: number
  readonly ecn?: number
  /** IPv4: whole words of options. IPv6: extension headers, each with its own type; `protocol` is of what follows. */
  readonly options?: readonly number[]
  readonly extensions?: readonly { readonly type: number; readonly body: Uint8Array }[]
  /** IPv4: in bytes, a multiple of 8. */
  readonly fragmentOffset?: number
  readonly moreFragments?: boolean
  /** Said instead of the true length: 0 for offloaded packets, or a lie. */
  readonly totalLength?: number
}

export function ipPacket(fields: IpFields, payload: Uint8Array): Uint8Array {
  return fields.src.includes(':') ? ipv6Packet(fields, payload) : ipv4Packet(fields, payload)
}

function ipv4Packet(fields: IpFields, payload: Uint8Array): Uint8Array {
  const { options = [], fragmentOffset = 0, moreFragments = false } = fields
  const header = 20 + options.length
  const total = fields.totalLength ?? header + payload.length
  const fragment = (moreFragments ? 0x2000 : 0) | (fragmentOffset / 8)
  const first = [0x40 | (header / 4), fields.ecn ?? 0, ...u16(total), ...u16(fields.id ?? 0), ...u16(fragment), 64, fields.protocol, 0, 0]
  return joined(bytes([...first, ...addressBytes(fields.src), ...addressBytes(fields.dst), ...options]), payload)
}

function ipv6Packet(fields: IpFields, payload: Uint8Array): Uint8Array {
  const { extensions = [] } = fields
  const types = [...extensions.map(({ type }) => type), fields.protocol]
  const chain = joined(...extensions.map(({ body }, index) => joined(bytes([types[index + 1] as number]), body)))
  const length = fields.totalLength ?? chain.length + payload.length
  const first = [0x60, (fields.ecn ?? 0) << 4, 0, 0, ...u16(length), types[0] as number, 64]
  return joined(bytes([...first, ...addressBytes(fields.src), ...addressBytes(fields.dst)]), chain, payload)
}

/** A UDP datagram. */
export function udpDatagram(sport: number, dport: number, payload: Uint8Array): Uint8Array {
  return joined(bytes([...u16(sport), ...u16(dport), ...u16(8 + payload.length), 0, 0]), payload)
}

/** Ethernet around an IP packet, or around anything when its type is told. */
export function ethernetFrame(payload: Uint8Array, vlans: readonly number[] = [], type = etherTypeOf(payload)): Uint8Array {
  const tags = vlans.flatMap((vlan) => [0x81, 0, ...u16(vlan)])
  return joined(bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...tags, ...u16(type)]), payload)
}

const etherTypeOf = (packet: Uint8Array) => ((packet[0] ?? 0) >> 4 === 6 ? 0x86dd : 0x0800)

/** A frame of a file. */
export type Captured = {
  /** Nanoseconds since `epoch` (below). */
  readonly at: number
  readonly frame: Uint8Array
  /** On the wire, when less was captured. */
  readonly wire?: number
  /** pcapng: which of its interfaces; a comment. */
  readonly interface?: number
  readonly comment?: string
}

/** The second at which captures of tests begin: 2023-11-14T22:13:20Z. */
export const epoch = 1_700_000_000

export type PcapFlavour = {
  readonly linkType?: number
  readonly bigEndian?: boolean
  readonly nanoseconds?: boolean
  /** The variant with magic a1b2cd34, whose records have 8 bytes more. */
  readonly modified?: boolean
  /** Captured at most this much of each frame. */
  readonly snaplen?: number
}

export function pcap(captured: readonly Captured[], flavour: PcapFlavour = {}): Uint8Array {
  const { linkType = 1, bigEndian = false, nanoseconds = false, modified = false, snaplen = 262_144 } = flavour
  const word = (value: number) => u32(value, bigEndian)
  const half = (value: number) => u16(value, bigEndian)
  const magic = modified ? 0xa1b2cd34 : nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4
  const header = bytes([...word(magic), ...half(2), ...half(4), ...word(0), ...word(0), ...word(snaplen), ...word(linkType)])
  const records = captured.map(({ at, frame, wire = frame.length }) => {
    const sec = epoch + Math.floor(at / 1e9)
    const nsec = at - Math.floor(at / 1e9) * 1e9
    const kept = frame.subarray(0, snaplen)
    const fraction = nanoseconds ? nsec : Math.floor(nsec / 1000)
    const more = modified ? [...word(0), ...half(0), 0, 0] : []
    return joined(bytes([...word(sec), ...word(fraction), ...word(kept.length), ...word(wire), ...more]), kept)
  })
  return joined(header, ...records)
}

export type PcapngFlavour = {
  readonly bigEndian?: boolean
  readonly interfaces?: readonly InterfaceFields[]
}
export type InterfaceFields = {
  readonly linkType?: number
  /** As in the file: 6 by default (microseconds); with the high bit, a power of two. */
  readonly tsresol?: number
  /** Seconds added to each time. */
  readonly tsoffset?: number
  readonly snaplen?: number
}

/** One section with its interfaces and an Enhanced Packet Block for each frame. */
export function pcapng(captured: readonly Captured[], flavour: PcapngFlavour = {}): Uint8Array {
  const { bigEndian = false, interfaces = [{}] } = flavour
  const blocks = pcapngBlocks(bigEndian)
  return joined(
    blocks.section(),
    ...interfaces.map((fields) => blocks.interface(fields)),
    ...captured.map((packet) => blocks.enhanced(packet, interfaces[packet.interface ?? 0])),
  )
}

export type Option = readonly [code: number, value: Uint8Array]

/** The blocks of a pcapng file, one by one, to be joined. */
export function pcapngBlocks(bigEndian = false) {
  const word = (value: number) => u32(value, bigEndian)
  const half = (value: number) => u16(value, bigEndian)
  const options = (list: readonly Option[]) =>
    list.length === 0
      ? new Uint8Array(0)
      : joined(...list.map(([code, value]) => joined(bytes([...half(code), ...half(value.length)]), padded(value))), bytes([0, 0, 0, 0]))
  const block = (type: number, body: Uint8Array) => {
    const total = word(12 + padded(body).length)
    return joined(bytes([...word(type), ...total]), padded(body), bytes(total))
  }
  const time = (at: number, { tsresol = 6, tsoffset = 0 }: InterfaceFields) => {
    const units = tsresol & 0x80 ? 2n ** BigInt(tsresol & 0x7f) : 10n ** BigInt(tsresol)
    const ticks = ((BigInt(epoch - tsoffset) * 1_000_000_000n + BigInt(at)) * units) / 1_000_000_000n
    return [...word(Number(ticks >> 32n)), ...word(Number(ticks & 0xffffffffn))]
  }
  const commentOf = (comment: string | undefined): Option[] => (comment === undefined ? [] : [[1, new TextEncoder().encode(comment)]])
  return {
    block,
    section: (list: readonly Option[] = []) =>
      block(
        0x0a0d0d0a,
        joined(bytes([...word(0x1a2b3c4d), ...half(1), ...half(0), 255, 255, 255, 255, 255, 255, 255, 255]), options(list)),
      ),
    interface: ({ linkType = 1, tsresol, tsoffset, snaplen = 0 }: InterfaceFields = {}, list: readonly Option[] = []) => {
      const said: Option[] = [...list]
      if (tsresol !== undefined) said.push([9, bytes([tsresol])])
      // Signed, 64 bits.
      if (tsoffset !== undefined) {
        const [high, low] = [word(Math.floor(tsoffset / 2 ** 32)), word(tsoffset)]
        said.push([14, bytes(bigEndian ? [...high, ...low] : [...low, ...high])])
      }
      return block(1, joined(bytes([...half(linkType), ...half(0), ...word(snaplen)]), options(said)))
    },
    enhanced: (
      { at, frame, wire = frame.length, interface: on = 0, comment }: Captured,
      fields: InterfaceFields = {},
      list: readonly Option[] = [],
    ) =>
      block(
        6,
        joined(
          bytes([...word(on), ...time(at, fields), ...word(frame.length), ...word(wire)]),
          padded(frame),
          options([...commentOf(comment), ...list]),
        ),
      ),
    simple: (frame: Uint8Array, wire = frame.length) => block(3, joined(bytes(word(wire)), frame)),
    /** The Packet Block of old. */
    packet: ({ at, frame, wire = frame.length, interface: on = 0 }: Captured, fields: InterfaceFields = {}) =>
      block(2, joined(bytes([...half(on), ...half(0), ...time(at, fields), ...word(frame.length), ...word(wire)]), frame)),
    /** Packets that the interface dropped. */
    statistics: (on: number, drops: number) =>
      block(
        5,
        joined(
          bytes([...word(on), ...word(0), ...word(0)]),
          options([[5, bytes(bigEndian ? [...word(0), ...word(drops)] : [...word(drops), ...word(0)])]]),
        ),
      ),
    names: () => block(4, bytes([...half(0), ...half(0)])),
  }
}

/** Bytes from any integers, modulo 256. */
export const bytes = (values: readonly number[]): Uint8Array => Uint8Array.from(values)

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** To a whole number of 32-bit words. */
function padded(part: Uint8Array): Uint8Array {
  const out = new Uint8Array((part.length + 3) & ~3)
  out.set(part)
  return out
}

function u16(value: number, bigEndian = true): number[] {
  const two = [(value >>> 8) & 255, value & 255]
  return bigEndian ? two : two.reverse()
}

function u32(value: number, bigEndian = true): number[] {
  const four = [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  return bigEndian ? four : four.reverse()
}

/** Four bytes, or sixteen. */
export function addressBytes(address: string): readonly number[] {
  if (!address.includes(':')) return address.split('.').map(Number)
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const [before = '', after] = address.split('::')
  const left = groups(before)
  const right = groups(after ?? '')
  const zeros = after === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => 0)
  return [...left, ...zeros, ...right].flatMap((group) => u16(group))
}
