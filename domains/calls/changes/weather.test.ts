import { seededRandom } from '@belay/base'
import { expect, test } from 'vitest'
import { normalFrom } from './fixtures.ts'
import { momentMs, outlasts, outlastsInPairs } from './weather.ts'

test('a moment is five seconds while a release is new, and four hours when it is two days old', () => {
  expect([0, 60_000, 1_200_000, 12 * 3_600_000, 48 * 3_600_000].map(momentMs)).toEqual([5_000, 5_000, 100_000, 3_600_000, 14_400_000])
})

test('a count that is another from one moment to the next outlasts at once; one that stays does not', () => {
  expect(outlasts([1], [7])).toBe(true)
  expect(outlasts([1, 1, 1], [1, 1])).toBe(false)
  expect(outlasts([], [7])).toBe(false)
})

test('two moments a side say nothing of times', () => {
  expect(outlasts([10, 11], [20, 21])).toBe(false)
})

test('of variants side by side each moment is one witness', () => {
  expect([outlastsInPairs([]), outlastsInPairs([0, 0, 0]), outlastsInPairs([2])]).toEqual([false, false, true])
  expect(outlastsInPairs([1.1, 1.3])).toBe(false)
  expect(outlastsInPairs([1.1, 1.3, 1.2, 1.1])).toBe(true)
  expect(outlastsInPairs([30, -25, 4, -8, 12])).toBe(false)
})

test('weather alone is told once in a hundred at most, a step of three standard deviations nearly always', () => {
  const normal = normalFrom(seededRandom(11))
  const side = (mean: number) => Array.from({ length: 8 }, () => mean + normal())
  const share = (step: number) => Array.from({ length: 2_000 }, () => outlasts(side(10), side(10 + step))).filter(Boolean).length / 2_000
  expect(share(0)).toBeLessThan(0.016)
  expect(share(3)).toBeGreaterThan(0.95)
})
