/** Like with like: sessions of two sides by what they were for. */
import type { SessionRecord } from '../types.ts'
import { neverOpened } from './facts.ts'
import type { Purpose } from './types.ts'

export type Matched = {
  readonly purposes: readonly { readonly purpose: Purpose; readonly a: readonly SessionRecord[]; readonly b: readonly SessionRecord[] }[]
  /** The k-th of a side's sessions and its counterpart; null where requests were not the same ones in the same order. */
  readonly pairs: readonly (readonly [SessionRecord, SessionRecord])[] | null
  readonly unmatched: { readonly a: number; readonly b: number }
}

/** Classes of size by powers of ten: few borders, so that a request seldom changes its class from one run to the next. */
const sizeMax = 9

export function sizeClassOf(record: SessionRecord): number {
  const bytes = record.directions[0].goodBytes + record.directions[1].goodBytes
  return bytes === 0 ? 0 : Math.max(3, Math.min(sizeMax, Math.floor(Math.log10(bytes)) + 1))
}

const sizeWords = [
  'no data',
  '',
  '',
  'under 1 kB',
  '1 to 10 kB',
  '10 to 100 kB',
  '100 kB to 1 MB',
  '1 to 10 MB',
  '10 to 100 MB',
  '100 MB and more',
]

export function match(a: readonly SessionRecord[], b: readonly SessionRecord[]): Matched {
  const ports = { a: portsOf(a), b: portsOf(b) }
  const lost = { a: 0, b: 0 }
  const groups = new Map<string, { port: number; size: number; a: SessionRecord[]; b: SessionRecord[] }>()
  const put = (side: 'a' | 'b', records: readonly SessionRecord[]) => {
    const theirs = side === 'a' ? ports.b : ports.a
    for (const record of records) {
      // What never opened has no size: it counts among all sessions to its port.
      if (neverOpened(record)) {
        if (!theirs.has(record.server.port)) lost[side]++
        continue
      }
      const size = sizeClassOf(record)
      const key = `${record.server.port} ${size}`
      let group = groups.get(key)
      if (!group) groups.set(key, (group = { port: record.server.port, size, a: [], b: [] }))
      group[side].push(record)
    }
  }
  put('a', a)
  put('b', b)
  const both = [...groups.values()]
    .filter((group) => group.a.length > 0 && group.b.length > 0)
    .sort((x, y) => x.port - y.port || x.size - y.size)
  const purposes = both.map((group) => ({
    purpose: { port: group.port, size: sizeWords[group.size] ?? '', a: group.a.length, b: group.b.length },
    a: group.a,
    b: group.b,
  }))
  for (const group of groups.values()) {
    if (group.b.length === 0) lost.a += group.a.length
    if (group.a.length === 0) lost.b += group.b.length
  }
  return { purposes, pairs: pairsOf(a, b), unmatched: lost }
}

const portsOf = (records: readonly SessionRecord[]) => new Set(records.map((record) => record.server.port))

/** Two requests are the same if their bytes differ by no more: cookies and dates do that much. */
const sameWithin = 0.02

/**
 * Pairs are justified where the k-th session of A and the k-th of B are the same request: as many on both sides, by port and start, each of
 * the same size; and where sizes differ from one to the next, for else their order says nothing.
 */
function pairsOf(a: readonly SessionRecord[], b: readonly SessionRecord[]): Matched['pairs'] {
  if (a.length !== b.length) return null
  const [inOrderA, inOrderB] = [inOrder(a), inOrder(b)]
  const pairs: [SessionRecord, SessionRecord][] = []
  let changes = 0
  for (const [k, first] of inOrderA.entries()) {
    const second = inOrderB[k]
    if (!second || first.server.port !== second.server.port || !same(first, second)) return null
    const before = inOrderA[k - 1]
    if (before && !same(before, first)) changes++
    pairs.push([first, second])
  }
  return changes >= a.length / 2 ? pairs : null
}

function inOrder(records: readonly SessionRecord[]): SessionRecord[] {
  return records.toSorted((x, y) => x.server.port - y.server.port || x.startedMs - y.startedMs || x.number - y.number)
}

function same(x: SessionRecord, y: SessionRecord): boolean {
  return [0, 1].every((way) => {
    const [one, other] = [x.directions[way as 0 | 1].goodBytes, y.directions[way as 0 | 1].goodBytes]
    return Math.abs(one - other) <= sameWithin * Math.max(one, other)
  })
}
