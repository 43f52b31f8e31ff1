/**
 * The laws of shares. Chance comes from fast-check with seeds that it prints; where a law is statistical, the test says
 * how often a right evaluator would fail it.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileFlagSet, type FlagDefinition, type FlagDocument, type FlagSet, type JsonLogic } from './index.ts'

const versions = [2, 3] as const
type Version = (typeof versions)[number]

const share = (
  entries: readonly (readonly [variant: string, weight: number])[],
  salt: string | undefined,
  version: Version,
): FlagDefinition => ({
  state: 'ENABLED',
  variants: Object.fromEntries(entries.map(([variant]) => [variant, variant])),
  targeting: { fractional: [...(salt === undefined ? [] : [{ cat: [salt, { var: 'targetingKey' }] }]), ...entries] as JsonLogic[] },
  metadata: { bucketing: version },
})

const setOf = (flags: FlagDocument['flags']): FlagSet => compileFlagSet({ flags })
const variantOf = (set: FlagSet, key: string, unit: string) => set.evaluate(key, { targetingKey: unit }, 0).variant
const units = Array.from({ length: 20_000 }, (_, nth) => `user-${nth}`)

const anyUnit = fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 }), fc.uuid())
const anySalt = fc.option(fc.string(), { nil: undefined })
const anyVersion = fc.constantFrom(...versions)

describe('a unit keeps its variant', () => {
  test('whatever happens to other flags, to evaluators and to what is not its share', () => {
    const anyFlags = fc.dictionary(
      fc.string().map((key) => `other-${key}`),
      fc.integer({ min: 0, max: 100 }).map((weight) =>
        share(
          [
            ['on', weight],
            ['off', 7],
          ],
          undefined,
          2,
        ),
      ),
    )
    fc.assert(
      fc.property(anyUnit, anySalt, anyVersion, anyFlags, anyFlags, fc.nat(100), (unit, salt, version, before, after, weight) => {
        const mine = share(
          [
            ['on', weight],
            ['off', 100 - weight],
          ],
          salt,
          version,
        )
        const set = setOf({ ...before, mine })
        const meant = variantOf(setOf({ mine }), 'mine', unit)
        expect(variantOf(set, 'mine', unit)).toBe(meant)
        const patched = set.with({ set: after, remove: Object.keys(before), evaluators: { ring: true } })
        expect(variantOf(patched, 'mine', unit)).toBe(meant)
        const edited = set.with({
          set: { mine: { ...mine, defaultVariant: 'off', metadata: { ...mine.metadata, owner: 'me' } } },
          remove: [],
        })
        expect(variantOf(edited, 'mine', unit)).toBe(meant)
        const inRule = { ...mine, targeting: { if: [{ '==': [{ var: 'plan' }, 'x'] }, 'on', mine.targeting ?? null] } }
        expect(variantOf(setOf({ mine: inRule }), 'mine', unit)).toBe(meant)
      }),
    )
  })

  test('when the share grows: nobody leaves, and with the same weights nobody moves', () => {
    fc.assert(
      fc.property(anyUnit, anySalt, anyVersion, fc.nat(1_000), fc.nat(1_000), (unit, salt, version, one, other) => {
        const [small, large] = [Math.min(one, other), Math.max(one, other)]
        const at = (weight: number) =>
          variantOf(
            setOf({
              a: share(
                [
                  ['on', weight],
                  ['off', 1_000 - weight],
                ],
                salt,
                version,
              ),
            }),
            'a',
            unit,
          )
        if (at(small) === 'on') expect(at(large)).toBe('on')
        if (at(large) === 'off') expect(at(small)).toBe('off')
      }),
      { numRuns: 500 },
    )
  })

  test('when all weights are multiplied, or a variant of weight 0 comes in between', () => {
    fc.assert(
      fc.property(
        anyUnit,
        anyVersion,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 2, max: 1_000 }),
        (unit, version, weights, times) => {
          const entries = weights.map((weight, nth) => [`v${nth}`, weight] as const)
          const meant = variantOf(setOf({ a: share(entries, undefined, version) }), 'a', unit)
          const larger = entries.map(([variant, weight]) => [variant, weight * times] as const)
          expect(variantOf(setOf({ a: share(larger, undefined, version) }), 'a', unit)).toBe(meant)
          const padded = entries.flatMap((entry) => [['nobody', 0] as const, entry])
          expect(variantOf(setOf({ a: share(padded, undefined, version) }), 'a', unit)).toBe(meant)
        },
      ),
    )
  })
})

/**
 * Chi-square at which a right evaluator fails once in a million tests, for 1 to 4 degrees of freedom: the quantiles of
 * 1 − 10^-6 (R 4.4, `qchisq(1e-6, df, lower.tail = FALSE)`). With the fixed units below a test always says the same;
 * the rate is what whoever changes the units, salts or weights has to expect.
 */
const chiSquareMax = [23.93, 27.63, 30.66, 33.38]

function chiSquare(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, count, nth) => sum + (count - (expected[nth] as number)) ** 2 / (expected[nth] as number), 0)
}

describe.each(versions)('version %i', (version) => {
  test.each([[[50, 50]], [[10, 90]], [[1, 99]], [[25, 25, 25, 25]], [[5, 10, 15, 30, 40]], [[1, 2]]])('meets the weights %j', (weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const entries = weights.map((weight, nth) => [`v${nth}`, weight] as const)
    for (const salt of [undefined, 'salt', 'checkout:']) {
      const set = setOf({ checkout: share(entries, salt, version) })
      const counts = new Map<string, number>(entries.map(([variant]) => [variant, 0]))
      for (const unit of units)
        counts.set(variantOf(set, 'checkout', unit) as string, (counts.get(variantOf(set, 'checkout', unit) as string) ?? 0) + 1)
      const statistic = chiSquare(
        [...counts.values()],
        weights.map((weight) => (weight / total) * units.length),
      )
      expect(statistic).toBeLessThan(chiSquareMax[weights.length - 2] as number)
    }
  })

  test('two salts, and two flags without one, draw independently; one salt draws alike', () => {
    const half = [
      ['on', 50],
      ['off', 50],
    ] as const
    const set = setOf({
      a: share(half, undefined, version),
      b: share(half, undefined, version),
      one: share(half, 'salt-1', version),
      two: share(half, 'salt-2', version),
      'one-again': share(half, 'salt-1', version),
    })
    const together = (first: string, second: string) => {
      const counts = [0, 0, 0, 0]
      for (const unit of units) {
        const cell = (variantOf(set, first, unit) === 'on' ? 2 : 0) + (variantOf(set, second, unit) === 'on' ? 1 : 0)
        counts[cell] = (counts[cell] as number) + 1
      }
      return counts
    }
    for (const [first, second] of [
      ['a', 'b'],
      ['one', 'two'],
      ['a', 'one'],
    ] as const) {
      const quarter = Array<number>(4).fill(units.length / 4)
      expect(chiSquare(together(first, second), quarter)).toBeLessThan(chiSquareMax[2] as number)
    }
    expect(together('one', 'one-again').slice(1, 3)).toEqual([0, 0])
  })
})
