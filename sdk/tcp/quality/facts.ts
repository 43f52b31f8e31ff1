/** What score, story and comparison all ask of a record. */
import type { Direction, Distribution } from '../types.ts'
import type { Unscored } from './types.ts'

/** Segments that the network or the sender's doubt cost, whichever side of the loss the capture was taken on. */
export function resentOf(direction: Direction): { readonly segments: number; readonly of: number; readonly share: number } {
  const segments = direction.retransmissions.segments + direction.lostBefore
  // A first sending that was lost before the capture point was sent all the same.
  const of = direction.dataPackets + direction.lostBefore
  return { segments, of, share: of > 0 ? segments / of : 0 }
}

/** The direction that carried more; the client's where neither did. */
export function mainOf(record: Unscored): 0 | 1 {
  return record.directions[1].goodBytes > record.directions[0].goodBytes ? 1 : 0
}

/** Round trips of one direction: by Karn's rule, or by timestamps where that found none. */
export function rttOf(direction: Direction): Distribution | null {
  return direction.rtt.karn ?? direction.rtt.timestamps
}

/**
 * Round trips over the longer part of the path. From the capture point each direction's packets measure the part that lies before them;
 * taken beside one end, one part is that host alone.
 */
export function pathRtt(record: Unscored): Distribution | null {
  return rttOf(record.directions[pathWay(record)])
}

/** The direction whose packets measure it. */
export function pathWay(record: Unscored): 0 | 1 {
  const [a, b] = [rttOf(record.directions[0]), rttOf(record.directions[1])]
  return (b?.minMs ?? -1) > (a?.minMs ?? -1) ? 1 : 0
}

/** The shortest round trip over the whole path that was seen. */
export function shortestMs(record: Unscored): number | null {
  const path = pathRtt(record)
  const shake = record.handshake.rttMs
  if (shake === null) return path?.minMs ?? null
  return path ? Math.min(shake, path.minMs) : shake
}

export const lifeMs = (record: Unscored) => record.duration * 1000

/** The session's life without the time in which neither end had anything to say. */
export const activeMs = (record: Unscored) => Math.max(0, lifeMs(record) - record.limits.idle)

/** A part of the active life, 0 to 1. */
export function shareOfActive(record: Unscored, ms: number): number {
  const active = activeMs(record)
  return active > 0 ? Math.min(1, ms / active) : 0
}

/** A SYN that led to nothing: no answer, refused, or reset; not a capture that merely lacks one side. */
export function neverOpened(record: Unscored): boolean {
  const { state } = record.handshake
  if (state === 'complete' || state === 'none') return false
  return record.directions[0].dataPackets === 0 && record.directions[1].dataPackets === 0 && record.directions[0].pureAcks === 0
}

/** A queue on the path, or null: the round trip grows threefold under load and by more than delayed acknowledgements explain (50 ms). */
export function queueOf(record: Unscored): { readonly fromMs: number; readonly toMs: number } | null {
  const rtt = pathRtt(record)
  if (!rtt || rtt.p95Ms < 3 * rtt.minMs || rtt.p95Ms - rtt.minMs < 50) return null
  return { fromMs: rtt.minMs, toMs: rtt.p95Ms }
}
