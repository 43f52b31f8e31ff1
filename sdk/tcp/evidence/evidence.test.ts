import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ACK, FIN, RST, SYN } from '../packet.ts'
import { type Kind, kinds } from '../types.ts'
import { type Said, Talk } from './fixtures.ts'
import * as positions from './kinds.ts'

/** An open session with a round trip of 40 ms; `a` has sent `count` segments of 1000 bytes, 1 ms apart from 50 ms on. */
function sent(count: number, more: (at: number) => Partial<Said> = () => ({})): Talk {
  const talk = new Talk()
  talk.open(40)
  for (let at = 0; at < count; at++) talk.says('a', { ms: 50 + at, seq: 1 + at * 1000, length: 1000, ...more(at) })
  return talk
}

describe('kinds', () => {
  it('have the positions that the analysis works with', () => {
    const { NEW, FAST, TIMEOUT, TAIL, SPURIOUS, REORDERED, LOST_BEFORE, DUPLICATE, PROBE, KEEP_ALIVE } = positions
    const all = [NEW, FAST, TIMEOUT, TAIL, SPURIOUS, REORDERED, LOST_BEFORE, DUPLICATE, PROBE, KEEP_ALIVE]
    expect(all).toEqual([...kinds.keys()])
  })
})

describe('a segment whose bytes were seen before', () => {
  it('is a fast retransmission when what lies above it was reported', () => {
    const talk = sent(4)
    talk.says('b', { ms: 90, ack: 1 })
    talk.says('b', { ms: 91, ack: 1, sack: [[1001, 2001]] })
    expect(talk.says('a', { ms: 92, seq: 1, length: 1000 })).toBe('fast')
    expect(talk.summary('a').retransmissions).toMatchObject({ segments: 1, bytes: 1000, fast: 1, share: 0.2 })
  })

  it('is a fast retransmission after three acknowledgements without news, and until all of that flight is acknowledged', () => {
    const talk = sent(6)
    for (const ms of [90, 91, 92, 93]) talk.says('b', { ms, ack: 1 })
    expect(talk.says('a', { ms: 94, seq: 1, length: 1000 })).toBe('fast')
    talk.says('b', { ms: 134, ack: 3001 })
    expect(talk.says('a', { ms: 134.1, seq: 3001, length: 1000 })).toBe('fast')
  })

  it('was sent by the timer after silence, and so is all that follows until the flight is acknowledged', () => {
    const talk = sent(4)
    expect(talk.says('a', { ms: 350, seq: 1, length: 1000 })).toBe('timeout')
    talk.says('b', { ms: 390, ack: 1001 })
    expect(talk.says('a', { ms: 390.1, seq: 1001, length: 1000 })).toBe('timeout')
    talk.says('b', { ms: 430, ack: 4001 })
    expect(talk.summary('a').retransmissions).toMatchObject({ segments: 2, timeout: 2 })
  })

  it('is sent by the timer in silence though blocks were reported long before', () => {
    const talk = sent(4)
    talk.says('b', { ms: 91, ack: 1, sack: [[1001, 2001]] })
    talk.says('a', { ms: 92, seq: 1, length: 1000 })
    expect(talk.says('a', { ms: 420, seq: 1, length: 1000 })).toBe('timeout')
  })

  it('probes the tail when it is the last segment, two round trips later; the next time the timer sent it', () => {
    const talk = sent(4)
    talk.says('b', { ms: 91, ack: 3001 })
    expect(talk.says('a', { ms: 140, seq: 3001, length: 1000 })).toBe('tail')
    expect(talk.says('a', { ms: 400, seq: 3001, length: 1000 })).toBe('timeout')
  })

  it('was needless when it had been acknowledged', () => {
    const talk = sent(2)
    talk.says('b', { ms: 90, ack: 2001 })
    expect(talk.says('a', { ms: 100, seq: 1001, length: 1000 })).toBe('spurious')
  })

  it('turns out to be needless when a DSACK tells of it, below the acknowledgement or within the second block', () => {
    const talk = sent(4)
    talk.says('b', { ms: 91, ack: 1, sack: [[1001, 2001]] })
    talk.says('a', { ms: 92, seq: 1, length: 1000 })
    talk.says('b', { ms: 130, ack: 2001, sack: [[1, 1001]] })
    expect(talk.summary('a').retransmissions).toMatchObject({ segments: 1, fast: 0, spurious: 1 })
    expect(talk.summary('b').sackDuplicates).toBe(1)

    const other = sent(4)
    other.says('b', { ms: 91, ack: 1, sack: [[1001, 4001]] })
    other.says('a', { ms: 92, seq: 1001, length: 1000 })
    const blocks = [
      [1001, 2001],
      [1001, 4001],
    ] as const
    other.says('b', { ms: 130, ack: 1, sack: blocks })
    expect(other.summary('a').retransmissions).toMatchObject({ segments: 1, spurious: 1 })
  })

  it('turns out to be needless when its acknowledgement echoes a time before it was sent again', () => {
    for (const [echo, spurious] of [
      [100, 1],
      [400, 0],
    ] as const) {
      const talk = sent(3, () => ({ stamps: [100, 1] }))
      talk.says('a', { ms: 350, seq: 1, length: 1000, stamps: [400, 1] })
      talk.says('b', { ms: 360, ack: 3001, stamps: [1, echo] })
      expect(talk.summary('a').retransmissions).toMatchObject({ segments: 1, spurious, timeout: 1 - spurious })
    }
  })

  it('counts as many segments as the sender made of it: what the card divides, and only what was sent again', () => {
    const talk = sent(1)
    talk.says('a', { ms: 51, seq: 1001, length: 14_600 })
    talk.says('a', { ms: 400, seq: 1001, length: 4380 })
    expect(talk.summary('a').retransmissions).toMatchObject({ segments: 3, bytes: 4380 })
    talk.says('a', { ms: 401, seq: 15_001, length: 1000 })
    expect(talk.summary('a').retransmissions).toMatchObject({ segments: 4, bytes: 4380 + 600 })
    expect(talk.a.evidence.goodBytes).toBe(16_000)
  })

  it('is counted for SYN and FIN too', () => {
    const talk = new Talk()
    talk.says('a', { ms: 0, seq: 0, flags: SYN })
    expect(talk.says('a', { ms: 1000, seq: 0, flags: SYN })).toBe('timeout')
    talk.says('b', { ms: 1020, seq: 0, ack: 1, flags: SYN | ACK })
    talk.says('a', { ms: 1040, seq: 1, ack: 1 })
    expect(talk.says('a', { ms: 1050, seq: 1, flags: FIN | ACK })).toBe('new')
    expect(talk.says('a', { ms: 1350, seq: 1, flags: FIN | ACK })).not.toBe('new')
    expect(talk.summary('a').retransmissions).toMatchObject({ segments: 2, bytes: 0, share: 0 })
  })

  it('is a copy by the capture when it is the same packet at once, and not when its identification differs', () => {
    const talk = sent(3, (at) => ({ id: 10 + at }))
    expect(talk.says('a', { ms: 52.2, seq: 2001, length: 1000, id: 12 })).toBe('duplicate')
    expect(talk.says('a', { ms: 52.3, seq: 2001, length: 1000, id: 99 })).not.toBe('duplicate')
    expect(talk.says('a', { ms: 52.4, seq: 2001, length: 1000, id: 99 })).toBe('duplicate')
    expect(talk.says('a', { ms: 57, seq: 2001, length: 1000, id: 99 })).not.toBe('duplicate')
    expect(talk.summary('a')).toMatchObject({ duplicates: 2, retransmissions: { segments: 2 } })
  })

  it('is a copy also when the original was acknowledged in between', () => {
    const talk = sent(3, (at) => ({ id: 10 + at }))
    talk.says('b', { ms: 52.5, ack: 3001 })
    expect(talk.says('a', { ms: 52.6, seq: 2001, length: 1000, id: 12 })).toBe('duplicate')
  })

  it('without identification is a copy when nothing was heard in between', () => {
    const talk = sent(1)
    expect(talk.says('a', { ms: 50.3, seq: 1, length: 1000 })).toBe('duplicate')
    talk.says('b', { ms: 50.5, ack: 1 })
    talk.says('b', { ms: 50.6, ack: 1 })
    expect(talk.says('a', { ms: 50.7, seq: 1, length: 1000 })).not.toBe('duplicate')
  })
})

