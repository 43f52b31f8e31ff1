/** Laws of the whole analysis, on captures that chance makes: whatever comes in whichever order or pieces. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AnalyserOptions, createAnalyser } from './analyser.ts'
import { type Captured, pcap, pcapng, type SegmentFields, tcpFrame } from './fixtures.ts'
import { ACK, FIN, PSH, RST, SYN } from './packet.ts'
import type { CaptureSummary, SessionRecord } from './types.ts'

// ── captures ────────────────────────────────────────────────────────────────────────────────────────────────────
/** One segment, relative to what its sender sent and saw before. */
const step = fc.record({
  fromClient: fc.boolean(),
  gapNs: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 5e6 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 3e9 }) },
    { weight: 1, arbitrary: fc.integer({ min: -1e6, max: 0 }) },
  ),
  length: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }, fc.integer({ min: 2, max: 3_000 })),
  /** Goes back over bytes that were sent, or leaves some out; mostly neither. */
  shift: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: -4_000, max: 2_000 })),
  /** Acknowledges less or more than the other side has sent. */
  ackShift: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: -3_000, max: 1_000 })),
  window: fc.oneof({ weight: 6, arbitrary: fc.constant(2_000) }, fc.constantFrom(0, 1, 10, 65_535)),
  flags: fc.oneof({ weight: 12, arbitrary: fc.constant(ACK) }, fc.constantFrom(ACK | PSH, FIN | ACK, RST, RST | ACK, SYN, SYN | ACK, 0)),
  sack: fc.option(fc.tuple(fc.integer({ min: -3_000, max: 5_000 }), fc.integer({ min: 1, max: 3_000 })), { freq: 6, nil: undefined }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const script = fc.record({
  handshake: fc.boolean(),
  timestamps: fc.boolean(),
  ipv6: fc.boolean(),
  sequences: fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 0xffffffff })),
  startNs: fc.integer({ min: 0, max: 1e9 }),
  steps: fc.array(step, { maxLength: 60 }),
})
type Script = typeof script extends fc.Arbitrary<infer T> ? T : never

type Segment = { readonly at: number; readonly fields: SegmentFields & { readonly seq: number; readonly ack: number } }

/** The segments of a script; session `nth` has addresses and ports of its own. */
function segments(of: Script, nth: number, exchanged = false): Segment[] {
  const hosts = of.ipv6 ? ['2001:db8::1', '2001:db8::2'] : ['10.0.0.1', '10.0.0.2']
  const ends = [
    { address: hosts[exchanged ? 1 : 0] as string, port: 40_000 + nth },
    { address: hosts[exchanged ? 0 : 1] as string, port: 80 },
  ] as const
  const next = [of.sequences[0], of.sequences[1]] as [number, number]
  const out: Segment[] = []
  let at = of.startNs
  const opening: Step[] = [0, 1, 2].map((turn) => ({
    fromClient: turn !== 1,
    gapNs: 20e6,
    length: 0,
    shift: 0,
    ackShift: 0,
    window: 2_000,
    flags: [SYN, SYN | ACK, ACK][turn] as number,
    sack: undefined,
  }))
  for (const one of [...(of.handshake ? opening : []), ...of.steps]) {
    const [from, to] = one.fromClient ? ([0, 1] as const) : ([1, 0] as const)
    at = Math.max(0, at + one.gapNs)
    const seq = next[from] + one.shift
    const end = seq + one.length + ((one.flags & (SYN | FIN)) === 0 ? 0 : 1)
    const ack = (one.flags & ACK) === 0 ? 0 : next[to] + one.ackShift
    const sack = one.sack === undefined ? undefined : [[ack + one.sack[0], ack + one.sack[0] + one.sack[1]] as const]
    out.push({
      at,
      fields: {
        ...{ src: ends[from].address, sport: ends[from].port, dst: ends[to].address, dport: ends[to].port },
        ...{ seq, ack, flags: one.flags, window: one.window, length: one.length, ipId: (out.length * 3 + from) & 0xffff },
        options: {
          ...((one.flags & SYN) === 0 ? {} : { mss: 1_460, windowScale: 2, sackPermitted: true }),
          ...(of.timestamps ? { timestamps: [Math.floor(at / 1e6) + 1, 1] as const } : {}),
          ...(sack === undefined ? {} : { sack }),
        },
      },
    })
    next[from] = Math.max(next[from], end)
  }
  return out
}

