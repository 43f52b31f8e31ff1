import type { CallMeasure, DifferenceWire } from '@belay/protocol'
import { sayDifference, tellDifference } from './figures.ts'

/** A difference in a table: its size when one is shown, else that none is, which is not zero. */
export function Difference({ measure, it }: { measure: CallMeasure; it: DifferenceWire }) {
  const tip = tellDifference(measure, it)
  if (it.few)
    return (
      <span className="no-change" data-tip={tip}>
        too few calls
      </span>
    )
  if (!it.shown)
    return (
      <span className="no-change" data-tip={tip}>
        no change shown
      </span>
    )
  return (
    <span className={`changed ${it.difference > 0 ? 'is-dearer' : 'is-cheaper'}`} data-tip={tip}>
      {sayDifference(measure, it)}
    </span>
  )
}
