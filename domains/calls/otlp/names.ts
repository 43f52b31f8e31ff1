/** Names that others choose: services, releases, hosts, lanes. At most so many of each a day, so that nobody floods memory and columns. */

export type Names = {
  /** Whether the name has room; it is known from now on. */
  admit(name: string, now: number): boolean
}

const dayMs = 86_400_000

export function createNames(max: number): Names {
  const known = new Set<string>()
  let day = 0
  return {
    admit(name, now) {
      const today = Math.floor(now / dayMs)
      if (today !== day) {
        known.clear()
        day = today
      }
      if (known.has(name)) return true
      if (known.size >= max) return false
      known.add(name)
      return true
    },
  }
}
