import { describe, expect, test } from 'vitest'
import { assignment, parseTime, parseValue, percent, variantsOf, weight } from './values.ts'

describe('a value on the command line', () => {
  const values: readonly [text: string, value: unknown][] = [
    ['true', true],
    ['null', null],
    ['3', 3],
    ['-0.5', -0.5],
    ['text', 'text'],
    ['', ''],
    ['007', '007'],
    ['1.2.3', '1.2.3'],
    ['"3"', '3'],
    ['{"json":1}', { json: 1 }],
    ['[1, 2]', [1, 2]],
  ]
  test.each(values)('%s is %j', (text, value) => expect(parseValue(text)).toEqual(value))

  test.each(['{json:1}', '"open', '[1,', '9007199254740993', '1e400'])('%s is refused with a way to write it', (text) =>
    expect(() => parseValue(text)).toThrow(/stands in quotes/),
  )

  test('may hold equals signs after the first', () => {
    expect(assignment('link=/?a=b')).toEqual(['link', '/?a=b'])
    for (const text of ['on', '=true', '']) expect(() => assignment(text)).toThrow('Write name=value')
  })
})

describe('variants', () => {
  test('are all of one type, else the sentence shows how to write text that looks otherwise', () => {
    expect(variantsOf([assignment('on=true'), assignment('off=false')])).toEqual({ on: true, off: false })
    expect(() => variantsOf([assignment('old=v1'), assignment('new=2')])).toThrow(/old is a string and new a number\. Text .* 'NAME="20"'/)
    expect(() => variantsOf([assignment('a=1'), assignment('b=true')])).toThrow(/a is a number and b a boolean\.$/)
  })

  test('are given once, with a value', () => {
    expect(() => variantsOf([assignment('a=1'), assignment('a=2')])).toThrow('Variant a is given twice.')
    expect(() => variantsOf([assignment('a=null')])).toThrow(/a is null/)
  })

  test('are not named like something of JavaScript', () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) expect(() => assignment(`${name}=1`)).toThrow(/choose another/)
  })
})

test('weights are whole, shares go to a thousandth', () => {
  expect([weight('a=50'), weight('b=50%')]).toEqual([
    ['a', 50],
    ['b', 50],
  ])
  for (const text of ['a', 'a=', 'a=-1', 'a=0.5', 'a=100001', 'a=x']) expect(() => weight(text)).toThrow(/Write/)
  expect([percent('10'), percent('12.5%'), percent('0')]).toEqual([10, 12.5, 0])
  for (const text of ['101', '-1', '1.0001', 'half', '']) expect(() => percent(text)).toThrow(/from 0 to 100%/)
})

describe('a time', () => {
  const now = Date.UTC(2026, 10, 22, 12)
  test('is a span from now, or a date with a zone of its own', () => {
    expect(parseTime('2h', now)).toBe(now + 7_200_000)
    expect(parseTime('90d', now)).toBe(now + 90 * 86_400_000)
    expect(parseTime('2026-12-01T08:00+01:00', now)).toBe(Date.UTC(2026, 11, 1, 7))
    expect(parseTime('2026-12-01 08:00:30Z', now)).toBe(Date.UTC(2026, 11, 1, 8, 0, 30))
  })

  test('without a zone is local', () => {
    expect(parseTime('2027-01-31', now)).toBe(new Date(2027, 0, 31).getTime())
    expect(parseTime('2027-01-31T08:00', now)).toBe(new Date(2027, 0, 31, 8).getTime())
  })

  test.each(['tomorrow', '2026-02-31', '2026-13-01', '2026-12-01T25:00', '12:00', ''])('%s is none', (text) =>
    expect(() => parseTime(text, now)).toThrow(/Write for example/),
  )
})
