/** Where an interval lies on a bar whose middle is "no difference". Pure. */
import type { Compared } from '@belay/tcp'

export type Bar = { readonly low: number; readonly estimate: number; readonly high: number; readonly isCut: boolean }

/** Ten times as much, or a tenth, is at the bar's ends: all ratios share one scale, so that rows can be compared. */
const ratioMax = 10

export function barOf(change: Compared['change'], widthPx: number): Bar | undefined {
  if (change === null) return undefined
  const { as, low, estimate, high } = change
  // Differences of different units share none: each fills its own bar.
  const reach = Math.max(Math.abs(low), Math.abs(high), Number.MIN_VALUE) * 1.15
  const share = (value: number) => (as === 'ratio' ? Math.log(Math.max(value, 1e-9)) / Math.log(ratioMax) : value / reach)
  const x = (value: number) => (widthPx / 2) * (1 + Math.min(1, Math.max(-1, share(value))))
  return { low: x(low), estimate: x(estimate), high: x(high), isCut: Math.abs(share(estimate)) > 1 }
}
