/**
 * The same answers as flagd's own evaluator for JavaScript, on generated rules that both claim to understand. Where the
 * two differ on purpose, a test of its own says how.
 */
import { FlagdCore } from '@openfeature/flagd-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileFlagSet, type EvaluationContext, type FlagDocument, type JsonLogic } from './index.ts'

const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
const variants = { on: 'on', off: 'off', blue: 'blue' }
const nowMs = 1_700_000_000_000

function both(targeting: JsonLogic, context: EvaluationContext, $evaluators: FlagDocument['$evaluators'] = {}) {
  const document: FlagDocument = { flags: { flag: { state: 'ENABLED', variants, defaultVariant: 'off', targeting } }, $evaluators }
  const core = new FlagdCore(undefined, quiet)
  core.setConfigurations(JSON.stringify(document))
  const { reason, variant, errorCode } = core.resolveStringEvaluation('flag', 'code', context as never, quiet)
  const ours = compileFlagSet(document).evaluate('flag', context, nowMs)
  return { theirs: { reason, variant, errorCode }, ours: { reason: ours.reason, variant: ours.variant, errorCode: ours.errorCode } }
}

/** Attributes of one type each: what comparisons make of mixed types is where the two differ, see below. */
const anyContext = fc.record(
  {
    targetingKey: fc.string({ minLength: 1 }),
    email: fc.tuple(fc.string(), fc.constantFrom('@example.com', '@example.org', '')).map(([name, domain]) => name + domain),
    plan: fc.constantFrom('free', 'pro', 'early'),
    age: fc.integer({ min: 0, max: 100 }),
    version: fc.constantFrom('1.0.0', '1.2.3', 'v2.0.0-rc.1', '2.0.0', '2', '1.10', '3.0.0+build', 'none'),
    tags: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 }),
    beta: fc.boolean(),
    nested: fc.record({ plan: fc.constantFrom('free', 'pro') }),
  },
  { requiredKeys: ['age', 'plan', 'email', 'tags'] },
)

const text: fc.Arbitrary<JsonLogic> = fc.oneof(
  fc.constantFrom<JsonLogic>(
    { var: 'email' },
    { var: 'plan' },
    { var: ['nested.plan', 'none'] },
    { substr: [{ var: 'plan' }, 0, 2] },
    { var: '$flagd.flagKey' },
  ),
  fc.constantFrom<JsonLogic>('free', 'pro', 'fr', ''),
)
const number: fc.Arbitrary<JsonLogic> = fc.oneof(
  fc.integer({ min: -5, max: 100 }),
  fc.constantFrom<JsonLogic>(
    { var: 'age' },
    { '+': [{ var: 'age' }, 5] },
    { '-': [{ var: 'age' }, 5] },
    { '*': [{ var: 'age' }, 2] },
    { '%': [{ var: 'age' }, 7] },
    { max: [{ var: 'age' }, 18] },
    { min: [{ var: 'age' }, 18] },
    { reduce: [[1, 2, 3], { '+': [{ var: 'current' }, { var: 'accumulator' }] }, 0] },
  ),
)
const operation = (names: readonly string[], ...args: readonly fc.Arbitrary<JsonLogic>[]) =>
  fc.tuple(fc.constantFrom(...names), fc.tuple(...args)).map(([name, values]): JsonLogic => ({ [name]: values }))

const { condition: anyCondition } = fc.letrec<{ condition: JsonLogic }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    operation(['==', '!=', '===', '!=='], text, text),
    operation(['==', '!=', '===', '!==', '<', '<=', '>', '>='], number, number),
    operation(['<', '<='], number, number, number),
    operation(['starts_with', 'ends_with'], text, fc.constantFrom<JsonLogic>('pr', '@example.com', '', 'o')),
    operation(
      ['sem_ver'],
      fc.constant<JsonLogic>({ var: 'version' }),
      fc.constantFrom<JsonLogic>('=', '!=', '<', '<=', '>', '>=', '~', '^', '?'),
      fc.constantFrom<JsonLogic>('1.2.3', '2', '2.0.0-rc.2', 'v1.2', 1),
    ),
    operation(['in'], text, fc.uniqueArray(fc.constantFrom('free', 'pro', 'early', 'a', 'b', 'c', 'd', 'e'), { minLength: 1 })),
    operation(['in'], fc.constantFrom<JsonLogic>('a', 'c'), fc.constant<JsonLogic>({ var: 'tags' })),
    operation(['in'], fc.constantFrom<JsonLogic>('pr', 'x', ''), fc.constant<JsonLogic>({ var: 'plan' })),
    operation(['some', 'none'], fc.constant<JsonLogic>({ var: 'tags' }), fc.constant<JsonLogic>({ '==': [{ var: '' }, 'a'] })),
    fc.constantFrom<JsonLogic>(
      { var: 'beta' },
      { '!': { var: 'beta' } },
      { '!!': [{ var: 'tags' }] },
      { missing: ['beta', 'age'] },
      { $ref: 'isPro' },
      { $ref: 'nested' },
      true,
      false,
    ),
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((args): JsonLogic => ({ and: args })),
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((args): JsonLogic => ({ or: args })),
    tie('condition').map((arg): JsonLogic => ({ '!': [arg] })),
  ),
}))

