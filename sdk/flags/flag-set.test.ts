import { describe, expect, test } from 'vitest'
import { compileFlagSet, type Evaluation, type EvaluationContext, type FlagDefinition, type FlagDocument } from './index.ts'

const onOff = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' } as const satisfies FlagDefinition
const flag = (targeting: FlagDefinition['targeting'], more: Partial<FlagDefinition> = {}): FlagDefinition => ({
  ...onOff,
  ...more,
  targeting,
})
const setOf = (flags: Record<string, unknown>, more: Record<string, unknown> = {}) => compileFlagSet({ flags, ...more })

describe('what a flag says', () => {
  const set = setOf({
    boolean: flag({ '==': [{ var: 'a' }, 1] }, { variants: { true: 'yes', false: 'no' }, defaultVariant: 'false' }),
    number: flag({ var: 'a' }, { variants: { '1': 'one', '2': 'two' }, defaultVariant: '2' }),
    object: flag({ var: 'a' }),
    empty: flag({}),
    list: flag([]),
    folded: flag({ if: [{ '==': [1, 1] }, 'on', { var: 'a' }] }),
    'no-default': { ...onOff, defaultVariant: null },
    '': onOff,
  })

  test.each<[key: string, context: Record<string, unknown>, expected: Partial<Evaluation>]>([
    ['boolean', { a: 1 }, { variant: 'true', value: 'yes', reason: 'TARGETING_MATCH' }],
    ['boolean', {}, { variant: 'false', value: 'no', reason: 'TARGETING_MATCH' }],
    ['number', { a: 1 }, { variant: '1' }],
    ['number', { a: Number.NaN }, { variant: '2', reason: 'DEFAULT' }],
    ['number', { a: 3 }, { errorCode: 'GENERAL', errorMessage: 'The rule of "number" says "3", which is no variant of it.' }],
    ['object', { a: {} }, { errorCode: 'GENERAL' }],
    ['object', { a: 'on' }, { value: true, reason: 'TARGETING_MATCH' }],
    ['empty', {}, { variant: 'off', reason: 'STATIC' }],
    ['list', {}, { variant: 'off', reason: 'STATIC' }],
    ['folded', {}, { variant: 'on', reason: 'TARGETING_MATCH' }],
    ['no-default', {}, { key: 'no-default', reason: 'DEFAULT' }],
    ['', {}, { key: '', value: false }],
  ])('%s for %j', (key, context, expected) => expect(set.evaluate(key, context, 0)).toMatchObject(expected))

  test('a value that is not of the type that was asked for is a mismatch; no value is of every type', () => {
    expect(set.evaluate('empty', {}, 0, 'boolean')).toMatchObject({ value: false })
    const mismatch = set.evaluate('empty', {}, 0, 'string')
    expect(mismatch).toEqual({
      key: 'empty',
      reason: 'ERROR',
      errorCode: 'TYPE_MISMATCH',
      errorMessage: 'Variant "off" of "empty" is of type boolean, not string.',
    })
    expect(set.evaluate('empty', {}, 0, 'string')).toBe(mismatch)
    expect(set.evaluate('no-default', {}, 0, 'string')).toMatchObject({ reason: 'DEFAULT' })
  })

  test('all flags are evaluated in the order of the document, each as on its own', () => {
    const all = set.evaluateAll({ a: 1 }, 0)
    expect(all.map((evaluation) => evaluation.key)).toEqual([...set.keys()])
    for (const evaluation of all) expect(evaluation).toEqual(set.evaluate(evaluation.key, { a: 1 }, 0))
  })
})

test('outcomes are shared, and nobody can change them', () => {
  const variants = { big: { list: [1, { deep: true }] } }
  const set = setOf({ a: { state: 'ENABLED', variants, defaultVariant: 'big' } }, { metadata: { owner: 'team' } })
  const evaluation = set.evaluate('a', {}, 0)
  expect(set.evaluate('a', { other: 1 }, 5)).toBe(evaluation)
  expect(() => Object.assign(evaluation, { value: 1 })).toThrow(TypeError)
  const { list } = evaluation.value as { list: unknown[] }
  expect(() => list.push(1)).toThrow(TypeError)
  expect(() => Object.assign(evaluation.metadata ?? {}, { owner: 'me' })).toThrow(TypeError)
  variants.big.list.push(2)
  expect(set.evaluate('a', {}, 0).value).toEqual({ list: [1, { deep: true }] })
})

