/** Which builds a host need not keep any longer. Pure. */
import type { Plan } from './plan.ts'

/** The present build, the one before (for the way back without copying), and one more for a rollback after a rollback. */
export const buildsKept = 3

/**
 * @param plans of one environment, newest first
 * @returns builds beyond the newest `buildsKept` different ones of each service on each host, never one that runs
 */
export function buildsToForget(
  plans: readonly Pick<Plan, 'items'>[],
  running: readonly { readonly host: string; readonly service: string; readonly artifact: string }[],
): { host: string; service: string; artifact: string }[] {
  const kept = new Map<string, Set<string>>(running.map((it) => [`${it.host}\n${it.service}`, new Set([it.artifact])]))
  const forget = new Map<string, { host: string; service: string; artifact: string }>()
  for (const { items } of plans) {
    for (const { host, moves } of items) {
      for (const { service, to, from } of moves) {
        const place = `${host}\n${service}`
        const its = kept.get(place) ?? new Set()
        kept.set(place, its)
        for (const artifact of [to.artifact, ...(from === null ? [] : [from.artifact])]) {
          if (its.has(artifact)) continue
          if (its.size < buildsKept) its.add(artifact)
          else forget.set(`${place}\n${artifact}`, { host, service, artifact })
        }
      }
    }
  }
  return [...forget.values()]
}
