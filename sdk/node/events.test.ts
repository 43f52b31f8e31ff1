import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventReader } from './events.ts'

/** What another reader of the standard makes of the same text. */
function asOthersDo(text: string): { event: string; data: string }[] {
  const events: { event: string; data: string }[] = []
  const parser = createParser({ onEvent: (it) => void events.push({ event: it.event || 'message', data: it.data }) })
  parser.feed(text)
  return events
}

/** Text cut into pieces anywhere. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set(cuts.map((it) => it % (text.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, nth) => text.slice(from, at[nth] ?? text.length))
}

const line = fc.oneof(
  fc.constantFrom(
    '',
    ':',
    ': heartbeat',
    'data',
    'data:',
    'data: x',
    'data:x',
    'data:  x',
    'event: patch',
    'event:',
    'retry: 5',
    'nothing: y',
    'id: 7',
  ),
  fc.string({ maxLength: 8 }).map((it) => `data:${it.replace(/[\r\n\0\ufeff]/g, '')}`),
)
const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 20 }).map((lines) => lines.flat().join(''))

test('events come out the same as in the parser that the rest of Belay uses, however the stream is cut', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
      // A last return may be half of an end of line, which the other reader waits for.
      const whole = `${text}\n:end\n`
      const read = createEventReader()
      expect(pieces(whole, cuts).flatMap(read)).toEqual(asOthersDo(whole))
    }),
    { numRuns: 1_000 },
  )
})

test('a long event in small pieces costs no more than its length', () => {
  const read = createEventReader()
  const startMs = performance.now()
  for (let nth = 0; nth < 20_000; nth++) expect(read('x'.repeat(100))).toEqual([])
  expect(performance.now() - startMs).toBeLessThan(2_000)
})

test('a line without end is given up', () => {
  const read = createEventReader()
  const piece = `data:${'x'.repeat(8 * 1024 * 1024)}`
  expect(() => {
    for (let nth = 0; nth < 10; nth++) read(piece)
  }).toThrow('without end')
})
