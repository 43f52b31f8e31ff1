import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type * as Client from 'unleash-client/lib/client.js'
import { defaultStrategies } from 'unleash-client/lib/strategy/index.js'
import { served } from '../fixtures.ts'
import { readImport } from '../read.ts'
import type { ReadOptions } from '../types.ts'

// What Node's import makes of its default export is not what vitest makes of it.
const { default: UnleashClient } = createRequire(import.meta.url)('unleash-client/lib/client.js') as typeof Client.default

const read = (document: unknown, options: Partial<ReadOptions> = {}) =>
  readImport('unleash', typeof document === 'string' ? document : JSON.stringify(document), options)
const settings = (document: unknown, options: Partial<ReadOptions> = {}) => read(document, options).flags.map(({ flag }) => flag?.settings)
const rollout = (rollout: string, more = {}) => ({
  name: 'flexibleRollout',
  parameters: { rollout, stickiness: 'default', groupId: 'shop' },
  constraints: [],
  ...more,
})

/** As Unleash 5 and later export the features of one environment. */
const batch = {
  features: [
    {
      name: 'checkout',
      description: 'The new way to pay',
      type: 'release',
      project: 'shop',
      stale: true,
      impressionData: false,
      archived: false,
    },
  ],
  featureStrategies: [
    {
      name: 'flexibleRollout',
      id: 'b',
      featureName: 'checkout',
      parameters: { rollout: '25', stickiness: 'default', groupId: 'pay' },
      constraints: [],
      segments: [],
      sortOrder: 2,
    },
    {
      name: 'flexibleRollout',
      id: 'a',
      featureName: 'checkout',
      parameters: { rollout: '100', stickiness: 'default', groupId: 'pay' },
      constraints: [{ contextName: 'plan', operator: 'IN', values: ['pro'], inverted: false, caseInsensitive: false }],
      segments: [7],
      sortOrder: 1,
    },
    { name: 'default', id: 'c', featureName: 'checkout', disabled: true, sortOrder: 0 },
  ],
  featureEnvironments: [{ enabled: true, featureName: 'checkout', environment: 'development', name: 'checkout', variants: [] }],
  contextFields: [],
  featureTags: [
    { featureName: 'checkout', tagType: 'simple', tagValue: 'money' },
    { featureName: 'checkout', tagType: 'team', tagValue: 'web' },
  ],
  segments: [{ id: 7, name: 'Old customers' }],
  tagTypes: [],
}

describe('an export of features', () => {
  test('brings what it says of them: rules in their order, the open rollout as the exposure, tags', () => {
    const [flag] = read(batch, { hasSegment: (key) => key === 'Old-customers' }).flags
    expect(flag).toEqual({
      key: 'checkout',
      carried: 'approximately',
      flag: {
        key: 'checkout',
        description: 'The new way to pay',
        kind: 'release',
        tags: ['money', 'team:web', 'project:shop', 'stale'],
        salt: 'pay',
        variants: { on: true, off: false },
        prerequisites: [],
        settings: {
          '*': {
            state: 'ENABLED',
            defaultVariant: 'off',
            targeting: { if: [{ and: [{ in: [{ var: 'plan' }, ['pro']] }, { $ref: 'segment:Old-customers' }] }, 'on'] },
            exposure: { serve: { on: 1 }, ring: 'all', percent: 25, bucketBy: null },
          },
        },
      },
      notes: [
        'It uses the segment Old-customers as it is here: the export names it and does not say who is in it.',
        'Who is in the 25% changes, for Unleash hashes in another way; the share does not.',
        'Unleash goes by the session, or by chance, where there is no user id; here a targeting key is needed.',
        'Its settings of development count in every environment here.',
      ],
    })
  })

  test('a strategy whose segment is not told lets nobody in', () => {
    const [flag] = read(batch).flags
    expect(flag?.flag?.settings['*']?.targeting).toBeNull()
    expect(flag?.notes[0]).toContain(
      'featureStrategies[1]: the export names the segment Old customers and does not say who is in it. Make it first (belay segment create Old-customers)',
    )
  })

  test('goes to the environment of its name, to the one that is asked for, else everywhere', () => {
    const environments = ['development', 'production']
    expect(Object.keys(settings(batch, { environments })[0] ?? {})).toEqual(['development'])
    expect(Object.keys(settings(batch, { environments, environment: 'production' })[0] ?? {})).toEqual(['production'])
    expect(Object.keys(settings(batch, { environments: ['production'] })[0] ?? {})).toEqual(['*'])
  })
})

