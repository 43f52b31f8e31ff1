import { describe, expect, test } from 'vitest'
import { compileRule, isTruthy, type Json, type JsonLogic } from './index.ts'

const context = {
  targetingKey: 'user-1',
  name: 'Ada',
  age: 36,
  nothing: null,
  empty: '',
  tags: ['a', 'b'],
  numbers: [1, 2, 3, 4],
  account: { plan: 'pro', seats: [{ free: true }, { free: false }] },
  since: new Date(Date.UTC(2024, 1, 29)),
  toText: () => 'code',
}

const says = (rule: JsonLogic) => compileRule(rule, { flagKey: 'flag' }).run(context, 1_700_000_000_999)

// What jsonlogic.com documents, and what its reference implementation says where the text is silent.
const tables: [title: string, cases: [rule: JsonLogic, expected: Json][]][] = [
  [
    'reading',
    [
      [{ var: 'name' }, 'Ada'],
      [{ var: ['name'] }, 'Ada'],
      [{ var: ['nobody', 26] }, 26],
      [{ var: ['nothing', 26] }, null],
      [{ var: 'account.plan' }, 'pro'],
      [{ var: 'tags.1' }, 'b'],
      [{ var: ['numbers', 0] }, [1, 2, 3, 4]],
      [{ var: 'account.nobody.further' }, null],
      [{ var: { cat: ['na', 'me'] } }, 'Ada'],
      [{ var: '$flagd.flagKey' }, 'flag'],
      [{ var: '$flagd.timestamp' }, 1_700_000_000],
      [{ var: '$flagd.nothing' }, null],
      [{ var: '$flagd' }, { flagKey: 'flag', timestamp: 1_700_000_000 }],
      [{ missing: ['name', 'nobody', 'empty', 'nothing'] }, ['nobody', 'empty', 'nothing']],
      [{ missing: { var: 'tags' } }, ['a', 'b']],
      [{ missing_some: [1, ['name', 'nobody']] }, []],
      [{ missing_some: [2, ['name', 'nobody', 'nowhere']] }, ['nobody', 'nowhere']],
    ],
  ],

  [
    'a program’s values, as JSON has them',
    [
      [{ var: 'since' }, '2024-02-29T00:00:00.000Z'],
      [{ '<': [{ var: 'since' }, '2025'] }, true],
      [{ var: 'toText' }, null],
    ],
  ],

  [
    'nothing that is inherited can be read',
    [
      [{ var: 'constructor' }, null],
      [{ var: '__proto__' }, null],
      [{ var: 'toString' }, null],
      [{ var: 'account.constructor.name' }, null],
      [{ var: 'name.constructor' }, null],
      [{ var: { cat: ['__pro', 'to__'] } }, null],
      [{ missing: ['constructor', 'hasOwnProperty'] }, ['constructor', 'hasOwnProperty']],
      [{ map: [[1], { var: 'constructor' }] }, [null]],
    ],
  ],

  [
    'choosing',
    [
      [{ if: [] }, null],
      [{ if: ['only'] }, 'only'],
      [{ if: [true, 'yes', 'no'] }, 'yes'],
      [{ if: [{ var: 'empty' }, 'yes', 'no'] }, 'no'],
      [{ if: [false, 1, { '>': [{ var: 'age' }, 30] }, 2, 3] }, 2],
      [{ if: [false, 1, { '<': [{ var: 'age' }, 30] }, 2] }, null],
      [{ '?:': [{ var: 'name' }, 1, 2] }, 1],
      [{ or: [false, { var: 'empty' }, { var: 'name' }, 'z'] }, 'Ada'],
      [{ or: [false, { var: 'empty' }] }, ''],
      [{ and: [true, { var: 'name' }, { var: 'age' }] }, 36],
      [{ and: [true, { var: 'empty' }, { var: 'age' }] }, ''],
      [{ and: [] }, null],
      [{ '!': [[]] }, true],
      [{ '!': { var: 'name' } }, false],
      [{ '!!': [[0]] }, true],
      [{ '!!': '0' }, true],
      [{ log: 'x' }, 'x'],
    ],
  ],

  [
    'comparing',
    [
      [{ '==': [1, '1'] }, true],
      [{ '==': [{ var: 'age' }, '36'] }, true],
      [{ '==': [{ var: 'nobody' }, null] }, true],
      [{ '==': [{ var: 'nothing' }, 'x'] }, false],
      [{ '===': [1, '1'] }, false],
      [{ '===': [{ var: 'name' }, 'Ada'] }, true],
      [{ '!=': [1, '1'] }, false],
      [{ '!==': [1, '1'] }, true],
      [{ '<': [1, { var: 'age' }, 40] }, true],
      [{ '<=': [36, { var: 'age' }, 36] }, true],
      [{ '<': [1, { var: 'age' }, 36] }, false],
      [{ '>': ['b', 'a'] }, true],
      [{ '>=': [{ var: 'name' }, 5] }, false],
      [{ '<': [{ var: 'name' }, 5] }, false],
      [{ in: ['Ada', ['Bob', 'Ada']] }, true],
      [{ in: [{ var: 'name' }, ['Bob', 'Ada']] }, true],
      [{ in: [{ var: 'name' }, ['1', '2', '3', '4', '5', '6', '7', 'Ada']] }, true],
      [{ in: [{ var: 'nobody' }, ['Bob', null]] }, true],
      [{ in: ['a', { var: 'tags' }] }, true],
      [{ in: ['da', { var: 'name' }] }, true],
      [{ in: [{ var: 'name' }, 'AdaBob'] }, true],
      [{ in: ['x', { var: 'age' }] }, false],
      [{ starts_with: [{ var: 'name' }, 'A'] }, true],
      [{ starts_with: [{ var: 'name' }, ''] }, true],
      [{ ends_with: [{ var: 'name' }, 'Ada Lovelace'] }, false],
      [{ ends_with: [{ var: 'age' }, '6'] }, null],
      [{ ends_with: [{ var: 'name' }, 3] }, null],
      [{ starts_with: [{ var: 'name' }] }, null],
    ],
  ],

  [
    'making',
    [
      [{ '+': [1, '2', 3] }, 6],
      [{ '+': '3.14' }, 3.14],
      [{ '*': [2, '3'] }, 6],
      [{ '-': [5, 2] }, 3],
      [{ '-': { var: 'age' } }, -36],
      [{ '/': [7, 2] }, 3.5],
      [{ '/': [7, 0] }, null],
      [{ '%': [101, 2] }, 1],
      [{ '+': ['Ada'] }, null],
      [{ max: [1, { var: 'age' }, 3] }, 36],
      [{ min: [] }, null],
      [{ cat: ['I am ', { var: 'name' }, ', ', { var: 'age' }, { var: 'nobody' }] }, 'I am Ada, 36'],
      [{ cat: { var: 'tags' } }, 'a,b'],
      [{ substr: ['jsonlogic', 4] }, 'logic'],
      [{ substr: ['jsonlogic', -5] }, 'logic'],
      [{ substr: ['jsonlogic', 1, 3] }, 'son'],
      [{ substr: ['jsonlogic', 4, -2] }, 'log'],
      [{ substr: ['jsonlogic', -20, 2] }, 'js'],
    ],
  ],

  [
    'going through lists',
    [
      [{ map: [{ var: 'numbers' }, { '*': [{ var: '' }, 2] }] }, [2, 4, 6, 8]],
      [{ filter: [{ var: 'numbers' }, { '%': [{ var: '' }, 2] }] }, [1, 3]],
      [{ reduce: [{ var: 'numbers' }, { '+': [{ var: 'current' }, { var: 'accumulator' }] }, 0] }, 10],
      [{ reduce: [{ var: 'nobody' }, { var: 'current' }, 'start'] }, 'start'],
      [{ all: [{ var: 'numbers' }, { '>': [{ var: '' }, 0] }] }, true],
      [{ all: [[], { '>': [{ var: '' }, 0] }] }, false],
      [{ none: [[], true] }, true],
      [{ some: [{ var: 'account.seats' }, { var: 'free' }] }, true],
      [{ some: [{ var: 'name' }, true] }, false],
      [{ none: [{ var: 'account.seats' }, { '==': [{ var: 'free' }, 'x'] }] }, true],
      [{ merge: [[1], 2, [3, [4]]] }, [1, 2, 3, [4]]],
      [{ map: [{ var: 'tags' }, { var: 'targetingKey' }] }, [null, null]],
    ],
  ],

  [
    'versions',
    [
      [{ sem_ver: ['1.2.3', '=', 'v1.2.3'] }, true],
      [{ sem_ver: ['1.2.3', '!=', '1.2.3+build'] }, false],
      [{ sem_ver: ['1.2.3-alpha.2', '<', '1.2.3-alpha.10'] }, true],
      [{ sem_ver: ['1.2.3-alpha.1', '<', '1.2.3-alpha.beta'] }, true],
      [{ sem_ver: ['1.2.3-rc', '<', '1.2.3'] }, true],
      [{ sem_ver: ['1.10.0', '>', '1.9.99'] }, true],
      [{ sem_ver: ['99999999999999999999.0.1', '>', '99999999999999999999.0.0'] }, true],
      [{ sem_ver: ['1.2.3', '^', '1.9.0'] }, true],
      [{ sem_ver: ['1.2.3', '~', '1.2.9'] }, true],
      [{ sem_ver: ['1.2.3', '~', '1.3.0'] }, false],
      [{ sem_ver: ['1', '<=', 1.1] }, true],
      [{ sem_ver: ['2.0.0.0', '=', '2.0.0'] }, null],
      [{ sem_ver: ['01.0.0', '=', '1.0.0'] }, null],
      [{ sem_ver: ['1.2.3', '=>', '1.2.3'] }, null],
      [{ sem_ver: ['1.2.3', '='] }, null],
    ],
  ],

  [
    'shares',
    [
      [
        {
          fractional: [
            ['a', 0],
            ['b', 5],
          ],
        },
        'b',
      ],
      [{ fractional: [['a', -5], ['b']] }, 'b'],
      [
        {
          fractional: [
            ['a', 0],
            ['b', 0],
          ],
        },
        null,
      ],
      [
        {
          fractional: [
            ['a', 1.5],
            ['b', 5],
          ],
        },
        null,
      ],
      [
        {
          fractional: [
            ['a', '5'],
            ['b', 5],
          ],
        },
        null,
      ],
      [{ fractional: [['a', 2_147_483_648]] }, null],
      [{ fractional: [['a', 2_147_483_647]] }, 'a'],
      [
        {
          fractional: [
            ['a', 2_147_483_647],
            ['b', 1],
          ],
        },
        null,
      ],
      [{ fractional: [['a', 1, 1]] }, null],
      [{ fractional: [[]] }, null],
      [{ fractional: [[['a'], 1]] }, null],
      [{ fractional: [] }, null],
      [{ fractional: ['name'] }, null],
      [{ fractional: [5, ['a', 1]] }, null],
      [{ fractional: [{ var: 'nobody' }, ['a', 1]] }, 'a'],
      [
        {
          fractional: [
            ['a', { var: 'age' }],
            ['b', { var: 'nobody' }],
          ],
        },
        null,
      ],
      [
        {
          fractional: [
            ['a', { var: 'age' }],
            ['b', { '-': [{ var: 'age' }, 36] }],
          ],
        },
        'a',
      ],
      [{ fractional: [[{ var: 'name' }, 1]] }, 'Ada'],
      [{ fractional: [[true, 1]] }, true],
      [{ fractional: [{ merge: [[{ var: 'name' }], 7] }] }, 'Ada'],
      [{ map: [{ var: 'tags' }, { fractional: [['a', 1]] }] }, ['a', 'a']],
    ],
  ],
]