describe('a segment that fills a hole', () => {
  /** 1 .. 1001 is missing; the packet beyond it came at 51 ms. */
  const holed = (more: Partial<Said>, before: Partial<Said> = {}) => {
    const talk = new Talk()
    talk.open(40)
    talk.says('a', { ms: 50, seq: 1, length: 1000, ...before })
    talk.says('a', { ms: 51, seq: 2001, length: 1000, ...more })
    return talk
  }
  const filler: Said = { ms: 52, seq: 1001, length: 1000 }

  it('was late by the sender`s clock, by its count of packets, or because the hole is young', () => {
    expect(holed({ stamps: [100, 1] }).says('a', { ...filler, stamps: [99, 1] })).toBe('reordered')
    expect(holed({ id: 7 }, { id: 5 }).says('a', { ...filler, id: 6 })).toBe('reordered')
    expect(holed({}).says('a', filler)).toBe('reordered')
  })

  it('replaces a lost one by the sender`s clock, by its count of packets, or because the hole is old', () => {
    expect(holed({ stamps: [100, 1] }).says('a', { ...filler, stamps: [101, 1] })).toBe('lostBefore')
    expect(holed({ id: 7 }, { id: 5 }).says('a', { ...filler, id: 8 })).toBe('lostBefore')
    expect(holed({}).says('a', { ...filler, ms: 90 })).toBe('lostBefore')
  })

  it('is told by the clock before the count, and by a count only of senders that count', () => {
    expect(holed({ stamps: [100, 1], id: 7 }, { id: 5 }).says('a', { ...filler, stamps: [99, 1], id: 8 })).toBe('reordered')
    expect(holed({ id: 7 }, { id: 60_000 }).says('a', { ...filler, id: 8 })).toBe('reordered')
    // The count goes round at 65536.
    expect(holed({ id: 65_535 }, { id: 65_533 }).says('a', { ...filler, id: 3 })).toBe('lostBefore')
  })

  it('is told apart from what was sent again, and counted where it belongs', () => {
    const talk = holed({})
    talk.says('a', { ...filler, ms: 90 })
    expect(talk.summary('a')).toMatchObject({ lostSegments: 1, lostBefore: 1, reordered: 0, retransmissions: { segments: 0 } })
    expect(talk.says('a', { ...filler, ms: 91, id: 9 })).not.toBe('lostBefore')
    expect(talk.summary('a').retransmissions.segments).toBe(1)
  })

  it('may be acknowledged and never come: the capture missed it', () => {
    const talk = holed({})
    talk.says('b', { ms: 90, ack: 3001 })
    expect(talk.summary('a')).toMatchObject({ ackedUnseen: { segments: 1, bytes: 1000 }, lostBefore: 0 })
    talk.says('b', { ms: 91, ack: 6001 })
    expect(talk.summary('a').ackedUnseen).toEqual({ segments: 4, bytes: 4000 })
    expect(talk.a.evidence.missedBytes).toBe(4000)
  })

  it('may come after its acknowledgement when the capture mixes two interfaces', () => {
    const talk = holed({})
    talk.says('b', { ms: 51.1, ack: 3001 })
    expect(talk.says('a', { ...filler, ms: 51.2 })).toBe('new')
    expect(talk.summary('a').ackedUnseen).toEqual({ segments: 0, bytes: 0 })
  })

  it('can be before the first segment that was seen, when the capture began in mid-session', () => {
    const talk = new Talk()
    talk.says('a', { ms: 0, seq: 1001, length: 1000 })
    expect(talk.says('a', { ms: 1, seq: 1, length: 1000 })).toBe('reordered')
    expect(talk.a.evidence.goodBytes).toBe(2000)
  })
})

