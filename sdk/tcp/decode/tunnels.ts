/** What carries whole packets or frames inside UDP, GRE and ICMP errors. */
import { type Cursor, ETHERNET, ETHERTYPE, GRE, IP, MPLS, PPP } from './cursor.ts'
import { nextProtocol, readWlan } from './layers.ts'
import { cutInTunnel, encrypted, icmpOnly, notIp, otherProtocol, udpOnly } from './reasons.ts'

/** What a datagram carries is told by either of its ports, as Wireshark does, the lower one first. */
export function readUdp(c: Cursor): number {
  if (!c.has(8)) return udpOnly
  const source = c.u16(0)
  const destination = c.u16(2)
  const length = c.u16(4)
  if (length >= 8) c.bound(length)
  c.at += 8
  const start = c.at
  const found = readPort(c, Math.min(source, destination))
  if (found !== udpOnly) return found
  c.at = start
  return readPort(c, Math.max(source, destination))
}

function readPort(c: Cursor, port: number): number {
  switch (port) {
    case 4789:
      return behind(c, 8, ETHERNET)
    case 4790:
      return c.has(8) ? behind(c, 8, nextProtocol(c.u8(3))) : cutInTunnel
    case 6081:
      return readGeneve(c)
    case 2152:
      return readGtp(c)
    case 5247:
      return readCapwap(c)
    case 6635:
      return MPLS
    case 4754:
      return GRE
    case 4341:
      return behind(c, 8, IP)
    case 3544:
      return readTeredo(c)
    case 1701:
      return readL2tp(c)
    default:
      return udpOnly
  }
}

function behind(c: Cursor, length: number, next: number): number {
  if (!c.has(length)) return cutInTunnel
  c.at += length
  return next
}

/** RFC 8926: options counted in words; an EtherType. */
function readGeneve(c: Cursor): number {
  if (!c.has(8)) return cutInTunnel
  const type = c.u16(2)
  return behind(c, 8 + (c.u8(0) & 0x3f) * 4, ETHERTYPE + type)
}

/** 3GPP TS 29.281: message 255 holds a user's packet; version 0 has a longer header (TS 29.060). */
function readGtp(c: Cursor): number {
  if (!c.has(8)) return cutInTunnel
  const flags = c.u8(0)
  if ((flags & 0x10) === 0 || c.u8(1) !== 255) return udpOnly
  const version = flags >> 5
  if (version === 0) return gtpPayload(c, 20)
  if (version !== 1) return udpOnly
  if ((flags & 7) === 0) return gtpPayload(c, 8)
  if (!c.has(12)) return cutInTunnel
  let header = 12
  let extension = (flags & 4) === 0 ? 0 : c.u8(11)
  // Each says its length in words and, in its last byte, what kind comes next.
  while (extension !== 0) {
    if (!c.has(header + 1)) return cutInTunnel
    const length = c.u8(header) * 4
    if (length === 0) return udpOnly
    if (!c.has(header + length)) return cutInTunnel
    extension = c.u8(header + length - 1)
    header += length
  }
  return gtpPayload(c, header)
}

function gtpPayload(c: Cursor, header: number): number {
  if (!c.has(header + 1)) return cutInTunnel
  c.at += header
  const first = c.u8(0)
  if ((first >= 0x45 && first <= 0x4e) || first >> 4 === 6) return IP
  return first === 0xff || first === 0x21 ? PPP : udpOnly
}

/** RFC 5415: a preamble, a header that says its length in words, then 802.11 or 802.3. */
function readCapwap(c: Cursor): number {
  if (!c.has(8)) return cutInTunnel
  if ((c.u8(0) & 0x0f) === 1) return encrypted
  const header = (c.u8(1) >> 3) * 4
  const native = (c.u8(2) & 1) === 1
  const fragment = (c.u8(3) & 0x80) !== 0
  if (header < 8) return notIp
  if (fragment) return notIp
  if (!native) return behind(c, header, ETHERNET)
  if (!c.has(header)) return cutInTunnel
  c.at += header
  // Controllers write the frame control field with its bytes swapped.
  return readWlan(c, true)
}

