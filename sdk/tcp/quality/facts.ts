/** What score, story and comparison all ask of a record. */
import type { Direction, Distribution } from '../types.ts'
import type { Unscored } from './types.ts'

/**
 * Segments that the network or the sender's doubt cost, whichever side of the loss the capture was taken on, and their share of those with
 * data. A first sending that was lost before the capture point was sent all the same.
 */
export function resentOf({ retransmissions, lostBefore, dataPackets }: Direction): { readonly segments: number; readonly share: number } {
  const of = dataPackets + lostBefore
  return { segments: retransmissions.segments + lostBefore, share: of > 0 ? (retransmissions.share * dataPackets + lostBefore) / of : 0 }
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
  const a = rttOf(record.directions[0])
  const b = rttOf(record.directions[1])
  return (b?.minMs ?? -1) > (a?.minMs ?? -1) ? 1 : 0
}

/** The shortest round trip over the whole path that was seen: of the handshake, or of data on both parts of the path. */
export function shortestMs(record: Unscored): number | null {
  const shake = record.handshake.rttMs
  const a = rttOf(record.directions[0])
  const b = rttOf(record.directions[1])
  if (a && b) return Math.min(shake ?? Infinity, a.minMs + b.minMs)
  return shake ?? a?.minMs ?? b?.minMs ?? null
}

export const lifeMs = (record: Unscored) => record.duration * 1000

/** The session's life without the time in which neither end had anything to say. */
export const activeMs = (record: Unscored) => Math.max(0, lifeMs(record) - record.limits.idle)

/** A part of the active life, 0 to 1. */
export function shareOfActive(record: Unscored, ms: number): number {
  const active = activeMs(record)
  return active > 0 ? Math.min(1, ms / active) : 0
}

/** A SYN that led to nothing: no answer, refused, or reset; not a capture that merely lacks one side, nor a client that withdrew when it had its answer. */
export function neverOpened(record: Unscored): boolean {
  const { state } = record.handshake
  if (state === 'complete' || state === 'none' || withdrawn(record)) return false
  return record.directions[0].dataPackets === 0 && record.directions[1].dataPackets === 0 && record.directions[0].pureAcks === 0
}

/** The server answered, and the client reset what it had asked for: a race of two addresses, a scan, a cancelled request. */
export function withdrawn({ handshake, close }: Unscored): boolean {
  return handshake.state === 'reset' && handshake.serverMs !== null && close === 'resetByClient'
}

/** With fewer round trips a p95 is no more than the longest of them. */
const samplesMin = 20
/** Fewer segments at once are acknowledged when the receiver likes: up to 200 ms later (RFC 1122 allows 500). */
const thinSegments = 4
const lateAckMs = 200

/**
 * How far round trips grow over the longer part of the path, and how much of that can only be a queue's: a thin stream's growth may be its
 * receiver's delayed acknowledgements. Null: too few samples, or the data was captured beside its receiver.
 */
export function growthOf(
  record: Unscored,
): { readonly fromMs: number; readonly toMs: number; readonly ratio: number; readonly waitMs: number } | null {
  const way = pathWay(record)
  const rtt = rttOf(record.directions[way])
  if (!rtt || !seesPath(record, way)) return null
  const { bytesInFlight, mss } = record.directions[way]
  const thin = bytesInFlight.max < thinSegments * (mss ?? 1460)
  const waitMs = Math.max(0, rtt.p95Ms - rtt.minMs - (thin ? lateAckMs : 0))
  // A microsecond is the finest that most captures tell.
  return { fromMs: rtt.minMs, toMs: rtt.p95Ms, ratio: rtt.p95Ms / Math.max(rtt.minMs, 0.001), waitMs }
}

/** A queue on the path, or null: the round trip doubles and more, by more than delayed acknowledgements explain (50 ms). */
export function queueOf(record: Unscored): ReturnType<typeof growthOf> {
  const growth = growthOf(record)
  return growth && growth.ratio >= 2 && growth.waitMs >= 50 ? growth : null
}

/** Whether a direction's round trips measure the path, and not the capture's own neighbourhood. */
export function seesPath(record: Unscored, way: 0 | 1): boolean {
  const rtt = rttOf(record.directions[way])
  const shortest = shortestMs(record)
  return rtt !== null && rtt.samples >= samplesMin && shortest !== null && rtt.minMs >= shortest / 2
}

/** Lost and sent again, without what was sent in vain and without SYNs, which the handshake tells. */
export function lostOf(record: Unscored, way: 0 | 1): { readonly segments: number; readonly share: number } {
  const { retransmissions, lostBefore, dataPackets } = record.directions[way]
  const of = dataPackets + lostBefore
  const syns = way === 0 ? record.handshake.synRetries : record.handshake.synAckRetries
  const needed = retransmissions.segments > 0 ? 1 - retransmissions.spurious / retransmissions.segments : 1
  const share = of > 0 ? (retransmissions.share * needed * dataPackets + lostBefore) / of : 0
  const segments = Math.max(0, retransmissions.segments - retransmissions.spurious - syns) + lostBefore
  // A FIN that was sent again is none of its data.
  return { segments: share > 0 ? segments : 0, share }
}

/** What the path takes of each answer's wait, as the capture point sees it. */
export function pathOfAnswers(record: Unscored): number {
  const shortest = Math.min(record.handshake.serverMs ?? Infinity, rttOf(record.directions[0])?.minMs ?? Infinity)
  return Number.isFinite(shortest) ? shortest : 0
}
