import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addressBytes,
  bytes,
  ethernetFrame,
  ipPacket,
  joined,
  pcap,
  type SegmentFields,
  tcpFrame,
  tcpPacket,
  tcpSegment,
  udpDatagram,
} from '../fixtures.ts'
import { createAnalyser } from '../analyser.ts'
import { ACK, FIN, Packet, SYN } from '../packet.ts'
import { extensions, fragmentsOf, wrappings } from './fixtures.ts'
import { fragmentBytesMax } from './fragments.ts'
import { Decoder, reasons } from './index.ts'

const segment: SegmentFields = {
  seq: 0xfffffff0,
  ack: 77,
  flags: ACK | FIN,
  window: 501,
  length: 10,
  ipId: 4321,
  ecn: 2,
  options: { timestamps: [0xfffffff0, 5] },
}
const six: SegmentFields = { ...segment, src: '2001:db8::1', dst: '2001:db8::2' }

function decoded(frame: Uint8Array, { linkType = 1, wire = frame.length, decoder = new Decoder() } = {}) {
  const p = new Packet()
  // Not at the beginning of its chunk, and something behind it.
  const chunk = joined(bytes([9, 9, 9]), frame, bytes([0x45, 0, 0, 1]))
  const code = decoder.decode(chunk, 3, frame.length, wire, linkType, p)
  return { reason: reasons[code], p }
}

const expected = {
  sport: 40000,
  dport: 80,
  seq: -16,
  ack: 77,
  flags: ACK | FIN,
  window: 501,
  length: 10,
  ecn: 2,
  hasTimestamps: true,
  tsval: 0xfffffff0,
  tsecr: 5,
  quoted: false,
  cut: false,
  sessionless: false,
}
const word = (address: string, at: number) => new DataView(Uint8Array.from(addressBytes(address)).buffer).getInt32(at)
const of4 = { family: 4, src3: word('10.0.0.1', 0), dst3: word('10.0.0.2', 0), src0: 0, dst2: 0, ipId: 4321 }
const of6 = { family: 6, src0: word('2001:db8::1', 0), src3: 1, dst0: word('2001:db8::2', 0), dst3: 2, ipId: -1 }

for (const [family, fields, own] of [
  ['IPv4', segment, of4],
  ['IPv6', six, of6],
] as const)
  test.each(wrappings(tcpPacket(fields)))(`a segment over ${family} is found in $name`, ({ frame, linkType, vlan = -1 }) => {
    const { reason, p } = decoded(frame, { linkType })
    expect(reason).toBe('TCP')
    expect(p).toMatchObject({ ...expected, ...own, vlan, wire: frame.length, truncated: false })
  })

test('IPv4 options and IPv6 extension headers are stepped over; the last hop of a route is the other end', () => {
  const options = ipPacket({ src: '10.0.0.1', dst: '10.0.0.2', protocol: 6, options: [7, 7, 4, 0, 0, 0, 0, 0] }, tcpSegment(segment))
  expect(decoded(options, { linkType: 101 }).p).toMatchObject({ length: 10, seq: -16 })
  const chain = ipPacket({ src: '2001:db8::1', dst: '2001:db8::2', protocol: 6, extensions }, tcpSegment(segment))
  expect(decoded(chain, { linkType: 101 }).p).toMatchObject({ length: 10, seq: -16, dst3: 2 })
  const underway = [{ type: 43, body: bytes([2, 0, 1, 0, 0, 0, 0, ...addressBytes('2001:db8::99')]) }]
  const routed = ipPacket({ src: '2001:db8::1', dst: '2001:db8::2', protocol: 6, extensions: underway }, tcpSegment(segment))
  expect(decoded(routed, { linkType: 101 }).p).toMatchObject({ length: 10, dst3: 0x99 })
})

test('every option is read, and a list that makes no sense is read up to there', () => {
  const options = { mss: 1460, windowScale: 7, sackPermitted: true, timestamps: [1, 2] as const }
  expect(decoded(tcpFrame({ flags: SYN, options })).p).toMatchObject({
    mss: 1460,
    windowScale: 7,
    sackPermitted: true,
    tsval: 1,
    tsecr: 2,
  })
  const sack = [
    [10, 20],
    [0xffffffff, 5],
    [30, 40],
  ] as const
  const { p } = decoded(tcpFrame({ options: { timestamps: [1, 2], sack } }))
  expect([p.sacks, ...p.sack.subarray(0, 6)]).toEqual([3, 10, 20, -1, 5, 30, 40])
  expect(decoded(tcpFrame({ options: { mss: 1, raw: [3, 0, 4, 2] } })).p).toMatchObject({ mss: 1, windowScale: -1, sackPermitted: false })
  expect(decoded(tcpFrame({ options: { mss: 1, raw: [3, 99, 4, 2] } })).p).toMatchObject({ mss: 1, windowScale: -1, cut: false })
})

