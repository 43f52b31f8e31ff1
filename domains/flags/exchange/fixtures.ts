/** What was read, as clients would be served it: compiled by the product's own compiler, without a server. */
import { compileFlagSet, type FlagSet, type JsonLogic } from '@belay/flag-evaluator'
import { compileFlag, prerequisiteEvaluators } from '../model/compile.ts'
import type { Flag, Ladder } from '../model/flag.ts'
import { wholeFlag } from './apply.ts'
import type { Read } from './types.ts'

const ladder: Ladder = [{ name: 'all', where: null, segment: null, source: 'file' }]

/** @param salted put before every salt and seed, so that other people are in the shares. */
export function served(read: Read, environment = 'production', salted = ''): FlagSet {
  const flags = new Map<string, Flag>()
  for (const { key, flag } of read.flags) {
    if (!flag) continue
    const whole = wholeFlag(flag, undefined)
    flags.set(key, { ...whole, salt: `${salted}${whole.salt}`, settings: resalted(whole.settings, salted) as Flag['settings'] })
  }
  const lists = new Map(
    read.segments.flatMap(({ key, content }) => (content && 'by' in content ? [[key, new Set(content.keys)] as const] : [])),
  )
  const segments = read.segments.flatMap(({ key, content }): [string, JsonLogic][] =>
    content === null ? [] : [[`segment:${key}`, 'rule' in content ? content.rule : { in_segment: [key, { var: content.by }] }]],
  )
  return compileFlagSet(
    {
      flags: Object.fromEntries([...flags].map(([key, flag]) => [key, compileFlag(flag, environment, ladder)])),
      $evaluators: {
        ...Object.fromEntries(segments),
        ...prerequisiteEvaluators(flags.values(), environment, ladder, (key) => flags.get(key)),
      },
    },
    { missingKey: 'error', inSegment: (segment, key) => lists.get(segment)?.has(key) },
  )
}

function resalted(value: unknown, salt: string): unknown {
  if (Array.isArray(value)) return value.map((it: unknown) => resalted(it, salt))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inside]) =>
      name === 'cat' && Array.isArray(inside)
        ? [name, [`${salt}${String(inside[0])}`, ...inside.slice(1)]]
        : [name, resalted(inside, salt)],
    ),
  )
}
