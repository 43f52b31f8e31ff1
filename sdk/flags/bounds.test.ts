import { describe, expect, test } from 'vitest'
import { checkRule, compileFlagSet, compileRule, type FlagDefinition, type Json, type JsonLogic } from './index.ts'

const flag = (targeting: JsonLogic): FlagDefinition => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting,
})
const nested = (depth: number): JsonLogic => Array.from({ length: depth }).reduce<JsonLogic>((rule) => ({ '!': [rule] }), true)
const elapsedMs = (work: () => void) => {
  const startMs = performance.now()
  work()
  return performance.now() - startMs
}

describe('a rule that is too much is refused before anybody runs it', () => {
  test('64 levels are good, one more is not, and 100,000 are no more trouble than that', () => {
    expect(checkRule(nested(64))).toEqual([])
    const said = { key: null, path: expect.stringMatching(/^(\/!\/0)+$/), message: 'The rule is nested deeper than 64 levels.' }
    expect(checkRule(nested(65))).toEqual([said])
    expect(checkRule(nested(100_000))).toEqual([said])
    const lists = Array.from({ length: 100_000 }).reduce<JsonLogic>((rule) => [rule], [])
    const set = compileFlagSet({
      flags: { a: flag(nested(100_000)), b: flag({ in: [1, lists] }), c: flag('on') },
      $evaluators: { deep: nested(100_000) },
    })
    expect(set.problems.map((problem) => problem.key)).toEqual([null, 'a', 'b'])
    expect(set.evaluate('c', {}, 0)).toMatchObject({ value: true })
    expect(compileRule(nested(100_000)).outcome({}, 0)).toMatchObject({ errorCode: 'PARSE_ERROR' })
  })

  test('20,000 parts are good, more are not', () => {
    const wide = (tests: number): JsonLogic => ({ or: Array.from({ length: tests }, (_, nth) => ({ '==': [{ var: 'a' }, nth] })) })
    expect(checkRule(wide(4_999))).toEqual([])
    expect(checkRule(wide(5_000))).toMatchObject([{ message: 'The rule has more than 20000 parts.' }])
  })

  test('evaluators count with what they refer to: no document makes much out of little', () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 60 }, (_, nth) => [`e${nth + 1}`, { or: [{ $ref: `e${nth}` }, { $ref: `e${nth}` }] }]),
    )
    const $evaluators: Record<string, JsonLogic> = { e0: { var: 'a' }, ...doubling }
    const set = compileFlagSet({ flags: { few: flag({ $ref: 'e5' }), many: flag({ $ref: 'e60' }) }, $evaluators })
    expect(set.evaluate('few', { a: 'on' }, 0)).toMatchObject({ value: true })
    expect(set.evaluate('many', { a: 'on' }, 0)).toMatchObject({ errorCode: 'PARSE_ERROR' })
    const chain = Object.fromEntries(Array.from({ length: 20_000 }, (_, nth) => [`e${nth + 1}`, { '!': { $ref: `e${nth}` } }]))
    const long = compileFlagSet({ flags: { a: flag({ $ref: 'e62' }), b: flag({ $ref: 'e20000' }) }, $evaluators: { e0: true, ...chain } })
    expect(long.evaluate('a', {}, 0)).toMatchObject({ errorCode: 'GENERAL' }) // Says true, which is no variant.
    expect(long.evaluate('b', {}, 0)).toMatchObject({ errorCode: 'PARSE_ERROR' })
  })

  test('a rule of 2 MB gets its right answer, or a clear refusal, quickly', () => {
    const keys = Array.from({ length: 160_000 }, (_, nth) => `user-${nth}`)
    const listed = flag({ if: [{ in: [{ var: 'targetingKey' }, keys] }, 'on'] })
    const written = flag({ if: keys.slice(0, 40_000).flatMap((key) => [{ '==': [{ var: 'targetingKey' }, key] }, 'on']) })
    expect(JSON.stringify(listed).length).toBeGreaterThan(2_000_000)
    expect(JSON.stringify(written).length).toBeGreaterThan(1_500_000)
    const ms = elapsedMs(() => {
      const set = compileFlagSet({ flags: { listed, written } })
      expect(set.evaluate('listed', { targetingKey: 'user-159999' }, 0)).toMatchObject({ value: true })
      expect(set.evaluate('listed', { targetingKey: 'user-160000' }, 0)).toMatchObject({ value: false })
      expect(set.problems).toMatchObject([{ key: 'written', message: 'The rule has more than 20000 parts.' }])
    })
    expect(ms).toBeLessThan(2_000)
  })

  test('5,000 flags with 100 rings are compiled and all evaluated quickly', () => {
    const $evaluators = Object.fromEntries(
      Array.from({ length: 100 }, (_, nth) => [
        `ring:${nth}`,
        { in: [{ var: 'user' }, Array.from({ length: 50 }, (_, user) => `u${user * nth}`)] },
      ]),
    )
    const flags = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, nth) => [
        `f${nth}`,
        flag({
          if: [
            { $ref: `ring:${nth % 100}` },
            'on',
            {
              fractional: [
                ['on', 10],
                ['off', 90],
              ],
            },
          ],
        }),
      ]),
    )
    const ms = elapsedMs(() => {
      const set = compileFlagSet({ flags, $evaluators })
      expect([set.size, set.problems]).toEqual([5_000, []])
      const on = set.evaluateAll({ user: 'u98', targetingKey: 'u98' }, 0).filter((it) => it.value === true)
      expect(on.length).toBeGreaterThan(500)
      const next = set.with({ set: { f1: flag('off') }, remove: [], evaluators: { ...$evaluators, 'ring:2': true } })
      expect(next.evaluate('f2', {}, 0)).toMatchObject({ value: true })
    })
    expect(ms).toBeLessThan(3_000)
  })
})

