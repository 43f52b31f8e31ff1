import { describe, expect, test } from 'vitest'
import { readKey, sequenceMs, type Typed } from './shortcuts.ts'

const sequences = ['g n', 'g r', '/', 'j']
const type = (...keys: [key: string, at: number][]): (string | undefined)[] => {
  let typed: Typed = { keys: [], at: 0 }
  return keys.map(([key, at]) => {
    const read = readKey(typed, key, at, sequences)
    typed = read.next
    return read.hit
  })
}

describe('keys', () => {
  test('one key acts at once', () => expect(type(['/', 0], ['j', 10])).toEqual(['/', 'j']))
  test('a sequence acts with its last key', () => expect(type(['g', 0], ['r', 200])).toEqual([undefined, 'g r']))
  test('a sequence that is left half done is forgotten', () =>
    expect(type(['g', 0], ['r', sequenceMs + 1])).toEqual([undefined, undefined]))
  test('a wrong second key may begin anew', () => expect(type(['g', 0], ['g', 100], ['n', 200])).toEqual([undefined, undefined, 'g n']))
  test('a key that ends no sequence still acts for itself', () => expect(type(['g', 0], ['j', 100])).toEqual([undefined, 'j']))
  test('other keys do nothing', () => expect(type(['x', 0])).toEqual([undefined]))
})