describe('what is not as it should be', () => {
  test.each<[title: string, definition: unknown, path: string, message: RegExp]>([
    ['no object', 5, '', /object/],
    ['no state', { ...onOff, state: undefined }, '/state', /"ENABLED" or "DISABLED"/],
    ['no variants', { ...onOff, variants: {} }, '/variants', /at least one/],
    ['a variant that is no JSON', { ...onOff, variants: { off: undefined, on: 1 } }, '/variants/off', /JSON/],
    ['a default that is no variant', { ...onOff, defaultVariant: 'blue' }, '/defaultVariant', /no variant "blue"/],
    ['a default that is no name', { ...onOff, defaultVariant: 5 }, '/defaultVariant', /name of a variant/],
    ['an inherited default', { ...onOff, defaultVariant: 'constructor' }, '/defaultVariant', /no variant/],
    ['an unknown operator', flag({ if: [{ nope: [] }, 'on'] }), '/targeting/if/0/nope', /no operator "nope"/],
    ['an inherited operator', flag({ constructor: [] }), '/targeting/constructor', /no operator/],
    ['two operators in one', flag({ '==': [1, 1], '!=': [1, 1] }), '/targeting', /2 members/],
    ['no operator', flag({ if: [{}, 'on'] }), '/targeting/if/0', /empty/],
    ['an evaluator that is missing', flag({ $ref: 'gone' }), '/targeting/$ref', /"gone" does not exist/],
    ['an inherited evaluator', flag({ $ref: 'toString' }), '/targeting/$ref', /does not exist/],
    ['an evaluator without a name', flag({ $ref: [] }), '/targeting/$ref', /name of an evaluator/],
  ])('%s: the flag answers PARSE_ERROR, the others are not affected', (_title, definition, path, message) => {
    const set = setOf({ bad: definition, good: onOff })
    expect(set.problems).toEqual([{ key: 'bad', path, message: expect.stringMatching(message) }])
    expect(set.evaluate('bad', {}, 0)).toMatchObject({
      reason: 'ERROR',
      errorCode: 'PARSE_ERROR',
      errorMessage: expect.stringMatching(message),
    })
    expect(set.evaluate('good', {}, 0)).toMatchObject({ reason: 'STATIC' })
  })

  test.each([[undefined], [null], [5], ['{}'], [[]], [() => {}]])('a document that is %j makes an empty set', (document) => {
    const set = compileFlagSet(document)
    expect([set.size, set.problems]).toEqual([0, [{ key: null, path: '', message: expect.any(String) }]])
    expect(set.evaluate('a', {}, 0)).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' })
  })

  test('flags may be a list with keys; one without a key is told, and of two with one key neither counts', () => {
    const set = compileFlagSet({ flags: [{ key: 'a', ...onOff }, onOff, { key: 'b', ...onOff }, { key: 'b', ...onOff }] })
    expect([...set.keys()]).toEqual(['a', 'b'])
    expect(set.problems).toMatchObject([
      { key: null, path: '/flags/1' },
      { key: 'b', path: '', message: 'There are two flags with this key.' },
    ])
    expect(compileFlagSet({ flags: 'none' }).problems).toMatchObject([{ key: null, path: '/flags' }])
  })

  test('evaluators that refer to each other in a circle, or to such a one, are problems of the document and of who uses them', () => {
    const $evaluators = {
      a: { '!': { $ref: 'b' } },
      b: { $ref: 'c' },
      c: { $ref: 'a' },
      tail: { $ref: 'a' },
      self: { $ref: 'self' },
      sound: true,
    }
    const set = setOf({ x: flag({ $ref: 'tail' }), y: flag({ if: [{ $ref: 'sound' }, 'on'] }) }, { $evaluators })
    expect(set.problems.map((problem) => [problem.key, problem.path])).toEqual([
      [null, '/$evaluators/c/$ref'],
      [null, '/$evaluators/b/$ref'],
      [null, '/$evaluators/a/!/$ref'],
      [null, '/$evaluators/tail/$ref'],
      [null, '/$evaluators/self/$ref'],
      ['x', '/targeting/$ref'],
    ])
    expect(set.problems[0]?.message).toBe('The evaluator "a" refers back to this one.')
    expect(set.evaluate('y', {}, 0)).toMatchObject({ value: true })
    expect(setOf({}, { $evaluators: 5 }).problems).toMatchObject([{ key: null, path: '/$evaluators' }])
  })

  test('a context that fails while it is read fails the evaluation and nothing else', () => {
    const set = setOf({ a: flag({ if: [{ var: 'trap' }, 'on'] }), b: onOff })
    const trap = {
      get trap() {
        throw new Error('no')
      },
    }
    expect(set.evaluate('a', trap, 0)).toMatchObject({ errorCode: 'GENERAL' })
    const proxy = new Proxy(
      {},
      {
        getOwnPropertyDescriptor: () => {
          throw new Error('no')
        },
      },
    )
    expect(set.evaluate('a', proxy, 0)).toMatchObject({ errorCode: 'GENERAL' })
    expect(set.evaluateAll(trap, 0)).toMatchObject([{ errorCode: 'GENERAL' }, { reason: 'STATIC' }])
    expect(set.evaluate('a', { trap: 1 }, 0)).toMatchObject({ value: true })
    for (const context of [null, undefined, 'text', 5]) expect(set.evaluate('a', context as never, 0)).toMatchObject({ reason: 'DEFAULT' })
  })

  test('a context may evaluate a flag while it is read', () => {
    const set = setOf({ a: flag({ if: [{ var: 'inner' }, { fractional: [['on', 1]] }] }), b: flag({ if: [{ var: 'x' }, 'on'] }) })
    const context = {
      get inner() {
        return set.evaluate('b', { x: 1, targetingKey: '' }, 0).value
      },
      targetingKey: 'unit',
    }
    expect(set.evaluate('a', context, 0)).toMatchObject({ variant: 'on' })
  })
})

