import { describe, expect, test } from 'vitest'
import { keysMax, readKeys } from './keys.ts'

describe('keys that somebody pastes', () => {
  test('are one a line or parted by commas, each once, without what is around them', () =>
    expect(readKeys(' a\nb,, b \r\n\n c')).toEqual({ keys: ['a', 'b', 'c'], error: undefined }))
  test('are refused when they are too many for a field, or too long', () => {
    const many = Array.from({ length: keysMax + 1 }, (_, nth) => `user-${nth}`).join('\n')
    expect(readKeys(many).error).toMatch(/upload a file/)
    expect(readKeys('x'.repeat(501)).error).toMatch(/at most 500/)
  })
})