test('the older export has several environments, segments and links between them', () => {
  const state = {
    version: 4,
    features: [{ name: 'search', type: 'operational', variants: [] }],
    featureStrategies: [
      { id: '1', featureName: 'search', environment: 'development', strategyName: 'default', parameters: {}, constraints: [] },
      {
        id: '2',
        featureName: 'search',
        environment: 'production',
        strategyName: 'userWithId',
        parameters: { userIds: '1, 2' },
        constraints: [],
      },
      { id: '3', featureName: 'search', environment: 'gone', strategyName: 'default', parameters: {}, constraints: [] },
    ],
    featureEnvironments: [
      { enabled: true, featureName: 'search', environment: 'development' },
      { enabled: false, featureName: 'search', environment: 'production' },
      { enabled: true, featureName: 'search', environment: 'gone' },
    ],
    segments: [
      { id: 1, name: 'Team', constraints: [{ contextName: 'email', operator: 'STR_ENDS_WITH', values: ['@example.com'] }] },
      {
        id: 2,
        name: 'Many',
        constraints: [{ contextName: 'account', operator: 'IN', values: Array.from({ length: 2_000 }, (_, index) => `a${index}`) }],
      },
    ],
    featureStrategySegments: [{ featureStrategyId: '2', segmentId: 1 }],
  }
  const { flags, segments } = read(state, { environments: ['development', 'production'] })
  expect(flags[0]).toMatchObject({
    carried: 'exactly',
    flag: {
      kind: 'ops',
      settings: {
        development: { state: 'ENABLED', targeting: null, exposure: { percent: 100, ring: 'all' } },
        production: {
          state: 'DISABLED',
          targeting: { if: [{ and: [{ $ref: 'segment:Team' }, { in: [{ var: 'targetingKey' }, ['1', '2']] }] }, 'on'] },
        },
      },
    },
    notes: [
      'It is off in production: there the code gets its own default, which should be false.',
      'There is no environment gone here; its settings there were left out.',
    ],
  })
  expect(segments.map(({ key, content }) => [key, content && 'rule' in content ? content.rule : content?.keys?.length])).toEqual([
    ['Team', { ends_with: [{ var: 'email' }, '@example.com'] }],
    ['Many', 2_000],
  ])
  expect(() => read(state, { environments: ['qa'], environment: 'qa' })).toThrow(
    'The document has several environments (development, production, gone) and none of them is qa',
  )
})

test('long lists of users become a segment; a strategy of a team, a bad variant and an archived feature are said', () => {
  const users = Array.from({ length: 1_200 }, (_, index) => `u${index}`)
  const feature = (name: string, more: object) => ({ name, enabled: true, strategies: [{ name: 'default' }], ...more })
  const { flags, segments } = read({
    version: 1,
    features: [
      feature('many', { strategies: [{ name: 'userWithId', parameters: { userIds: users.join(',') } }] }),
      feature('ours', { strategies: [{ name: 'onTuesdays' }, rollout('100')] }),
      feature('odd', { variants: [{ name: 'constructor', weight: 1 }] }),
      feature('old', { archived: true }),
      feature('many', {}),
      feature('asleep', { strategies: [{ name: 'default', disabled: true }] }),
      { enabled: true },
    ],
  })
  expect(segments).toEqual([{ key: 'many.users', content: { keys: users, by: 'targetingKey' }, notes: [] }])
  expect(flags.map(({ key, carried, notes }) => [key, carried, notes])).toEqual([
    ['many', 'exactly', ['Its 1200 user ids became the segment many.users.']],
    [
      'ours',
      'approximately',
      ['features[1].strategies[0]: onTuesdays is a strategy of your own. The strategy was left out: whom it let in is not in.'],
    ],
    ['odd', 'not', ['features[2]: "constructor" cannot be the name of a variant.']],
    ['old', 'not', ['features[3]: it is archived in Unleash.']],
    ['many', 'not', ['features[4]: the document has a feature of this name already; only the first was taken.']],
    ['asleep', 'exactly', []],
    ['features[6]', 'not', ['features[6]: a feature needs a name.']],
  ])
  expect(flags[5]?.flag?.settings['*']).toMatchObject({ targeting: null, exposure: null, defaultVariant: 'off' })
})

test('variants of one name with different payloads keep both; payloads of several types become texts', () => {
  const variant = (name: string, payload?: object) => ({ name, weight: 1, ...(payload ? { payload } : {}) })
  const [flag] = read({
    version: 1,
    features: [
      {
        name: 'price',
        enabled: true,
        strategies: [
          rollout('100', { variants: [variant('a', { type: 'number', value: '1' })] }),
          rollout('100', { variants: [variant('a', { type: 'string', value: 'x' })] }),
        ],
        variants: [variant('b')],
      },
    ],
  }).flags
  expect(flag?.flag?.variants).toEqual({ b: 'b', a: '1', 'a-2': 'x' })
  expect(flag?.notes).toEqual([
    'Its variants have payloads of several types; here a flag has one, so all of them are texts.',
    'A variant without a payload has its name as its value.',
    'Variants of one name have different payloads, so some are called a-2.',
  ])
})

