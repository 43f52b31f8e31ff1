import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cborOf } from './cbor.ts'

const hex = (value: unknown) =>
  cborOf(value)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')

test.each([
  // RFC 8949, Appendix A, as far as JSON has the value; whole floats are integers here.
  [0, '00'],
  [23, '17'],
  [24, '1818'],
  [100, '1864'],
  [1000, '1903e8'],
  [1000000, '1a000f4240'],
  [1000000000000, '1b000000e8d4a51000'],
  [-1, '20'],
  [-10, '29'],
  [-100, '3863'],
  [-1000, '3903e7'],
  [1.1, 'fb3ff199999999999a'],
  [1.5, 'f93e00'],
  [3.4028234663852886e38, 'fa7f7fffff'],
  [1e300, 'fb7e37e43c8800759c'],
  [5.960464477539063e-8, 'f90001'],
  [0.00006103515625, 'f90400'],
  [-4.1, 'fbc010666666666666'],
  [Number.POSITIVE_INFINITY, 'f97c00'],
  [Number.NEGATIVE_INFINITY, 'f9fc00'],
  [Number.NaN, 'f97e00'],
  [false, 'f4'],
  [true, 'f5'],
  [null, 'f6'],
  ['', '60'],
  ['a', '6161'],
  ['IETF', '6449455446'],
  ['"\\', '62225c'],
  ['ü', '62c3bc'],
  ['水', '63e6b0b4'],
  ['𐅑', '64f0908591'],
  [[], '80'],
  [[1, [2, 3], [4, 5]], '8301820203820405'],
  [{}, 'a0'],
  [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
  // §3.4.3 and §4.2.1 by hand: integers up to 2^64, the shortest float beyond, −0 as 0, members by encoded name.
  [2 ** 63, '1b8000000000000000'],
  [-(2 ** 53), '3b001fffffffffffff'],
  [-(2 ** 63), '3b7fffffffffffffff'],
  [-(2 ** 53) - 4294967296, '3b00200000ffffffff'],
  [2 ** 64, 'fa5f800000'],
  [-(2 ** 64), 'fadf800000'],
  [-0, '00'],
  [{ bb: 1, a: 2, aaa: 3 }, 'a361610262626201636161610 3'.replace(' ', '')],
])('%j is %s', (value, expected) => {
  expect(hex(value)).toBe(expected)
})

test('the order of members makes no difference, and other values do', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (map) => {
      const reversed = Object.fromEntries(Object.entries(map).reverse())
      expect(hex(reversed)).toBe(hex(map))
      expect(hex([map])).not.toBe(hex(map))
    }),
  )
})

test('a value that holds itself has no spelling, and that is said', () => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  expect(() => cborOf(circle)).toThrow(/nested deeper than 64 levels/)
})
