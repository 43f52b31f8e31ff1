import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { ACK, Packet, SYN } from '../packet.ts'
import { kinds, labels } from '../types.ts'
import { pack, TraceUnreadable, unpack } from './pack.ts'
import { Trace } from './trace.ts'

type Sent = {
  fromA: boolean
  gap: number
  seq: number
  ack: number
  flags: number
  length: number
  window: number
  kind: number
  labels: number
  sack: number[]
}
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const anySent: fc.Arbitrary<Sent> = fc.record({
  fromA: fc.boolean(),
  gap: fc.integer({ min: -1000, max: 2 ** 40 }),
  seq: int32,
  ack: int32,
  flags: fc.integer({ min: 0, max: 511 }),
  length: fc.integer({ min: 0, max: 65_535 }),
  window: fc.integer({ min: 0, max: 2 ** 30 }),
  kind: fc.integer({ min: -1, max: kinds.length - 1 }),
  labels: fc.integer({ min: 0, max: 2 ** labels.length - 1 }),
  sack: fc.array(int32, { maxLength: 8 }),
})

function collect(sent: readonly Sent[], trace = new Trace()): Trace {
  const p = new Packet()
  let t = 0
  for (const one of sent) {
    p.frame++
    p.seq = one.seq
    p.ack = one.ack
    p.flags = one.flags
    p.length = one.length
    p.sacks = one.sack.length >> 1
    p.sack.set(one.sack.slice(0, 2 * p.sacks))
    trace.add(p, (t += one.gap), one.fromA, one.window, one.kind, one.labels)
  }
  return trace
}
const plain: Sent = { fromA: true, gap: 1000, seq: 0, ack: 0, flags: ACK, length: 0, window: 0, kind: -1, labels: 0, sack: [] }

describe('the trace of a session', () => {
  test('sequence numbers are relative to the SYN and go on where 32 bits wrap', () => {
    const first = -20 // 20 before the wrap
    const it = collect([
      { ...plain, seq: first, flags: SYN },
      { ...plain, fromA: false, seq: 7, ack: first + 1, flags: SYN | ACK },
      { ...plain, seq: first + 1, ack: 8, length: 100 },
      { ...plain, seq: first + 101, ack: 8, length: 100 },
      { ...plain, fromA: false, seq: 8, ack: first + 101, sack: [first + 121, first + 201] },
    ]).columns()
    assert.deepEqual([...it.seq], [0, 0, 1, 101, 1])
    assert.deepEqual([...it.ack], [0, 1, 1, 1, 101])
    assert.deepEqual([[...it.sackLeft], [...it.sackRight], [...it.sackEnd]], [[121], [201], [0, 0, 0, 0, 1]])
    assert.deepEqual(it.bases, [first >>> 0, 7])
  })

  test('a session joined in the middle starts at 1 on both sides, as tshark shows it', () => {
    const it = collect([
      { ...plain, seq: 5000, ack: 900, length: 10 },
      { ...plain, fromA: false, seq: 900, ack: 5010 },
    ]).columns()
    assert.deepEqual([...it.seq], [1, 1])
    assert.deepEqual([...it.ack], [1, 11])
  })

  test('relative numbers follow a session beyond four gigabytes', () => {
    const trace = new Trace()
    const p = new Packet()
    p.flags = ACK
    p.length = 2 ** 30
    for (let i = 0; i < 6; i++) {
      p.seq = (i * 2 ** 30) | 0
      trace.add(p, i, true, 0, 0, 0)
    }
    assert.deepEqual(
      [...trace.columns().seq],
      [0, 1, 2, 3, 4, 5].map((i) => i * 2 ** 30 + 1),
    )
  })

  test('who the client is may be said at the end', () => {
    const trace = collect([
      { ...plain, seq: 50 },
      { ...plain, fromA: false, seq: 80 },
    ])
    trace.aIsClient = false
    assert.deepEqual([...trace.columns().fromClient], [0, 1])
  })

  test('what comes after the bound is counted and not kept', () => {
    const it = collect(
      Array.from({ length: 9 }, () => ({ ...plain, sack: [1, 2] })),
      new Trace(5, 3),
    ).columns()
    assert.deepEqual([it.count, it.dropped, it.sackLeft.length, it.t.length], [5, 4, 3, 5])
  })

  test('a packed trace is the trace', () => {
    fc.assert(
      fc.property(fc.array(anySent, { maxLength: 60 }), fc.boolean(), (sent, aIsClient) => {
        const trace = collect(sent)
        trace.aIsClient = aIsClient
        const columns = trace.columns()
        assert.deepEqual(unpack(pack(columns)), columns)
      }),
    )
  })

  test('more segments than the first columns hold are all there', () => {
    const it = collect(Array.from({ length: 5000 }, (_, i) => ({ ...plain, seq: i * 10, length: 10, sack: [i, i + 1] }))).columns()
    assert.deepEqual(unpack(pack(it)), it)
    assert.equal(it.seq[4999], 49_991)
  })

  test('a plain transfer takes less than 14 bytes a segment', () => {
    const sent = Array.from({ length: 2000 }, (_, i) =>
      i % 3 === 2
        ? { ...plain, fromA: false, ack: (i - 1) * 1448, window: 65_536 }
        : { ...plain, seq: (i - Math.floor(i / 3)) * 1448, length: 1448, kind: 0 },
    )
    assert.ok(pack(collect(sent).columns()).length < 14 * 2000)
  })

  test('damaged bytes are refused with a sentence, or read as another trace: never a crash', () => {
    fc.assert(
      fc.property(
        fc.array(anySent, { maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 5 }),
        fc.nat(),
        (sent, changes, cut) => {
          const bytes = pack(collect(sent).columns())
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          refusedOrRead(cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('any bytes are refused with a sentence', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, headed) =>
        refusedOrRead(headed ? Uint8Array.of(0x42, 0x54, 0x52, 0x31, ...bytes) : bytes),
      ),
      { numRuns: 500 },
    )
  })
})

function refusedOrRead(bytes: Uint8Array): void {
  try {
    const it = unpack(bytes)
    assert.deepEqual(unpack(pack(it)), it)
  } catch (error) {
    assert.ok(error instanceof TraceUnreadable, String(error))
    assert.match(error.message, /at byte \d+ of the trace\.$/)
  }
}