describe('what has the shape of a keep-alive', () => {
  it('is one when all is acknowledged, empty or with a byte', () => {
    const talk = sent(1)
    talk.says('b', { ms: 90, ack: 1001 })
    expect(talk.says('a', { ms: 60_000, seq: 1000 })).toBe('keepAlive')
    expect(talk.says('a', { ms: 61_000, seq: 1000, length: 1 })).toBe('keepAlive')
  })

  it('is a probe while the other window is closed, below what was sent or with the byte after it', () => {
    const talk = sent(1)
    talk.says('b', { ms: 90, ack: 1001, window: 0 })
    expect(talk.says('a', { ms: 300, seq: 1000 })).toBe('probe')
    expect(talk.says('a', { ms: 600, seq: 1001, length: 1 })).toBe('probe')
    talk.says('b', { ms: 640, ack: 1001, window: 50 })
    expect(talk.says('a', { ms: 650, seq: 1001, length: 100 })).toBe('new')
    expect(talk.a.evidence.goodBytes).toBe(1100)
  })

  it('may have been accepted with its byte', () => {
    const talk = sent(1)
    talk.says('b', { ms: 90, ack: 1001, window: 0 })
    talk.says('a', { ms: 600, seq: 1001, length: 1 })
    talk.says('b', { ms: 640, ack: 1002, window: 50 })
    expect(talk.says('a', { ms: 650, seq: 1002, length: 100 })).toBe('new')
    expect(talk.summary('a')).toMatchObject({ lostSegments: 0, ackedUnseen: { bytes: 0 } })
    expect(talk.a.evidence.goodBytes).toBe(1101)
  })

  it('is a retransmission when its byte is on its way, and nothing when it is an acknowledgement that came late', () => {
    const talk = new Talk()
    talk.open()
    talk.says('a', { ms: 50, seq: 1, length: 1 })
    expect(talk.says('a', { ms: 50.1, seq: 1 })).toBeUndefined()
    expect(talk.says('a', { ms: 400, seq: 1, length: 1 })).toBe('timeout')
  })
})

