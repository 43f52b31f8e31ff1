/** What lies between a frame's beginning and IP: Ethernet and its tags, LLC, PPP, HDLC, MPLS, 802.11, service chains. */
import { type Cursor, ETHERNET, ETHERTYPE, IP, LLC, MPLS, NSH, PPP } from './cursor.ts'
import { cutBeforeIp, encrypted, notIp } from './reasons.ts'

/** The longest that a length in the place of an EtherType can be (IEEE 802.3); 1536 is the first type. */
const lengthMax = 1500

export function readEthernet(c: Cursor): number {
  if (!c.has(14)) return cutBeforeIp
  const type = c.u16(12)
  c.at += 14
  if (type === 0x8903) return readFabricPath(c)
  return typeOrLength(c, type)
}

/**
 * Cisco FabricPath: a whole frame comes behind its tag. tshark takes its last four bytes for a checksum, also where the
 * capture has none; then a segment ends four bytes early, here as there.
 */
function readFabricPath(c: Cursor): number {
  c.limit -= 4
  if (c.end > c.limit) c.end = c.limit
  return skip(c, 2, ETHERNET)
}

function typeOrLength(c: Cursor, type: number): number {
  if (type > lengthMax) return ETHERTYPE + type
  c.bound(type)
  return LLC
}

export function readEtherType(c: Cursor, type: number): number {
  switch (type) {
    case 0x0800:
    case 0x86dd:
      return IP
    case 0x8100:
    case 0x88a8:
    case 0x9100:
      return readVlan(c)
    case 0x8847:
    case 0x8848:
      return MPLS
    case 0x8864:
      return readPppoe(c)
    case 0x6558:
      return ETHERNET
    case 0x880b:
      return PPP
    case 0x894f:
      return NSH
    // VN-Tag, 802.1BR, 802.1CB: a tag, then a type.
    case 0x8926:
      return tagged(c, 4)
    case 0x893f:
      return tagged(c, 6)
    case 0xf1c1:
      return tagged(c, 4)
    // 802.1ah: a service's tag, then the customer's frame.
    case 0x88e7:
      return skip(c, 4, ETHERNET)
    case 0x88e5:
      return encrypted
    default:
      return notIp
  }
}

function skip(c: Cursor, length: number, next: number): number {
  if (!c.has(length)) return cutBeforeIp
  c.at += length
  return next
}

function tagged(c: Cursor, length: number): number {
  if (!c.has(length + 2)) return cutBeforeIp
  const type = c.u16(length)
  c.at += length + 2
  return typeOrLength(c, type)
}

function readVlan(c: Cursor): number {
  if (!c.has(4)) return cutBeforeIp
  c.packet.vlan = c.u16(0) & 0xfff
  return tagged(c, 2)
}

/** RFC 2516: six bytes, of which the last two are the length of what follows. */
function readPppoe(c: Cursor): number {
  if (!c.has(6)) return cutBeforeIp
  const length = c.u16(4)
  // A code other than 0 is of discovery.
  if (c.u8(1) !== 0) return notIp
  c.at += 6
  c.bound(length)
  return PPP
}

/** RFC 1661, perhaps framed as in HDLC, perhaps with its protocol in one byte. */
export function readPpp(c: Cursor): number {
  if (!c.has(1)) return cutBeforeIp
  if (c.u8(0) === 0xff && c.has(2) && c.u8(1) === 0x03) c.at += 2
  if (!c.has(1)) return cutBeforeIp
  let protocol = c.u8(0)
  if ((protocol & 1) === 0) {
    if (!c.has(2)) return cutBeforeIp
    protocol = c.u16(0)
    c.at += 1
  }
  c.at += 1
  switch (protocol) {
    case 0x0021:
    case 0x0057:
    case 0x0800:
    case 0x86dd:
      return IP
    case 0x0281:
    case 0x0283:
      return MPLS
    case 0x0053:
    case 0x0055:
      return encrypted
    default:
      return notIp
  }
}

export function readCiscoHdlc(c: Cursor): number {
  if (!c.has(4)) return cutBeforeIp
  const type = c.u16(2)
  c.at += 4
  return ETHERTYPE + type
}

/** IEEE 802.2, with or without SNAP (RFC 1042). */
export function readLlc(c: Cursor): number {
  if (!c.has(3)) return cutBeforeIp
  const dsap = c.u8(0)
  const ssap = c.u8(1)
  // Unnumbered frames have a control field of one byte, the others of two.
  const control = (c.u8(2) & 3) === 3 ? 1 : 2
  if (dsap === 0x06 && ssap === 0x06) return skip(c, 2 + control, IP)
  if (dsap !== 0xaa || ssap !== 0xaa) return notIp
  if (!c.has(7 + control)) return cutBeforeIp
  const organisation = (c.u16(2 + control) << 8) | c.u8(4 + control)
  const type = c.u16(5 + control)
  c.at += 7 + control
  if (organisation === 0 || organisation === 0xf8) return ETHERTYPE + type
  // Bridged Ethernet (RFC 2684), without and with its check sequence.
  return organisation === 0x80c2 && (type === 1 || type === 7) ? ETHERNET : notIp
}

/** RFC 3032: labels until that with the bottom bit; what follows says itself what it is. */
export function readMpls(c: Cursor): number {
  for (;;) {
    if (!c.has(4)) return cutBeforeIp
    const bottom = (c.u8(2) & 1) === 1
    c.at += 4
    if (bottom) break
  }
  if (!c.has(1)) return cutBeforeIp
  const version = c.u8(0) >> 4
  if (version === 4 || version === 6) return IP
  // A control word of zeros stands before Ethernet (RFC 4448).
  return version === 0 ? skip(c, 4, ETHERNET) : notIp
}

/** IEEE 802.11. Only data that is neither encrypted nor divided nor bundled can be read. */
export function readWlan(c: Cursor, swapped: boolean): number {
  if (!c.has(24)) return cutBeforeIp
  const control = swapped ? c.u8(1) : c.u8(0)
  const flags = swapped ? c.u8(0) : c.u8(1)
  const subtype = control >> 4
  if ((control & 0x0c) !== 0x08 || (subtype & 4) !== 0) return notIp
  if ((flags & 0x40) !== 0) return encrypted
  // More fragments follow. A fragment's number alone says nothing: some drivers and controllers write it wrong.
  if ((flags & 0x04) !== 0) return notIp
  let header = 24
  if ((flags & 3) === 3) header += 6
  if ((subtype & 8) !== 0) {
    if (!c.has(header + 2)) return cutBeforeIp
    if ((c.u8(header) & 0x80) !== 0) return notIp
    header += (flags & 0x80) === 0 ? 2 : 6
  }
  return skip(c, header, LLC)
}

/** RFC 8300: says its own length in words and what follows. */
export function readServiceChain(c: Cursor): number {
  if (!c.has(8)) return cutBeforeIp
  const length = (c.u8(1) & 0x3f) * 4
  const next = c.u8(3)
  if (length < 8) return notIp
  return skip(c, length, nextProtocol(next))
}

/** As NSH and VXLAN-GPE number what follows. */
export function nextProtocol(next: number): number {
  switch (next) {
    case 1:
    case 2:
      return IP
    case 3:
      return ETHERNET
    case 4:
      return NSH
    case 5:
      return MPLS
    default:
      return notIp
  }
}