describe.each(tables)('%s', (_title, cases) => {
  test.each(cases)('%j says %j', (rule, expected) => expect(says(rule)).toEqual(expected))
})

test('a segment is asked with its name and the key; not known is no, and so is everything that is no text', () => {
  const asked: unknown[] = []
  const inSegment = (segment: string, key: string) => {
    asked.push([segment, key])
    return segment === 'beta' ? key === 'user-1' : undefined
  }
  const run = (rule: JsonLogic) => compileRule(rule, { inSegment }).run(context, 0)
  expect(run({ in_segment: ['beta', { var: 'targetingKey' }] })).toBe(true)
  expect(run({ in_segment: ['other', { var: 'targetingKey' }] })).toBe(false)
  expect(run({ in_segment: ['beta', { var: 'age' }] })).toBe(false)
  expect(asked).toEqual([
    ['beta', 'user-1'],
    ['other', 'user-1'],
  ])
  expect(says({ in_segment: ['beta', { var: 'targetingKey' }] })).toBe(false)
})

test('a rule alone says why it says nothing', () => {
  const share: JsonLogic = { fractional: [['on', 1]] }
  expect(compileRule(share).outcome({}, 0)).toEqual({ value: null })
  expect(compileRule(share, { missingKey: 'error' }).outcome({}, 0)).toMatchObject({ value: null, errorCode: 'TARGETING_KEY_MISSING' })
  const salted: JsonLogic = { fractional: [{ cat: ['salt', { var: 'targetingKey' }] }, ['on', 1]] }
  expect(compileRule(salted).outcome({}, 0)).toEqual({ value: 'on' })
  expect(compileRule(salted, { missingKey: 'error' }).outcome({}, 0)).toMatchObject({ errorCode: 'TARGETING_KEY_MISSING' })
  const byAccount: JsonLogic = { fractional: [{ var: 'account' }, ['on', 1]] }
  expect(compileRule(byAccount, { missingKey: 'error' }).outcome({ account: 'a' }, 0)).toEqual({ value: 'on' })
  expect(compileRule({ nope: [] }).outcome({}, 0)).toMatchObject({
    value: null,
    errorCode: 'PARSE_ERROR',
    errorMessage: expect.stringContaining('nope'),
  })
})

test('evaluators serve a rule alone, and one within an element of a list', () => {
  const evaluators = { big: { '>': [{ var: '' }, 2] }, adult: { '>=': [{ var: 'age' }, 18] }, ring: { and: [{ $ref: 'adult' }, true] } }
  expect(compileRule({ $ref: 'ring' }, { evaluators }).run(context, 0)).toBe(true)
  expect(compileRule({ filter: [{ var: 'numbers' }, { $ref: 'big' }] }, { evaluators }).run(context, 0)).toEqual([3, 4])
  expect(compileRule({ map: [[{ age: 5 }.age, 1], { $ref: 'adult' }] }, { evaluators }).run(context, 0)).toEqual([false, false])
})

test.each([
  [[], false],
  [[0], true],
  [{}, true],
  ['', false],
  ['0', true],
  [0, false],
  [null, false],
])('%j is true: %j', (value, expected) => {
  expect(isTruthy(value)).toBe(expected)
})
