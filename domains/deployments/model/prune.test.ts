import { expect, test } from 'vitest'
import { buildsKept, buildsToForget } from './prune.ts'

const moved = (from: string | null, to: string) => ({
  items: [
    {
      host: 'web1',
      moves: [{ service: 'web', from: from === null ? null : { release: from, artifact: from }, to: { release: to, artifact: to } }],
    },
  ] as never,
})

test(`a host keeps the newest ${buildsKept} builds of a service, the running one among them`, () => {
  const plans = [moved('d', 'e'), moved('c', 'd'), moved('b', 'c'), moved('a', 'b'), moved(null, 'a')]
  expect(buildsToForget(plans, [{ host: 'web1', service: 'web', artifact: 'e' }]).map((it) => it.artifact)).toEqual(['b', 'a'])
})

test('what runs is never forgotten, however old', () => {
  const plans = [moved('c', 'd'), moved('b', 'c'), moved('a', 'b')]
  expect(buildsToForget(plans, [{ host: 'web1', service: 'web', artifact: 'a' }]).map((it) => it.artifact)).toEqual(['b'])
})