describe('round trips', () => {
  it('are timed from each segment that was sent once to the acknowledgement of its end', () => {
    const talk = sent(2)
    talk.says('b', { ms: 100, ack: 2001 })
    const { karn } = talk.summary('a').rtt
    // The SYN took 20 ms, the second segment 49.
    expect(karn).toMatchObject({ samples: 2, minMs: 20, maxMs: 49 })
    expect(talk.a.evidence).toMatchObject({ sampled: true, lastRttNs: 49e6, minRttNs: 20e6, srttNs: 20e6 + 29e6 / 8 })
    talk.says('b', { ms: 101, ack: 2001 })
    expect(talk.a.evidence.sampled).toBe(false)
  })

  it('are not timed from what was sent twice, nor from what a gap below held up (Karn)', () => {
    const talk = sent(3)
    talk.says('a', { ms: 400, seq: 1, length: 1000 })
    talk.says('b', { ms: 440, ack: 1001 })
    talk.says('b', { ms: 441, ack: 3001 })
    expect(talk.summary('a').rtt.karn?.samples).toBe(1)
    talk.says('a', { ms: 500, seq: 3001, length: 1000 })
    talk.says('b', { ms: 540, ack: 4001 })
    expect(talk.summary('a').rtt.karn?.samples).toBe(2)
  })

  it('are timed by timestamps from the first that carried what is echoed, also when it was sent again', () => {
    const talk = sent(3, (at) => ({ stamps: [200 + at, 1] }))
    talk.says('b', { ms: 90, ack: 1001, stamps: [1, 200] })
    talk.says('a', { ms: 400, seq: 1001, length: 1000, stamps: [600, 1] })
    talk.says('b', { ms: 430, ack: 3001, stamps: [1, 600] })
    talk.says('b', { ms: 435, ack: 3001, stamps: [1, 600] })
    expect(talk.summary('a').rtt.timestamps).toMatchObject({ samples: 2, minMs: 30, maxMs: 40 })
    expect(talk.summary('a').rtt.karn).toMatchObject({ samples: 2, minMs: 20, maxMs: 40 })
  })

  it('never run backwards with the clock', () => {
    const talk = sent(1)
    talk.says('b', { ms: 10, ack: 1001 })
    expect(talk.summary('a').rtt.karn).toMatchObject({ samples: 1, minMs: 20 })
    expect(talk.a.evidence.sampled).toBe(false)
  })

  it('are taken of a refusal, whose number is believed in nothing else', () => {
    const talk = new Talk()
    talk.says('a', { ms: 0, seq: 0, flags: SYN })
    talk.says('b', { ms: 30, seq: 0, ack: 1, flags: RST | ACK })
    expect(talk.summary('a').rtt.karn).toMatchObject({ samples: 1, maxMs: 30 })
    talk.says('b', { ms: 31, seq: 0, ack: -999, flags: RST | ACK })
    expect(talk.a.evidence.missedBytes).toBe(0)
  })
})

