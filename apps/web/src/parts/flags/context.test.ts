import { assert, dictionary, jsonValue, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Context, contextOf, contextOfRows, rowsOfContext, sayContext, unitName } from './context.ts'

describe('whom a flag is evaluated for', () => {
  test('comes out of rows and out of the address as it went in', () =>
    assert(
      property(dictionary(string({ minLength: 1 }), jsonValue()), string(), (attributes, unit) => {
        const { [unitName]: _, ...others } = JSON.parse(JSON.stringify(attributes)) as Context
        const context: Context = unit === '' ? others : { [unitName]: unit, ...others }
        expect(contextOfRows(unit, rowsOfContext(context))).toEqual(context)
        expect(contextOf(sayContext(context))).toEqual(context)
      }),
    ))
  test.each(['', '[1]', '{"a"', 'null', '"x"'])('%j in the address is nobody in particular', (text) => expect(contextOf(text)).toEqual({}))
})
