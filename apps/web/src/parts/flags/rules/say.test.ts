import type { JsonWire } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { rulesOf } from './rules.ts'
import { sayConditions, sayServed } from './say.ts'

const first = (targeting: JsonWire) => {
  const it = rulesOf(targeting)
  const [rule] = it.kind === 'rules' ? it.rules : []
  if (rule === undefined) throw new Error('this is no list of rules')
  return `${sayConditions(rule)}: ${sayServed(rule.serve)}`
}

describe('a rule in words', () => {
  test.each<[string, JsonWire, JsonWire]>([
    [
      'plan is pro and country is one of DE, CH: on',
      { and: [{ '==': [{ var: 'plan' }, 'pro'] }, { in: [{ var: 'country' }, ['DE', 'CH']] }] },
      'on',
    ],
    [
      'in the ring qa or not in the segment beta: on (20%) and off (80%)',
      { or: [{ $ref: 'ring:qa' }, { '!': { $ref: 'segment:beta' } }] },
      {
        fractional: [
          ['on', 1],
          ['off', 4],
        ],
      },
    ],
    ['account is there: on', { '!=': [{ var: 'account' }, null] }, 'on'],
    ['version is at least version 2.4: on', { sem_ver: [{ var: 'version' }, '>=', '2.4'] }, 'on'],
    ['whoever it is: null', true, null],
    ['{"<":[1,{"var":"a"},3]}: on', { '<': [1, { var: 'a' }, 3] }, 'on'],
  ])('%s', (says, when, serve) => expect(first({ if: [when, serve] })).toBe(says))
})