test('nothing of one packet is left in the next', () => {
  const decoder = new Decoder()
  const p = new Packet()
  const decode = (frame: Uint8Array) => decoder.decode(frame, 0, frame.length, frame.length, 1, p)
  decode(tcpFrame({ ...six, vlans: [5], flags: SYN, options: { mss: 9, windowScale: 3, sackPermitted: true, sack: [[1, 2]] } }))
  decode(tcpFrame({ ipId: 5 }))
  const fresh = new Packet()
  const plain = tcpFrame({ ipId: 5 })
  new Decoder().decode(plain, 0, plain.length, plain.length, 1, fresh)
  // What is behind the last block is not looked at.
  fresh.sack.set(p.sack)
  expect(p).toEqual(fresh)
})

test('the length is that of the IP packet, whatever was captured, and that of the frame where the IP packet says 0', () => {
  const frame = tcpFrame({ length: 1000 })
  expect(decoded(frame.subarray(0, 60), { wire: frame.length }).p).toMatchObject({ length: 1000, truncated: true, wire: 1054, cut: false })
  const offloaded = ethernetFrame(ipPacket({ src: '10.0.0.1', dst: '10.0.0.2', protocol: 6, totalLength: 0 }, tcpSegment({ length: 90 })))
  expect(decoded(offloaded.subarray(0, 80), { wire: 70_000 }).p.length).toBe(70_000 - 54)
  expect(decoded(offloaded, { wire: 2 ** 31 }).reason).toBe('bad IP header')
  const lie = ethernetFrame(ipPacket({ src: '10.0.0.1', dst: '10.0.0.2', protocol: 6, totalLength: 9000 }, tcpSegment({ length: 90 })))
  expect(decoded(lie).p.length).toBe(90)
})

test('of a header that was cut off, what is there is told; with less than 16 bytes it is of no session', () => {
  const frame = tcpFrame({ ...segment, options: {} })
  const cut = (header: number) => decoded(frame.subarray(0, 34 + header), { wire: frame.length }).p
  expect(cut(20)).toMatchObject({ seq: -16, length: 10, cut: false })
  expect(cut(16)).toMatchObject({ sport: 40000, seq: -16, window: 501, length: 10, cut: false, sessionless: false })
  expect(cut(15)).toMatchObject({ sport: 40000, seq: -16, ack: 77, length: 0, cut: true, sessionless: true })
  expect(cut(0)).toMatchObject({ sport: 0, length: 0, cut: true, sessionless: true })
})

test('a header that is longer than the packet, or shorter than a header, is not analysed', () => {
  const long = tcpFrame({ length: 10 })
  long[46] = 0xf0
  expect(decoded(long).p).toMatchObject({ cut: true, sessionless: false, length: 0 })
  const short = tcpFrame({ length: 10 })
  short[46] = 0x40
  expect(decoded(short).p).toMatchObject({ cut: true, sessionless: false, length: 14 })
})

test('what an ICMP error quotes is told as quoted', () => {
  const error = (type: number, length: number, said = 0) =>
    decoded(
      ethernetFrame(
        ipPacket(
          { src: '192.0.2.9', dst: '10.0.0.1', protocol: 1 },
          joined(bytes([type, 0, 0, 0, 0, said, 0, 0]), tcpPacket(segment).subarray(0, length)),
        ),
      ),
    )
  expect(error(3, 62).p).toMatchObject({ ...of4, sport: 40000, seq: -16, window: 501, quoted: true, sessionless: false, length: 0 })
  expect(error(3, 28).p).toMatchObject({ sport: 40000, quoted: true, sessionless: true })
  // Only so much of it is of the packet, the rest an extension.
  expect(error(11, 62, 7).p).toMatchObject({ seq: -16, quoted: true, sessionless: true })
  expect(error(5, 62).p).toMatchObject({ quoted: true, sessionless: true })
  expect(error(8, 62).reason).toBe('ICMP')
  const in6 = ipPacket({ src: '2001:db8::9', dst: '2001:db8::1', protocol: 58 }, joined(bytes([2, 0, 0, 0, 0, 0, 5, 0]), tcpPacket(six)))
  expect(decoded(in6, { linkType: 101 }).p).toMatchObject({ ...of6, quoted: true, sessionless: false })
})

