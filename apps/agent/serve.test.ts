import { orders } from '@belay/exec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { understand } from './serve.ts'

const good = { order: 'write', root: '/r', fence: 1, key: 'k', to: 'a', content: '', mode: 0o644 }

describe('a line that comes over the socket', () => {
  test('is an order when it fits', () => {
    expect(understand(JSON.stringify({ id: 1, order: good }))).toEqual({ id: 1, order: good })
  })

  test.each([
    ['not json', null, 'not a line of JSON'],
    ['', null, 'not a line of JSON'],
    ['null', null, 'not an object'],
    ['[]', null, 'its id'],
    ['{"order":{}}', null, 'its id'],
    ['{"id":1}', 1, 'no order'],
    ['{"id":1,"order":"hello"}', 1, 'no order'],
    ['{"id":"x","order":{"order":"dance"}}', 'x', 'there is no order "dance"'],
    ['{"id":1,"order":{"order":"constructor"}}', 1, 'there is no order "constructor"'],
    [JSON.stringify({ id: 1, order: { ...good, fence: '1' } }), 1, 'in write, fence'],
    [JSON.stringify({ id: 1, order: { ...good, root: 'relative' } }), 1, 'in write, root'],
    [JSON.stringify({ id: 1, order: { ...good, key: '' } }), 1, 'in write, key'],
  ])('%s is refused with its reason', (line, id, why) => {
    const { problem, ...rest } = understand(line)
    expect(rest).toEqual({ id })
    expect(problem).toMatchObject({ code: 'bad-order', status: 400 })
    expect(problem?.message).toContain(why)
  })

  test('is understood or refused, whatever it is', () => {
    const name = fc.constantFrom(...Object.keys(orders), 'toString', '__proto__')
    const anyOrder = fc
      .tuple(name, fc.dictionary(fc.constantFrom(...Object.keys(good)), fc.jsonValue()))
      .map(([order, rest]) => ({ ...rest, order }))
    const anyLine = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.record({ id: fc.jsonValue(), order: anyOrder }).map((line) => JSON.stringify(line)),
    )
    fc.assert(
      fc.property(anyLine, (line) => {
        const { order, problem } = understand(line)
        expect(order === undefined ? problem?.code : Object.hasOwn(orders, order.order)).toBe(order === undefined ? 'bad-order' : true)
      }),
      { numRuns: 2_000 },
    )
  })
})
