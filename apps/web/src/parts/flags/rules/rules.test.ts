import type { JsonWire } from '@belay/protocol'
import {
  assert,
  constantFrom,
  json,
  letrec,
  array,
  dictionary,
  oneof,
  property,
  string,
  integer,
  tuple,
  boolean,
  record,
  constant,
} from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Condition, operators, type Rules, rulesOf, type Serve, takesList, takesValue, targetingOf, type Operator } from './rules.ts'

/** JsonLogic as people and programs write it: known operators with arguments that may be anything at all. */
const logic = letrec<{ node: JsonWire }>((tie) => ({
  node: oneof(
    { maxDepth: 4, withCrossShrink: true },
    json().map((it) => JSON.parse(it) as JsonWire),
    constantFrom<JsonWire[]>(
      true,
      null,
      'on',
      { var: 'email' },
      { $ref: 'segment:beta' },
      { $ref: 'ring:qa' },
      { $ref: 'other' },
      { var: ['a'] },
    ),
    tuple(
      constantFrom('if', 'and', 'or', '!', 'in', '==', '!=', '<', 'sem_ver', 'starts_with', 'fractional', 'in_segment', 'cat', 'var'),
      oneof(array(tie('node'), { maxLength: 5 }), tie('node')),
    ).map(([name, args]): JsonWire => ({ [name]: args })),
    array(tie('node'), { maxLength: 3 }),
    dictionary(string(), tie('node'), { maxKeys: 3 }),
  ),
})).node

const plain = oneof(string(), integer(), boolean())
const condition = oneof(
  tuple(string(), constantFrom(...(Object.keys(operators) as Operator[])), plain, array(plain)).map(
    ([attribute, operator, value, values]): Condition => ({
      kind: 'compare',
      attribute,
      operator,
      value: takesList(operator) ? values : !takesValue(operator) ? null : operator === 'contains' ? String(value) : value,
    }),
  ),
  tuple(constantFrom<('segment' | 'ring')[]>('segment', 'ring'), string(), boolean()).map(
    ([of, name, not]): Condition => ({ kind: 'member', of, name, not }),
  ),
)
const serve = oneof(
  string().map((variant): Serve => ({ kind: 'variant', variant })),
  tuple(oneof(constant(null), string()), array(tuple(string(), integer({ min: 0 })), { minLength: 1 })).map(
    ([by, weights]): Serve => ({ kind: 'split', by, weights }),
  ),
)
const rules = record({
  kind: constant('rules' as const),
  rules: array(
    tuple(constantFrom<('all' | 'any')[]>('all', 'any'), array(condition), serve).map(([match, conditions, its]) => ({
      match: conditions.length < 2 ? ('all' as const) : match,
      conditions,
      serve: its,
    })),
  ),
  otherwise: oneof(constant(null), serve),
})

describe('rules between form and JSON', () => {
  test('any JSON that goes into the form comes out of it as it was', () =>
    assert(
      property(logic, (targeting) => {
        expect(targetingOf(rulesOf(targeting))).toEqual(targeting)
      }),
      { numRuns: 2_000 },
    ))
  test('all that the form can say is read back into the form', () =>
    assert(
      property(rules, (it: Rules) => {
        expect(rulesOf(targetingOf(it))).toEqual(it)
      }),
      { numRuns: 1_000 },
    ))
  test('what the form has no place for stays JSON, beside rules that it can show', () => {
    const odd = { '===': [{ var: 'a' }, 1] }
    expect(rulesOf({ if: [{ and: [{ '==': [{ var: 'plan' }, 'pro'] }, odd] }, 'on', odd, { if: [] }] })).toEqual({
      kind: 'rules',
      rules: [
        {
          match: 'all',
          conditions: [
            { kind: 'compare', attribute: 'plan', operator: '==', value: 'pro' },
            { kind: 'json', json: odd },
          ],
          serve: { kind: 'variant', variant: 'on' },
        },
        { match: 'all', conditions: [{ kind: 'json', json: odd }], serve: { kind: 'json', json: { if: [] } } },
      ],
      otherwise: null,
    })
    expect(rulesOf({ fractional: [['a', 1]] }).kind).toBe('json')
    expect(rulesOf({ if: [] }).kind).toBe('json')
  })
})