test.each([
  ['IPv4', { src: '10.0.0.1', dst: '10.0.0.2', protocol: 6, id: 99 }],
  ['IPv6', { src: '2001:db8::1', dst: '2001:db8::2', protocol: 6, id: 99 }],
])('fragments of %s in any order, twice and beside others make one segment, which the last of them brings', (_, fields) => {
  const payload = Uint8Array.from({ length: 3000 }, (_, at) => at)
  const pieces = fragmentsOf(fields, tcpSegment({ ...segment, payload }), 512)
  fc.assert(
    fc.property(
      fc.shuffledSubarray(pieces, { minLength: pieces.length }),
      fc.array(fc.nat(pieces.length - 1), { maxLength: 4 }),
      (order, again) => {
        const decoder = new Decoder()
        const before = again.map((index) => order[index] as Uint8Array).filter((piece) => piece !== order.at(-1))
        const other = fragmentsOf({ ...fields, id: 98 }, tcpSegment(segment), 16).slice(1)
        const codes = [...other, ...before, ...order].map((frame) => decoded(frame, { decoder, linkType: 101 }))
        expect(codes.filter(({ reason }) => reason === 'TCP')).toHaveLength(1)
        expect(codes.at(-1)?.p).toMatchObject({ seq: -16, length: 3000, cut: false, hasTimestamps: true })
      },
    ),
    { numRuns: 50 },
  )
})

test('the first fragment stands for itself, not analysed, when the others cannot be joined', () => {
  const [first, second] = fragmentsOf(
    { src: '10.0.0.1', dst: '10.0.0.2', protocol: 6, id: 3 },
    tcpSegment({ ...segment, length: 2000 }),
    1024,
  )
  const short = (frame: Uint8Array) => decoded(frame.subarray(0, 100), { wire: frame.length, linkType: 101 })
  expect(short(first as Uint8Array).p).toMatchObject({ seq: -16, cut: true, sessionless: false, length: 0 })
  expect(short(second as Uint8Array).reason).toBe('IP fragment of a packet that is not whole yet')
})

test('fragments that never become whole are kept to a bound', () => {
  const decoder = new Decoder()
  const payload = new Uint8Array(1400)
  const fields = { dst: '10.0.0.2', protocol: 6, id: 1, moreFragments: true }
  const src = (id: number) => `10.9.${id >> 8}.${id & 255}`
  for (let id = 0; id < 10_000; id++) {
    const frame = ipPacket({ ...fields, src: src(id) }, payload)
    expect(decoder.decode(frame, 0, frame.length, frame.length, 101, new Packet())).not.toBe(0)
  }
  expect(decoder.givenUp).toBeGreaterThan(10_000 - fragmentBytesMax / 1400)
  const flood = Array.from({ length: 4000 }, (_, id) => ({ at: id, frame: ipPacket({ ...fields, src: src(id) }, payload) }))
  const analyser = createAnalyser({ onSession: () => {} })
  analyser.write(pcap(flood, { linkType: 101 }))
  expect(analyser.end().warnings).toEqual([expect.stringMatching(/^\d+ IP packets in fragments were given up/)])
})

const plain = { src: '10.0.0.1', dst: '10.0.0.2' }
test.each<[reason: (typeof reasons)[number], frame: Uint8Array, linkType?: number]>([
  ['UDP', ethernetFrame(ipPacket({ ...plain, protocol: 17 }, udpDatagram(53, 53, new Uint8Array(20))))],
  ['ICMP', ethernetFrame(ipPacket({ ...plain, protocol: 1 }, new Uint8Array(20)))],
  ['other IP protocol', ethernetFrame(ipPacket({ ...plain, protocol: 132 }, new Uint8Array(20)))],
  ['encrypted', ethernetFrame(ipPacket({ ...plain, protocol: 50 }, new Uint8Array(20)))],
  ['not IP', ethernetFrame(new Uint8Array(28), [], 0x0806)],
  ['link type not known', new Uint8Array(60), 147],
  ['cut off before its IP header', new Uint8Array(9)],
  ['cut off before its IP header', tcpFrame().subarray(0, 30)],
  [
    'bad IP header',
    ethernetFrame(
      Uint8Array.from({ length: 40 }, () => 0x41),
      [],
      0x0800,
    ),
  ],
  [
    'bad IP header',
    ethernetFrame(
      Uint8Array.from({ length: 40 }, () => 0x77),
      [],
      0x0800,
    ),
  ],
  ['cut off inside a tunnel', ethernetFrame(ipPacket({ ...plain, protocol: 47 }, bytes([0, 0])))],
  ['too many layers', ethernetFrame(joined(...Array.from({ length: 100 }, () => bytes([0, 1, 0x81, 0]))), [], 0x8100)],
])('a frame without TCP is counted: %s', (reason, frame, linkType = 1) => {
  expect(decoded(frame, { linkType }).reason).toBe(reason)
})
