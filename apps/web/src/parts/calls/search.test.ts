import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSearch, stringifySearch } from '../../search.ts'
import { boundsOf, isMovingRange, queryOf, rangeQuery, readNames, sayCompared, sayNames, sayRange, writeNames } from './asked.ts'
import { parseFilter, parseMethod, parseTable } from './search.ts'

const nowAt = Date.parse('2026-08-15T10:07:31Z')

describe('the address of a view of calls', () => {
  test('says everything, and reads back as it was written', () => {
    const search = {
      environment: 'qa',
      range: '7d',
      audience: '!robot,!staff',
      external: 'without',
      compare: 'release:v3',
      rank: 'cpu',
      sort: 'real.p95',
      order: 'turned',
      text: 'Items',
    } as const
    const written = stringifySearch(search)
    expect(JSON.parse(JSON.stringify(parseTable(parseSearch(written))))).toEqual(search)
  })

  test('what is usual is left out, what makes no sense is dropped', () => {
    expect(parseFilter({ range: '24h', day: '2026-13-40', from: '2026-08-15T10:00Z', external: 'maybe', compare: 'yesterday' })).toEqual(
      parseFilter({}),
    )
    expect(parseTable({ rank: 'mix' }).rank).toBeUndefined()
    expect(parseFilter({ from: '2026-08-15T10:00Z', to: '2026-08-15T09:00Z' }).from).toBeUndefined()
    expect(parseMethod({ method: 'GET /a/{id}', measure: 'weight' })).toMatchObject({ method: 'GET /a/{id}', measure: undefined })
  })
})

describe('the range', () => {
  test('that moves begins at the same moment for a while, so that the same question is asked', () => {
    expect(rangeQuery({}, nowAt)).toEqual({ from: Date.parse('2026-08-14T10:05Z') })
    expect(rangeQuery({}, nowAt + 60_000)).toEqual(rangeQuery({}, nowAt))
    expect(rangeQuery({ range: '7d' }, nowAt)).toEqual({ from: Date.parse('2026-08-08T10:00Z') })
    expect(rangeQuery({ range: '30d' }, nowAt)).toEqual({ from: Date.parse('2026-07-16T00:00Z') })
  })
  test('may be a day, or from one moment to another', () => {
    const custom = { from: '2026-08-01T10:00Z', to: '2026-08-02T10:00Z' }
    expect(queryOf({ day: '2026-08-14' }, nowAt)).toMatchObject({ day: '2026-08-14' })
    expect(boundsOf({ day: '2026-08-14' }, nowAt)).toEqual({ from: Date.parse('2026-08-14'), to: Date.parse('2026-08-15') })
    expect(rangeQuery(custom, nowAt)).toEqual({ from: Date.parse(custom.from), to: Date.parse(custom.to) })
  })
  test('is looked at again only while it goes on', () => {
    expect(isMovingRange({ range: '1h' }, nowAt)).toBe(true)
    expect(isMovingRange({ day: '2026-08-15' }, nowAt)).toBe(true)
    expect(isMovingRange({ day: '2026-08-14' }, nowAt)).toBe(false)
  })
  test('is said in words', () => {
    expect(sayRange({})).toBe('last 24 hours')
    expect(sayRange({ day: '2026-08-14' })).toBe('Fri 14 Aug (UTC)')
    expect(sayCompared('previous')).toBe('the time before')
    expect(sayCompared('release:v3')).toBe('v3')
    expect(sayCompared('lane:candidate')).toBe('the lane candidate')
  })
})

describe('names that are chosen', () => {
  test.each([
    [undefined, undefined],
    ['v3', 'v3'],
    ['v3,v4', 'v3 and v4'],
    ['!robot,!staff', 'all but robot and staff'],
    ['everyone,!robot', 'everyone and not robot'],
    ['a,b,c,d,e', 'a, b, c and 2 more'],
  ])('%j reads %j', (raw, says) => expect(sayNames(raw)).toBe(says))

  test('are written and read back, only these as well as all but these', () => {
    const name = fc.stringMatching(/^[a-z=.-]{1,12}$/)
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 6 }), fc.boolean(), (names, without) => {
        expect(readNames(writeNames({ names, without }))).toEqual({ names, without })
      }),
    )
  })
})
