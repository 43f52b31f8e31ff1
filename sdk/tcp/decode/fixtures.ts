/** One IP packet inside everything that the decoder looks through. */
import { addressBytes, bytes, ethernetFrame, ipPacket, joined, udpDatagram } from '../fixtures.ts'

export type Wrapped = {
  readonly name: string
  readonly linkType: number
  readonly frame: Uint8Array
  /** Innermost VLAN; -1 without. */
  readonly vlan?: number
}

const outer = { src: '192.0.2.1', dst: '192.0.2.2' }
const outer6 = { src: '2001:db8::a', dst: '2001:db8::b' }

/** Every way to wrap the packet, each under the name of what is special about it. */
export function wrappings(packet: Uint8Array): Wrapped[] {
  const six = (packet[0] as number) >> 4 === 6
  const type = six ? [0x86, 0xdd] : [0x08, 0x00]
  const own = six ? 41 : 4
  const inner = ethernetFrame(packet)
  const mac = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
  const snap = [0xaa, 0xaa, 3, 0, 0, 0, ...type]
  const raw = (name: string, linkType: number, ...parts: Uint8Array[]): Wrapped => ({ name, linkType, frame: joined(...parts) })
  const ether = (name: string, etherType: number, ...parts: Uint8Array[]): Wrapped => ({
    name,
    linkType: 1,
    frame: ethernetFrame(joined(...parts), [], etherType),
  })
  const ip = (name: string, protocol: number, ...parts: Uint8Array[]): Wrapped => ({
    name,
    linkType: 1,
    frame: ethernetFrame(ipPacket({ ...outer, protocol }, joined(...parts))),
  })
  const udp = (name: string, port: number, ...parts: Uint8Array[]): Wrapped => ip(name, 17, udpDatagram(50_000, port, joined(...parts)))
  const mpls = bytes([0, 1, 0, 64, 0, 2, 1, 64])
  const wlan = bytes([0x88, 1, 0, 0, ...mac, 2, 0, 0, 0, 0, 3, 0x10, 0, 0, 0, ...snap])
  const wlanSwapped = bytes([1, 8, 0, 0, ...mac, 2, 0, 0, 0, 0, 3, 0x10, 0, ...snap])
  const nsh = bytes([0, 2, 1, six ? 2 : 1, 0, 0, 1, 255])
  const length = (...parts: Uint8Array[]) => joined(...parts).length
  return [
    ether('Ethernet', six ? 0x86dd : 0x0800, packet),
    raw('Ethernet with a trailer', 1, inner, bytes([1, 2, 3, 4, 5, 6, 7])),
    { ...raw('a VLAN', 1, ethernetFrame(packet, [7])), vlan: 7 },
    { ...raw('two VLANs', 1, ethernetFrame(packet, [7, 9])), vlan: 9 },
    {
      ...ether('QinQ', 0x88a8, bytes([0, 5, 0x81, 0, 0, 6, 0x91, 0, 0, 8, ...type]), packet),
      vlan: 8,
    },
    raw('802.3 with SNAP', 1, bytes([...mac, 0, (8 + packet.length) & 255]), bytes(snap), packet),
    ...(six ? [] : [raw('802.2 without SNAP', 1, bytes([...mac, 0, 3 + packet.length, 6, 6, 3]), packet)]),
    ether('a VN-Tag', 0x8926, bytes([0, 0, 0, 0, ...type]), packet),
    ether('802.1ah', 0x88e7, bytes([0, 0, 0, 1]), inner),
    ether('FabricPath', 0x8903, bytes([0, 1]), inner, new Uint8Array(4)),
    ether('PPPoE', 0x8864, bytes([0x11, 0, 0, 1, 0, 2 + packet.length, 0, six ? 0x57 : 0x21]), packet),
    ether('MPLS', 0x8847, mpls, packet),
    ether('MPLS with a control word', 0x8847, mpls, bytes([0, 0, 0, 0]), inner),
    ether('a service chain', 0x894f, nsh, packet),
    raw('loopback, little-endian', 0, bytes([six ? 30 : 2, 0, 0, 0]), packet),
    raw('loopback, big-endian', 108, bytes([0, 0, 0, six ? 24 : 2]), packet),
    raw('raw IP', 101, packet),
    raw('raw IP (12)', 12, packet),
    raw('raw IP of one family', six ? 229 : 228, packet),
    raw('PPP', 9, bytes([0xff, 3, 0, six ? 0x57 : 0x21]), packet),
    raw('PPP without framing', 9, bytes([six ? 0x57 : 0x21]), packet),
    raw('Cisco HDLC', 104, bytes([0x0f, 0, ...type]), packet),
    raw('PPP or Cisco HDLC', 50, bytes([0x0f, 0, ...type]), packet),
    raw('Linux cooked', 113, bytes([0, 0, 0, 1, 0, 6, ...mac.slice(0, 6), 0, 0, ...type]), packet),
    raw('Linux cooked, version 2', 276, bytes([...type, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, ...mac.slice(0, 6), 0, 0]), packet),
    raw('FDDI', 10, bytes([0x50, ...mac, ...snap]), packet),
    ...(six ? [] : [raw('ARCNET', 129, bytes([1, 2, 0, 0, 212, 0, 0, 1]), packet)]),
    raw('IP over InfiniBand', 242, new Uint8Array(40), bytes([...type, 0, 0]), packet),
    raw('802.11', 105, wlan, packet),
    raw('802.11 with radiotap', 127, bytes([0, 0, 8, 0, 0, 0, 0, 0]), wlan, packet),
    raw('Netfilter log', 239, bytes([2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0, (4 + packet.length) & 255, 0, 9, 0]), packet),
    raw('Juniper', 178, bytes([0x4d, 0x47, 0x43, 0x80, 0, 2, 9, 9]), inner),
    ip('IP in IPv4', own, packet),
    raw('IP in IPv6', 1, ethernetFrame(ipPacket({ ...outer6, protocol: own }, packet))),
    ip('GRE', 47, bytes([0, 0, ...type]), packet),
    ip('GRE with all of its fields', 47, bytes([0xb0, 0, ...type, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]), packet),
    ip('Ethernet in GRE', 47, bytes([0, 0, 0x65, 0x58]), inner),
    ip('PPTP', 47, bytes([0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, six ? 0x57 : 0x21]), packet),
    ip('ERSPAN', 47, bytes([0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0]), inner),
    ip('ERSPAN III', 47, bytes([0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), inner),
    ip('MPLS in IP', 137, mpls, packet),
    ip('Ethernet in IP', 97, bytes([0x30, 0]), inner),
    ip('an authentication header', 51, bytes([own, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), packet),
    udp('VXLAN', 4789, bytes([8, 0, 0, 0, 0, 0, 1, 0]), inner),
    udp('VXLAN-GPE', 4790, bytes([12, 0, 0, six ? 2 : 1, 0, 0, 1, 0]), packet),
    udp('GENEVE', 6081, bytes([1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0]), inner),
    udp('IP in GENEVE', 6081, bytes([0, 0, ...type, 0, 0, 1, 0]), packet),
    udp('GTP', 2152, bytes([0x30, 255, 0, 0, 0, 0, 0, 1]), packet),
    udp('GTP with an extension', 2152, bytes([0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0]), packet),
    udp('L2TP', 1701, bytes([0, 2, 0, 1, 0, 1, 0xff, 3, 0, six ? 0x57 : 0x21]), packet),
    udp('MPLS in UDP', 6635, mpls, packet),
    udp('GRE in UDP', 4754, bytes([0, 0, ...type]), packet),
    udp('LISP', 4341, new Uint8Array(8), packet),
    udp('CAPWAP', 5247, bytes([0, 0x10, 3, 0, 0, 0, 0, 0]), wlanSwapped, packet),
    ...(six ? [udp('Teredo', 3544, bytes([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]), packet)] : []),
    {
      ...raw(
        'tunnels in tunnels',
        1,
        ethernetFrame(
          ipPacket(
            { ...outer6, protocol: 17 },
            udpDatagram(
              1,
              4789,
              joined(
                bytes([8, 0, 0, 0, 0, 0, 1, 0]),
                ethernetFrame(ipPacket({ ...outer, protocol: 47, options: [1, 1, 1, 0] }, joined(bytes([0, 0, ...type]), packet)), [3]),
              ),
            ),
          ),
        ),
      ),
      vlan: 3,
    },
    // A header of 20 bytes and nothing behind it: padding to the least that Ethernet carries.
    ...(length(packet) < 46 ? [raw('the least of Ethernet', 1, inner, new Uint8Array(46 - packet.length))] : []),
  ]
}

/** IPv6 extension headers: `body` lacks the first byte, the next header. */
export const extensions = [
  { type: 0, body: bytes([0, 1, 4, 0, 0, 0, 0]) },
  { type: 60, body: bytes([1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) },
  { type: 43, body: bytes([2, 0, 0, 0, 0, 0, 0, ...addressBytes('2001:db8::99')]) },
  { type: 44, body: bytes([0, 0, 0, 0, 0, 0, 7]) },
]

/** The packet's bytes behind its header, in pieces of `size` (a multiple of 8), each an IP packet. */
export function fragmentsOf(fields: Parameters<typeof ipPacket>[0], payload: Uint8Array, size: number): Uint8Array[] {
  const out: Uint8Array[] = []
  for (let at = 0; at < payload.length; at += size) {
    const piece = payload.subarray(at, at + size)
    const more = at + size < payload.length
    if (!fields.src.includes(':')) out.push(ipPacket({ ...fields, fragmentOffset: at, moreFragments: more }, piece))
    else {
      const word = at | (more ? 1 : 0)
      const header = { type: 44, body: bytes([0, word >> 8, word & 255, 0, 0, 0, (fields.id ?? 0) & 255]) }
      out.push(ipPacket({ ...fields, extensions: [header] }, piece))
    }
  }
  return out
}
