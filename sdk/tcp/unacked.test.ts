import { expect, test } from 'vitest'
import fc from 'fast-check'
import { Pool, Unacked } from './unacked.ts'

type Waiting = { seq: number; end: number; time: number }

/** The rules as words say them: each segment is covered, shortened or kept. */
function naive(list: Waiting[], ack: number): { list: Waiting[]; sent: number } {
  let sent = -1
  const kept: Waiting[] = []
  for (const it of list) {
    if (it.end === ack && sent < 0) sent = it.time
    if (((it.end - ack) | 0) > 0) kept.push(((ack - it.seq) | 0) > 0 ? { ...it, seq: ack } : it)
  }
  return { list: kept, sent }
}

test('acknowledgements cover, shorten and keep segments as a plain list would, in order or not, across the wrap', () => {
  const step = fc.oneof(
    fc.record({ seq: fc.integer({ min: 0, max: 60 }), length: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ ack: fc.integer({ min: 0, max: 80 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, base) => {
      const pool = new Pool()
      const unacked = new Unacked()
      let model: Waiting[] = []
      for (const [time, it] of steps.entries()) {
        if ('ack' in it) {
          const told = naive(model, (base + it.ack) | 0)
          model = told.list
          expect(unacked.acknowledge(pool, (base + it.ack) | 0)).toBe(told.sent)
        } else {
          const seq = (base + it.seq) | 0
          model.push({ seq, end: (seq + it.length) | 0, time })
          unacked.append(pool, seq, (seq + it.length) | 0, time)
        }
        expect(unacked.count).toBe(model.length)
        if (model.length > 0) {
          expect((unacked.lowest - base) | 0).toBe(Math.min(...model.map((one) => (one.seq - base) | 0)))
          expect((unacked.highest - base) | 0).toBe(Math.max(...model.map((one) => (one.end - base) | 0)))
        }
      }
    }),
  )
})

test('what is given back is used again', () => {
  const pool = new Pool()
  const unacked = new Unacked()
  for (let round = 0; round < 10_000; round++) {
    for (let i = 0; i < 10; i++) unacked.append(pool, round * 10 + i, round * 10 + i + 1, round)
    unacked.acknowledge(pool, round * 10 + 10)
  }
  expect(unacked.count).toBe(0)
  expect(pool.seq.length).toBe(1024)
})
