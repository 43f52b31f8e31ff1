/** Segments in memory, and how they keep up with the store: one number tells whether anything is new, and only that is read. */
import type { JsonLogic } from '@belay/flag-evaluator'
import type { Store } from '@belay/store'
import { hashKey } from './key-hash.ts'
import type { KeyList } from './key-list.ts'
import { readList } from './reading.ts'
import { evaluatorName } from './references.ts'
import { readRevision, type SegmentRow, segmentKeys, segmentRowsSince } from './store.ts'
import type { SegmentsView } from './types.ts'

export const channel = 'segments'

type Held = { readonly row: SegmentRow; readonly list: KeyList | undefined }
type Listener = Parameters<SegmentsView['onChange']>[0]

export type Memory = SegmentsView & {
  get(key: string): SegmentRow | undefined
  /** Sorted by key. */
  all(): readonly SegmentRow[]
  /** Reads what is new in the store: what was committed before the call is there when it resolves. */
  refresh(): Promise<void>
  /** Begins to listen for what others change. */
  follow(): void
  /** Listens no more; resolves when the last look has ended. */
  close(): Promise<void>
}

export function openMemory(store: Store): Memory {
  let held = new Map<string, Held>()
  let lists: [key: string, list: KeyList][] = []
  let sorted: readonly SegmentRow[] = []
  let evaluators: Readonly<Record<string, JsonLogic>> = {}
  let seen = -1
  let running: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  let stopFollowing: (() => void) | undefined
  let isClosed = false
  const listeners = new Set<Listener>()
  const hash = new Uint32Array(2)

  async function readNews(): Promise<void> {
    const revision = await readRevision(store.read)
    if (revision === seen) return
    const rows = await segmentRowsSince(store.read, seen)
    const present = new Set(await segmentKeys(store.read))
    const now = new Map(held)
    const changed: { key: string; kind: 'rule' | 'list' }[] = []
    for (const [key, { row }] of held) {
      if (present.has(key)) continue
      now.delete(key)
      changed.push({ key, kind: kindOf(row) })
    }
    for (const row of rows) {
      const known = held.get(row.key)
      if (known?.row.revision === row.revision) continue
      if (row.list === null) now.set(row.key, { row, list: undefined })
      else {
        const read = await readList(store.read, row, known?.list && { row: known.row, list: known.list })
        // Replaced or removed while it was read: that is news of its own, which comes next.
        if (!read) continue
        now.set(row.key, read)
      }
      changed.push({ key: row.key, kind: kindOf(row) })
    }
    const isFirst = seen < 0
    seen = revision
    if (changed.length === 0) return
    held = now
    sorted = [...now.values()].map(({ row }) => row).sort((a, b) => (a.key < b.key ? -1 : 1))
    lists = sorted.flatMap(({ key }) => {
      const list = now.get(key)?.list
      return list ? [[key, list] as [string, KeyList]] : []
    })
    evaluators = Object.fromEntries(sorted.map((row) => [evaluatorName(row.key), evaluatorOf(row)]))
    if (!isFirst) for (const listener of listeners) tell(listener, changed)
  }

  function refresh(): Promise<void> {
    next ??= running.then(() => {
      running = (next as Promise<void>).catch(() => {})
      next = undefined
      return readNews()
    })
    return next
  }

  return {
    get: (key) => held.get(key)?.row,
    all: () => sorted,
    refresh,
    follow() {
      // Whatever made the reading fail is told to whoever asks next; the next signal reads again.
      stopFollowing ??= store.onSignal(
        channel,
        () => void refresh().catch((error: unknown) => isClosed || process.emitWarning(asError(error))),
      )
    },
    async close() {
      isClosed = true
      stopFollowing?.()
      await refresh().catch(() => {})
    },
    inSegment: (segment, key) => held.get(segment)?.list?.has(key),
    memberships: (keys) =>
      Object.fromEntries(
        keys.map((key) => {
          hashKey(key, hash)
          const first = hash[0] as number
          const second = hash[1] as number
          return [key, lists.filter(([, list]) => list.hasHash(first, second)).map(([segment]) => segment)]
        }),
      ),
    evaluators: () => evaluators,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function tell(listener: Listener, changed: Parameters<Listener>[0]): void {
  try {
    listener(changed)
  } catch (error) {
    // The change stands whatever a listener does with the news.
    process.emitWarning(asError(error))
  }
}

export const kindOf = (row: SegmentRow): 'rule' | 'list' => (row.list === null ? 'rule' : 'list')
const evaluatorOf = (row: SegmentRow): JsonLogic => row.rule ?? { in_segment: [row.key, { var: row.by }] }
const asError = (thrown: unknown) => (thrown instanceof Error ? thrown : String(thrown))