describe('numbers that have nothing to do with the stream', () => {
  it('are passed over once; a second segment that follows begins it anew', () => {
    const talk = sent(2)
    talk.says('a', { ms: 60, seq: 1.5e9, length: 100 })
    expect(talk.says('a', { ms: 61, seq: 2001, length: 1000 })).toBe('new')
    expect(talk.summary('a').lostSegments).toBe(0)
    talk.says('a', { ms: 62, seq: -1.5e9, length: 100 })
    expect(talk.says('a', { ms: 63, seq: -1.5e9 + 100, length: 100 })).toBe('new')
    expect(talk.says('a', { ms: 64, seq: -1.5e9 + 200, length: 100 })).toBe('new')
    expect(talk.summary('a').retransmissions.segments).toBe(0)
  })

  it('of a second SYN begin it anew', () => {
    const talk = sent(2)
    expect(talk.says('a', { ms: 100, seq: 70_000, flags: SYN })).toBe('new')
    expect(talk.says('a', { ms: 101, seq: 70_001, length: 10 })).toBe('new')
    expect(talk.summary('a')).toMatchObject({ lostSegments: 0, retransmissions: { segments: 0 } })
  })
})

describe('bounds', () => {
  it('hold with thousands of holes and of segments on their way', () => {
    const talk = new Talk()
    talk.open()
    for (let at = 0; at < 30_000; at++) talk.says('a', { ms: 50 + at / 1e3, seq: 1 + 2000 * at, length: 1000 })
    for (let at = 0; at < 3000; at++) talk.says('a', { ms: 100 + at / 1e3, seq: 1 + 2000 * at + 1000, length: 1000 })
    talk.says('b', { ms: 200, ack: 1 + 2000 * 29_999 + 1000 })
    const { lostSegments, ackedUnseen } = talk.summary('a')
    expect(lostSegments).toBe(29_999)
    expect(ackedUnseen.bytes).toBeLessThanOrEqual(1024 * 1000)
    expect(talk.a.evidence.forgotten).toBeGreaterThan(20_000)
  })
})

/** A stream of segments as some network delivers it: pieces of one range, in any order, some more than once. */
const pieces = fc.array(fc.record({ start: fc.nat(3000), length: fc.integer({ min: 2, max: 400 }), gap: fc.nat(60) }), {
  minLength: 1,
  maxLength: 60,
})

