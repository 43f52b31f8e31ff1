import { GrowthBook } from '@growthbook/growthbook'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { served } from '../fixtures.ts'
import { readImport } from '../read.ts'

const read = (features: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  readImport('growthbook', JSON.stringify({ features, ...more }))
const only = (feature: unknown, more?: Record<string, unknown>) => {
  const [flag] = read({ it: feature }, more).flags
  if (!flag) throw new Error('no flag')
  return flag
}

describe('a features payload of GrowthBook', () => {
  test('a value alone, a forced value and a rollout become a default, a rule and an exposure', () => {
    expect(only({ defaultValue: false })).toMatchObject({
      carried: 'exactly',
      flag: {
        variants: { off: false, on: true },
        settings: { '*': { state: 'ENABLED', defaultVariant: 'off', targeting: null, exposure: null } },
      },
      notes: [],
    })
    expect(
      only({
        defaultValue: false,
        rules: [
          { condition: { country: { $in: ['DE', 'AT'] } }, force: true },
          { force: true, coverage: 0.125 },
        ],
      }),
    ).toMatchObject({
      carried: 'approximately',
      flag: {
        settings: {
          '*': {
            defaultVariant: 'off',
            targeting: { if: [{ in: [{ var: 'country' }, ['DE', 'AT']] }, 'on'] },
            exposure: { serve: { on: 1 }, ring: 'all', percent: 12.5, bucketBy: null },
          },
        },
      },
    })
  })

  test('an experiment keeps its weights, its names and what it hashes', () => {
    const flag = only({
      defaultValue: 'blue',
      rules: [
        {
          key: 'colours',
          variations: ['blue', 'green', 'red'],
          weights: [0.5, 0.25, 0.25],
          coverage: 0.4,
          hashAttribute: 'company',
          meta: [{ key: 'control' }],
        },
      ],
    })
    expect(flag).toMatchObject({
      carried: 'approximately',
      flag: {
        kind: 'experiment',
        variants: { blue: 'blue', green: 'green', red: 'red' },
        salt: 'colours',
        settings: {
          '*': { targeting: null, exposure: { serve: { blue: 2, green: 1, red: 1 }, ring: 'all', percent: 40, bucketBy: 'company' } },
        },
      },
    })
  })

  test('a prerequisite of the whole feature is one here', () => {
    const { flags } = read({
      parent: { defaultValue: false, rules: [{ force: true, condition: { beta: true } }] },
      child: {
        defaultValue: false,
        rules: [{ parentConditions: [{ id: 'parent', condition: { value: true }, gate: true }] }, { force: true }],
      },
      orphan: {
        defaultValue: false,
        rules: [{ parentConditions: [{ id: 'gone', condition: { value: true }, gate: true }] }, { force: true }],
      },
      inside: { defaultValue: false, rules: [{ force: true, parentConditions: [{ id: 'parent', condition: { value: true } }] }] },
      one: { defaultValue: false, rules: [{ parentConditions: [{ id: 'two', condition: { value: true }, gate: true }] }] },
      two: { defaultValue: false, rules: [{ parentConditions: [{ id: 'one', condition: { value: true }, gate: true }] }] },
    })
    expect(Object.fromEntries(flags.map(({ key, carried, flag }) => [key, [carried, flag?.prerequisites]]))).toEqual({
      parent: ['exactly', []],
      child: ['exactly', [{ flag: 'parent', variant: 'on' }]],
      orphan: ['not', undefined],
      inside: ['not', undefined],
      one: ['not', undefined],
      two: ['not', undefined],
    })
    expect(flags.find(({ key }) => key === 'one')?.notes).toEqual(['features.one: it needs other flags in a circle.'])
  })

  test('a chain of prerequisites has an end, however many ways lead through it', () => {
    const chained = Array.from({ length: 400 }, (_, index) => [
      `f${index}`,
      {
        defaultValue: false,
        rules: [
          {
            parentConditions: [1, 2, 3]
              .filter((it) => it <= index)
              .map((it) => ({ id: `f${index - it}`, condition: { value: true }, gate: true })),
          },
          { force: true },
        ],
      },
    ])
    const { flags } = read(Object.fromEntries(chained))
    expect(flags.map(({ carried }) => carried).lastIndexOf('exactly')).toBe(9)
    expect(flags[10]?.notes).toEqual(['features.f10: its chain of prerequisites is longer than 10.'])
  })

  test('long saved groups become lists, others stand in the rule, and conditions are written out', () => {
    const long = Array.from({ length: 1_500 }, (_, index) => `user-${index}`)
    const { flags, segments } = read(
      {
        long: { defaultValue: false, rules: [{ condition: { id: { $inGroup: 'grp_long' } }, force: true }] },
        few: { defaultValue: false, rules: [{ condition: { number: { $inGroup: 'grp_numbers' } }, force: true }] },
        saved: { defaultValue: false, rules: [{ condition: { $savedGroup: { id: 'grp_condition' } }, force: true }] },
      },
      { savedGroups: { grp_long: long, grp_numbers: [1, 2], grp_condition: { type: 'condition', condition: { plan: 'pro' } } } },
    )
    expect(flags.map(({ flag }) => flag?.settings['*']?.targeting)).toEqual([
      { if: [{ in_segment: ['grp_long', { var: 'targetingKey' }] }, 'on'] },
      { if: [{ in: [{ var: 'number' }, [1, 2]] }, 'on'] },
      { if: [{ '===': [{ var: 'plan' }, 'pro'] }, 'on'] },
    ])
    expect(segments).toEqual([{ key: 'grp_long', content: { keys: long, by: 'targetingKey' }, notes: [] }])
  })

  test('groups that unfold without end are refused', () => {
    const condition = (level: number) => ({ $or: Array.from({ length: 9 }, () => ({ $savedGroup: { id: `g${level + 1}` } })) })
    const savedGroups = Object.fromEntries(
      Array.from({ length: 15 }, (_, level) => [`g${level}`, { type: 'condition', condition: condition(level) }]),
    )
    expect(only({ defaultValue: false, rules: [{ condition: condition(-1), force: true }] }, { savedGroups }).notes[0]).toContain(
      'it comes to more than 2000 conditions',
    )
    const circle = { g0: { type: 'condition', condition: { $savedGroup: { id: 'g0' } } } }
    expect(
      only({ defaultValue: false, rules: [{ condition: { $savedGroup: { id: 'g0' } }, force: true }] }, { savedGroups: circle }).carried,
    ).toBe('not')
  })

  test('what has no counterpart is said, and the other rules count', () => {
    const flag = only({
      defaultValue: 1,
      rules: [
        { condition: { email: { $regex: '@example.com$' } }, force: 2 },
        { variations: [1, 2], namespace: ['checkout', 0, 0.5] },
        { condition: { plan: 'pro' }, force: 3 },
      ],
    })
    expect(flag).toMatchObject({
      carried: 'approximately',
      flag: { settings: { '*': { defaultVariant: '1', targeting: { if: [{ '===': [{ var: 'plan' }, 'pro'] }, '3'] } } } },
    })
    expect(flag.notes).toEqual([
      'features.it.rules[0]: $regex on email: rules here have no regular expressions. The rule was left out, so the next one counts.',
      'features.it.rules[1]: it is in a namespace, which keeps experiments apart; nothing here does. The rule was left out, so the next one counts.',
    ])
    expect(only({ defaultValue: false, rules: [{ condition: { a: { $regex: 'x' } }, force: true }] })).toMatchObject({
      carried: 'not',
      flag: null,
    })
  })

  test('a features object alone will do; others are refused with what they look like', () => {
    expect(readImport('growthbook', '{"a": {"defaultValue": true}}').flags).toHaveLength(1)
    expect(() => readImport('growthbook', '{"features": []}')).toThrow('It looks like an export of Unleash')
    expect(() => readImport('growthbook', '{"encryptedFeatures": "x"}')).toThrow('is encrypted')
    expect(() => readImport('growthbook', '[]')).toThrow('The document is no object')
  })

  const attributes = ['id', 'plan', 'age', 'beta', 'tags', 'nested.deep', 'version'] as const
  const scalar = fc.constantFrom<unknown>('', 'pro', 'free', 'user-1', '5', 'true', 'false', 'null', 5, 0, 10, 1.5, true, false)
  const someValue = fc.oneof({ weight: 6, arbitrary: scalar }, { weight: 1, arbitrary: fc.constant(null) })
  const version = fc.tuple(fc.nat(3), fc.nat(12), fc.nat(3)).map((parts) => parts.join('.'))
  const operators = fc.oneof(
    fc.record({ $eq: someValue }),
    fc.record({ $ne: someValue }),
    fc.constantFrom('$lt', '$lte', '$gt', '$gte').chain((it) => fc.record({ [it]: fc.constantFrom<unknown>(5, 0, 'pro', '5', -1) })),
    fc.record({ $exists: fc.boolean() }),
    fc.constantFrom('$in', '$nin').chain((it) => fc.record({ [it]: fc.array(someValue, { maxLength: 4 }) })),
    fc.constantFrom('$inGroup', '$notInGroup').chain((it) => fc.record({ [it]: fc.constantFrom('people', 'numbers', 'gone') })),
    fc.record({ $not: someValue }),
  )
  const ofLists = fc.oneof(
    fc.record({ $elemMatch: fc.oneof(operators, fc.record({ name: scalar })) }),
    fc.record({ $all: fc.array(scalar, { minLength: 1, maxLength: 2 }) }),
    fc.record({ $size: fc.oneof(fc.nat(3), fc.record({ $gt: fc.nat(2) })) }),
    fc.record({ $not: fc.record({ $size: fc.nat(2) }) }),
    fc.record({ $in: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
  )
  const versions = fc.constantFrom('$veq', '$vne', '$vlt', '$vlte', '$vgt', '$vgte').chain((it) => fc.record({ [it]: version }))
  const onOne = fc
    .constantFrom(...attributes)
    .chain((name) => fc.record({ [name]: name === 'tags' ? ofLists : name === 'version' ? versions : fc.oneof(someValue, operators) }))
  const { condition } = fc.letrec<{ condition: Record<string, unknown> }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      onOne,
      fc.tuple(onOne, onOne).map(([a, b]) => ({ ...a, ...b })),
      fc.constantFrom('$and', '$or', '$nor').chain((it) => fc.record({ [it]: fc.array(tie('condition'), { maxLength: 3 }) })),
      fc.record({ $not: tie('condition') }),
    ),
  }))
  const people = fc.record(
    {
      id: fc.constantFrom('user-1', 'user-2', '5'),
      plan: scalar,
      age: scalar,
      beta: scalar,
      tags: fc.array(fc.oneof(scalar, fc.record({ name: scalar })), { maxLength: 3 }),
      nested: fc.record({ deep: scalar }),
      version,
    },
    { requiredKeys: [] },
  )

  test('conditions that are carried over exactly say what GrowthBook says, of anybody', () => {
    const counts = { exactly: 0, not: 0 }
    const savedGroups = { people: ['user-1', 'pro'], numbers: [5, '5', 10] }
    fc.assert(
      fc.property(condition, fc.array(people, { minLength: 1, maxLength: 8 }), (asked, contexts) => {
        // So that each attribute that holds lists is known to.
        const features = {
          it: { defaultValue: false, rules: [{ condition: asked, force: true }] },
          lists: { defaultValue: false, rules: [{ condition: { tags: { $size: 1 } }, force: true }] },
        }
        const carried = read(features, { savedGroups })
        const how = carried.flags[0]?.carried
        counts[how === 'exactly' ? 'exactly' : 'not'] += 1
        if (how !== 'exactly') return
        const set = served(carried)
        for (const { id, ...attributes } of structuredClone(contexts)) {
          const theirs = new GrowthBook({
            attributes: { ...attributes, ...(id === undefined ? {} : { id }) },
            features: features as never,
            savedGroups,
          }).evalFeature('it').value as unknown
          const { value } = set.evaluate('it', { ...attributes, ...(id === undefined ? {} : { targetingKey: id }) }, 0)
          expect(value, JSON.stringify({ asked, id, attributes, ours: carried.flags[0]?.flag?.settings })).toBe(theirs)
        }
      }),
      { numRuns: 1_500 },
    )
    expect(counts.exactly).toBeGreaterThan(1_200)
  })
})
