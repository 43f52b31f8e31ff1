import { sampleSessions } from '@belay/tcp/samples'
import { describe, expect, test } from 'vitest'
import { timesOf } from './asked.ts'
import { barOf } from './compare/interval.ts'
import { seriesOf } from './graph/series.ts'
import { findRows, gradesOf, rowOf } from './rows.ts'
import { parseCompare, parseSession, parseSessions, parseSlow } from './search.ts'
import { sayData, sayEnd, sayLife, sayMs, sayPercent, sayRate } from './words.ts'

describe('the address of a view', () => {
  test('says which sessions, in words that a person can write', () => {
    expect(parseSessions({ host: '10.0.', port: '443', limited: 'loss', range: '7d', rank: 'rtt', grade: 'poor' })).toMatchObject({
      host: '10.0.',
      port: 443,
      limited: 'loss',
      range: '7d',
      rank: 'rtt',
      grade: 'poor',
    })
  })
  test('drops what means nothing, so that old links keep working', () => {
    const none = Object.values(
      parseSessions({ port: '99999', limited: 'weather', range: '3y', rank: 'score', grade: 'splendid', from: 'x' }),
    )
    expect(none.every((it) => it === undefined)).toBe(true)
    expect(parseSession({ way: 'up', numbers: 'roman' })).toEqual({ way: undefined, numbers: undefined })
    expect(parseCompare({ a: '' })).toEqual({ a: undefined, b: undefined })
    expect(parseSlow({ because: 'weather', slower: '-3' })).toMatchObject({ because: undefined, slower: undefined })
  })
  test('a range that ends before it begins is none', () => {
    expect(parseSessions({ from: '2026-08-15T10:00Z', to: '2026-08-15T09:00Z' })).toMatchObject({ from: undefined, to: undefined })
  })
  test('the beginning of a moving range stays for a while, so that not every look is a new question', () => {
    const at = Date.parse('2026-08-15T10:00:00Z')
    expect(timesOf({ range: '24h' }, at)).toEqual(timesOf({ range: '24h' }, at + 30_000))
    expect(timesOf({}, at)).toEqual({})
  })
})

describe('sessions of a file in this tab', () => {
  const rows = sampleSessions().map((it) => rowOf({ id: 'file-abcdefgh', name: 'a.pcap' }, it))
  test('are named by the file and their number', () => expect(rows[0]?.id).toMatch(/^file-abcdefgh\.\d+$/))
  test('come with the worst first', () => {
    const scores = findRows(rows, {}, 0).map((it) => it.score)
    expect(scores).toEqual(scores.toSorted((a, b) => a - b))
  })
  test('are found by host, port, limit, score and text, as on the server', () => {
    const some = rows[1]
    if (some === undefined) throw new Error('there are samples')
    const all = (search: Parameters<typeof findRows>[1]) => findRows(rows, search, 0)
    expect(all({ host: some.client.address })).toContain(some)
    expect(all({ host: `${some.client.address.split(/[.:]/)[0]}${some.client.address.includes(':') ? ':' : '.'}` })).toContain(some)
    expect(all({ port: some.server.port })).toContain(some)
    expect(all({ limited: some.limit }).every((it) => it.limit === some.limit)).toBe(true)
    expect(all({ grade: 'poor' }).every((it) => it.grade === 'poor')).toBe(true)
    expect(all({ text: 'A.PCAP' })).toHaveLength(rows.length)
    expect(all({ text: 'no such thing' })).toEqual([])
  })
  test('are counted by how good they were', () => {
    const { good, fair, poor } = gradesOf(rows)
    expect(good + fair + poor).toBe(rows.length)
  })
  test('have their series drawn where segments are not kept: the bytes are all there', () => {
    for (const record of sampleSessions()) {
      const its = seriesOf(record, true)
      expect(its.carried.bytes.at(-1) ?? 0).toBeCloseTo(
        record.series.directions[0].bytes.reduce((sum, it) => sum + it, 0),
        3,
      )
    }
  })
})

describe('the bar of an interval', () => {
  test('no difference is in its middle', () => {
    expect(barOf({ as: 'ratio', low: Math.sqrt(0.1), estimate: 1, high: Math.sqrt(10) }, 100)).toEqual({
      low: expect.closeTo(25),
      estimate: 50,
      high: expect.closeTo(75),
      isCut: false,
    })
    expect(barOf({ as: 'difference', low: -1, estimate: 0, high: 1 }, 100)?.estimate).toBe(50)
  })
  test('what is far beyond it is said to be', () =>
    expect(barOf({ as: 'ratio', low: 10, estimate: 20, high: 40 }, 100)).toMatchObject({ isCut: true, high: 100 }))
  test('too few sessions have none', () => expect(barOf(null, 100)).toBeUndefined())
})

describe('figures', () => {
  const cases: readonly [said: string, expected: string][] = [
    [sayMs(0.026), '26 µs'],
    [sayMs(42.4), '42 ms'],
    [sayMs(12_300), '12 s'],
    [sayRate(3_340_000), '3.3 Mbit/s'],
    [sayRate(0), '0 bit/s'],
    [sayData(5_100_000), '5.1 MB'],
    [sayPercent(0.0103), '1%'],
    [sayPercent(0.0001), '<0.1%'],
    [sayLife(200), '3 min 20 s'],
    [sayEnd({ address: 'fe80::1', port: 443 }), '[fe80::1]:443'],
    [sayEnd({ address: '10.0.0.1', port: 80 }), '10.0.0.1:80'],
  ]
  test.each(cases)('%s is said as %s', (said, expected) => expect(said).toBe(expected))
})
