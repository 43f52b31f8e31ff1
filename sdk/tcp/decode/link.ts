/** From a capture's link type to the layer that its frames begin with. Numbers of tcpdump.org/linktypes.html. */
import { CISCO_HDLC, type Cursor, ETHERNET, ETHERTYPE, IP, LLC, PPP, WLAN } from './cursor.ts'
import { cutBeforeIp, linkUnknown, notIp } from './reasons.ts'

export function readLink(c: Cursor, linkType: number): number {
  switch (linkType) {
    case 1:
      return ETHERNET
    case 0:
    case 108:
      return readLoopback(c)
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:
      return IP
    case 113:
      return behind(c, 16, 14)
    case 276:
      return behind(c, 20, 0)
    case 9:
    case 50:
    case 51:
      return readPpp(c, linkType)
    case 104:
      return CISCO_HDLC
    case 105:
      return WLAN
    case 127:
      return readRadiotap(c)
    case 7:
    case 129:
      return readArcnet(c, linkType === 129 ? 5 : 3)
    case 10:
      return readFddi(c)
    case 242:
      // IP over InfiniBand: a global routing header of 40 bytes, then a type and two bytes of nothing.
      return behind(c, 44, 40)
    case 239:
      return readNetfilterLog(c)
    case 178:
      return readJuniperEthernet(c)
    default:
      return linkUnknown
  }
}

/** A header of fixed length that holds an EtherType. */
function behind(c: Cursor, length: number, typeAt: number): number {
  if (!c.has(length)) return cutBeforeIp
  const type = c.u16(typeAt)
  c.at += length
  // Of Linux' cooked captures: 4 is LLC, 1 Novell's frames.
  return type === 4 ? LLC : ETHERTYPE + type
}

/** BSD's loopback: the address family, in the byte order of the machine that captured (or of the network: LOOP). */
function readLoopback(c: Cursor): number {
  if (!c.has(4)) return cutBeforeIp
  if (c.u16(0) === 0xff03) return PPP
  const big = c.u32(0)
  const little = c.view.getUint32(c.at, true)
  c.at += 4
  const family = Math.min(big, little)
  // Some systems put an EtherType there, others a family of 16 bits.
  if (family > 0xffff) return readFamily(Math.min(big >>> 16, little >>> 16))
  return family >= 0x600 ? ETHERTYPE + family : readFamily(family)
}

/** AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD, 28 on FreeBSD, 30 on macOS, 23 on Windows, 26 on Solaris. */
function readFamily(family: number): number {
  return family === 2 || family === 10 || family === 23 || family === 24 || family === 26 || family === 28 || family === 30 ? IP : notIp
}

function readPpp(c: Cursor, linkType: number): number {
  if (!c.has(2)) return cutBeforeIp
  // 51: PPP over Ethernet's session header comes first.
  if (linkType === 51) return ETHERTYPE + 0x8864
  const first = c.u8(0)
  return first === 0x0f || first === 0x8f ? CISCO_HDLC : PPP
}

/** A header whose length it says itself, then an 802.11 frame. */
function readRadiotap(c: Cursor): number {
  if (!c.has(4)) return cutBeforeIp
  const length = c.view.getUint16(c.at + 2, true)
  if (length < 8 || !c.has(length)) return cutBeforeIp
  c.at += length
  return WLAN
}

/** RFC 1201 (protocol 212, with a split flag and a sequence number) and RFC 1051 (240). */
function readArcnet(c: Cursor, header: number): number {
  if (!c.has(header + 4)) return cutBeforeIp
  const protocol = c.u8(header - 1)
  if (protocol === 240) {
    c.at += header
    return IP
  }
  if (protocol !== 212) return notIp
  // A split flag of 255 announces that the true header comes again.
  c.at += header + (c.u8(header) === 0xff ? 4 : 0) + 3
  return c.at > c.end ? cutBeforeIp : IP
}

function readFddi(c: Cursor): number {
  if (!c.has(13)) return cutBeforeIp
  const control = c.u8(0)
  c.at += 13
  // Asynchronous and synchronous frames with LLC.
  return (control & 0x70) === 0x50 || (control & 0x70) === 0x10 ? LLC : notIp
}

/** A family, then attributes; that with the packet is number 9. Lengths are in the byte order of the machine: the one that fits. */
function readNetfilterLog(c: Cursor): number {
  if (!c.has(4)) return cutBeforeIp
  c.at += 4
  while (c.has(4)) {
    const fits = c.view.getUint16(c.at, true) <= c.end - c.at && c.view.getUint16(c.at + 2, true) <= 255
    const length = c.view.getUint16(c.at, fits)
    const type = c.view.getUint16(c.at + 2, fits)
    if (length < 4) return notIp
    if (type === 9) {
      c.bound(length)
      c.at += 4
      return IP
    }
    c.at += length + (-length & 3)
  }
  return cutBeforeIp
}

/** Juniper's own header: magic, flags, extensions when the highest flag says so, then Ethernet unless layer 2 was cut away. */
function readJuniperEthernet(c: Cursor): number {
  if (!c.has(4)) return cutBeforeIp
  if ((c.u32(0) & 0xffff_ff00) >>> 0 !== 0x4d47_4300) return notIp
  const flags = c.u8(3)
  c.at += 4
  if ((flags & 0x80) !== 0) {
    if (!c.has(2)) return cutBeforeIp
    c.at += 2 + c.u16(0)
  }
  if ((flags & 0x02) === 0) return ETHERNET
  // Without layer 2: four bytes of the protocol.
  if (!c.has(4)) return cutBeforeIp
  c.at += 4
  return IP
}
