/** IPv4 (RFC 791) and IPv6 (RFC 8200): addresses, lengths, fragments, and what they carry. */
import { type Cursor, ETHERNET, GRE, ICMP4, ICMP6, IP, MPLS, PROTOCOL, TCP, UDP } from './cursor.ts'
import { badIp, cutBeforeIp, encrypted, fragmentOnly, otherProtocol } from './reasons.ts'

/** The longest that systems make is 512 KiB (Linux' BIG TCP); a frame that claims more was never on a wire. */
const totalMax = 2 ** 20

/** Which of the two is told by its first four bits, whatever the layer before it promised. */
export function readIp(c: Cursor): number {
  if (!c.has(1)) return cutBeforeIp
  const version = c.u8(0) >> 4
  if (version === 4) return readIp4(c)
  return version === 6 ? readIp6(c) : badIp
}

function readIp4(c: Cursor): number {
  if (!c.has(20)) return cutBeforeIp
  const p = c.packet
  const header = (c.u8(0) & 15) * 4
  // 0: the packet is larger than a length can say, or its card would have filled it in.
  const said = c.u16(2)
  const total = said === 0 ? c.limit - c.at : said
  if (header < 20 || total < header || total > totalMax) return badIp
  p.family = 4
  p.src0 = p.src1 = p.src2 = p.dst0 = p.dst1 = p.dst2 = 0
  p.src3 = c.view.getInt32(c.at + 12)
  p.dst3 = c.view.getInt32(c.at + 16)
  p.ipId = c.u16(4)
  p.ecn = c.u8(1) & 3
  const fragment = c.u16(6)
  const protocol = c.u8(9)
  const whole = c.at + total <= c.end
  c.bound(total)
  if (!c.has(header)) return cutBeforeIp
  c.at += header
  if ((fragment & 0x3fff) !== 0) {
    const from = (fragment & 0x1fff) * 8
    const more = (fragment & 0x2000) !== 0
    const joined = readFragment(c, whole && total > header, from, more, `4 ${p.src3} ${p.dst3} ${p.ipId} ${protocol} ${p.vlan}`)
    if (joined !== 0) return joined
  } else c.fragmented = false
  return PROTOCOL + protocol
}

/** 0: the packet is at hand, or as much of it as will ever be. */
function readFragment(c: Cursor, whole: boolean, from: number, more: boolean, key: string): number {
  if (!whole) {
    if (from !== 0) return fragmentOnly
    c.fragmented = true
    return 0
  }
  const joined = c.fragments.add(key, from, more, c.bytes.subarray(c.at, c.end))
  if (joined === undefined) return fragmentOnly
  c.moveTo(joined)
  c.fragmented = false
  return 0
}

function readIp6(c: Cursor): number {
  if (!c.has(40)) return cutBeforeIp
  const p = c.packet
  const { view, at } = c
  p.family = 6
  p.src0 = view.getInt32(at + 8)
  p.src1 = view.getInt32(at + 12)
  p.src2 = view.getInt32(at + 16)
  p.src3 = view.getInt32(at + 20)
  setDestination(c, 24)
  p.ipId = -1
  p.ecn = (c.u8(1) >> 4) & 3
  const said = c.u16(4)
  let next = c.u8(6)
  // 0: a jumbogram, whose length is in an option and no shorter than what was on the wire; or offloading, as in IPv4.
  const total = said === 0 ? c.limit - at : 40 + said
  if (total > totalMax) return badIp
  const whole = at + total <= c.end
  c.bound(total)
  c.at += 40
  c.fragmented = false
  for (;;) {
    // Hop-by-hop (0), routing (43), destination (60), mobility (135), HIP (139), shim6 (140); others end the chain.
    if (next === 44) {
      if (!c.has(8)) return fragmentOnly
      const fragment = c.u16(2)
      const id = c.u32(4)
      next = c.u8(0)
      c.at += 8
      if ((fragment & 0xfff9) === 0) continue
      const words = `${p.src0} ${p.src1} ${p.src2} ${p.src3} ${p.dst0} ${p.dst1} ${p.dst2} ${p.dst3}`
      const joined = readFragment(c, whole && c.at < c.end, fragment & 0xfff8, (fragment & 1) === 1, `6 ${words} ${id}`)
      if (joined !== 0) return joined
    } else if (next === 0 || next === 43 || next === 60 || next === 135 || next === 139 || next === 140) {
      if (!c.has(8)) return cutBeforeIp
      const length = (c.u8(1) + 1) * 8
      if (!c.has(length)) return cutBeforeIp
      if (next === 43) readRoute(c, length)
      next = c.u8(0)
      c.at += length
    } else return PROTOCOL + next
  }
}

/** While there are hops to go, the session's other end is the last of them, not the next. */
function readRoute(c: Cursor, length: number): void {
  const type = c.u8(2)
  if (c.u8(3) === 0 || length < 24) return
  // Types 0 and 2 (RFC 5095, RFC 6275) end with the last hop; a segment list (4, RFC 8754) begins with it.
  if (type === 0 || type === 2) setDestination(c, length - 16)
  else if (type === 4) setDestination(c, 8)
}

function setDestination(c: Cursor, offset: number): void {
  const p = c.packet
  const at = c.at + offset
  p.dst0 = c.view.getInt32(at)
  p.dst1 = c.view.getInt32(at + 4)
  p.dst2 = c.view.getInt32(at + 8)
  p.dst3 = c.view.getInt32(at + 12)
}

/** Numbers of iana.org/assignments/protocol-numbers. */
export function readProtocol(c: Cursor, protocol: number): number {
  switch (protocol) {
    case 6:
      return TCP
    case 17:
      return UDP
    case 1:
      return ICMP4
    case 58:
      return ICMP6
    case 4:
    case 41:
    case 94:
      return IP
    case 47:
      return GRE
    case 51: {
      // Authentication: says its length in words, less two.
      if (!c.has(2)) return cutBeforeIp
      const length = (c.u8(1) + 2) * 4
      const next = c.u8(0)
      if (!c.has(length)) return cutBeforeIp
      c.at += length
      return PROTOCOL + next
    }
    case 50:
      return encrypted
    case 97: {
      if (!c.has(2)) return cutBeforeIp
      c.at += 2
      return ETHERNET
    }
    case 143:
      return ETHERNET
    case 137:
      return MPLS
    default:
      return otherProtocol
  }
}
