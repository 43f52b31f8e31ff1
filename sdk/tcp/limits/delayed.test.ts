import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Delayed } from './delayed.ts'
import { Echoes } from './echoes.ts'

describe('acknowledgements on their way to a distant sender', () => {
  test('come out in the order in which they went in, none before its time, through every growth', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 3 })), { maxLength: 600 }), (steps) => {
        const delayed = new Delayed()
        const model: { due: number; una: number }[] = []
        let latest = 0
        for (const [at, [due, taken]] of steps.entries()) {
          latest = Math.max(latest, due)
          expect(delayed.put(due, at, at + 10, at + 20)).toBe(true)
          model.push({ due: latest, una: at })
          for (let nth = 0; nth < taken && taken === 3; nth++) {
            const oldest = model.shift()
            if (oldest === undefined) break
            expect({ due: delayed.next, una: delayed.una, edge: delayed.edge, stamp: delayed.stamp }).toEqual({
              ...oldest,
              edge: oldest.una + 10,
              stamp: oldest.una + 20,
            })
            delayed.drop()
          }
          expect(delayed.next).toBe(model[0]?.due ?? Number.POSITIVE_INFINITY)
        }
      }),
      { numRuns: 100 },
    )
  })

  test('are at most 8192', () => {
    const delayed = new Delayed()
    for (let nth = 0; nth < 8192; nth++) expect(delayed.put(nth, nth, nth, nth)).toBe(true)
    expect(delayed.put(9000, 1, 1, 1)).toBe(false)
    delayed.drop()
    expect(delayed.put(9000, 1, 1, 1)).toBe(true)
    expect(delayed.una).toBe(1)
  })
})

describe('echoes of timestamps', () => {
  test('measure the way by the first acknowledgement that carried the value', () => {
    const echoes = new Echoes()
    echoes.went(100, 7)
    echoes.went(103, 7)
    echoes.went(110, 8)
    expect(echoes.came(140, 6)).toBe(-1)
    expect(echoes.came(141, 7)).toBe(41)
    expect(echoes.came(142, 7)).toBe(-1)
    // What overtook 8 says nothing of it.
    expect(echoes.came(150, 9)).toBe(-1)
    expect(echoes.came(151, 8)).toBe(-1)
  })

  test('go on across the wrap of the clock', () => {
    const echoes = new Echoes()
    echoes.went(1, 0xffffffff | 0)
    echoes.went(2, 0)
    expect(echoes.came(11, 0xffffffff | 0)).toBe(10)
    expect(echoes.came(13, 0)).toBe(11)
  })

  test('are at most 64 at once; more are no samples', () => {
    const echoes = new Echoes()
    for (let nth = 0; nth < 100; nth++) echoes.went(nth, nth)
    expect(echoes.came(1000, 63)).toBe(937)
    expect(echoes.came(1000, 70)).toBe(-1)
  })
})
