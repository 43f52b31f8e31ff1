import { describe, expect, test } from 'vitest'
import { aStanding, aSummary, climbing, ladderNames } from './flag-fixtures.ts'
import { plain } from './fixtures.ts'
import { ladder, ladderColumns } from './ladder.ts'

const draw = (standing: Parameters<typeof ladder>[0], named: boolean): string => ladder(standing, ladderNames, named, plain)

describe('a ladder at a glance', () => {
  test('is full below the ring that is reached, part of that one, empty above', () => {
    expect(draw(climbing('qa', 'early-access', 50), true)).toBe('qa ● staff ● early-access ◐50% all ○')
    expect(draw(climbing('qa', 'early-access', 50), false)).toBe('●●◐○ 50%')
    expect(draw(climbing('qa', 'staff', 100), false)).toBe('●●○○')
    expect(draw(climbing('qa', 'staff', 0), false)).toBe('●○○○')
  })

  test('is full at the top, empty at rest, and a word where nothing is climbed', () => {
    expect(draw(aStanding('qa', { state: 'top', ring: 'all', percent: 100 }), false)).toBe('●●●●')
    expect(draw(aStanding('qa'), false)).toBe('○○○○')
    expect(draw(aStanding('qa', { state: 'killed', ring: 'staff', percent: 5 }), true)).toBe('✗ killed')
    expect(draw(aStanding('qa', { state: 'off' }), true)).toBe('○ off')
    expect(draw(aStanding('qa', { state: 'targeted' }), true)).toBe('◆ targeted')
    expect(draw(climbing('qa', 'no-such-ring', 5), false)).toBe('◐ climbing')
  })
})

describe('environments in which every flag stands the same', () => {
  const titles = (flags: Parameters<typeof ladderColumns>[0]): string[] => ladderColumns(flags).map(({ title }) => title)

  test('share a column, and all of them are everywhere', () => {
    expect(titles([aSummary()])).toEqual(['everywhere'])
    expect(titles([aSummary(), aSummary({ standings: [climbing('qa', 'staff', 5), aStanding('production'), aStanding('*')] })])).toEqual([
      'qa',
      'production',
    ])
  })

  test('are told from those that will come', () => {
    const standings = [climbing('qa', 'staff', 5), climbing('production', 'staff', 5), aStanding('*')]
    expect(titles([aSummary({ standings })])).toEqual(['qa, production', 'any other'])
  })
})
