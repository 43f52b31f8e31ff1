import { type CallColumns, createExemplarChoice, exemplarReasons } from '@belay/call-record'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Call } from './call.ts'
import type { Meter } from './cpu/meter.ts'
import { createCallGatherer, type Ended } from './gather.ts'

const meter = (cpu: number, factor = 1): Meter => ({
  mode: 'exact',
  begin: () => {},
  end: () => cpu,
  factor: () => factor,
  takeAttributedMs: () => 0,
  tick: () => {},
  close: () => {},
})
const ended = (more: Partial<Ended> = {}): Ended => ({
  at: 1_700_000_000_000,
  method: 'GET /a',
  otherwise: undefined,
  audience: 'everyone',
  account: '',
  status: 200,
  failed: false,
  realUs: 1_000,
  requestBytes: 0,
  responseBytes: 0,
  peer: '',
  local: '',
  ...more,
})

test('every column has a place for every call, and every place a name', () => {
  const word = fc.constantFrom('', 'a', 'b', 'c')
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word, fc.subarray(['x', 'y'])), { maxLength: 50 }), (given) => {
      const gatherer = createCallGatherer(meter(-1), () => {})
      for (const [method, account, flags] of given) {
        const call = new Call('')
        for (const flag of flags) call.evaluation(flag, 'on')
        gatherer.add(call, ended({ method, account }))
      }
      const taken = gatherer.take()
      expect(taken === undefined).toBe(given.length === 0)
      if (taken === undefined) return
      const { calls, names } = taken
      for (const column of Object.values(calls)) expect(column).toHaveLength(given.length)
      const read = calls.at.map((_, nth) => {
        const of = (list: readonly (string | readonly string[])[], column: keyof CallColumns) => list[calls[column]?.[nth] as number]
        return [of(names.methods, 'method'), of(names.accounts, 'account') ?? '', of(names.variants, 'variants')]
      })
      expect(read).toEqual(given.map(([method, account, flags]) => [method, account, flags.map((flag) => `${flag}=on`)]))
      expect(gatherer.take()).toBeUndefined()
    }),
  )
})

test('slices become CPU time when they are told; what was not measured stays so', () => {
  for (const [cpu, told] of [
    [4, 2_000],
    [-1, -1],
  ] as const) {
    const gatherer = createCallGatherer(meter(cpu, 0.5), () => {})
    gatherer.add(new Call(''), ended())
    expect(gatherer.take()?.calls.cpuUs).toEqual([told])
  }
})

test('memory has a bound: calls beyond it are dropped and counted', () => {
  let much = 0
  const gatherer = createCallGatherer(meter(1), () => much++)
  for (let nth = 0; nth < 20_010; nth++) gatherer.add(new Call(''), ended())
  expect(much).toBe(4)
  expect(gatherer.take()).toMatchObject({ calls: { at: { length: 20_000 } }, process: { dropped: 10 } })
  gatherer.add(new Call(''), ended())
  expect(gatherer.take()).toMatchObject({ process: { dropped: 0 } })
})

test('methods beyond two thousand are counted under one name, and so is what was guessed and not found', () => {
  const gatherer = createCallGatherer(meter(1), () => {})
  for (let nth = 0; nth < 2_500; nth++) gatherer.add(new Call(''), ended({ method: `GET /scan-${nth}`, otherwise: '(not found)' }))
  for (let nth = 0; nth < 2_005; nth++) gatherer.add(new Call(''), ended({ method: `m${nth}` }))
  const { names, calls, process } = gatherer.take() as NonNullable<ReturnType<typeof gatherer.take>>
  expect(names.methods.slice(0, 2)).toEqual(['(not found)', 'm0'])
  expect(names.methods).toHaveLength(2_001)
  expect(names.methods.at(-1)).toBe('(other)')
  expect(calls.method.filter((it) => it === 2_000)).toHaveLength(6)
  expect(process.overflowed).toBe(6)
})

test('of calls that are all alike few are kept, and the odd ones are among them', () => {
  const choice = createExemplarChoice()
  const kept: (string | undefined)[] = []
  const see = (more: Partial<Parameters<typeof choice.choose>[1]>, at = 0) =>
    choice.choose('m', { realUs: 1_000, cpu: 1, repeats: 0, failed: false, ...more }, 1_700_000_000_000 + at)
  for (let nth = 0; nth < 5_000; nth++) kept.push(see({ realUs: 900 + (nth % 200) }))
  expect(kept.filter(Boolean).length).toBeLessThan(20)
  expect(kept[0]).toBe('usual')
  expect(see({ realUs: 50_000 })).toBe('slow')
  expect(see({ realUs: 40_000 })).toBeUndefined()
  expect(see({ cpu: 30 })).toBe('cpu')
  expect([see({ repeats: 4 }), see({ repeats: 5 }), see({ repeats: 5 }), see({ repeats: 6 })]).toEqual([
    undefined,
    'repeat',
    undefined,
    'repeat',
  ])
  expect([1, 2, 3, 4].map(() => see({ failed: true }))).toEqual(['failed', 'failed', 'failed', undefined])
  // A new minute.
  expect([see({}, 60_000), see({}, 60_001), see({ failed: true }, 60_002)]).toEqual(['usual', undefined, 'failed'])
})

test('a batch has room for a hundred exemplars, each of one of its calls', () => {
  const gatherer = createCallGatherer(meter(1), () => {})
  for (let nth = 0; nth < 500; nth++) gatherer.add(new Call(''), ended({ method: `m${nth}` }))
  const { exemplars } = gatherer.take() as NonNullable<ReturnType<typeof gatherer.take>>
  expect(exemplars.map(({ call }) => call)).toEqual(Array.from({ length: 100 }, (_, nth) => nth))
  expect(exemplars.every(({ why }) => exemplarReasons.includes(why))).toBe(true)
  gatherer.add(new Call(''), ended({ method: 'm200' }))
  expect(gatherer.take()?.exemplars).toHaveLength(1)
})