test('a version operator says what else counts as a version; an attribute with a dot is another one here', () => {
  const constraint = (it: object) => ({
    version: 1,
    features: [{ name: 'a', enabled: true, strategies: [{ name: 'default', constraints: [it] }] }],
  })
  const [version] = read(constraint({ contextName: 'app', operator: 'SEMVER_GT', value: '1.2.0' })).flags
  expect([version?.carried, version?.notes]).toEqual([
    'exactly',
    ['What is no version for Unleash, such as 1.2 or v1.2.3, is one here (1.2.0, 1.2.3).'],
  ])
  const [dotted] = read(constraint({ contextName: 'company.plan', operator: 'IN', values: ['pro'] })).flags
  expect([dotted?.carried, dotted?.notes]).toEqual([
    'approximately',
    ['It reads company.plan: a dot leads into an object here, so your services hand it in as one.'],
  ])
})

test('what is hostile is refused or bounded', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  const feature = (more: object) => ({ name: 'a', enabled: true, strategies: [{ name: 'default' }], ...more })
  const variant = { name: 'v', weight: 1, payload: { type: 'json', value: deep } }
  expect(read({ version: 1, features: [feature({ variants: [variant], type: 'constructor' })] }).flags[0]?.flag).toMatchObject({
    variants: { v: deep },
  })
  const many = Array.from({ length: 100 }, (_, index) => ({ name: `custom-${index}` }))
  const [flag] = read({ version: 1, features: [feature({ strategies: [...many, { name: 'default' }] })] }).flags
  expect([flag?.notes.length, flag?.notes.at(-1)]).toEqual([20, 'And 81 more notes of this kind.'])
  expect(read(`{"version": 1, "features": [{"name": "a", "enabled": true, "__proto__": {"x": 1}}]}`).flags[0]?.notes).toEqual([
    'features[0]: it has a member __proto__, which nothing harmless has.',
  ])
})

test('ranges of addresses are their beginnings', () => {
  const rule = (...values: string[]) =>
    settings({
      version: 1,
      features: [
        { name: 'a', enabled: true, strategies: [{ name: 'default', constraints: [{ contextName: 'ip', operator: 'IN_CIDR', values }] }] },
      ],
    })[0]?.['*']?.targeting
  const when = (condition: unknown) => ({ if: [condition, 'on'] })
  const starts = (it: string) => ({ starts_with: [{ var: 'ip' }, it] })
  expect(rule('10.0.0.0/8')).toEqual(when(starts('10.')))
  expect(rule('172.16.0.0/12')).toEqual(when({ or: Array.from({ length: 16 }, (_, index) => starts(`172.${16 + index}.`)) }))
  expect(rule('192.0.2.4/31')).toEqual(when({ in: [{ var: 'ip' }, ['192.0.2.4', '192.0.2.5']] }))
  expect(rule('192.0.2.1', 'no address')).toEqual(when({ in: [{ var: 'ip' }, ['192.0.2.1']] }))
})

