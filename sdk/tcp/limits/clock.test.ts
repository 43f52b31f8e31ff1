import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ACK, FIN, RST, SYN } from '../packet.ts'
import { limits } from '../types.ts'
import { analyse, full, handshake, push, type Told } from './fixtures.ts'

const sum = (values: readonly number[]) => values.reduce((total, one) => total + one, 0)

/** A client that sends as much as a window of `segments` lets it, over 40 ms; the capture is `atMs` from the client. */
function windowLimited(segments: number, rounds: number, atMs: number): Told[] {
  const window = segments * full
  const told: Told[] = [...handshake(40 - 2 * atMs, 2 * atMs, window)]
  const packets: Told[] = []
  // The client's own clock: it got the server's window at 40 ms.
  for (let round = 0; round < rounds; round++) {
    for (let nth = 0; nth < segments; nth++) {
      const seq = 1 + (round * segments + nth) * full
      const sentMs = 40 + round * 40 + nth * 0.01
      packets.push([sentMs + atMs, '>', { seq, ack: 1, flags: ACK, length: full }])
      packets.push([sentMs + 20 + (20 - atMs), '<', { seq: 1, ack: seq + full, window }])
    }
  }
  return [...told, ...packets.toSorted(([one], [other]) => one - other)]
}

describe('what limits a session', () => {
  test('adds up to its life, whatever its packets are', () => {
    const packet = fc.tuple(
      fc.integer({ min: -5, max: 3000 }),
      fc.constantFrom<'>' | '<'>('>', '<'),
      fc.record({
        // No SYN: it might begin a session of its own.
        flags: fc.constantFrom(ACK, ACK, ACK, push, FIN | ACK, RST, 0),
        seq: fc.integer({ min: 0, max: 20_000 }),
        ack: fc.integer({ min: 0, max: 20_000 }),
        window: fc.constantFrom(0, 500, 5000, 65_535),
        length: fc.constantFrom(0, 0, 1, 100, full),
      }),
    )
    const opening = fc.constantFrom<Told[]>([], handshake(40, 0.1), handshake(0.1, 40), handshake(20, 20))
    fc.assert(
      fc.property(opening, fc.array(packet, { minLength: 1, maxLength: 60 }), (opened, steps) => {
        let atMs = 50
        const told = steps.map(([stepMs, from, fields]): Told => {
          atMs += stepMs
          return [Math.max(0, atMs), from, fields]
        })
        const { record } = analyse([...opened, ...told])
        const all = limits.map((limit) => record.limits[limit])
        expect(Math.min(...all)).toBeGreaterThanOrEqual(0)
        expect(sum(all)).toBeCloseTo(record.duration * 1000, 6)
      }),
      { numRuns: 300 },
    )
  })

  test('a handshake that nobody answers is all of it', () => {
    const { record } = analyse([
      [0, '>', { flags: SYN, seq: 0 }],
      [1000, '>', { flags: SYN, seq: 0 }],
      [3000, '>', { flags: SYN, seq: 0 }],
    ])
    expect(record.limits.handshake).toBe(3000)
    expect(record.verdict).toMatchObject({ limit: 'handshake', share: 1 })
  })

  test('a session that was opened and not used is limited by nothing', () => {
    expect(analyse(handshake(40, 0.1)).record.verdict.limit).toBe('none')
  })

  test('one direction alone gets no verdict', () => {
    const told = Array.from({ length: 20 }, (_, nth): Told => [nth * 10, '>', { seq: nth * full, length: full }])
    expect(analyse(told).record.verdict).toMatchObject({ limit: 'none' })
  })

  test.each([
    ['the client', 0],
    ['the middle', 10],
    ['the server', 20],
  ])('a window of a few segments is the receiver, captured at %s', (_, atMs) => {
    const { record } = analyse(windowLimited(4, 50, atMs))
    expect(record.verdict.limit, record.verdict.because).toBe('receiver')
    expect(record.verdict.share).toBeGreaterThan(0.93)
    // 4 * 1448 bytes every 40 ms.
    expect(record.ceilings.receiverBps).toBeGreaterThan(1.1e6)
    expect(record.ceilings.receiverBps).toBeLessThan(1.2e6)
  })

  test('a closed window is the receiver, though nothing is on its way', () => {
    const { record } = analyse([
      ...handshake(40, 0.1),
      [50, '>', { seq: 1, ack: 1, length: full }],
      [90, '<', { seq: 1, ack: 1 + full, window: 0 }],
      [4090, '<', { seq: 1, ack: 1 + full, window: 65_535 }],
      [4091, '>', { seq: 1 + full, ack: 1, length: 100, flags: push }],
      [4131, '<', { seq: 1, ack: 101 + full }],
    ])
    // With the millisecond in which the sender answered.
    expect(record.limits.receiver).toBeCloseTo(4001, 3)
    expect(record.verdict.because).toContain('closed its window once')
  })

  test('a writer that pauses is the application, also while its last segment is on its way', () => {
    const writes = Array.from({ length: 30 }, (_, nth): Told[] => [
      [100 + nth * 100, '>', { seq: 1 + nth * 400, ack: 1, length: 400, flags: push }],
      [140 + nth * 100, '<', { seq: 1, ack: 401 + nth * 400 }],
    ])
    const { record } = analyse([...handshake(40, 0.1), ...writes.flat()])
    expect(record.verdict.limit, record.verdict.because).toBe('application')
    expect(record.verdict.share).toBeGreaterThan(0.95)
  })

  test('the wait for an answer is the application however long; the silence after it is idle', () => {
    const { record } = analyse([
      ...handshake(40, 0.1),
      [50, '>', { seq: 1, ack: 1, length: 200, flags: push }],
      [90, '<', { seq: 1, ack: 201 }],
      [5050, '<', { seq: 1, ack: 201, length: 300, flags: push }],
      [5051, '>', { seq: 201, ack: 301 }],
      [9051, '>', { seq: 201, ack: 301, length: 200, flags: push }],
      [9091, '<', { seq: 301, ack: 401, length: 300, flags: push }],
      [9092, '>', { seq: 401, ack: 601 }],
    ])
    expect(record.limits.application).toBeGreaterThan(4990)
    expect(record.limits.idle).toBeGreaterThan(3990)
    expect(record.idle).toMatchObject({ longestMs: record.limits.idle, totalMs: record.limits.idle })
  })

  test('the wait for a timer is loss', () => {
    const { record } = analyse([
      ...handshake(40, 0.1),
      [50, '>', { seq: 1, ack: 1, length: full, ipId: 1 }],
      [1050, '>', { seq: 1, ack: 1, length: full, ipId: 2 }],
      [1090, '<', { seq: 1, ack: 1 + full }],
    ])
    expect(record.limits.loss).toBeCloseTo(1040, 3)
    expect(record.verdict.limit, record.verdict.because).toBe('loss')
  })

  test('a round trip that grows with the flight is a full link', () => {
    // 5 Mbit/s: a segment each 2.4 ms; each is acknowledged when it has left the queue.
    const told: Told[] = [...handshake(20, 0.1)]
    const packets: Told[] = []
    let freeMs = 30
    for (let nth = 0; nth < 400; nth++) {
      // A window that grows until 60 segments are in the queue.
      const sentMs = nth < 60 ? 30 + nth : freeMs - 60 * 2.4 + 2.4
      freeMs = Math.max(freeMs, sentMs) + 2.4
      packets.push([sentMs, '>', { seq: 1 + nth * full, ack: 1, length: full, flags: ACK }])
      packets.push([freeMs + 20, '<', { seq: 1, ack: 1 + (nth + 1) * full, window: 65_535 * 2 }])
    }
    const wide = packets.map(([atMs, from, fields]): Told => [atMs, from, { ...fields, window: 65_535 }])
    const scaled = told.map(
      ([atMs, from, fields]): Told => [atMs, from, fields.options ? { ...fields, options: { ...fields.options, windowScale: 4 } } : fields],
    )
    const { record } = analyse([...scaled, ...wide.toSorted(([one], [other]) => one - other)])
    expect(record.verdict.limit, record.verdict.because).toBe('bandwidth')
    expect(record.ceilings.linkBps).toBeGreaterThan(4.5e6)
    expect(record.ceilings.linkBps).toBeLessThan(5.2e6)
  })
})
