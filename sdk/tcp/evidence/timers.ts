/** Why a segment was sent again: the fourth rule of `evidence.ts`. */
import { type Packet, SYN } from '../packet.ts'
import { FAST, SPURIOUS, TAIL, TIMEOUT } from './kinds.ts'
import type { Trouble } from './trouble.ts'

/** Least retransmission time-out of Linux and most others of today. */
const rtoMinNs = 200e6
/** Captures are not taken at the timer itself, and estimates of it differ: so much of the time must have passed. */
const early = 0.9
/** Many send again at the third duplicate acknowledgement (RFC 5681). */
const dupAcksMin = 3

/** What is known of one end's sendings. */
type Known = {
  readonly acked: boolean
  readonly una: number
  readonly next: number
  readonly dupAcks: number
  readonly heardAt: number
  readonly minRttNs: number
  readonly srttNs: number
  readonly rttVarNs: number
}

/**
 * @param known when the segment was last sent; -1: before what is remembered
 * @param theirs of the other side: its round trips lie on the capture point's other side
 */
export function whyResent(
  mine: Known,
  theirs: Known,
  trouble: Trouble,
  p: Packet,
  t: number,
  start: number,
  end: number,
  known: number,
  selective: boolean,
): number {
  const first = !trouble.tried
  trouble.tried = true
  if (mine.acked && ((end - mine.una) | 0) <= 0) return SPURIOUS
  if ((p.flags & SYN) !== 0) return TIMEOUT
  const upNs = theirs.minRttNs > 0 ? theirs.minRttNs : 0
  const srttNs = (mine.srttNs > 0 ? mine.srttNs : 0) + upNs
  const waitNs = Math.max(rtoMinNs, 4 * mine.rttVarNs)
  const ageNs = known < 0 ? t - mine.heardAt : t - known
  const silenceNs = Math.min(ageNs, t - mine.heardAt)
  const expired = ageNs >= early * (srttNs + waitNs) && silenceNs >= early * waitNs + upNs
  if (trouble.timedOut && ((start - trouble.timedOutUntil) | 0) < 0) return TIMEOUT

  const reported = trouble.sacked && ((trouble.sackHigh - start) | 0) > 0
  const duplicated = mine.dupAcks >= dupAcksMin && start === mine.una
  if (reported || duplicated || (trouble.recovering && ((start - trouble.recoveringUntil) | 0) < 0)) {
    if (expired) return timedOut(mine, trouble)
    trouble.recoveringUntil = mine.next
    trouble.recovering = true
    return FAST
  }
  // The last segment again, once, in silence: two round trips, and with a single segment on its way as long as the timer.
  const last = ((end - mine.next) | 0) >= 0
  if (last && first && selective && mine.srttNs > 0 && ageNs <= Math.max(2 * srttNs + rtoMinNs, srttNs + waitNs) * 1.2) return TAIL
  if (expired || silenceNs >= early * (srttNs > 0 ? srttNs + 4 * mine.rttVarNs : rtoMinNs)) return timedOut(mine, trouble)
  return FAST
}

function timedOut(mine: Known, trouble: Trouble): number {
  trouble.timedOut = true
  trouble.timedOutUntil = mine.next
  trouble.recovering = false
  return TIMEOUT
}
