import type { FlagDefinition } from './types.ts'
import { operationsIn } from './walk.ts'

/**
 * Is it worth telling who met which variant? Only where somebody may compare those who got one with those who did not:
 * an experiment, or a release that some get by a share and others do not.
 */
export function isCompared(flag: FlagDefinition | undefined): boolean {
  if (flag?.metadata?.kind === 'experiment') return true
  if (flag?.metadata?.kind !== 'release') return false
  for (const [operator] of operationsIn(flag.targeting)) if (operator === 'fractional') return true
  return false
}
