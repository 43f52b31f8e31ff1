import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { placeOf, Pyramid } from './pyramid.ts'

const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3_000 })

describe('the pyramid of a column', () => {
  test('tells the least and greatest of any range, as reading the range would', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.nat(), (list, a, b) => {
        const pyramid = new Pyramid(Float64Array.from(list))
        const [from, to] = [a % (list.length + 1), b % (list.length + 1)].sort((x, y) => x - y) as [number, number]
        const range = list.slice(from, to)
        expect(pyramid.range(from, to)).toBe(range.length > 0)
        if (range.length > 0) expect([pyramid.min, pyramid.max]).toEqual([Math.min(...range), Math.max(...range)])
      }),
      { numRuns: 60 },
    )
  })
  test('a value may itself be a range', () => {
    const pyramid = new Pyramid(Float64Array.of(5, 1, 7), Float64Array.of(6, 9, 8))
    pyramid.range(0, 3)
    expect([pyramid.min, pyramid.max]).toEqual([1, 9])
  })
  test('a place in a column is the first that is not below', () => {
    const column = Float64Array.of(1, 2, 2, 4)
    expect([0, 2, 3, 4, 5].map((value) => placeOf(column, value))).toEqual([0, 1, 3, 3, 4])
  })
})
