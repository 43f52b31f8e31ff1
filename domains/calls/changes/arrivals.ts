/**
 * Which release came where, and when: from the ledger's deployments, and from the calls themselves for services that
 * others deploy. Pure.
 */
import type { Fact } from '@belay/ledger'
import type { Arrival } from './store.ts'

export const hourMs = 3_600_000
export const hourOf = (at: number): number => at - (at % hourMs)

/** A deployment that began. */
export type Deployed = { readonly environment: string; readonly release: string; readonly before: string | null; readonly at: number }

export function deployedOf(fact: Fact): Deployed | undefined {
  const { environment, release, from } = fact.data
  if (fact.kind !== 'deployment.started' || typeof environment !== 'string' || typeof release !== 'string') return undefined
  return { environment, release, before: typeof from === 'string' ? from : null, at: fact.at }
}

/** A release in the calls of a service: the hours of its first and last call. */
export type Seen = {
  readonly environment: string
  readonly service: string
  readonly release: string
  readonly firstHour: number
  readonly lastHour: number
}
export type Candidate = Arrival & {
  /** Its first call must be looked up: the hour alone does not say who was first. */ readonly unsure: boolean
}

/**
 * Releases that came lately and are not known yet. A deployment says when a release came, and which one it replaced: also
 * one that was there before (a roll-back). Without one, a release came when it was first seen.
 */
export function newArrivals(it: {
  readonly seen: readonly Seen[]
  readonly deployed: readonly Deployed[]
  readonly known: readonly Arrival[]
  readonly since: number
}): Candidate[] {
  const { seen, deployed, known, since } = it
  return seen.flatMap((one): Candidate[] => {
    const { environment, service, release } = one
    if (release === '') return []
    const others = seen.filter((other) => other.environment === environment && other.service === service && other.release !== release)
    const isKnown = (at: number) => known.some((arrival) => isSame(arrival, one) && Math.abs(arrival.at - at) < 1_000)
    const moves = deployed.filter((move) => move.environment === environment && move.release === release)
    if (moves.length > 0)
      return moves
        .filter(({ at, before }) => at >= since && before !== release && one.lastHour >= hourOf(at) && !isKnown(at))
        .flatMap(({ at, before }) => {
          const there = others.filter((other) => other.firstHour <= hourOf(at))
          const old = there.find((other) => other.release === before) ?? latest(there)
          return old === undefined ? [] : [{ environment, service, release, at, before: old.release, unsure: false }]
        })
    if (one.firstHour < hourOf(since) || known.some((arrival) => isSame(arrival, one))) return []
    const there = others.filter((other) => other.firstHour <= one.firstHour)
    const old = latest(there)
    return old === undefined ? [] : [{ environment, service, release, at: one.firstHour, before: old.release, unsure: true }]
  })
}

const isSame = (arrival: Arrival, seen: Seen): boolean =>
  arrival.environment === seen.environment && arrival.service === seen.service && arrival.release === seen.release

const latest = (them: readonly Seen[]): Seen | undefined =>
  them.reduce<Seen | undefined>(
    (last, it) =>
      last === undefined || it.lastHour > last.lastHour || (it.lastHour === last.lastHour && it.firstHour < last.firstHour) ? it : last,
    undefined,
  )

/** The same with the times of first calls: nobody comes after one that came later. */
export function arrivedFirst(candidate: Candidate, firsts: ReadonlyMap<string, number>): Arrival | undefined {
  const { environment, service, release } = candidate
  const at = firsts.get(release)
  if (at === undefined) return undefined
  const earlier = [...firsts].filter(([other, first]) => other !== release && first < at)
  if (earlier.length === 0) return undefined
  const before = earlier.some(([other]) => other === candidate.before)
    ? candidate.before
    : (earlier.reduce((last, it) => (it[1] > last[1] ? it : last))[0] as string)
  return { environment, service, release, at, before }
}
