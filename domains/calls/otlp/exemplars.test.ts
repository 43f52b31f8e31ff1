import { expect, test } from 'vitest'
import { createDescribeCalls } from './describe.ts'
import { createExemplars } from './exemplars.ts'
import { call, noRules, protobufOf, start, type TestSpan } from './fixtures.ts'
import { readSpans } from './protobuf.ts'
import { Tracker } from './tracker.ts'

const tracker = new Tracker(
  createDescribeCalls(() => noRules),
  [1, 2],
  start,
)
const made = (spans: readonly TestSpan[]) => tracker.spans('production', readSpans(protobufOf([{ spans }])).items, start)

test('a call is kept with what it did, in order, without parameters', () => {
  const spans = call(1, {
    statements: ['BEGIN', "UPDATE item SET name = 'secret' WHERE id = 7", 'COMMIT', 'SELECT 1'],
    externals: 1,
    error: true,
    events: [{ name: 'exception', attributes: { 'exception.type': 'TypeError', 'exception.message': 'x is undefined' } }],
  })
  const [exemplar] = createExemplars().of(made(spans), start)
  expect(exemplar).toMatchObject({ why: 'failed', method: 'GET /items', statements: 2, cut: 0 })
  expect(exemplar?.events).toEqual([
    { kind: 'external', atUs: 0, tookUs: 500, text: 'GET other.test', system: '', failed: false },
    { kind: 'transaction', atUs: 0, tookUs: 2_500, text: '', system: 'postgresql', failed: false },
    { kind: 'statement', atUs: 1_000, tookUs: 500, text: 'UPDATE item SET name = ? WHERE id = ?', system: 'postgresql', failed: false },
    { kind: 'statement', atUs: 3_000, tookUs: 500, text: 'SELECT ?', system: 'postgresql', failed: false },
    { kind: 'error', atUs: 10_000, tookUs: 0, text: 'TypeError: x is undefined', system: '', failed: true },
  ])
})

test('one of each method is kept as it usually is, one that repeats a statement, and few more in the same minute', () => {
  const exemplars = createExemplars()
  const usual = Array.from({ length: 20 }, (_, i) => call(10 + i)).flat()
  const repeating = call(40, { statements: Array.from({ length: 12 }, () => 'SELECT 1') })
  const kept = exemplars.of(made([...usual, ...repeating]), start).map(({ why }) => why)
  expect(kept).toEqual(expect.arrayContaining(['usual', 'repeat']))
  expect(kept.length).toBeLessThan(5)
  expect(exemplars.of(made(call(50, { ms: 1 })), start + 1_000)).toEqual([])
  expect(exemplars.of(made(call(51)), start + 61_000)).toHaveLength(1)
})

test('of a call that did very much the first events are kept, and it is said how many are missing', () => {
  const spans = call(60, { statements: Array.from({ length: 230 }, (_, i) => `SELECT ${'x'.repeat(1 + (i % 7))}`) })
  const [exemplar] = createExemplars().of(made(spans), start)
  expect([exemplar?.events.length, exemplar?.cut]).toEqual([200, 30])
})
