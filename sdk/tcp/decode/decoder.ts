/**
 * From a frame to the TCP segment in it, through whatever lies between. Which frames hold one, and how long it is, follows
 * tshark 4.0.17.
 */
import type { Packet } from '../packet.ts'
import { CISCO_HDLC, Cursor, ETHERNET, ETHERTYPE, GRE, ICMP4, ICMP6, IP, LLC, MPLS, NSH, PPP, PROTOCOL, TCP, UDP, WLAN } from './cursor.ts'
import { Fragments } from './fragments.ts'
import { readIp, readProtocol } from './ip.ts'
import { readCiscoHdlc, readEthernet, readEtherType, readLlc, readMpls, readPpp, readServiceChain, readWlan } from './layers.ts'
import { readLink } from './link.ts'
import { tooManyLayers } from './reasons.ts'
import { readHeader, readTcp } from './tcp.ts'
import { readGre, readIcmp4, readIcmp6, readUdp } from './tunnels.ts'

/**
 * A tunnel in a tunnel with tags takes about twenty; each layer is at least a byte, so a frame made of tags could have
 * tens of thousands.
 */
const layersMax = 64

export class Decoder {
  /** The chunk that was looked at last, so that a view of it is made once. */
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(this.#bytes.buffer)
  #cursor: Cursor | undefined
  readonly #fragments = new Fragments()

  /** IP packets whose fragments were given up, because more were under way than are kept. */
  get givenUp(): number {
    return this.#fragments.givenUp
  }

  /**
   * Fills `p` (all but `frame`, `sec`, `nsec`) when there is a segment in the frame.
   * @param at where in `bytes` the frame begins; `captured` bytes of its `wire` are there
   * @returns 0, or why there is none: a position in `reasons`
   */
  decode(bytes: Uint8Array, at: number, captured: number, wire: number, linkType: number, p: Packet): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    const view = this.#view
    p.wire = wire
    p.truncated = captured < wire
    p.quoted = false
    p.vlan = -1
    // Ethernet, IPv4 without options, not a fragment, TCP: nearly all there is.
    if (linkType === 1 && captured >= 54 && view.getUint32(at + 12) >>> 8 === 0x080045 && (view.getUint32(at + 20) & 0x3fff00ff) === 6) {
      const total = view.getUint16(at + 16)
      if (total >= 40 && total <= wire - 14) {
        p.family = 4
        p.src0 = 0
        p.src1 = 0
        p.src2 = 0
        p.src3 = view.getInt32(at + 26)
        p.dst0 = 0
        p.dst1 = 0
        p.dst2 = 0
        p.dst3 = view.getInt32(at + 30)
        p.ipId = view.getUint16(at + 18)
        p.ecn = (bytes[at + 15] as number) & 3
        const limit = at + 14 + total
        const end = at + captured
        readHeader(bytes, view, at + 34, end < limit ? end : limit, limit, p)
        return 0
      }
    }
    return this.#through(bytes, view, at, captured, wire, linkType, p)
  }

  /** Layer by layer. */
  #through(bytes: Uint8Array, view: DataView, at: number, captured: number, wire: number, linkType: number, p: Packet): number {
    const c = (this.#cursor ??= new Cursor(p, this.#fragments))
    c.packet = p
    c.bytes = bytes
    c.view = view
    c.at = at
    c.end = at + captured
    // A file may say that more was captured than there was.
    c.limit = at + Math.max(captured, wire)
    c.fragmented = false
    c.redirected = false
    let next = readLink(c, linkType)
    for (let layers = 0; layers < layersMax; layers++) {
      if (next === TCP) return readTcp(c, p)
      if (next >= 0) return next
      next = readLayer(c, next)
    }
    return tooManyLayers
  }
}

function readLayer(c: Cursor, layer: number): number {
  switch (layer) {
    case IP:
      return readIp(c)
    case ETHERNET:
      return readEthernet(c)
    case UDP:
      return readUdp(c)
    case LLC:
      return readLlc(c)
    case PPP:
      return readPpp(c)
    case CISCO_HDLC:
      return readCiscoHdlc(c)
    case MPLS:
      return readMpls(c)
    case GRE:
      return readGre(c)
    case ICMP4:
      return readIcmp4(c)
    case ICMP6:
      return readIcmp6(c)
    case WLAN:
      return readWlan(c, false)
    case NSH:
      return readServiceChain(c)
    default:
      // EtherTypes (16 bits) count up from ETHERTYPE, protocols from PROTOCOL, which is lower.
      return layer >= ETHERTYPE ? readEtherType(c, layer - ETHERTYPE) : readProtocol(c, layer - PROTOCOL)
  }
}