describe('what is carried over exactly', () => {
  const fields = ['userId', 'plan', 'age', 'ip', 'version', 'email'] as const
  const text = fc.constantFrom('', 'pro', 'PRO', 'Pro', ' pro', '5', '12', '12.0', 'true', 'user-1', 'ann@Example.com', 'ß')
  const address = fc.oneof(
    fc.constantFrom('10.1.2.3', '172.20.0.1', '192.0.2.9', 'nonsense', '192.0.2.200'),
    fc.tuple(fc.constantFrom(10, 172, 192), fc.nat(255), fc.nat(255), fc.nat(255)).map((it) => it.join('.')),
  )
  const range = fc.tuple(address, fc.integer({ min: 9, max: 33 })).map(([ip, bits]) => `${ip}/${bits}`)
  // Only versions of three parts: what is shorter counts here, and in Unleash does not.
  const version = fc
    .tuple(fc.nat(2), fc.nat(11), fc.nat(2), fc.constantFrom('', '', '-rc.1', '-alpha', '-rc.10', '+5'))
    .map(([a, b, c, more]) => `${a}.${b}.${c}${more}`)
  const both = { inverted: fc.boolean() }
  const constraint = fc.oneof(
    fc.record({
      contextName: fc.constantFrom(...fields),
      operator: fc.constantFrom('IN', 'NOT_IN'),
      values: fc.array(text, { maxLength: 3 }),
      ...both,
    }),
    fc.record({
      contextName: fc.constantFrom('plan', 'email', 'userId'),
      operator: fc.constantFrom('STR_STARTS_WITH', 'STR_ENDS_WITH'),
      values: fc.array(text, { maxLength: 3 }),
      caseInsensitive: fc.boolean(),
      ...both,
    }),
    fc.record({
      contextName: fc.constantFrom('plan', 'email'),
      operator: fc.constant('STR_CONTAINS'),
      values: fc.array(text, { maxLength: 3 }),
      ...both,
    }),
    fc.record({
      contextName: fc.constantFrom('age', 'plan'),
      operator: fc.constantFrom('NUM_EQ', 'NUM_GT', 'NUM_GTE', 'NUM_LT', 'NUM_LTE'),
      value: fc.constantFrom('12', '5.0', '0', '-1', 'x'),
      ...both,
    }),
    fc.record({
      contextName: fc.constantFrom('currentTime', 'plan'),
      operator: fc.constantFrom('DATE_AFTER', 'DATE_BEFORE'),
      value: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T12:00:00+02:00', 'x'),
      ...both,
    }),
    fc.record({
      contextName: fc.constant('version'),
      operator: fc.constantFrom('SEMVER_EQ', 'SEMVER_GT', 'SEMVER_GTE', 'SEMVER_LT', 'SEMVER_LTE'),
      value: version,
      ...both,
    }),
    fc.record({
      contextName: fc.constant('ip'),
      operator: fc.constant('IN_CIDR'),
      values: fc.array(fc.oneof(range, address), { maxLength: 3 }),
      ...both,
    }),
  )
  const strategy = fc.record(
    {
      name: fc.constantFrom('default', 'flexibleRollout', 'userWithId', 'gradualRolloutUserId', 'gradualRolloutRandom'),
      parameters: fc.record({
        rollout: fc.constantFrom('0', '100'),
        percentage: fc.constantFrom('0', '100'),
        stickiness: fc.constantFrom('default', 'userId', 'plan', 'random'),
        groupId: fc.constant('g'),
        userIds: fc.constantFrom('', 'user-1', '5, user-1'),
      }),
      constraints: fc.array(constraint, { maxLength: 2 }),
      segments: fc.array(fc.constantFrom(1, 2, 404), { maxLength: 1 }),
      variants: fc.constantFrom([], [{ name: 'red', weight: 1, payload: { type: 'string', value: 'r' } }]),
    },
    { requiredKeys: ['name', 'parameters'] },
  )
  const feature = fc.record({
    strategies: fc.array(strategy, { maxLength: 3 }),
    enabled: fc.constantFrom(true, true, true, false),
    variants: fc.constantFrom([], [{ name: 'blue', weight: 3, payload: { type: 'string', value: 'b' } }]),
  })
  const people = fc.record(
    {
      userId: fc.constantFrom('user-1', '5', 'user-2'),
      plan: text,
      age: fc.constantFrom('12', '5', '0', '', 'x'),
      ip: address,
      version,
      email: text,
    },
    { requiredKeys: [] },
  )

  test('answers as Unleash does, whoever asks', () => {
    const counts = { exactly: 0, other: 0 }
    fc.assert(
      fc.property(
        feature,
        fc.tuple(constraint, constraint),
        fc.array(people, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z', '2026-01-02T10:00:00Z', '2026-03-01T00:00:00Z'),
        (it, [one, two], contexts, currentTime) => {
          const features = [{ name: 'it', ...it }]
          const segments = [
            { id: 1, constraints: [one] },
            { id: 2, name: 'Two', constraints: [two] },
          ]
          const carried = read({ version: 2, features, segments })
          if (carried.flags[0]?.carried !== 'exactly') {
            counts.other += 1
            return
          }
          counts.exactly += 1
          const set = served(carried)
          const client = new UnleashClient(
            { getToggle: () => features[0], getSegment: (id: number) => segments.find((segment) => segment.id === id) } as never,
            defaultStrategies,
          )
          for (const person of structuredClone(contexts)) {
            const { userId, ...properties } = person
            const theirs = client.getVariant('it', { ...(userId === undefined ? {} : { userId }), properties, currentTime } as never)
            const { variant, value } = set.evaluate(
              'it',
              { ...properties, ...(userId === undefined ? {} : { targetingKey: userId }) },
              Date.parse(currentTime),
            )
            const ours = variant === undefined || value === false ? 'off' : value
            expect(ours, JSON.stringify({ it, segments, person, ours: carried.flags[0].flag?.settings })).toBe(
              !theirs.feature_enabled ? 'off' : theirs.enabled ? theirs.payload?.value : true,
            )
          }
        },
      ),
      { numRuns: 1_500 },
    )
    expect(counts.exactly).toBeGreaterThan(700)
  })
})
