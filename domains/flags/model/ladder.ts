/** The ladder: rings of belay.yaml in their order, rings of the page between them, and `all` on top. Pure. */
import type { RingSpec } from '@belay/cloudfile'
import { everybody, type Flag, type Ladder, type Ring, refsOfFlag } from './flag.ts'

export const allRing: Ring = { name: everybody, where: null, segment: null, source: 'file' }

/**
 * The ladder after belay.yaml was read again. Rings of the page keep the ring that they follow; a ring that left the
 * file while flags climb it stays as `gone`, so that an edit of the file moves no user.
 */
export function mergeLadder(before: readonly Ring[], file: readonly RingSpec[], isClimbed: (ring: string) => boolean): Ring[] {
  const merged: Ring[] = file.filter(({ name }) => name !== everybody).map((spec) => ({ ...spec, source: 'file' }))
  for (const [index, ring] of before.entries()) {
    if (merged.some(({ name }) => name === ring.name)) continue
    if (ring.source !== 'page' && !isClimbed(ring.name)) continue
    const follows = before.slice(0, index).findLast((it) => merged.some(({ name }) => name === it.name))
    const at = follows === undefined ? 0 : merged.findIndex(({ name }) => name === follows.name) + 1
    merged.splice(at, 0, { ...ring, source: ring.source === 'page' ? 'page' : 'gone' })
  }
  return merged
}

export const withAll = (rings: readonly Ring[]): Ladder => [...rings, allRing]

/** Which flags are exposed exactly up to this ring, by environment. */
export function climbersOf(ring: string, flags: Iterable<Flag>): { flag: string; environment: string }[] {
  return [...flags].flatMap((flag) =>
    flag.archivedAt !== null
      ? []
      : Object.entries(flag.settings)
          .filter(([, setting]) => setting.exposure?.ring === ring)
          .map(([environment]) => ({ flag: flag.key, environment })),
  )
}

/** Does any flag climb this ring or name it in a rule? Archived ones count: they may come back. */
export const isNamed = (ring: string, flags: Iterable<Flag>): boolean => [...flags].some((flag) => refsOfFlag(flag).has(`ring:${ring}`))
