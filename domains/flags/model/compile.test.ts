import { compileFlagSet, type EvaluationContext, type FlagDocument } from '@belay/flag-evaluator'
import { FlagdCore } from '@openfeature/flagd-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ladder, noSegments } from '../fixtures.ts'
import type { LiveEnvironment } from '../live-types.ts'
import { compileFlag, prerequisiteEvaluators, ringEvaluators } from './compile.ts'
import { forFlagd } from './dialect.ts'
import { explain } from './explain.ts'
import { beginFlag, type Exposure, type Flag, type Ladder, type Setting } from './flag.ts'

const rings: Ladder = ladder.map((ring) => ({ ...ring, source: 'file' }))
const base = (key: string, more: Partial<Flag> = {}): Flag => ({
  ...beginFlag(
    {
      key,
      description: '',
      kind: 'release',
      owner: null,
      expiresAt: null,
      tags: [],
      variants: { a: 'A', b: 'B', c: 'C' },
      defaultVariant: 'c',
      bucketing: 2,
      prerequisites: [],
    },
    0,
    'ann',
  ),
  ...more,
})
const withSetting = (flag: Flag, setting: Partial<Setting>): Flag => ({
  ...flag,
  settings: { '*': { ...(flag.settings['*'] as Setting), ...setting } },
})

function documentOf(flags: readonly Flag[]): FlagDocument {
  const find = (key: string) => flags.find((flag) => flag.key === key)
  return {
    $evaluators: { ...ringEvaluators(rings, () => false), ...prerequisiteEvaluators(flags, 'production', rings, find) },
    flags: Object.fromEntries(flags.map((flag) => [flag.key, compileFlag(flag, 'production', rings)])),
  }
}

const anExposure: fc.Arbitrary<Exposure> = fc.record({
  serve: fc.oneof(fc.constant({ a: 1 }), fc.record({ a: fc.integer({ min: 1, max: 100 }), b: fc.integer({ min: 0, max: 100 }) })),
  ring: fc.constantFrom(...rings.map(({ name }) => name)),
  percent: fc.oneof(
    fc.constantFrom(0, 100),
    fc.integer({ min: 1, max: 99_999 }).map((it) => it / 1_000),
  ),
  bucketBy: fc.constantFrom(null, null, 'account'),
})
const aRule = fc.constantFrom<Setting['targeting'][]>(
  null,
  { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'b'] },
  { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'b', { ends_with: [{ var: 'email' }, '.org'] }, 'a'] },
  { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'a', 'b'] },
  {
    fractional: [
      ['a', 1],
      ['b', 1],
    ],
  },
  { if: [{ $ref: 'ring:staff' }, { fractional: [{ cat: ['x', { var: 'targetingKey' }] }, ['a', 30], ['b', 70]] }] },
)
const aFlag = fc
  .record({
    salt: fc.constantFrom('f', 'other'),
    state: fc.constantFrom('ENABLED' as const, 'ENABLED' as const, 'DISABLED' as const),
    targeting: aRule,
    exposure: fc.oneof(anExposure, fc.constant(null)),
    killed: fc.constantFrom(false, false, false, true),
    needs: fc.constantFrom<Flag['prerequisites'][]>([], [], [{ flag: 'needed', variant: 'a' }]),
  })
  .map(({ salt, state, targeting, exposure, killed, needs }) =>
    withSetting(base('f', { salt, prerequisites: needs, ...(killed ? { killed: { '*': { at: 0, by: 'ann', reason: 'smoke' } } } : {}) }), {
      state,
      targeting,
      exposure,
    }),
  )
const aPerson: fc.Arbitrary<EvaluationContext> = fc.record(
  {
    targetingKey: fc.string({ minLength: 1, maxLength: 8 }),
    account: fc.constantFrom('x', 'y', 'z'),
    role: fc.constantFrom('tester', 'guest'),
    email: fc.constantFrom('e@example.com', 'o@example.org'),
    early: fc.boolean(),
    plan: fc.constantFrom('pro', 'free'),
  },
  { requiredKeys: ['targetingKey'] },
)

