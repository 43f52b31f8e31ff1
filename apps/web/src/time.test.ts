import { afterEach, describe, expect, test, vi } from 'vitest'
import { learnClock, now, sayAgainst, sayAgo, sayClock, sayFull, sayShort } from './time.ts'

const noon = new Date(2026, 7, 12, 12, 0, 0).getTime()
const minute = 60_000
const day = 86_400_000

describe('times in words', () => {
  test.each([
    [0, 'just now'],
    [12_000, '12 s ago'],
    [5 * minute, '5 min ago'],
    [119 * minute, '1 h ago'],
    [50 * 60 * minute, '2 d ago'],
    [-5 * 60 * minute, 'in 5 h'],
  ])('%i ms before the present is %s', (ms, says) => expect(sayAgo(noon - ms, noon)).toBe(says))

  test('a clock says as much as its distance needs', () => {
    expect(sayClock(noon - minute, noon)).toBe('11:59:00')
    expect(sayClock(noon - 2 * day, noon)).toBe('Mon 12:00')
    expect(sayClock(noon - 40 * day, noon)).toBe('3 Jul 12:00')
    expect(sayClock(noon - 400 * day, noon)).toBe('8 Jul 2025')
    expect(sayShort(noon - minute, noon)).toBe('11:59')
  })

  test('the whole of a moment names its zone and how long ago it was', () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
    expect(sayFull(noon - 5 * minute, noon)).toContain(`(${zone})\n5 min ago`)
  })

  test('a duration stands against the rehearsal only when there was one', () => {
    expect(sayAgainst(62_000, 103_000)).toBe('62 s of about 1 min 43 s')
    expect(sayAgainst(62_000, null)).toBe('62 s')
  })
})

describe("the server's clock", () => {
  afterEach(() => vi.useRealTimers())

  test('is followed when this computer is minutes off, and left alone within seconds', () => {
    vi.useFakeTimers({ now: noon })
    learnClock(new Date(noon + 5 * minute).toUTCString())
    // The header counts whole seconds; the middle of the second is taken.
    expect(now() - noon).toBe(5 * minute + 500)
    learnClock(new Date(noon + 1_000).toUTCString())
    expect(now()).toBe(noon)
    learnClock('no date')
    learnClock(null)
    expect(now()).toBe(noon)
  })
})
