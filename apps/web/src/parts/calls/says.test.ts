import type { CallChangeWire } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { daysOf, sayLooked } from './changes/days.ts'
import { foremost, readCause, sayChange, sayFromTo, sayHow, sayInterval } from './says.ts'

const change = (more: Partial<CallChangeWire> = {}): CallChangeWire => ({
  id: 'c1',
  foundAt: 0,
  kind: 'release',
  environment: 'production',
  service: 'api',
  method: 'Activities.getItemStream',
  measure: 'real',
  at: 0,
  before: 41_500,
  after: 51_045,
  low: 7_600,
  high: 11_500,
  relative: 0.23,
  p: 1e-7,
  n: { before: 2_300, after: 2_700 },
  cause: 'release:v4',
  statement: null,
  says: '',
  dearer: true,
  ...more,
})

describe('a change', () => {
  test.each([
    [{}, 'got 23% dearer'],
    [{ relative: -0.04, dearer: false }, 'got 4% cheaper'],
    [{ relative: 2 }, 'takes 3 times as long'],
    [{ measure: 'statements', relative: 8 }, 'runs 9 times as many statements'],
    [{ measure: 'transactions', relative: -0.5, dearer: false }, 'runs 50% fewer transactions'],
    [{ measure: 'cpu', relative: 0.12 }, 'takes 12% more CPU time'],
    [{ measure: 'db', relative: null }, 'takes more database time'],
  ] as const)('%j: %s', (more, says) => expect(sayHow(change(more))).toBe(says))

  test('is told with what made it', () => {
    expect(sayChange(change())).toBe('Activities.getItemStream got 23% dearer with v4')
    expect(sayChange(change({ cause: 'flag:inline-comments' }))).toMatch(/with the flag inline-comments$/)
    expect(sayChange(change({ cause: null }))).toMatch(/dearer$/)
    expect(readCause('release:v4')).toEqual({ kind: 'release', name: 'v4', path: '/releases/v4' })
  })
  test('has its size and interval in percent, or in its unit where there was nothing before', () => {
    expect([sayFromTo(change()), sayInterval(change())]).toEqual(['42 ms → 51 ms', '+18% to +28%'])
    expect(sayInterval(change({ before: 0, low: 700, high: 1_100 }))).toBe('0.7 ms to 1.1 ms')
  })
  test('that is told first is the dearest, and a cheaper one only when nothing got dearer', () => {
    const cheaper = change({ id: 'c2', relative: -0.9, dearer: false })
    expect(foremost([cheaper, change(), change({ id: 'c3', relative: 0.5 })])?.id).toBe('c3')
    expect(foremost([cheaper])?.id).toBe('c2')
    expect(foremost([])).toBeUndefined()
  })
})

describe('the list of changes', () => {
  const nowAt = new Date(2026, 7, 15, 12).getTime()
  const hour = 3_600_000
  test('is by the day on which the cost moved, what got dearer first', () => {
    const days = daysOf(
      [
        change({ id: 'old', at: nowAt - 60 * hour }),
        change({ id: 'cheaper', at: nowAt - hour, dearer: false, relative: -0.8 }),
        change({ id: 'dearer', at: nowAt - 3 * hour }),
        change({ id: 'yesterday', at: nowAt - 20 * hour }),
      ],
      nowAt,
    )
    expect(days.map((it) => [it.says, it.changes.map(({ id }) => id)])).toEqual([
      ['Today', ['dearer', 'cheaper']],
      ['Yesterday', ['yesterday']],
      ['Thursday 13 August', ['old']],
    ])
  })
  test('says when it was looked, so that an empty list is an answer', () => {
    expect(sayLooked({ release: nowAt - 300_000, trend: nowAt - 8 * hour, flag: null }, nowAt)).toBe(
      'Looked at releases 5 min ago, trends 8 h ago; not yet at flags.',
    )
    expect(sayLooked({ release: null, trend: null, flag: null }, nowAt)).toMatch(/^Nobody has looked yet/)
  })
})
