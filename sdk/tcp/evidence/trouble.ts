/** What only a session in trouble needs: made at its first hole, resent segment or SACK block. */
import { Holes } from './holes.ts'
import { Resent } from './resent.ts'

export class Trouble {
  readonly holes = new Holes()
  readonly resent = new Resent()
  /** Highest right edge of a SACK block above what is acknowledged; holds when `sacked`. */
  sacked = false
  sackHigh = 0
  /** The timer ran out, or a fast retransmission began: until all that was sent by then is acknowledged. */
  timedOut = false
  timedOutUntil = 0
  recovering = false
  recoveringUntil = 0
  /** Sent again since the acknowledgement last moved: what follows in silence is no probe of the tail. */
  tried = false
  /** A probe carried the byte after the last. */
  probed = false
  /** Where a segment out of all proportion ended: when another follows it, the numbers have begun anew. */
  stray = false
  strayEnd = 0

  reordered = 0
  lostBefore = 0
  duplicates = 0
  /** Holes that ever were. */
  holesSeen = 0
  unseenSegments = 0
  unseenBytes = 0
  /** Acknowledgements that this side sent and that told of bytes received twice. */
  dsacksSent = 0

  /** Acknowledged, and not seen. */
  missed(bytes: number, mss: number): void {
    this.unseenBytes += bytes
    this.unseenSegments += Math.ceil(bytes / mss)
  }

  /** It was, only later. */
  seenAfterAll(bytes: number, mss: number): void {
    this.unseenBytes -= bytes
    this.unseenSegments = Math.max(0, this.unseenSegments - Math.ceil(bytes / mss))
  }

  /** The stream begins anew: what was counted stays, what is under way is over. */
  restart(): void {
    this.holes.clear()
    this.sacked = false
    this.timedOut = false
    this.recovering = false
    this.tried = false
    this.probed = false
  }

  /** `ack` covers more than before. */
  moved(ack: number): void {
    this.tried = false
    if (this.sacked && ((ack - this.sackHigh) | 0) >= 0) this.sacked = false
    if (this.timedOut && ((ack - this.timedOutUntil) | 0) >= 0) this.timedOut = false
    if (this.recovering && ((ack - this.recoveringUntil) | 0) >= 0) this.recovering = false
  }
}
