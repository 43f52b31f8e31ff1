import { makeBelieve } from '@belay/testkit'
import { expect, test } from 'vitest'

test('a test may use the testkit', () => {
  expect(makeBelieve).toBe(true)
})
