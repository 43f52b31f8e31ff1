/** What a matrix of flag costs says of itself. Pure. */
import { type CallMeasure, callMeasures, type FlagCostWire } from '@belay/protocol'
import { sayCount } from '@belay/base'

/** Further out than this nothing is told apart any more: that it is a lot is what counts. */
const reachMost = 2
const reachLeast = 0.05

/** Half of the axis of a column: the largest shown difference with its interval, so that one column compares. */
export function reachOf(it: FlagCostWire, measure: CallMeasure): number {
  const ends = it.rows.flatMap(({ differences }) => {
    const its = differences[measure]
    if (its.few) return []
    const of = its.before > 0 ? its.before : 1
    return its.shown ? [Math.abs(its.low / of), Math.abs(its.high / of)] : [Math.abs(its.difference / of) * 2]
  })
  return Math.min(reachMost, Math.max(reachLeast, ...ends))
}

export function sayTests(it: FlagCostWire): string {
  if (it.tests === 0) return 'No method had thirty calls with each variant yet.'
  const shown = it.rows.reduce((sum, row) => sum + callMeasures.filter((measure) => row.differences[measure].shown).length, 0)
  return `${sayCount(it.tests, 'difference was', 'differences were')} tested together and ${shown === 0 ? 'none is' : shown === 1 ? 'one is' : `${shown} are`} shown, corrected for that number (Benjamini and Hochberg). Bars are intervals of 99% around no difference.`
}

/** Flags of which some difference is shown, those with the most first. */
export function dearFlags(flags: readonly FlagCostWire[]): string[] {
  const shown = new Map<string, number>()
  for (const it of flags)
    for (const { differences } of it.rows)
      for (const measure of callMeasures) if (differences[measure].shown) shown.set(it.flag, (shown.get(it.flag) ?? 0) + 1)
  return [...shown].sort(([, a], [, b]) => b - a).map(([flag]) => flag)
}
