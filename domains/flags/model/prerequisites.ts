/** Flags that need other flags: never in a circle, never what is not there. Pure. */
import { flagProblem } from '../problems.ts'
import type { Flag } from './flag.ts'

/** A chain is evaluated from its end on every request; nobody follows a longer one in their head. */
const chainMax = 10

/** @throws Problem `flag-invalid`, `flag-cycle` with the way round. */
export function checkPrerequisites(flag: Flag, find: (key: string) => Flag | undefined): void {
  for (const [index, { flag: key, variant }] of flag.prerequisites.entries()) {
    const other = key === flag.key ? flag : find(key)
    const refuse = (because: string) => flagProblem('flag-invalid', { key: flag.key, field: `prerequisites[${index}]`, because })
    if (!other || other.archivedAt !== null) throw refuse(`there is no flag ${key}`)
    if (!Object.hasOwn(other.variants, variant))
      throw refuse(`${key} has no variant ${variant}; it has ${Object.keys(other.variants).join(', ')}`)
    if (other.bucketing !== flag.bucketing)
      throw refuse(`${key} has bucketing ${other.bucketing} and this flag ${flag.bucketing}; both must have the same`)
  }
  const heights = new Map<string, number>()
  /** How many flags the longest chain below has. Each flag is looked at once, however many ways lead to it. */
  const heightOf = (at: Flag, way: readonly string[]): number => {
    const known = heights.get(at.key)
    if (known !== undefined) return known
    let height = 0
    for (const { flag: key } of at.prerequisites) {
      if (way.includes(key)) throw flagProblem('flag-cycle', { key, way: [...way.slice(way.indexOf(key)), key] })
      const next = find(key)
      if (next) height = Math.max(height, 1 + heightOf(next, [...way, key]))
      if (way.length - 1 + height > chainMax)
        throw flagProblem('flag-invalid', {
          key: flag.key,
          field: 'prerequisites',
          because: `a chain of prerequisites through ${[...way, key].join(' -> ')} is longer than ${chainMax}`,
        })
    }
    heights.set(at.key, height)
    return height
  }
  heightOf(flag, [flag.key])
}
