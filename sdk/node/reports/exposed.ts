/**
 * Which units met which variant already, so that an exposure is reported once. Two generations, as in generations.ts, of
 * `max` units each; what fell out of both is reported again, and the server, which keeps units and not reports, is not
 * misled by it. By flag and variant, so that asking makes no new string.
 */
export type Exposed = {
  readonly size: number
  /** True the first time. */
  add(label: string, unit: string): boolean
  /** The report was given up: the next time counts as the first again. */
  forget(label: string, unit: string): void
}

export function createExposed(max: number): Exposed {
  let young = new Map<string, Set<string>>()
  let old = new Map<string, Set<string>>()
  let youngSize = 0
  let oldSize = 0

  function addToYoung(label: string, unit: string): void {
    if (youngSize >= max) {
      old = young
      oldSize = youngSize
      young = new Map()
      youngSize = 0
    }
    let units = young.get(label)
    if (units === undefined) young.set(label, (units = new Set()))
    units.add(unit)
    youngSize++
  }

  return {
    get size() {
      return youngSize + oldSize
    },
    add(label, unit) {
      if (young.get(label)?.has(unit)) return false
      const before = old.get(label)?.delete(unit) ?? false
      if (before) oldSize--
      addToYoung(label, unit)
      return !before
    },
    forget(label, unit) {
      if (young.get(label)?.delete(unit)) youngSize--
      if (old.get(label)?.delete(unit)) oldSize--
    },
  }
}
