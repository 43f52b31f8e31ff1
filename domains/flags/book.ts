/** All flags, rings and environments in memory, read again where any server of the database changed them. */
import type { Store } from '@belay/store'
import type { World } from './live.ts'
import type { EnvironmentInfo, Flag } from './model/flag.ts'
import { withAll } from './model/ladder.ts'
import { flagsSince, readRevision, readRings } from './store.ts'

export type Book = World & {
  /** Everything that is committed by now is seen when it resolves; answers the keys of the flags that changed. */
  refresh(): Promise<void>
}

export const channel = 'flags'

/**
 * `changed` is called after each look that found something new, with the keys of the flags that are other than before
 * (all of them when the ladder moved).
 */
export function openBook(it: {
  store: Store
  cloud: string
  environments: () => Promise<readonly EnvironmentInfo[]>
  changed: (flags: Iterable<string>) => void
}): Book {
  const flags = new Map<string, Flag>()
  const changedAt = new Map<string, number>()
  let revision = 0
  let ladder = withAll([])
  let environments: readonly EnvironmentInfo[] = []
  let looking: Promise<void> | undefined
  let waiting: Promise<void> | undefined

  async function look(): Promise<void> {
    const seen = revision
    // First of all: what is committed while the rest is read has a higher revision and is read again.
    const now = await readRevision(it.store.read)
    const rows = await flagsSince(it.store.read, seen)
    const rings = await readRings(it.store.read)
    const places = await it.environments()
    const isNewLadder = JSON.stringify(ladder) !== JSON.stringify(withAll(rings))
    const isNewPlace = JSON.stringify(places) !== JSON.stringify(environments)
    for (const row of rows) {
      flags.set(row.flag.key, row.flag)
      changedAt.set(row.flag.key, row.revision)
    }
    revision = Math.max(seen, now, ...rows.map((row) => row.revision))
    if (isNewLadder) ladder = withAll(rings)
    environments = places
    if (isNewLadder || isNewPlace) it.changed([...flags.keys()])
    else if (rows.length > 0 || revision > seen) it.changed(rows.map((row) => row.flag.key))
  }

  return {
    cloud: it.cloud,
    flags,
    changedAt,
    get revision() {
      return revision
    },
    get ladder() {
      return ladder
    },
    get environments() {
      return environments
    },
    // A look that is under way may have read before our commit, so one more follows it; who comes before that begins shares it.
    refresh() {
      if (waiting) return waiting
      const mine: Promise<void> = (looking ?? Promise.resolve())
        .catch(() => {})
        .then(() => {
          waiting = undefined
          looking = mine
          return look()
        })
      waiting = mine
      return mine
    },
  }
}
