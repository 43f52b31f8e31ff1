import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytes, type Captured, epoch, joined, pcap, type PcapFlavour, pcapng, pcapngBlocks, tcpFrame } from '../fixtures.ts'
import { CaptureError, createCaptureReader, type ReadSummary } from './index.ts'
import { Ticks } from './time.ts'

type Seen = { sec: number; nsec: number; wire: number; linkType: number; frame: string }

/** Pushes the file in pieces of these lengths, over and over. */
function read(file: Uint8Array, pieces: readonly number[] = [file.length]): { frames: Seen[]; summary: ReadSummary } {
  const frames: Seen[] = []
  const reader = createCaptureReader({
    frame: (chunk, at, captured, wire, linkType, sec, nsec) =>
      frames.push({ sec, nsec, wire, linkType, frame: Buffer.from(chunk.subarray(at, at + captured)).toString('hex') }),
  })
  for (let at = 0, turn = 0; at < file.length; turn++) {
    const length = Math.max(1, pieces[turn % pieces.length] as number)
    // A piece is overwritten once it has been read.
    const piece = file.slice(at, at + length)
    reader.push(piece)
    piece.fill(0xee)
    at += length
  }
  return { frames, summary: reader.end() }
}

const captured: Captured[] = [
  { at: 1, frame: tcpFrame({ seq: 1 }) },
  { at: 1_999_999_999, frame: tcpFrame({ seq: 2, length: 301 }).subarray(0, 61), wire: 355, comment: 'slow here' },
  { at: 2_000_000_000, frame: new Uint8Array(0), wire: 7 },
  { at: 3_000_001_000, frame: tcpFrame({ seq: 3, length: 7 }) },
]
const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex')
const told = (unit: number, linkType = 1): Seen[] =>
  captured.map(({ at, frame, wire = frame.length }) => ({
    sec: epoch + Math.floor(at / 1e9),
    nsec: Math.floor((at % 1e9) / unit) * unit,
    wire,
    linkType,
    frame: hex(frame),
  }))

test.each<[format: string, flavour: PcapFlavour, unit: number]>([
  ['pcap', {}, 1000],
  ['pcap, big-endian', { bigEndian: true }, 1000],
  ['pcap, nanoseconds', { nanoseconds: true }, 1],
  ['pcap, nanoseconds, big-endian', { nanoseconds: true, bigEndian: true }, 1],
  ['pcap, modified', { modified: true, linkType: 101 }, 1000],
])('%s is read as it was written', (format, flavour, unit) => {
  const file = pcap(captured, flavour)
  const { frames, summary } = read(file)
  expect(frames).toEqual(told(unit, flavour.linkType))
  expect(summary).toEqual({
    format,
    packets: 4,
    bytes: file.length,
    warnings: [],
    interfaces: [{ linkType: flavour.linkType ?? 1, drops: null }],
    comments: 0,
    notUnderstood: {},
  })
})

test.each([false, true])('pcapng is read as it was written; big-endian: %s', (bigEndian) => {
  for (const [tsresol, unit] of [
    [undefined, 1000],
    [9, 1],
    [3, 1e6],
    [10, 1],
  ] as const) {
    const interfaces = [{ linkType: 113 }, { linkType: 1, tsresol, tsoffset: -7200 }]
    const { frames, summary } = read(
      pcapng(
        captured.map((packet) => ({ ...packet, interface: 1 })),
        { bigEndian, interfaces },
      ),
    )
    expect(frames).toEqual(told(unit))
    expect(summary).toMatchObject({ format: bigEndian ? 'pcapng, big-endian' : 'pcapng', packets: 4, comments: 1, warnings: [] })
    expect(summary.interfaces.map(({ linkType }) => linkType)).toEqual([113, 1])
  }
})

test('sections have byte orders and interfaces of their own, all kinds of packets are read, what else there is is skipped', () => {
  const little = pcapngBlocks()
  const big = pcapngBlocks(true)
  const [one, , , last] = captured as [Captured, Captured, Captured, Captured]
  const file = joined(
    big.section([[1, new TextEncoder().encode('a note')]]),
    big.interface({ linkType: 1, snaplen: 40 }),
    big.names(),
    big.block(0x0bad, new Uint8Array(100_000)),
    big.packet(last),
    big.simple(one.frame.subarray(0, 40), one.frame.length),
    big.statistics(0, 12),
    big.statistics(0, 40),
    little.section(),
    little.interface({ linkType: 101 }),
    little.interface({ linkType: 276 }),
    little.enhanced({ ...one, interface: 1 }),
    little.enhanced({ ...one, interface: 2 }),
    little.statistics(1, 2),
  )
  const { frames, summary } = read(file)
  const time = { sec: epoch + 3, nsec: 1000 }
  expect(frames).toEqual([
    { ...time, wire: last.frame.length, linkType: 1, frame: hex(last.frame) },
    { ...time, wire: one.frame.length, linkType: 1, frame: hex(one.frame.subarray(0, 40)) },
    { sec: epoch, nsec: 0, wire: one.frame.length, linkType: 276, frame: hex(one.frame) },
  ])
  expect(summary).toMatchObject({
    packets: 3,
    comments: 1,
    interfaces: [
      { linkType: 1, drops: 40 },
      { linkType: 101, drops: null },
      { linkType: 276, drops: 2 },
    ],
    notUnderstood: { 'packet of an interface that the file does not describe': 1 },
    warnings: [
      'Some packets have no time in the file; they were given that of the packet before them.',
      'The capture itself lost 42 packets, as the file tells: losses may be its own.',
    ],
  })
})