/** RFC 4380: perhaps an authentication, perhaps an origin, then IPv6. */
function readTeredo(c: Cursor): number {
  if (c.has(4) && c.u16(0) === 1) c.at += 13 + c.u8(2) + c.u8(3)
  if (c.has(2) && c.u16(0) === 0) c.at += 8
  return c.has(1) && c.u8(0) >> 4 === 6 ? IP : udpOnly
}

/** RFC 2661: data messages hold PPP. */
function readL2tp(c: Cursor): number {
  if (!c.has(6)) return cutInTunnel
  const flags = c.u16(0)
  if ((flags & 0x800f) !== 2) return udpOnly
  let header = 6
  if ((flags & 0x4000) !== 0) header += 2
  if ((flags & 0x0800) !== 0) header += 4
  if ((flags & 0x0200) !== 0) {
    if (!c.has(header + 2)) return cutInTunnel
    header += 2 + c.u16(header)
  }
  return behind(c, header, PPP)
}

/** RFC 2784, RFC 2890, and version 1 of RFC 2637 (PPTP). */
export function readGre(c: Cursor): number {
  if (!c.has(4)) return cutInTunnel
  const flags = c.u16(0)
  const type = c.u16(2)
  let header = 4
  if ((flags & 0xc000) !== 0) header += 4
  if ((flags & 0x2000) !== 0) header += 4
  const numbered = (flags & 0x1000) !== 0
  if (numbered) header += 4
  if ((flags & 7) === 1 && (flags & 0x0080) !== 0) header += 4
  if ((flags & 0x4000) !== 0) {
    // Source routes, until one of length 0.
    for (;;) {
      if (!c.has(header + 4)) return cutInTunnel
      const length = c.u8(header + 3)
      header += 4 + length
      if (length === 0) break
    }
  }
  if (!c.has(header)) return cutInTunnel
  c.at += header
  switch (type) {
    case 0x88be:
    case 0x22eb:
      return readErspan(c, numbered)
    case 0x0800:
    case 0x86dd:
    case 0x6558:
    case 0x8847:
    case 0x8848:
    case 0x880b:
    case 0x894f:
      return ETHERTYPE + type
    case 0x6400:
      return ETHERNET
    case 0x883e:
      // WCCP: its redirect header stands before the packet when there is one.
      return c.has(1) && c.u8(0) >> 4 !== 4 ? behind(c, 4, IP) : IP
    default:
      return otherProtocol
  }
}

/** Mirrored frames: type I has no header of its own, II has eight bytes, III twelve and perhaps eight more. */
function readErspan(c: Cursor, numbered: boolean): number {
  if (!numbered) return ETHERNET
  if (!c.has(12)) return cutInTunnel
  if (c.u8(0) >> 4 === 1) return behind(c, 8, ETHERNET)
  if (c.u8(0) >> 4 !== 2) return otherProtocol
  return behind(c, (c.u8(11) & 1) === 1 ? 20 : 12, ETHERNET)
}

/**
 * An error quotes the beginning of the packet that it is about (RFC 792: 3, 4, 5, 11, 12; RFC 4443: 1 to 4), and may say how
 * much of it when something else follows (RFC 4884).
 */
export function readIcmp4(c: Cursor): number {
  if (!c.has(9)) return icmpOnly
  const type = c.u8(0)
  if (type !== 3 && type !== 4 && type !== 5 && type !== 11 && type !== 12) return icmpOnly
  const said = type === 3 || type === 11 || type === 12 ? c.u8(5) * 4 : 0
  // Of a redirect tshark reads the IP header and eight bytes, which is what RFC 792 promises.
  c.redirected = type === 5
  return quoted(c, said)
}

export function readIcmp6(c: Cursor): number {
  if (!c.has(9)) return icmpOnly
  const type = c.u8(0)
  if (type < 1 || type > 4) return icmpOnly
  return quoted(c, type === 1 || type === 3 ? c.u8(4) * 8 : 0)
}

function quoted(c: Cursor, said: number): number {
  c.at += 8
  if (said > 0) c.bound(said)
  c.packet.quoted = true
  return IP
}
