import { describe, expect, test } from 'vitest'
import { aFlag, aSetting } from '../../flag-fixtures.ts'
import { assignment } from '../../values.ts'
import { attributes } from './evaluate.ts'
import { exposureFor } from './expose.ts'
import { editOf } from './make.ts'

describe('an exposure', () => {
  const asked = { ring: 'staff', percent: 10 }
  const split = { serve: { a: 30, b: 70 }, ring: 'qa', percent: 5, bucketBy: 'account' }

  test('goes on with what is served already and with what is hashed, so that nobody moves', () => {
    const flag = aFlag({ settings: { '*': aSetting({ exposure: split }) } })
    expect(exposureFor(flag, '*', asked)).toEqual({ ...split, ...asked })
    expect(exposureFor(flag, 'production', asked)).toEqual({ ...split, ...asked })
    expect(exposureFor(flag, '*', { ...asked, variant: 'b', by: 'city' })).toEqual({ serve: { b: 1 }, ...asked, bucketBy: 'city' })
  })

  test('begins with on, else with the first variant that is not the default', () => {
    expect(exposureFor(aFlag(), 'production', asked)).toEqual({ serve: { on: 1 }, ...asked, bucketBy: null })
    const sizes = aFlag({ variants: { small: 20, large: 50 }, settings: { '*': aSetting({ defaultVariant: 'small' }) } })
    expect(exposureFor(sizes, '*', asked).serve).toEqual({ large: 1 })
  })

  test('keeps the weight of a variant that is named again', () => {
    const flag = aFlag({ settings: { '*': aSetting({ exposure: { ...split, serve: { on: 100 } } }) } })
    expect(exposureFor(flag, '*', { ...asked, variant: 'on' }).serve).toEqual({ on: 100 })
  })
})

describe('an edit', () => {
  const flag = aFlag({ tags: ['web', 'old'], prerequisites: [{ flag: 'base', variant: 'on' }], metadata: { team: 'docs' } })

  test('names only what was said', () => {
    expect(editOf(flag, {})).toEqual({})
    expect(editOf(flag, { owner: false, expires: false, description: '' })).toEqual({ owner: null, expiresAt: null, description: '' })
  })

  test('adds to lists and takes from them', () => {
    expect(editOf(flag, { tag: ['new', 'web'], dropTag: ['old'] })).toEqual({ tags: ['web', 'new'] })
    expect(editOf(flag, { needs: [['base', 'off']] })).toEqual({ prerequisites: [{ flag: 'base', variant: 'off' }] })
    expect(editOf(flag, { dropNeeds: ['base'] })).toEqual({ prerequisites: [] })
    expect(editOf(flag, { metadata: [['tier', 2]], dropMetadata: ['team'] })).toEqual({ metadata: { tier: 2 } })
  })

  test('leaves variants of one type', () => {
    expect(editOf(flag, { variant: [assignment('beta=true')], dropVariant: ['off'] })).toEqual({ variants: { on: true, beta: true } })
    expect(() => editOf(flag, { variant: [assignment('beta=2')] })).toThrow(/on is a boolean and beta a number/)
  })
})

test('attributes are given one by one or as an object', () => {
  expect(attributes('age=30')).toEqual([['age', 30]])
  expect(attributes('{"targetingKey":"ada","plan":{"pro":true}}')).toEqual([
    ['targetingKey', 'ada'],
    ['plan', { pro: true }],
  ])
})
