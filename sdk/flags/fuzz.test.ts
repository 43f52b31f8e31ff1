/** Whatever comes in, an answer comes out, and what came in is as it was. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { operators } from './operators/all.ts'
import { checkRule, compileFlagSet, compileRule, type FlagDefinition, type JsonLogic } from './index.ts'

const oddName = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  'a',
  'a.b',
  '$flagd',
  'targetingKey',
)
const oddValue = fc.constantFrom<unknown>(null, true, false, 0, -0, 1.5, -1, 1e300, '', 'a', '1.2.3', 'on', '\ud800', [], {})

const { rule: anyRule } = fc.letrec<{ rule: JsonLogic; operation: JsonLogic; args: JsonLogic }>((tie) => ({
  rule: fc.oneof({ maxDepth: 5, withCrossShrink: true }, oddValue as fc.Arbitrary<JsonLogic>, oddName, tie('operation')),
  operation: fc
    .tuple(
      fc.oneof(
        { arbitrary: fc.constantFrom(...operators.keys()), weight: 12 },
        { arbitrary: fc.constantFrom('$ref', 'nope', '__proto__'), weight: 1 },
      ),
      tie('args'),
    )
    .map(([name, args]) => Object.fromEntries([[name, args]]) as JsonLogic),
  args: fc.oneof(
    tie('rule'),
    fc.array(fc.oneof(tie('rule'), fc.array(tie('rule'), { maxLength: 3 })), { maxLength: 4 }),
  ) as fc.Arbitrary<JsonLogic>,
}))

const anyContext = fc.dictionary(
  fc.oneof(oddName, fc.string()),
  fc.oneof(oddValue, fc.anything({ withDate: true, withMap: true, withBigInt: true, withTypedArray: true, withNullPrototype: true })),
)

const text = (value: unknown) => JSON.stringify(value, (_name, member: unknown) => (typeof member === 'bigint' ? `${member}n` : member))

test('a rule of any operators with any arguments says something for any context, the same every time', () => {
  fc.assert(
    fc.property(
      anyRule,
      anyContext,
      fc.constantFrom<2 | 3>(2, 3),
      fc.constantFrom<'default' | 'error'>('default', 'error'),
      (rule, context, bucketing, missingKey) => {
        const [ruleBefore, contextBefore] = [text(rule), text(context)]
        const compiled = compileRule(rule, {
          bucketing,
          missingKey,
          flagKey: 'flag',
          evaluators: { a: { var: 'a' } },
          inSegment: (_segment, key) => key === 'a',
        })
        const outcome = compiled.outcome(context, 1_000)
        expect(JSON.stringify(outcome.value)).toBeTypeOf('string')
        expect(compiled.outcome(context, 1_000)).toEqual(outcome)
        const flags: Record<string, FlagDefinition> = {
          flag: { state: 'ENABLED', variants: { on: true, a: false }, defaultVariant: 'a', targeting: rule },
        }
        const set = compileFlagSet({ flags, $evaluators: { a: { var: 'a' } } }, { missingKey })
        const evaluation = set.evaluate('flag', context, 1_000)
        expect(set.evaluateAll(context, 1_000)).toEqual([evaluation])
        expect(set.problems.length > 0).toBe(evaluation.errorCode === 'PARSE_ERROR')
        expect([text(rule), text(context)]).toEqual([ruleBefore, contextBefore])
      },
    ),
    { numRuns: 2_000 },
  )
})

test('any document is compiled, whatever it is', () => {
  const anyFlag = fc.record(
    {
      state: fc.constantFrom('ENABLED', 'DISABLED', 'on'),
      variants: fc.dictionary(fc.oneof(oddName, fc.string()), fc.jsonValue()),
      defaultVariant: fc.oneof(oddName, oddValue),
      targeting: fc.oneof(anyRule, fc.jsonValue()),
      metadata: fc.oneof(fc.jsonValue(), oddValue),
    },
    { requiredKeys: [] },
  )
  const anyDocument = fc.oneof(
    fc.anything(),
    fc.jsonValue(),
    fc.record(
      {
        flags: fc.oneof(
          fc.dictionary(fc.oneof(oddName, fc.string()), fc.oneof(anyFlag, fc.anything())),
          fc.array(fc.oneof(anyFlag, fc.anything())),
        ),
        $evaluators: fc.oneof(fc.dictionary(oddName, anyRule), fc.anything()),
        metadata: fc.anything(),
      },
      { requiredKeys: [] },
    ),
  )
  fc.assert(
    fc.property(anyDocument, anyContext, (document, context) => {
      const set = compileFlagSet(document)
      const evaluations = set.evaluateAll(context, 0)
      expect(evaluations.map((evaluation) => evaluation.key)).toEqual([...set.keys()])
      for (const problem of set.problems)
        if (problem.key !== null) expect(set.evaluate(problem.key, context, 0)).toMatchObject({ errorCode: 'PARSE_ERROR' })
      expect(set.with({ set: {}, remove: [...set.keys()] }).size).toBe(0)
    }),
    { numRuns: 1_000 },
  )
})

test('whatever passes the check for people compiles', () => {
  fc.assert(
    fc.property(fc.oneof(anyRule, fc.anything()), (rule) => {
      const isGood = checkRule(rule).length === 0
      const { problems } = compileRule(rule as JsonLogic, { evaluators: { a: true } })
      if (isGood) expect(problems.filter((problem) => !problem.message.startsWith('The evaluator'))).toEqual([])
    }),
    { numRuns: 1_000 },
  )
})