const anyFile = fc
  .tuple(
    fc.array(
      fc.record({
        at: fc.nat(5e9),
        frame: fc.uint8Array({ maxLength: 200 }),
        interface: fc.nat(1),
        comment: fc.option(fc.string(), { nil: undefined }),
      }),
      {
        maxLength: 6,
      },
    ),
    fc.record({ bigEndian: fc.boolean(), nanoseconds: fc.boolean(), modified: fc.boolean() }),
    fc.boolean(),
    // Damage: bytes changed, and an end cut off.
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
    fc.nat(40),
  )
  .map(([packets, flavour, newer, changes, cut]) => {
    const file = newer ? pcapng(packets, { bigEndian: flavour.bigEndian, interfaces: [{}, { tsresol: 9 }] }) : pcap(packets, flavour)
    for (const [at, value] of changes) file[4 + (at % (file.length - 4))] = value
    return file.subarray(0, Math.max(28, file.length - cut))
  })

test('the result does not depend on the pieces in which a file comes, damaged or not', () => {
  fc.assert(
    fc.property(anyFile, fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }), (file, pieces) => {
      const whole = read(file)
      expect(read(file, [1])).toEqual(whole)
      expect(read(file, pieces)).toEqual(whole)
    }),
    { numRuns: 300 },
  )
})

test('a file that is cut off in its last record is read up to there, and says so', () => {
  for (const file of [pcap(captured), pcapng(captured)])
    for (const missing of [1, 30]) {
      const { frames, summary } = read(file.subarray(0, file.length - missing))
      expect(frames).toEqual(told(1000).slice(0, 3))
      expect(summary.warnings).toEqual([
        `The file is cut off in the middle of its last record (at byte ${file.length - missing}); what comes before was read.`,
      ])
    }
})

test('a length that cannot be true ends the reading with its place, and takes no memory', () => {
  const file = joined(pcap(captured), bytes([0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 0x7f, 0, 0, 0, 0]), new Uint8Array(1000))
  const { frames, summary } = read(file, [64])
  expect(frames).toHaveLength(4)
  expect(summary.warnings).toEqual([
    `The record at byte ${pcap(captured).length} claims 2147483647 bytes where 262144 are the most: the file is damaged from there on, and only what comes before was read.`,
  ])
  const blocks = pcapngBlocks()
  const short = joined(pcapng(captured), bytes([6, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]))
  expect(read(short).summary.warnings[0]).toMatch(`The block at byte ${pcapng(captured).length} claims 11 bytes: the file is damaged`)
  const lie = blocks.enhanced(captured[0] as Captured)
  lie[20] = 200
  expect(read(joined(pcapng(captured), lie)).summary.warnings[0]).toMatch('claims a packet of 200 bytes')
  const ends = blocks.enhanced(captured[0] as Captured)
  ends[ends.length - 4] = 8
  expect(read(joined(pcapng(captured), ends)).summary.warnings[0]).toMatch('differently at its beginning and at its end')

  const before = process.memoryUsage().arrayBuffers
  const promise = joined(pcapng([]), bytes([6, 0, 0, 0, 0, 0, 0, 0xf0]), new Uint8Array(50_000))
  for (let times = 0; times < 100; times++) read(promise, [1000])
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6)
})

test('records of link types that may be very long are read as far as any header can reach', () => {
  const long = new Uint8Array(1_000_000).fill(7)
  const file = pcap([{ at: 0, frame: long }, captured[0] as Captured], { linkType: 249, snaplen: 2 ** 24 })
  const frames = read(file, [100_000]).frames
  expect(frames.map(({ frame, wire }) => [frame.length / 2, wire])).toEqual([
    [262_144, 1_000_000],
    [54, 54],
  ])
})

test.each([
  ['empty', '', 'The file is empty: it has no capture in it. (byte 0)'],
  ['three bytes', 'abc', 'The file ends before a capture begins. (byte 3)'],
  ['a pcap header that is cut off', pcap([]).subarray(0, 20), 'The file ends before a capture begins. (byte 20)'],
  ['text', 'Dear reader', /^The file is no capture: it begins with 44 65 61 72\. .* \(byte 0\)$/],
  ['gzip', bytes([0x1f, 0x8b, 8, 0, 0]), 'The file is gzip: unpack it first. (byte 0)'],
])('a file that is no capture is refused: %s', (_, content, message) => {
  const file = typeof content === 'string' ? new TextEncoder().encode(content) : content
  expect(() => read(file)).toThrow(message)
  expect(() => read(file)).toThrow(CaptureError)
})

test('a fraction of more than a second is carried over', () => {
  const file = pcap(captured.slice(0, 1))
  new DataView(file.buffer).setUint32(28, 2_500_000, true)
  expect(read(file).frames[0]).toMatchObject({ sec: epoch + 2, nsec: 500_000_000 })
})

test('times of every unit are divided exactly', () => {
  const resolution = fc.oneof(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 0x80, max: 0x80 + 63 }))
  fc.assert(
    fc.property(resolution, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer(), (tsresol, count, offset) => {
      const per = tsresol < 0x80 ? 10n ** BigInt(tsresol) : 2n ** BigInt(tsresol - 0x80)
      const ticks = new Ticks(tsresol, offset)
      ticks.set(Number(count >> 32n), Number(count & 0xffff_ffffn))
      expect([ticks.sec, ticks.nsec]).toEqual([Number(count / per) + offset, Number(((count % per) * 1_000_000_000n) / per)])
    }),
    { numRuns: 2000 },
  )
})