describe('an evaluation that is too much is given up', () => {
  const list = (length: number): Json => Array.from({ length }, (_, nth) => nth)
  test.each<[title: string, rule: JsonLogic]>([
    [
      'lists in lists',
      { map: [{ var: 'list' }, { map: [list(40), { map: [list(40), { map: [list(40), { '+': [{ var: '' }, 1] }] }] }] }] },
    ],
    ['a text that doubles', { reduce: [{ var: 'list' }, { cat: [{ var: 'accumulator' }, { var: 'accumulator' }] }, 'ab'] }],
    ['a list that doubles', { reduce: [{ var: 'list' }, { merge: [{ var: 'accumulator' }, { var: 'accumulator' }] }, [1]] }],
    ['the text of a long list', { cat: [{ var: 'long' }] }],
    ['a look into a long list for each element', { filter: [{ var: 'list' }, { in: [{ var: '' }, list(1)] }] }],
  ])('%s', (title, rule) => {
    const context = { list: list(1_000), long: list(1_001) }
    const compiled = compileRule(rule)
    let outcome: unknown
    const ms = elapsedMs(() => (outcome = compiled.outcome(context, 0)))
    expect(ms).toBeLessThan(1_000)
    if (title.startsWith('a look')) expect(outcome).toEqual({ value: [0] })
    else expect(outcome).toMatchObject({ value: null, errorCode: 'GENERAL', errorMessage: expect.stringMatching(/^It was given up: /) })
  })

  test('an evaluator costs its parts in each element of a list', () => {
    const evaluators = { costly: { or: Array.from({ length: 4_000 }, () => ({ var: 'nobody' })) } }
    const rule: JsonLogic = { some: [{ var: 'list' }, { $ref: 'costly' }] }
    expect(compileRule(rule, { evaluators }).outcome({ list: list(1_000) }, 0)).toMatchObject({ errorCode: 'GENERAL' })
    expect(compileRule(rule, { evaluators }).outcome({ list: list(10) }, 0)).toEqual({ value: false })
  })

  test('a context that holds itself is no trouble', () => {
    const circle: Record<string, unknown> = { targetingKey: 'u' }
    circle.self = circle
    circle.list = [circle, circle]
    ;(circle.list as unknown[]).push(circle.list)
    const run = (rule: JsonLogic, bucketing: 2 | 3 = 2) => compileRule(rule, { bucketing }).outcome(circle, 0)
    expect(run({ var: 'self.self.self.targetingKey' })).toEqual({ value: 'u' })
    expect(run({ cat: { var: 'list' } })).toMatchObject({ errorCode: 'GENERAL' })
    expect(run({ '==': [{ var: 'list' }, 'x'] })).toMatchObject({ errorCode: 'GENERAL' })
    expect(run({ fractional: [{ var: 'self' }, ['a', 1]] }, 3)).toMatchObject({ errorCode: 'GENERAL' })
    expect(run({ var: 'self' })).toEqual({ value: null })
    const set = compileFlagSet({ flags: { a: { ...flag(null), variants: { off: circle } }, b: flag(circle as never) } })
    expect(set.problems).toMatchObject([{ key: 'a' }, { key: 'b' }])
  })
})

describe('a rule is checked for people', () => {
  test.each<[rule: unknown, path: string, message: string]>([
    [{ '==': [1] }, '/==', '"==" takes 2 arguments; here it has 1.'],
    [{ '>': [1, 2, 3, 4] }, '/>', '">" takes 2 to 3 arguments; here it has 4.'],
    [{ '!': [] }, '/!', '"!" takes 1 argument; here it has 0.'],
    [{ and: [] }, '/and', '"and" takes at least 1 argument; here it has 0.'],
    [{ if: [true, { 'a/b~c': 1 }] }, '/if/1/a~1b~0c', 'There is no operator "a/b~c".'],
    [{ var: [undefined] }, '/var/0', 'A rule is JSON; this is nothing.'],
    [{ '!': [() => 1] }, '/!/0', 'A rule is JSON; this is a function.'],
  ])('%j', (rule, path, message) => {
    expect(checkRule(rule)).toEqual([{ key: null, path, message }])
  })

  test('what JsonLogic takes is evaluated all the same', () => {
    expect(compileRule({ '==': [null] }).run({}, 0)).toBe(true)
    expect(checkRule({ $ref: 'anything' })).toEqual([])
    expect(checkRule({ or: Array.from({ length: 50 }, () => ({ nope: 1 })) })).toHaveLength(20)
  })
})
