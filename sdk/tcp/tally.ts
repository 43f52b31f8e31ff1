/** Counts a segment into its session: what happened, as plain numbers. What it means is told by evidence, limits and turns. */
import { DUPLICATE, FAST, KEEP_ALIVE, LOST_BEFORE, PROBE, SPURIOUS } from './evidence/kinds.ts'
import { ACK, CWR, ECE, FIN, type Packet, RST, SYN } from './packet.ts'
import type { Session } from './session.ts'
import type { Side } from './side.ts'

const SFR = SYN | FIN | RST
/** Servers are known by their ports where no SYN says who called: registered ports are below those that systems give to callers. */
const callerPortMin = 32_768

/** Who called whom, by the first packet that was seen. */
export function identify(session: Session, p: Packet): void {
  if ((p.flags & SYN) !== 0) {
    session.opener = 'syn'
    session.aIsClient = (p.flags & ACK) === 0
  } else if (p.sport < callerPortMin !== p.dport < callerPortMin) session.aIsClient = p.dport < callerPortMin
  else session.aIsClient = p.sport >= p.dport
  session.vlan = p.vlan
}

/**
 * @param found the labels of layer one, as bits
 * @returns the segment's place in `kinds`; -1: it has none
 */
export function count(session: Session, mine: Side, theirs: Side, p: Packet, t: number, fromA: boolean, found: number): number {
  session.lastFrame = p.frame
  mine.packets++
  mine.wireBytes += p.wire
  if (t > session.lastNs) session.lastNs = t
  if (found !== 0) mine.countLabels(found)
  if (p.quoted || p.cut) {
    session.unread++
    mine.bytes += p.length
    return -1
  }
  const { flags, length, seq } = p
  const carries = length > 0 || (flags & (SYN | FIN)) !== 0
  const goodBefore = mine.evidence.goodBytes
  const kind = carries || isProbe(p, mine) ? mine.evidence.segment(p, t, mine, theirs) : -1
  const hasAck = (flags & ACK) !== 0
  if (hasAck) theirs.evidence.acknowledged(p, t, theirs, mine)
  session.limits.packet(session, mine, theirs, p, t, kind)
  if ((flags & SFR) !== 0) openOrClose(session, mine, p, t, fromA, kind === DUPLICATE)
  else if (session.openAt < 0 && session.synAckAt >= 0 && hasAck && fromA === session.aIsClient) session.openAt = t
  if ((p.ecn | (flags & (ECE | CWR))) !== 0 && (flags & SYN) === 0) {
    if (p.ecn !== 0) mine.ecnCapable++
    if (p.ecn === 3) mine.ecnMarked++
    if ((flags & ECE) !== 0) mine.ecnEchoes++
  }

  if (!mine.known) {
    mine.known = true
    mine.base = seq
    mine.next = seq
    if (!mine.acked) mine.una = seq
  }
  // Flight and window were as they are until this packet.
  if (mine.flight > 0) mine.flightUntil(t)
  if (hasAck) {
    acknowledge(mine, theirs, p, t, carries)
    if (theirs.evidence.sampled) session.series.rtt(!fromA, t, theirs.evidence.lastRttNs)
  }
  if (carries) {
    const end = (seq + length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0)) | 0
    if (((end - mine.next) | 0) > 0) mine.next = end
    if (length > 0) {
      mine.dataPackets++
      mine.bytes += length
      if (length > mine.segmentMax) mine.segmentMax = length
      if (mine.mss > 0 && length > mine.mss) mine.offloaded++
      if (mine.acked && theirs.windowKnown && end === ((mine.una + theirs.window) | 0)) mine.windowFulls++
      if (!mine.initialDone) mine.initialWindow += length
    }
    mine.inFlight(t)
    if (length > 0) {
      session.series.data(
        fromA,
        t,
        length,
        mine.evidence.goodBytes - goodBefore,
        mine.flight,
        (kind >= FAST && kind <= SPURIOUS) || kind === LOST_BEFORE,
      )
    }
  } else if (length === 0 && flags === ACK) mine.pureAcks++
  if (kind === PROBE) theirs.probes++
  else if (kind === KEEP_ALIVE) mine.keepAlives++
  else if (kind === DUPLICATE) session.duplicates++
  session.turns.packet(session, fromA === session.aIsClient, p, t, kind)
  return kind
}

/** An empty segment below what was sent: the shape of a keep-alive and of Linux's zero-window probe. */
function isProbe(p: Packet, mine: Side): boolean {
  return p.length === 0 && mine.known && p.seq === ((mine.next - 1) | 0) && (p.flags & SFR) === 0
}

/** An acknowledgement of `mine` for what `theirs` sent, with the window that it offers. */
function acknowledge(mine: Side, theirs: Side, p: Packet, t: number, carries: boolean): void {
  const { ack, flags } = p
  const scaled = (flags & SYN) === 0 && mine.scale >= 0 && theirs.scale >= 0 ? p.window << mine.scale : p.window
  const moved = theirs.acked ? (ack - theirs.una) | 0 : 1
  if (moved > 0) {
    theirs.una = ack
    theirs.acked = true
    if (theirs.dataPackets > 0) theirs.initialDone = true
    if (theirs.known) theirs.inFlight(t)
  } else if (moved === 0 && !carries && scaled === mine.window && theirs.flight > 0 && (flags & SFR) === 0) mine.dupAcks++
  if (p.sacks > 0) {
    mine.sackAcks++
    mine.sackBlocks += p.sacks
  }
  if ((flags & (SYN | RST | FIN)) === 0 || scaled > 0) {
    if (scaled === 0) {
      if (mine.zeroSince < 0) {
        mine.zeroWindows++
        mine.zeroSince = t
      }
    } else if (mine.zeroSince >= 0) {
      // A clock that stepped back gives nothing and takes nothing.
      if (t > mine.zeroSince) mine.zeroNs += t - mine.zeroSince
      mine.zeroSince = -1
    }
  }
  if ((flags & RST) === 0) {
    mine.window = scaled
    mine.windowKnown = true
    if ((flags & SYN) === 0) {
      if (mine.windowMin < 0 || scaled < mine.windowMin) mine.windowMin = scaled
      if (scaled > mine.windowMax) mine.windowMax = scaled
    }
  }
}

function openOrClose(session: Session, mine: Side, p: Packet, t: number, fromA: boolean, isCopy: boolean): void {
  const { flags } = p
  if ((flags & SYN) !== 0) {
    if (mine.synSeen && !isCopy) mine.synRetries++
    mine.synSeen = true
    mine.scale = p.windowScale >= 0 ? Math.min(p.windowScale, 14) : -2
    mine.mss = p.mss
    mine.sackPermitted = p.sackPermitted
    mine.offersTimestamps = p.hasTimestamps
    mine.ecnSetup = (flags & ECE) !== 0
    if ((flags & ACK) === 0) {
      session.synAt = t
      if (p.length > 0) session.fastOpen = true
    } else if (session.synAckAt < 0) session.synAckAt = t
  }
  if ((flags & FIN) !== 0) mine.finSeen = true
  if ((flags & RST) !== 0 && session.reset === 0) session.reset = fromA === session.aIsClient ? 1 : 2
  if (session.closedAt < 0 && (session.reset !== 0 || (session.a.finSeen && session.b.finSeen))) session.closedAt = t
}