describe('a compiled flag', () => {
  test("answers in flagd's own evaluator as in ours", () => {
    fc.assert(
      fc.property(aFlag, aFlag, aPerson, (flag, other, person) => {
        const document = documentOf([flag, { ...other, key: 'needed', prerequisites: [] }])
        const ours = compileFlagSet(document).evaluate('f', person, 0)
        const core = new FlagdCore()
        core.setConfigurations(JSON.stringify(forFlagd(document)))
        const theirs = core.resolveStringEvaluation('f', 'code', person as Record<string, string>, quiet)
        expect({ variant: ours.variant, value: ours.value ?? 'code' }).toEqual({ variant: theirs.variant, value: theirs.value })
      }),
      { numRuns: 500 },
    )
  })

  test('is explained as it is evaluated: the step that decided is the one whose variant came out', () => {
    fc.assert(
      fc.property(aFlag, aFlag, aPerson, (flag, other, person) => {
        const document = documentOf([flag, { ...other, key: 'needed', prerequisites: [] }])
        const set = compileFlagSet(document, { missingKey: 'error' })
        const live = { set: () => set, document: () => document } as LiveEnvironment
        const { steps, evaluation } = explain({
          flag,
          environment: 'production',
          context: person,
          live,
          ladder: rings,
          segments: noSegments,
          nowMs: 0,
        })
        const decided = steps.filter(({ outcome }) => outcome === 'decided')
        expect(decided).toHaveLength(1)
        const exposed = flag.settings['*']?.exposure
        const by = decided[0]?.kind ?? ''
        if (by === 'state') expect(evaluation.reason).toBe('DISABLED')
        else if (['kill', 'prerequisite', 'default'].includes(by)) expect(evaluation.variant).toBe('c')
        else if (by === 'ring' || by === 'share') expect(Object.keys(exposed?.serve ?? {})).toContain(evaluation.variant)
        else expect(['a', 'b']).toContain(evaluation.variant)
      }),
      { numRuns: 500 },
    )
  })

  test('keeps everybody whom it reached when its exposure grows', () => {
    const order = rings.map(({ name }) => name)
    fc.assert(
      fc.property(anExposure, anExposure, aPerson, fc.constantFrom('f', 'other'), (one, two, person, salt) => {
        const height = (it: Exposure) => order.indexOf(it.ring) * 1_000 + it.percent
        const [low, high] = height(one) <= height(two) ? [one, two] : [two, one]
        const gets = (it: Exposure) =>
          compileFlagSet(
            documentOf([withSetting(base('f', { salt }), { exposure: { ...it, serve: { a: 1 }, bucketBy: one.bucketBy } })]),
          ).evaluate('f', person, 0).variant
        if (gets(low) === 'a') expect(gets(high)).toBe('a')
      }),
      { numRuns: 1_000 },
    )
  })

  test('lets in and chooses by two hashes that have nothing to do with each other', () => {
    const flag = withSetting(base('f'), { exposure: { serve: { a: 50, b: 50 }, ring: 'all', percent: 20, bucketBy: null } })
    const set = compileFlagSet(documentOf([flag]))
    const counts: Record<string, number> = {}
    for (let n = 0; n < 20_000; n++) {
      const variant = set.evaluate('f', { targetingKey: `user-${n}` }, 0).variant ?? ''
      counts[variant] = (counts[variant] ?? 0) + 1
    }
    const { a = 0, b = 0, c = 0 } = counts
    // Chi-square with 2 degrees of freedom; a right program exceeds 18.4 once in 10,000 choices of salt, and this salt is fixed.
    const chi = ([a, b, c] as const).reduce(
      (sum, seen, index) => sum + (seen - [2_000, 2_000, 16_000][index]!) ** 2 / [2_000, 2_000, 16_000][index]!,
      0,
    )
    expect(chi).toBeLessThan(18.4)
  })

  test('reads as people write flagd: nothing is spelled out that is so anyway', () => {
    const exposed = (exposure: Exposure) => compileFlag(withSetting(base('f'), { exposure }), 'production', rings)
    expect(exposed({ serve: { a: 1 }, ring: 'all', percent: 100, bucketBy: null })).toMatchObject({ defaultVariant: 'a' })
    expect(exposed({ serve: { a: 1 }, ring: 'all', percent: 100, bucketBy: null })).not.toHaveProperty('targeting')
    expect(exposed({ serve: { a: 1 }, ring: 'staff', percent: 100, bucketBy: null }).targeting).toEqual({
      if: [{ or: [{ $ref: 'ring:qa' }, { $ref: 'ring:staff' }] }, 'a'],
    })
    expect(exposed({ serve: { a: 1 }, ring: 'qa', percent: 10, bucketBy: null }).targeting).toEqual({
      if: [
        {
          and: [
            { $ref: 'ring:qa' },
            {
              '===': [
                {
                  fractional: [
                    ['in', 10_000],
                    ['out', 90_000],
                  ],
                },
                'in',
              ],
            },
          ],
        },
        'a',
      ],
    })
  })
})

const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
