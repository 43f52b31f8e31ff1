/** Which calls of the old release stand against those of the new one. Pure; `releases.ts` says the same in SQL. */
import { callMeasures } from '@belay/protocol'
import type { StrataSums } from '@belay/stats'
import { callsMin, type MethodSums } from './verdict.ts'

const hourMs = 3_600_000
/** A release is watched for so long: every hour of the day has come twice by then. */
export const watchedMs = 48 * hourMs
/** How far back the old release is looked at: one day of each kind. */
export const beforeMs = 7 * 24 * hourMs

/**
 * From the fairest to the least: calls of both in the same hour (old instances beside the new); the old release at the same
 * hour of the day, during the week before; the hour before against the hour after.
 */
export const matchings = ['beside', 'sameHours', 'next'] as const
export type Matching = (typeof matchings)[number]

/**
 * Of each measure the first matching with enough calls; but `sameHours` rather than `beside` when it rests on more than
 * twice as much: the one hour in which a quick deployment happened shall not be all that is ever looked at.
 */
export function fairest(found: Readonly<Record<Matching, readonly MethodSums[]>>): MethodSums[] {
  const byKey = matchings.map((matching) => new Map(found[matching].map((it) => [`${it.service}\0${it.method}`, it])))
  const keys = new Set(byKey.flatMap((map) => [...map.keys()]))
  return [...keys].map((key) => {
    const [beside, sameHours, next] = byKey.map((map) => map.get(key))
    const { service, method } = (beside ?? sameHours ?? next) as MethodSums
    const sums = Object.fromEntries(
      callMeasures.map((measure) => [measure, fairestOf(beside?.sums[measure], sameHours?.sums[measure], next?.sums[measure])]),
    ) as MethodSums['sums']
    return { service, method, sums }
  })
}

type Some = StrataSums | undefined
const isEnough = (it: Some): it is StrataSums => it !== undefined && it.nBefore >= callsMin && it.nAfter >= callsMin

function fairestOf(beside: Some, sameHours: Some, next: Some): Some {
  if (isEnough(beside) && !(isEnough(sameHours) && sameHours.weight > 2 * beside.weight)) return beside
  if (isEnough(sameHours)) return sameHours
  return isEnough(next) ? next : (beside ?? sameHours ?? next)
}