describe('laws', () => {
  const play = (talk: Talk, parts: readonly { start: number; length: number; gap: number }[]): (Kind | undefined)[] => {
    let ms = 50
    talk.open(40)
    return parts.map(({ start, length, gap }, at) => {
      ms += gap
      // The other side acknowledges something now and then.
      if (at % 3 === 2) talk.says('b', { ms, ack: 1 + Math.min(start, 200) })
      return talk.says('a', { ms, seq: 1 + start, length })
    })
  }

  it('unique bytes are those of the union of all ranges', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const talk = new Talk()
        play(talk, parts)
        const union = new Set<number>()
        for (const { start, length } of parts) for (let at = start; at < start + length; at++) union.add(at)
        expect(talk.a.evidence.goodBytes).toBe(union.size)
      }),
      { numRuns: 500 },
    )
  })

  it('a byte is new, fills a hole, was sent again or captured twice: nothing is counted in two places', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const talk = new Talk()
        play(talk, parts)
        const all = parts.reduce((sum, { length }) => sum + length, 0)
        const { retransmissions, duplicates } = talk.summary('a')
        const { segments, fast, timeout, tail, spurious, bytes } = retransmissions
        expect(segments).toBe(fast + timeout + tail + spurious)
        if (duplicates === 0 && talk.a.evidence.missedBytes === 0) expect(talk.a.evidence.goodBytes + bytes).toBe(all)
      }),
      { numRuns: 300 },
    )
  })

  it('nothing depends on the first sequence numbers, also across their end', () => {
    fc.assert(
      fc.property(pieces, fc.integer(), fc.integer(), (parts, a, b) => {
        const one = new Talk()
        const other = new Talk({ a: a | 0, b: b | 0 })
        expect(play(other, parts)).toEqual(play(one, parts))
        expect(other.summary('a')).toEqual(one.summary('a'))
      }),
      { numRuns: 300 },
    )
  })

  it('a stream in order is new throughout, and so is one of which copies were captured, but for them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 3000 }), { minLength: 1, maxLength: 50 }),
        fc.infiniteStream(fc.boolean()),
        (lengths, twice) => {
          const plain = new Talk({ a: -5000, b: 2 ** 31 - 10 })
          const copied = new Talk({ a: -5000, b: 2 ** 31 - 10 })
          plain.open()
          copied.open()
          let seq = 1
          for (const [at, length] of lengths.entries()) {
            const said = { ms: 50 + at, seq, length, id: at + 1 }
            expect(plain.says('a', said)).toBe('new')
            expect(copied.says('a', said)).toBe('new')
            if (twice.next().value) expect(copied.says('a', { ...said, ms: said.ms + 0.2 })).toBe('duplicate')
            seq += length
            const answer = { ms: 50.5 + at, ack: seq }
            plain.says('b', answer)
            copied.says('b', answer)
          }
          const { duplicates, ...rest } = copied.summary('a')
          expect(rest.rtt).toEqual(plain.summary('a').rtt)
          expect(rest.retransmissions.segments).toBe(0)
          expect(copied.a.evidence.goodBytes).toBe(plain.a.evidence.goodBytes)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('nothing that can arrive makes it fail or count backwards', () => {
    const anything = fc.record({
      who: fc.constantFrom('a' as const, 'b' as const),
      ms: fc.integer({ min: -1000, max: 10_000 }),
      seq: fc.oneof(fc.integer({ min: -50, max: 5000 }), fc.integer()),
      ack: fc.oneof(fc.integer({ min: -50, max: 5000 }), fc.integer()),
      length: fc.oneof(fc.nat(2000), fc.constantFrom(0, 1, 65_000)),
      flags: fc.oneof(fc.constant(ACK), fc.nat(511)),
      window: fc.constantFrom(0, 1, 1000),
      id: fc.integer({ min: -1, max: 65_535 }),
      stamps: fc.option(fc.tuple(fc.nat(1000), fc.nat(1000)), { nil: undefined }),
      sack: fc.array(fc.tuple(fc.nat(5000), fc.nat(5000)), { maxLength: 4 }),
    })
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 120 }), (all) => {
        const talk = new Talk()
        for (const { who, ...said } of all) talk.says(who, said)
        for (const who of ['a', 'b'] as const) {
          const { rtt, retransmissions, ackedUnseen, ...counts } = talk.summary(who)
          const { share, ...kindsOf } = retransmissions
          for (const count of [...Object.values(counts), ...Object.values(kindsOf), ...Object.values(ackedUnseen)]) {
            expect(count).toBeGreaterThanOrEqual(0)
            expect(Number.isInteger(count)).toBe(true)
          }
          expect(share).toBeGreaterThanOrEqual(0)
          for (const one of [rtt.karn, rtt.timestamps]) if (one !== null) expect(one.minMs).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
