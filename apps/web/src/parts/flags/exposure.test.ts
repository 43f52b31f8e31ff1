import type { FlagWire, SettingWire } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { type Exposure, rungsOf, sayAudience, sayServe, sayWhoGetsWhat, stepDown, stepUp } from './exposure.ts'

const rings = ['qa', 'staff', 'early-access', 'all']
const to = (ring: string, percent = 100, serve: Record<string, number> = { on: 1 }): Exposure => ({ serve, ring, percent, bucketBy: null })
const setting: SettingWire = { state: 'ENABLED', defaultVariant: 'off', targeting: null, exposure: null }
const flagWith = (its: Partial<SettingWire>, more: Partial<FlagWire> = {}): FlagWire => ({
  key: 'inline-comments',
  description: '',
  kind: 'release',
  owner: null,
  expiresAt: null,
  tags: [],
  type: 'boolean',
  variants: { on: true, off: false },
  salt: 'inline-comments',
  bucketing: 2,
  prerequisites: [],
  settings: { '*': { ...setting, ...its } },
  killed: {},
  metadata: {},
  version: 1,
  createdAt: 0,
  createdBy: 'ann',
  changedAt: 0,
  changedBy: 'ann',
  archivedAt: null,
  ...more,
})
const who = (its: Partial<SettingWire>, more?: Partial<FlagWire>) => sayWhoGetsWhat(flagWith(its, more), 'production', rings)

describe('who gets what', () => {
  test.each<[string, Partial<SettingWire>, Partial<FlagWire>]>([
    ['In production everybody gets off', {}, {}],
    ['In production qa gets on, everybody else gets off', { exposure: to('qa') }, {}],
    ['In production qa and 50% of staff get on, everybody else gets off', { exposure: to('staff', 50) }, {}],
    ['In production qa, staff, early-access and 20% of everybody else get on, everybody else gets off', { exposure: to('all', 20) }, {}],
    ['In production everybody gets on', { exposure: to('all') }, {}],
    ['In production everybody gets off', { exposure: to('qa', 0) }, {}],
    [
      "In production, after 1 rule, everybody else gets the code's own default",
      { targeting: { if: [true, 'on'] }, defaultVariant: null },
      {},
    ],
    ["In production it is off: everybody gets the code's own default", { state: 'DISABLED', exposure: to('all') }, {}],
    [
      'In production it is killed: everybody gets off',
      { exposure: to('all') },
      { killed: { '*': { at: 0, by: 'ann', reason: 'errors' } } },
    ],
    [
      'In production, where new-editor is on, everybody gets on',
      { exposure: to('all') },
      { prerequisites: [{ flag: 'new-editor', variant: 'on' }] },
    ],
  ])('%s', (says, its, more) => expect(who(its, more)).toBe(says))
  test('where it counts is said first', () => {
    const flag = flagWith({}, { settings: { '*': setting, production: { ...setting, exposure: to('qa') } } })
    expect(sayWhoGetsWhat(flag, 'production', rings)).toBe('In production qa gets on, everybody else gets off')
    expect(sayWhoGetsWhat(flag, '*', rings)).toBe('In every other environment everybody gets off')
  })
  test('weights are told as shares', () => expect(sayServe({ blue: 1, green: 2 })).toBe('blue (33.3%) and green (66.7%)'))
  test('a share of nothing reaches nobody', () => expect(sayAudience(rings, to('qa', 0))).toBeUndefined())
})

describe('a step on the ladder', () => {
  const up = (from: Exposure | null) => stepUp(rings, from, { on: 1 })
  test('up is the rest of a ring, then the next ring, and ends on top', () => {
    expect(up(null)).toEqual({ says: 'Up to qa', exposure: to('qa') })
    expect(up(to('staff', 10))).toEqual({ says: 'All of staff', exposure: to('staff') })
    expect(up(to('staff'))).toEqual({ says: 'Up to early-access', exposure: to('early-access') })
    expect(up(to('all'))).toBeUndefined()
  })
  test('down is all of the ring below, and from the lowest nobody', () => {
    expect(stepDown(rings, to('early-access', 30))).toEqual({ says: 'Down to staff', exposure: to('staff') })
    expect(stepDown(rings, to('qa'))).toEqual({ says: 'Down to nobody', exposure: null })
    expect(stepDown(rings, null)).toBeUndefined()
  })
  test('rings below are reached wholly, the one it is in by its share', () =>
    expect(rungsOf(rings, to('early-access', 25)).map((it) => it.share)).toEqual([1, 1, 0.25, 0]))
})
