import { expect, test } from 'vitest'
import { beginFlag, type Flag } from './flag.ts'
import { checkPrerequisites } from './prerequisites.ts'

const flag = (key: string, needs: readonly string[]): Flag => ({
  ...beginFlag(
    { key, description: '', kind: 'release', owner: null, expiresAt: null, tags: [], bucketing: 2, prerequisites: [] },
    0,
    'ann',
  ),
  prerequisites: needs.map((it) => ({ flag: it, variant: 'on' })),
})
const check = (...flags: Flag[]) => checkPrerequisites(flags[0] as Flag, (key) => flags.find((it) => it.key === key))

test('a chain of ten is the longest, and says where it is longer', () => {
  const chain = (length: number) => Array.from({ length }, (_, n) => flag(`f${n}`, n + 1 < length ? [`f${n + 1}`] : []))
  check(...chain(11))
  expect(() => check(...chain(12))).toThrow('a chain of prerequisites through f0 -> f1')
})

test('a circle is named, also one that does not go through the flag itself', () => {
  expect(() => check(flag('a', ['b']), flag('b', ['a']))).toThrow('a would need itself: a -> b -> a')
  expect(() => check(flag('a', ['b']), flag('b', ['c']), flag('c', ['b']))).toThrow('b would need itself: b -> c -> b')
})

test('ten prerequisites on each of ten levels are looked at in a moment', () => {
  const levels = Array.from({ length: 10 }, (_, level) =>
    Array.from({ length: 10 }, (_, n) =>
      flag(`l${level}-${n}`, level < 9 ? Array.from({ length: 10 }, (_, m) => `l${level + 1}-${m}`) : []),
    ),
  ).flat()
  check(...levels)
})
