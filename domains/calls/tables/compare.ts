/** Two sides of calls, measure by measure: Welch's test from sums, corrected for all methods and measures that are shown together. */
import { type CallMeasure, callMeasures, type CallRowWire, type DifferenceWire } from '@belay/protocol'
import { benjaminiHochberg, type Moments, welch } from '@belay/stats'

/** A difference is shown when, of all that are, one in a hundred is none. The intervals are of 99 % to match. */
export const shownQ = 0.01
/** A mean of fewer calls says little of times, whose spread is as large as they are. */
export const fewCalls = 30

export type Sides = Readonly<Record<CallMeasure, { readonly before: Moments; readonly after: Moments }>>
type Differences = NonNullable<CallRowWire['compared']>

/** In the order that was given; every answer belongs to one method. */
export function differences(them: readonly Sides[]): Differences[] {
  const tests = them.flatMap((sides) =>
    callMeasures.map((measure) => {
      const { before, after } = sides[measure]
      const few = before.n < fewCalls || after.n < fewCalls
      return { few, before, after, it: welch(before, after) }
    }),
  )
  // What is too few to be said anything of is no test, and makes none of the others harder.
  const q = benjaminiHochberg(tests.filter(({ few }) => !few).map(({ it }) => it.p))
  let next = 0
  const wires = tests.map(({ few, it, before, after }): DifferenceWire => {
    const corrected = few ? 1 : (q[next++] as number)
    // Welch's means are 0 where a side has fewer than two calls.
    const [meanBefore, meanAfter] = [meanOf(before), meanOf(after)]
    const difference = meanAfter - meanBefore
    return {
      before: meanBefore,
      after: meanAfter,
      difference,
      low: Number.isFinite(it.low) ? it.low : difference,
      high: Number.isFinite(it.high) ? it.high : difference,
      relative: meanBefore === 0 ? null : difference / meanBefore,
      p: it.p,
      q: corrected,
      shown: !few && corrected <= shownQ,
      few,
    }
  })
  return them.map(
    (_, nth) =>
      Object.fromEntries(callMeasures.map((measure, at) => [measure, wires[nth * callMeasures.length + at]])) as unknown as Differences,
  )
}

const meanOf = ({ n, sum }: Moments): number => (n === 0 ? 0 : sum / n)
