import type { JsonWire } from '@belay/protocol'
import { array, assert, jsonValue, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readList, readValue, sayList, sayValue } from './values.ts'

const any = jsonValue().map((it) => JSON.parse(JSON.stringify(it)) as JsonWire)

describe('values in one line', () => {
  test('are read back as they were', () =>
    assert(
      property(any, (it) => {
        expect(readValue(sayValue(it))).toEqual(it)
      }),
    ))
  test('lists are read back as they were', () =>
    assert(
      property(array(any), (it) => {
        expect(readList(sayList(it))).toEqual(it)
      }),
    ))
  test.each([
    ['pro', 'pro'],
    [' pro ', 'pro'],
    ['42', 42],
    ['"42"', '42'],
    ['true', true],
    ['null', null],
    ['', ''],
    ['{"a":1}', { a: 1 }],
    ['{"a":', '{"a":'],
  ])('%j means %j', (text, value) => expect(readValue(text)).toEqual(value))
  test('a list is parted by commas', () => expect(readList('pro, team,3')).toEqual(['pro', 'team', 3]))
})