describe('keys that would poison an object are data like any other', () => {
  // As a server gets it: an object literal would set the prototype.
  const document = JSON.parse(`{
    "$evaluators": {"__proto__": {"==": [{"var": "__proto__"}, "x"]}, "constructor": true},
    "metadata": {"__proto__": "m"},
    "flags": {
      "__proto__": {"state": "ENABLED", "variants": {"__proto__": {"__proto__": {"polluted": true}}, "b": {}}, "defaultVariant": "__proto__"},
      "constructor": {"state": "ENABLED", "variants": {"toString": 1, "b": 2}, "defaultVariant": "b", "targeting": {"if": [{"$ref": "__proto__"}, "toString"]}},
      "toString": {"state": "ENABLED", "variants": {"b": 2}, "defaultVariant": "b", "targeting": {"var": "v"}}
    }
  }`) as FlagDocument

  test('as flags, variants, evaluators, values, metadata and attributes', () => {
    const set = compileFlagSet(document)
    expect(set.problems).toEqual([])
    expect([...set.keys()]).toEqual(['__proto__', 'constructor', 'toString'])
    const first = set.evaluate('__proto__', {}, 0)
    expect(first).toMatchObject({ key: '__proto__', variant: '__proto__' })
    expect(JSON.stringify(first.value)).toBe('{"__proto__":{"polluted":true}}')
    expect(JSON.stringify(first.metadata)).toBe('{"__proto__":"m"}')
    expect(set.evaluate('constructor', {}, 0)).toMatchObject({ value: 2 })
    expect(set.evaluate('constructor', JSON.parse('{"__proto__": "x"}') as EvaluationContext, 0)).toMatchObject({
      variant: 'toString',
      value: 1,
    })
    expect(set.evaluate('toString', { v: 'constructor' }, 0)).toMatchObject({ errorCode: 'GENERAL' })
    expect(set.evaluate('valueOf', {}, 0)).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('in a patch', () => {
    const patch = JSON.parse('{"set": {"__proto__": {"state": "DISABLED", "variants": {"a": 1}}}, "remove": ["constructor"]}') as never
    const set = compileFlagSet(document).with(patch)
    expect([...set.keys()]).toEqual(['__proto__', 'toString'])
    expect(set.evaluate('__proto__', {}, 0)).toMatchObject({ reason: 'DISABLED' })
  })
})

describe('a patched set', () => {
  const $evaluators = { ring: { in: [{ var: 'user' }, ['ada']] }, outer: { '!!': { $ref: 'ring' } }, other: true }
  const base = setOf(
    { byRing: flag({ if: [{ $ref: 'outer' }, 'on'] }), byOther: flag({ if: [{ $ref: 'other' }, 'on'] }), still: onOff },
    { $evaluators },
  )

  test('has what the patch says; the one before stays as it was', () => {
    const next = base.with({ set: { still: flag(null, { defaultVariant: 'on' }), added: onOff }, remove: ['byOther', 'nobody'] })
    expect([...next.keys()]).toEqual(['byRing', 'still', 'added'])
    expect(next.evaluate('still', {}, 0)).toMatchObject({ value: true })
    expect(base.evaluate('still', {}, 0)).toMatchObject({ value: false })
    expect([...base.keys()]).toEqual(['byRing', 'byOther', 'still'])
  })

  test('shares what did not change, and follows changed evaluators through each other', () => {
    const next = base.with({
      set: {},
      remove: [],
      evaluators: { ...structuredClone($evaluators), ring: { in: [{ var: 'user' }, ['bob']] } },
    })
    expect(next.evaluate('still', {}, 0)).toBe(base.evaluate('still', {}, 0))
    expect(next.evaluate('byOther', {}, 0)).toBe(base.evaluate('byOther', {}, 0))
    const asked = (set: typeof base, user: string) => set.evaluate('byRing', { user }, 0).value
    expect([asked(base, 'ada'), asked(base, 'bob'), asked(next, 'ada'), asked(next, 'bob')]).toEqual([true, false, false, true])
    const same = next.with({ set: {}, remove: [], evaluators: structuredClone($evaluators) })
    expect(asked(same, 'ada')).toBe(true)
  })

  test('breaks and heals with its evaluators, also where they come to refer to each other in a circle', () => {
    const broken = base.with({ set: {}, remove: [], evaluators: { other: true } })
    expect(broken.evaluate('byRing', { user: 'ada' }, 0)).toMatchObject({ errorCode: 'PARSE_ERROR' })
    expect(broken.problems).toHaveLength(1)
    const circle = broken.with({ set: {}, remove: [], evaluators: { ...$evaluators, ring: { $ref: 'outer' } } })
    expect(circle.evaluate('byRing', { user: 'ada' }, 0)).toMatchObject({ errorCode: 'PARSE_ERROR' })
    const turned = base.with({ set: {}, remove: [], evaluators: { ...$evaluators, ring: { $ref: 'outer' } } })
    expect(turned.evaluate('byRing', { user: 'ada' }, 0)).toMatchObject({ errorCode: 'PARSE_ERROR' })
    const healed = circle.with({ set: {}, remove: [], evaluators: $evaluators })
    expect(healed.problems).toEqual([])
    expect(healed.evaluate('byRing', { user: 'ada' }, 0)).toMatchObject({ value: true })
  })
})

test('without a targeting key a share says nothing, or fails the flag when that was chosen', () => {
  const flags = {
    share: flag({ fractional: [['on', 1]] }),
    salted: flag({ fractional: [{ cat: ['salt', { var: 'targetingKey' }] }, ['on', 1]] }),
    unreached: flag({ if: [{ var: 'staff' }, 'on', { fractional: [['on', 1]] }] }),
  }
  const [lenient, strict] = [compileFlagSet({ flags }), compileFlagSet({ flags }, { missingKey: 'error' })]
  expect(lenient.evaluateAll({}, 0).map((it) => it.reason)).toEqual(['DEFAULT', 'TARGETING_MATCH', 'DEFAULT'])
  expect(strict.evaluateAll({}, 0).map((it) => it.errorCode)).toEqual(Array(3).fill('TARGETING_KEY_MISSING'))
  expect(strict.evaluate('unreached', { staff: true }, 0)).toMatchObject({ value: true })
  expect(strict.evaluateAll({ targetingKey: 'u' }, 0).map((it) => it.value)).toEqual([true, true, true])
})

test('an evaluator that many flags share is asked once while all are evaluated, unless it differs by flag', () => {
  let asked = 0
  const inSegment = () => ++asked > 0
  const $evaluators = { beta: { in_segment: ['beta', { var: 'targetingKey' }] }, mine: { '==': [{ var: '$flagd.flagKey' }, 'f3'] } }
  const keys = Array.from({ length: 10 }, (_, nth) => `f${nth}`)
  const flags = Object.fromEntries(keys.map((key) => [key, flag({ if: [{ and: [{ $ref: 'beta' }, { $ref: 'mine' }] }, 'on'] })]))
  const set = compileFlagSet({ flags, $evaluators }, { inSegment })
  const on = () => set.evaluateAll({ targetingKey: 'u' }, 0).flatMap((it) => (it.value === true ? [it.key] : []))
  expect([on(), asked, on(), asked]).toEqual([['f3'], 1, ['f3'], 2])
})
