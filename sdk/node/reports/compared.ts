/**
 * Whose exposures are worth telling: only where somebody may compare those who got a variant with those who did not. The
 * server decides the same for those who evaluate over OFREP.
 */
import type { FlagDefinition, Json } from '@belay/flag-evaluator'

/** An experiment, or a release that some get by a share and others do not. */
export function isCompared(flag: FlagDefinition | undefined): boolean {
  if (flag?.metadata?.kind === 'experiment') return true
  return flag?.metadata?.kind === 'release' && hasShare(flag.targeting)
}

/** With a list of its own instead of recursion: a rule may be nested deeper than the stack. */
function hasShare(rule: Json | undefined): boolean {
  const waiting: unknown[] = [rule]
  while (waiting.length > 0) {
    const it = waiting.pop()
    if (typeof it !== 'object' || it === null) continue
    if (Object.hasOwn(it, 'fractional')) return true
    for (const value of Object.values(it)) waiting.push(value)
  }
  return false
}
