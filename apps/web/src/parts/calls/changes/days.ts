/** Changes by the day on which the cost moved, and whether anybody looked. Pure. */
import type { CallChangeWire } from '@belay/protocol'
import { sayAgo } from '../../../time.ts'

const day = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' })
const dayMs = 86_400_000

/** "Today", "Yesterday", "Friday 15 August". */
export function sayDay(at: number, nowAt: number): string {
  const same = (a: number, b: number) => new Date(a).toDateString() === new Date(b).toDateString()
  if (same(at, nowAt)) return 'Today'
  if (same(at, nowAt - dayMs)) return 'Yesterday'
  return day.format(at).replace(',', '')
}

export type Day = { readonly says: string; readonly changes: readonly CallChangeWire[] }

/** The latest day first; within it what got dearer first, the largest first. */
export function daysOf(changes: readonly CallChangeWire[], nowAt: number): Day[] {
  const size = (it: CallChangeWire) => Math.abs(it.relative ?? Number.MAX_VALUE)
  const days = new Map<string, CallChangeWire[]>()
  for (const it of [...changes].sort((a, b) => b.at - a.at)) {
    const says = sayDay(it.at, nowAt)
    const its = days.get(says)
    if (its === undefined) days.set(says, [it])
    else its.push(it)
  }
  return [...days].map(([says, its]) => ({
    says,
    changes: its.sort((a, b) => Number(b.dearer) - Number(a.dearer) || size(b) - size(a)),
  }))
}

type Looked = { readonly release: number | null; readonly trend: number | null; readonly flag: number | null }
const kinds = { release: 'releases', trend: 'trends', flag: 'flags' } as const

/** "Releases were looked at 5 min ago, trends 8 h ago; flags not yet." */
export function sayLooked(it: Looked, nowAt: number): string {
  const entries = Object.entries(kinds) as [keyof Looked, string][]
  const looked = entries.flatMap(([kind, says]) => {
    const at = it[kind]
    return at === null ? [] : [`${says} ${sayAgo(at, nowAt)}`]
  })
  const not = entries.filter(([kind]) => it[kind] === null).map(([, says]) => says)
  if (looked.length === 0) return 'Nobody has looked yet: releases are compared when they have enough calls, trends every night.'
  return `Looked at ${looked.join(', ')}${not.length === 0 ? '' : `; not yet at ${not.join(' and ')}`}.`
}
