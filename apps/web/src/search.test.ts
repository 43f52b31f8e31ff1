import { describe, expect, test } from 'vitest'
import { oneOf, parseSearch, stringifySearch, text, whole } from './search.ts'

describe('the address of a view', () => {
  test('is plain text that a person can write', () => {
    expect(stringifySearch({ kind: 'deployment.', fact: 123, actor: undefined })).toBe('?kind=deployment.&fact=123')
    expect(stringifySearch({})).toBe('')
    expect(parseSearch('?text=v5 web&fact=007')).toEqual({ text: 'v5 web', fact: '007' })
  })

  test.each([
    ['12', 12],
    [12, 12],
    ['0', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('the number %j reads %j', (raw, value) => expect(whole(raw)).toBe(value))

  test('what does not fit is dropped, so that an old link still opens', () => {
    expect(oneOf('sideways', ['do', 'undo'])).toBeUndefined()
    expect(oneOf('undo', ['do', 'undo'])).toBe('undo')
    expect(text('')).toBeUndefined()
  })
})
