/** Belay's own reading of every segment, from all evidence at hand. One for each side: of what that side sent. */
import type { Packet } from '../packet.ts'
import type { Side } from '../side.ts'

export class Evidence {
  /** Bytes of payload that were never seen before. */
  goodBytes = 0
  /** Round trips of what this side sent, ns; -1 before the first sample. Smoothed as RFC 6298. */
  lastRttNs = -1
  minRttNs = -1
  srttNs = -1
  /** Whether the last `acknowledged` took a sample. */
  sampled = false

  /**
   * Asked before the packet is counted in `mine` (its `next`, `una` ... are as they were).
   * @returns the position in `kinds`
   */
  segment(_p: Packet, _t: number, _mine: Side, _theirs: Side): number {
    return 0
  }

  /** `acker` acknowledges what `mine` (whose evidence this is) sent; before `mine.una` moves. Samples round trips, learns of DSACKs. */
  acknowledged(_p: Packet, _t: number, _mine: Side, _acker: Side): void {}
}
