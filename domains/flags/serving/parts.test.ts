/** The small pure pieces of serving. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openBuckets } from './buckets.ts'
import type { LiveNews } from '../live-types.ts'
import { isBad, parseContext } from './context.ts'
import { noneMatchNames } from './etag.ts'
import { readRates } from './limits.ts'
import { joinedNews } from './news.ts'
import { openOutcomes } from './outcomes.ts'
import { environmentOfToken, slotMs, streamToken } from './stream-token.ts'

describe('token buckets', () => {
  test('a burst goes through, then the rate; waiting as long as told is enough', () => {
    const buckets = openBuckets({ perSecond: 10, burst: 3 })
    const at = 1_000_000
    expect([1, 2, 3].map(() => buckets.take('a', at))).toEqual([0, 0, 0])
    const waitMs = buckets.take('a', at)
    expect(waitMs).toBeCloseTo(100)
    expect(buckets.take('a', at + waitMs)).toBe(0)
    expect(buckets.take('b', at)).toBe(0)
  })

  test('never more than burst + rate x time goes through, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (steps) => {
        const buckets = openBuckets({ perSecond: 10, burst: 5 })
        let [now, taken] = [5_000, 0]
        for (const step of steps) {
          now += step
          if (buckets.take('a', now) === 0) taken++
        }
        expect(taken).toBeLessThanOrEqual(5 + Math.ceil((now - 5_000) / 100))
      }),
    )
  })

  test('a clock that is set back by a year locks nobody out for longer than a full bucket takes', () => {
    const buckets = openBuckets({ perSecond: 10, burst: 3 })
    const year = 365 * 86_400_000
    for (let n = 0; n < 4; n++) buckets.take('a', 2 * year)
    expect(buckets.take('a', year)).toBeLessThanOrEqual(100)
    expect(buckets.take('a', year + 400)).toBe(0)
  })

  test('memory is bounded, and who keeps asking is not forgotten', () => {
    const buckets = openBuckets({ perSecond: 0.001, burst: 1 }, 100)
    expect(buckets.take('wild', 0)).toBe(0)
    for (let n = 0; n < 1_000; n++) {
      buckets.take(`other ${n}`, 1)
      if (n % 50 === 0) expect(buckets.take('wild', 1)).toBeGreaterThan(0)
    }
  })
})

test('rates are read from the setting of the server, which is refused when it is unclear', () => {
  expect(readRates('5000,2000')).toEqual({ key: { perSecond: 5_000, burst: 10_000 }, address: { perSecond: 2_000, burst: 4_000 } })
  for (const text of ['', '5000', '0,1', '-1,1', '1,x', '1,2,3']) expect(() => readRates(text)).toThrow(/BELAY_FLAG_RATES is/)
})

test('a tag is found in every spelling of If-None-Match, and nowhere else', () => {
  for (const header of ['"a"', 'a', 'W/"a"', '"b", "a"', 'W/"b",a', ' * '])
    expect([header, noneMatchNames(header, 'a')]).toEqual([header, true])
  for (const header of [undefined, '', '"b"', '"aa"', '"A"', 'W/"b"'])
    expect([header, noneMatchNames(header, 'a')]).toEqual([header, false])
})

test('whatever the body, parsing it gives a context or a refusal and never throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map((context) => JSON.stringify({ context })),
      ),
      (body) => {
        const it = parseContext(body)
        if (isBad(it)) expect(['PARSE_ERROR', 'INVALID_CONTEXT']).toContain(it.errorCode)
        else expect(typeof it).toBe('object')
      },
    ),
  )
  expect(isBad(parseContext('{"context":{"errorCode":"PARSE_ERROR","errorDetails":"mine"}}'))).toBe(false)
})

test('a token opens its own environment, in its slot and the one beside it, under the key that signed it', () => {
  const sign = (text: string) => Buffer.from(`${text} signed, and long enough to be cut`).toString('base64url').split('').reverse().join('')
  const now = 1_700_000_000_000
  const token = streamToken('qa é', Math.floor(now / slotMs), sign)
  expect(encodeURIComponent(token)).toBe(token)
  for (const at of [now, now + slotMs, now - slotMs]) expect(environmentOfToken(token, at, sign)).toBe('qa é')
  for (const at of [now + 2 * slotMs, now - 2 * slotMs, Number.NaN]) expect(environmentOfToken(token, at, sign)).toBeUndefined()
  expect(environmentOfToken(token, now, (text) => sign(`${text}!`))).toBeUndefined()
  fc.assert(fc.property(fc.string(), (other) => environmentOfToken(other, now, sign) === undefined))
})

test('news in a row, joined, lead to where they lead one after the other', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const definition = fc.integer().map((value) => ({ state: 'ENABLED' as const, variants: { on: value } }))
  // A flag is either set or removed by one change.
  const patch = fc
    .record({ set: fc.dictionary(key, definition), removed: fc.uniqueArray(key), evaluators: fc.option(fc.dictionary(key, fc.integer())) })
    .map(({ set, removed, evaluators }) => ({
      set,
      remove: removed.filter((it) => !Object.hasOwn(set, it)),
      ...(evaluators === null ? {} : { evaluators }),
    }))
  const applied = (flags: ReadonlyMap<string, unknown>, { set, remove }: { set: object; remove: readonly string[] }) =>
    new Map([...[...flags].filter(([it]) => !remove.includes(it)), ...Object.entries(set)])
  fc.assert(
    fc.property(fc.dictionary(key, definition), fc.array(patch, { minLength: 1, maxLength: 6 }), (flags, patches) => {
      const news: readonly LiveNews[] = patches.map((it, nth) => ({
        revision: nth + 1,
        from: nth,
        etag: `e${nth}`,
        patch: it,
        segments: [`s${nth % 2}`],
      }))
      const joined = news.reduce(joinedNews)
      const before = new Map<string, unknown>(Object.entries(flags))
      const sorted = (it: ReadonlyMap<string, unknown>) => [...it].sort(([a], [b]) => (a < b ? -1 : 1))
      expect(sorted(applied(before, joined.patch))).toEqual(sorted(patches.reduce(applied, before)))
      expect([joined.from, joined.revision, joined.etag]).toEqual([0, patches.length, news.at(-1)?.etag])
      expect(joined.patch.evaluators).toEqual(patches.findLast(({ evaluators }) => evaluators !== undefined)?.evaluators)
      expect(new Set(joined.segments)).toEqual(new Set(news.flatMap(({ segments }) => segments)))
    }),
  )
})

describe('outcomes', () => {
  const on = Object.freeze({ key: 'a', reason: 'STATIC', variant: 'on', value: true } as const)
  const off = Object.freeze({ key: 'a', reason: 'DEFAULT', variant: 'off', value: false } as const)

  test('equal outcomes are one answer, other ones another, whatever order they come in', () => {
    const outcomes = openOutcomes('schema')
    const tail = ']}'
    const first = outcomes.answer([on, off], {}, tail)
    expect(outcomes.answer([on, off], {}, tail)).toBe(first)
    expect(outcomes.answer([off, on], {}, tail)).not.toBe(first)
    expect(outcomes.answer([on, off], {}, '],"metadata":{}}').tag).not.toBe(first.tag)
    expect(JSON.parse(first.body.toString())).toEqual({
      flags: [
        { key: 'a', reason: 'STATIC', variant: 'on', value: true },
        { key: 'a', reason: 'UNKNOWN', variant: 'off', value: false },
      ],
    })
  })

  test('errors that are made anew each time are the same outcome by their text', () => {
    const outcomes = openOutcomes('schema')
    const error = () => ({ key: 'a', reason: 'ERROR', errorCode: 'TYPE_MISMATCH', errorMessage: 'no' }) as const
    expect(outcomes.answer([error()], {}, ']}')).toBe(outcomes.answer([error()], {}, ']}'))
    expect(JSON.parse(outcomes.of(error(), {}).text)).toEqual({ key: 'a', errorCode: 'GENERAL', errorDetails: 'no' })
  })

  test('counts add up over answers and single outcomes, and are told once', () => {
    const outcomes = openOutcomes('schema')
    for (let n = 0; n < 5_000; n++) outcomes.answer([on], {}, `],"n":${n % 3}}`)
    outcomes.of(on, {})
    outcomes.of(off, {})
    const told = new Map<string | null, number>()
    const tell = () => outcomes.tell((_flag, variant, count) => told.set(variant, (told.get(variant) ?? 0) + count))
    tell()
    tell()
    expect([...told]).toEqual([
      ['on', 5_001],
      ['off', 1],
    ])
  })
})
