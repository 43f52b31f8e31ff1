import { expect, test } from 'vitest'
import { interleaved, median, row } from './measure.ts'

test('contenders are measured in turns, and the order alternates', async () => {
  const order: string[] = []
  const contender = (name: string, figures: number[]) => () => {
    order.push(name)
    return figures.shift() as number
  }
  const figures = await interleaved(3, { ours: contender('ours', [1, 9, 2]), peer: contender('peer', [5, 4, 6]) })
  expect(order).toEqual(['ours', 'peer', 'peer', 'ours', 'ours', 'peer'])
  expect(figures).toEqual({ ours: 2, peer: 5 })
})

test('the median of an even number of values is the mean of the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([7])).toBe(7)
  expect(() => median([])).toThrow('there is no median of nothing')
})

test.each([
  [{ of: 'ratio', atLeast: 0.5 }, 'ratio >= 0.5', true],
  [{ of: 'ratio', atLeast: 0.9 }, 'ratio >= 0.9', false],
  [{ of: 'ours', atMost: 100 }, '<= 100 ms', true],
  [{ of: 'ours', atMost: 50 }, '<= 50 ms', false],
] as const)('a goal %j is told in words and judged', (goal, words, met) => {
  expect(row({ name: 'x', unit: 'ms', ours: 80, peer: { name: 'bare', value: 100 }, goal })).toEqual({
    name: 'x',
    ours: 80,
    peer: 100,
    peerName: 'bare',
    unit: 'ms',
    ratio: 0.8,
    goal: words,
    met,
  })
})

test('a figure without a goal is only reported', () => {
  expect(row({ name: 'x', unit: 's', ours: 3 })).toMatchObject({ peer: null, ratio: null, goal: null, met: null })
})
