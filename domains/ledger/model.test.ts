import { contentHash, sha256 } from '@belay/base/node'
import { describe, expect, test } from 'vitest'
import { asStored, beginning, hashedText, saysMaxChars, timeOf } from './model.ts'

const fact = { actor: 'ada', kind: 'release.cut', subject: 'release:v1', says: 'ada cut v1.', data: { b: 1, a: [true, null] } }

test('the hash is that of the canonical JSON of the fact without it, so that anybody can check it', () => {
  const whole = { ...asStored(fact), seq: 1, at: 1_700_000_000_000, previous: beginning }
  expect(hashedText(whole)).toBe(
    `{"actor":"ada","at":1700000000000,"data":{"a":[true,null],"b":1},"kind":"release.cut","previous":"${beginning}","says":"ada cut v1.","seq":1,"subject":"release:v1"}`,
  )
  expect(sha256(hashedText(whole))).toBe(contentHash(whole))
})

test('a sentence that is too long is cut and says so, never in the middle of a character', () => {
  const { says } = asStored({ ...fact, says: '🧗'.repeat(saysMaxChars) })
  expect([says.length, says.endsWith('…'), says.isWellFormed()]).toEqual([saysMaxChars, true, true])
})

describe('time', () => {
  const head = { seq: 7, at: 10_000, hash: 'x' }
  test.each([
    ['goes on with the clock', 10_001, false, { at: 10_001, isBehind: false, told: false }],
    ['stands while a clock is a little behind', 8_000, false, { at: 10_000, isBehind: false, told: false }],
    ['stands, and it is told, when the clock is far behind', 7_999, false, { at: 10_000, isBehind: true, told: true }],
    ['stands, and it is told once only', 5_000, true, { at: 10_000, isBehind: true, told: false }],
    ['is still behind until the clock has caught up', 9_999, true, { at: 10_000, isBehind: true, told: false }],
    ['goes on when the clock has caught up', 10_000, true, { at: 10_000, isBehind: false, told: false }],
  ])('%s', (_story, now, wasBehind, expected) => {
    const { at, isBehind, tell } = timeOf(now, head, wasBehind)
    expect({ at, isBehind, told: tell !== undefined }).toEqual(expected)
  })
})