const captured = ({ at, fields }: Segment): Captured => ({ at, frame: tcpFrame(fields) })
const fileOf = (them: readonly Segment[]) => pcap(them.map(captured), { nanoseconds: true })
/** In the order of time; of two at once the one that was named first. */
const merged = (...them: readonly Segment[][]) => them.flat().toSorted((one, other) => one.at - other.at)
/** A capture whose clock never steps back: merging orders by time. */
const steady = (of: Script): Script => ({ ...of, steps: of.steps.map((it) => ({ ...it, gapNs: Math.max(0, it.gapNs) })) })

type Told = { readonly records: SessionRecord[]; readonly summary: CaptureSummary }

function analyse(bytes: Uint8Array, options: Partial<AnalyserOptions> = {}, cuts: readonly number[] = []): Told {
  const records: SessionRecord[] = []
  const analyser = createAnalyser({ name: 'capture', onSession: (record) => void records.push(record), ...options })
  let from = 0
  for (const cut of [...cuts.map((it) => it % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    // What was handed over may be used again by whoever did.
    const piece = bytes.slice(from, cut)
    analyser.write(piece)
    piece.fill(0xff)
    from = cut
  }
  const summary = analyser.end()
  return { records: records.toSorted((a, b) => a.number - b.number), summary }
}

/** All that is said of a session, but for its place in the capture. */
const placeless = ({ number: _number, firstFrame: _first, lastFrame: _last, ...rest }: SessionRecord) => rest
const byStart = (them: readonly SessionRecord[]) =>
  them
    .map(placeless)
    .map((it) => JSON.stringify(it))
    .toSorted()

// ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────
test('a capture that comes in pieces of any size says the same', () => {
  fc.assert(
    fc.property(
      fc.array(script, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(), { maxLength: 40 }),
      fc.boolean(),
      (scripts, cuts, ng) => {
        const them = merged(...scripts.map((it, nth) => segments(it, nth)))
        const file = ng ? pcapng(them.map(captured)) : fileOf(them)
        expect(analyse(file, {}, cuts)).toEqual(analyse(file))
      },
    ),
    { numRuns: 60 },
  )
})

test('one byte at a time is pieces too', () => {
  const [sample] = fc.sample(script, { numRuns: 1, seed: 5 }) as [Script]
  const file = fileOf(segments({ ...sample, handshake: true }, 0))
  expect(
    analyse(
      file,
      {},
      Array.from({ length: file.length }, (_, at) => at),
    ),
  ).toEqual(analyse(file))
})

test('sessions say the same of themselves whether others are captured beside them or not', () => {
  fc.assert(
    fc.property(script, script, (one, other) => {
      const [first, second] = [segments(steady(one), 1), segments(steady(other), 2)]
      const apart = [first, second].flatMap((them) => analyse(fileOf(them)).records)
      expect(byStart(analyse(fileOf(merged(first, second))).records)).toEqual(byStart(apart))
    }),
    { numRuns: 100 },
  )
})

test('sessions say the same of themselves when their places in memory were those of others before', () => {
  fc.assert(
    fc.property(fc.array(script, { minLength: 8, maxLength: 20 }), (scripts) => {
      // One after another, with room for few: each begins where one that was told has been.
      const them = scripts.map((it, nth) => segments({ ...steady(it), startNs: it.startNs + nth * 1e12 }, nth))
      const apart = them.flatMap((it) => analyse(fileOf(it)).records)
      expect(byStart(analyse(fileOf(them.flat()), { liveMax: 4 }).records)).toEqual(byStart(apart))
    }),
    { numRuns: 30 },
  )
})

test('shards together have the sessions of one pass, each in one of them', () => {
  fc.assert(
    fc.property(fc.array(script, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 4 }), (scripts, of) => {
      const file = fileOf(merged(...scripts.map((it, nth) => segments(steady(it), nth))))
      const whole = analyse(file)
      const shards = Array.from({ length: of }, (_, index) => analyse(file, { shard: { index, of } }))
      expect(byStart(shards.flatMap((it) => it.records))).toEqual(byStart(whole.records))
      const total = (which: 'sessions' | 'tcpPackets') => shards.reduce((sum, it) => sum + it.summary[which], 0)
      expect([total('sessions'), total('tcpPackets')]).toEqual([whole.summary.sessions, whole.summary.tcpPackets])
    }),
    { numRuns: 60 },
  )
})

test('limits add up to the session’s life, and none is negative', () => {
  fc.assert(
    fc.property(script, (it) => {
      for (const { limits, duration } of analyse(fileOf(segments(it, 0))).records) {
        const parts = Object.values(limits)
        const sum = parts.reduce((total, part) => total + part, 0)
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(0)
        expect(Math.abs(sum - duration * 1_000)).toBeLessThan(1e-6 * Math.max(1, duration * 1_000))
      }
    }),
    { numRuns: 200 },
  )
})

test('which of two addresses is the lower one changes nothing', () => {
  fc.assert(
    fc.property(script, (it) => {
      const there = analyse(fileOf(segments(it, 0))).records
      const back = analyse(fileOf(segments(it, 0, true))).records
      const exchanged = back.map((record) => ({
        ...record,
        client: { ...record.client, address: record.server.address },
        server: { ...record.server, address: record.client.address },
      }))
      expect(exchanged).toEqual(there)
    }),
    { numRuns: 60 },
  )
})

test('where sequence numbers begin changes nothing, also when they pass 2^32', () => {
  const near = fc.oneof(fc.integer({ min: 0xffffffff - 20_000, max: 0xffffffff }), fc.integer({ min: 0, max: 0xffffffff }))
  fc.assert(
    fc.property(script, near, near, (it, client, server) => {
      // Plain ACKs alone: a reset without ACK acknowledges 0, which is somewhere else for everybody.
      const plain = { ...it, steps: it.steps.map((one) => ({ ...one, flags: (one.flags & ACK) === 0 ? ACK : one.flags })) }
      const numbers = [
        { ...plain, sequences: [1_000_000, 2_000_000] as [number, number] },
        { ...plain, sequences: [client, server] as [number, number] },
      ].map((one) => segments(steady(one), 0))
      // tshark's labels take 0 for "unset", on purpose; this is about everything else.
      fc.pre(numbers.flat().every(({ fields }) => isFarFromZero(fields)))
      const [low, high] = numbers.map((them) => analyse(fileOf(them)).records)
      expect(high).toEqual(low)
    }),
    { numRuns: 150 },
  )
})

/** Neither begins, ends nor acknowledges at 0, where labels forget. */
function isFarFromZero({ seq, ack, length = 0 }: Segment['fields']): boolean {
  return [seq, seq - 1, seq + length, seq + length + 1, ack, ack - 1].every((it) => it >>> 0 !== 0)
}

test('records are plain JSON: no number in them is NaN or infinite, whatever was captured', () => {
  const wild = fc.record({
    at: fc.integer({ min: 0, max: 1e12 }),
    fields: fc.record({
      sport: fc.integer({ min: 1, max: 2 }),
      dport: fc.integer({ min: 1, max: 2 }),
      seq: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 0xffffffff })),
      ack: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 0xffffffff })),
      flags: fc.integer({ min: 0, max: 511 }),
      window: fc.integer({ min: 0, max: 65_535 }),
      length: fc.integer({ min: 0, max: 3_000 }),
      options: fc.record({ raw: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 5 }).map((them) => them.slice(0, 4)) }),
    }),
  })
  fc.assert(
    fc.property(fc.array(wild, { maxLength: 80 }), fc.array(script, { maxLength: 2 }), (them, scripts) => {
      const file = fileOf([...(them as unknown as Segment[]), ...scripts.flatMap((it, nth) => segments(it, nth))])
      const { records, summary } = analyse(file)
      for (const said of [...records, summary]) expect(JSON.parse(JSON.stringify(said))).toEqual(said)
      expect(summary.tcpPackets).toBe(summary.packets)
      expect(records.flatMap((it) => it.directions).reduce((sum, it) => sum + it.packets, 0)).toBe(summary.packets)
    }),
    { numRuns: 150 },
  )
})

test('with room for few live sessions the rest come out early, are counted and told', () => {
  const many = Array.from({ length: 300 }, (_, nth) =>
    segments({ handshake: true, timestamps: false, ipv6: false, sequences: [nth, nth * 7], startNs: nth * 1e6, steps: [] }, nth),
  )
  const { records, summary } = analyse(fileOf(merged(...many)), { liveMax: 50 })
  expect(records.map((it) => it.number)).toEqual(Array.from({ length: summary.sessions }, (_, nth) => nth))
  expect(summary.warnings.join()).toMatch(/before their end/)
})