const anyVariant = fc.constantFrom('on', 'off', 'blue')
const anyShare = fc
  .tuple(
    fc.constantFrom<JsonLogic | undefined>(
      undefined,
      { var: 'targetingKey' },
      { var: 'email' },
      { cat: ['salt', { var: 'email' }] },
      { cat: [{ var: '$flagd.flagKey' }, { var: 'plan' }] },
      'fixed',
    ),
    fc.array(
      fc.oneof(
        fc.tuple(anyVariant, fc.integer({ min: -3, max: 100 })),
        fc.tuple(anyVariant),
        fc.tuple(anyVariant, fc.constant<JsonLogic>({ var: 'age' })),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([by, entries]): JsonLogic => ({ fractional: [...(by === undefined ? [] : [by]), ...entries] as JsonLogic[] }))
const anyOutcome = fc.oneof<fc.Arbitrary<JsonLogic>[]>(anyVariant, anyShare, fc.constantFrom<JsonLogic>(null, 'green', true))
const anyTargeting = fc
  .tuple(fc.array(fc.tuple(anyCondition, anyOutcome), { maxLength: 4 }), anyOutcome)
  .map(([branches, otherwise]): JsonLogic => ({ if: [...branches.flat(), otherwise] }))

const evaluators: Readonly<Record<string, JsonLogic>> = {
  isPro: { '==': [{ var: 'plan' }, 'pro'] },
  nested: { and: [{ '>': [{ var: 'age' }, 17] }, { var: 'beta' }] },
}

test('generated rules of both: variant, reason and error are the same', () => {
  fc.assert(
    fc.property(anyTargeting, anyContext, (targeting, context) => {
      const { theirs, ours } = both(targeting, context, evaluators)
      expect(ours).toEqual(theirs)
    }),
    { numRuns: 3_000 },
  )
})

describe('on purpose otherwise', () => {
  test.each<[why: string, rule: JsonLogic, context: EvaluationContext, ours: object, theirs: object]>([
    [
      'a comparison of a text with a number is false, as JsonLogic has it; there it is an error',
      { if: [{ '<': [{ var: 'a' }, 5] }, 'on', 'blue'] },
      { a: 'x' },
      { variant: 'blue' },
      { errorCode: 'GENERAL' },
    ],
    [
      'a sum with a text is no number and so not true; there it is an error',
      { if: [{ '+': [{ var: 'a' }, 5] }, 'on', 'blue'] },
      { a: 'x' },
      { variant: 'blue' },
      { errorCode: 'GENERAL' },
    ],
    [
      'an attribute that is null is there, as JsonLogic has it; there it counts as missing',
      { var: ['a', 'on'] },
      { a: null },
      { reason: 'DEFAULT' },
      { variant: 'on' },
    ],
    [
      'a class’s or an object’s inherited members are not read',
      { if: [{ var: 'constructor.name' }, 'on', 'blue'] },
      {},
      { variant: 'blue' },
      { variant: 'on' },
    ],
    ['an unknown operator', { nope: [] }, {}, { errorCode: 'PARSE_ERROR' }, { errorCode: 'PARSE_ERROR' }],
    [
      'a targeting key that is no text does not count, as in flagd itself; there it is made one',
      { fractional: [['on', 1]] },
      { targetingKey: 5 as never },
      { reason: 'DEFAULT' },
      { variant: 'on' },
    ],
    [
      'a list or an object is no variant; there its text might be one',
      { var: 'a' },
      { a: ['on'] },
      { errorCode: 'GENERAL' },
      { variant: 'on' },
    ],
    [
      'what is hashed is UTF-8, as flagd does it; there characters beyond ASCII hash to something else',
      { fractional: [['off'], ['on']] },
      { targetingKey: '𓸦' },
      { variant: 'on' },
      { variant: 'off' },
    ],
    [
      'a text that is put together is compared; there that is an error',
      { if: [{ '==': ['free-1', { cat: [{ var: 'plan' }, '-', { var: 'age' }] }] }, 'on', 'off'] },
      { plan: 'free', age: 1 },
      { variant: 'on' },
      { errorCode: 'GENERAL' },
    ],
  ])('%s', (_why, rule, context, ours, theirs) => {
    const said = both(rule, context)
    expect(said.ours).toMatchObject(ours)
    expect(said.theirs).toMatchObject(theirs)
  })
})
