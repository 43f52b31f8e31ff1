/**
 * Layer one: the labels that tshark 4.0.17 gives a segment, with its state and its quirks, so that anybody can hold
 * Belay against Wireshark. Rules in words: docs/reference/tcp.md. Sequence numbers are compared modulo 2^32; here, as
 * in Wireshark, `next`, `lastAck` and `maxToAck` are unset while they are 0, and of two numbers exactly 2^31 apart each
 * is after the other and before it.
 */
import { never, zero } from './double.ts'
import { ACK, FIN, type Packet, RST, SYN } from './packet.ts'
import { labels } from './types.ts'
import { type Pool, Unacked, unackedMax } from './unacked.ts'

const bit = (label: (typeof labels)[number]): number => 1 << labels.indexOf(label)
const retransmission = bit('retransmission')
const fastRetransmission = bit('fastRetransmission')
const spuriousRetransmission = bit('spuriousRetransmission')
const outOfOrder = bit('outOfOrder')
const duplicateAck = bit('duplicateAck')
const lostSegment = bit('lostSegment')
const ackLostSegment = bit('ackLostSegment')
const zeroWindow = bit('zeroWindow')
const zeroWindowProbe = bit('zeroWindowProbe')
const zeroWindowProbeAck = bit('zeroWindowProbeAck')
const keepAlive = bit('keepAlive')
const keepAliveAck = bit('keepAliveAck')
const windowUpdate = bit('windowUpdate')
const windowFull = bit('windowFull')
export const reusedPorts = bit('reusedPorts')

const SFR = SYN | FIN | RST
/** Duplicate acknowledgements are at most this old when they bring a fast retransmission, ns. */
const fastWithinNs = 20e6
/** Stands for the round trip of a session whose handshake was not seen, ns. */
const usualRttNs = 3e6
/** "Keep-alive or probe seen last" of `dupAcks`: it counts as many. */
const marked = 0x3fffffff

/** Of one direction: what its sender sent. */
export class LabelState {
  baseKnown = false
  base = 0
  /** -1: not told yet, -2: not used. */
  scale = -1
  /** The raw window of its last packet; -1: none yet. */
  window = -1
  firstAck = false
  inFlightValid = true
  lastLabels = 0
  next = 0
  nextAt = zero
  lastAck = 0
  lastAt = zero
  dupAcks = 0
  maxToAck = 0
  readonly unacked = new Unacked()
  /** Bytes of the SACK ranges of its last packet. */
  sacked = 0
  /** tshark's `ack_rtt` of the acknowledgements that it sent, which knows nothing of Karn's rule: for comparison alone. */
  ackRtts = 0
  ackRttSumNs = zero
  /** Largest `bytes_in_flight`. */
  inFlightMax = 0

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.baseKnown = false
    this.base = 0
    this.scale = -1
    this.window = -1
    this.firstAck = false
    this.inFlightValid = true
    this.lastLabels = 0
    this.next = 0
    this.nextAt = 0
    this.lastAck = 0
    this.lastAt = 0
    this.dupAcks = 0
    this.maxToAck = 0
    this.unacked.renew()
    this.sacked = 0
    this.ackRtts = 0
    this.ackRttSumNs = 0
    this.inFlightMax = 0
  }
}

/** Of both directions. */
export class LabelSession {
  /** Time of the newest SYN without ACK; -1: none. */
  synAt = never
  /** 0: unset. */
  rttNs = zero

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.synAt = -1
    this.rttNs = 0
  }
}

/** Whether a SYN begins another session on the same addresses and ports. */
export function beginsAnother(fwd: LabelState, p: Packet): boolean {
  return (p.flags & (SYN | ACK)) === SYN && fwd.baseKnown && p.seq !== fwd.base
}

/**
 * Labels `p`, sent by `fwd` at `t`, ns since the session began.
 * @returns bits as positions in `labels`
 */
export function label(session: LabelSession, fwd: LabelState, rev: LabelState, pool: Pool, p: Packet, t: number): number {
  const { flags, seq, ack, length: len, window: win } = p
  let found = 0
  if ((flags & SYN) !== 0) {
    if ((flags & ACK) === 0) {
      if (fwd.baseKnown && seq === fwd.base) fwd.next = fwd.maxToAck
    } else if (fwd.baseKnown && seq !== fwd.base) {
      fwd.base = seq
      found = reusedPorts
    }
  }
  fwd.sacked = 0
  if (p.quoted || p.cut) return 0
  if (!fwd.baseKnown) {
    fwd.baseKnown = true
    fwd.base = (flags & SYN) !== 0 ? seq : (seq - 1) | 0
  }
  if (!rev.baseKnown && (flags & ACK) !== 0) {
    rev.baseKnown = true
    rev.base = (ack - 1) | 0
  }
  found |= analyse(session, fwd, rev, pool, flags, seq, ack, len, win, t)
  afterwards(session, fwd, rev, p, t)
  return found
}

function analyse(
  session: LabelSession,
  fwd: LabelState,
  rev: LabelState,
  pool: Pool,
  flags: number,
  seq: number,
  ack: number,
  len: number,
  win: number,
  t: number,
): number {
  const N = fwd.next
  const sfr = (flags & SFR) !== 0
  const hasAck = (flags & ACK) !== 0
  let found = 0
  if (hasAck) rev.inFlightValid = true

  if (len === 1 && seq === N && rev.window === 0) found = zeroWindowProbe
  else {
    if (win === 0 && !sfr) found |= zeroWindow
    if (N !== 0 && ((N - seq) | 0) < 0 && (flags & RST) === 0) {
      found |= lostSegment
      fwd.inFlightValid = false
    }
    if (len <= 1 && seq === ((N - 1) | 0) && !sfr) found |= keepAlive
    if (len === 0) {
      if (!sfr && seq === N && ack === fwd.lastAck) {
        if (win !== 0 && win !== fwd.window) found |= windowUpdate
        if (win === fwd.window) {
          if (win !== 0 && (rev.lastLabels & keepAlive) !== 0) found |= keepAliveAck
          else if (win === 0 && (rev.lastLabels & zeroWindowProbe) !== 0) found |= zeroWindowProbeAck
          else if (win !== 0) {
            found |= duplicateAck
            fwd.dupAcks = fwd.dupAcks === marked ? 1 : fwd.dupAcks + 1
          }
        }
      }
    } else if (!sfr && rev.scale !== -1) {
      const shift = rev.firstAck || rev.scale === -2 ? 0 : rev.scale
      // Before its first packet the window is 0xffffffff, which is -1 here.
      if (((seq + len) | 0) === ((rev.lastAck + (rev.window << shift)) | 0)) found |= windowFull
    }
  }

  if (ack !== fwd.lastAck) fwd.dupAcks = 0
  if (hasAck && rev.maxToAck !== 0 && ((rev.maxToAck - ack) | 0) < 0) {
    if (((rev.maxToAck - rev.next) | 0) < 0) {
      rev.maxToAck = rev.next
      found |= ackLostSegment
    } else if (rev.dupAcks === 0) {
      rev.dupAcks = marked
      found |= ackLostSegment
    }
  }

  const counts = len > 0 || (flags & (SYN | FIN)) !== 0
  const one = (flags & (SYN | FIN)) !== 0 ? 1 : 0
  if (counts && (found & keepAlive) === 0) {
    const back = N !== 0 && ((seq - N) | 0) < 0 && !(len > 1 && ((N - 1) | 0) === seq)
    if (len > 0 && rev.lastAck !== 0 && ((seq + len - rev.lastAck) | 0) <= 0) found |= spuriousRetransmission | retransmission
    else if (back) {
      const sinceAck = t - rev.lastAt
      const sinceNext = t - fwd.nextAt
      if (rev.dupAcks >= 2 && rev.lastAck === seq && sinceAck >= 0 && sinceAck < fastWithinNs) found |= fastRetransmission | retransmission
      else if (sinceNext >= 0 && sinceNext < (session.rttNs === 0 ? usualRttNs : session.rttNs) && N !== ((seq + len + one) | 0))
        found |= outOfOrder
      else found |= retransmission
    }
  }

  let end = (seq + len) | 0
  if (counts && fwd.unacked.count < unackedMax) {
    end = (end + one) | 0
    fwd.unacked.append(pool, seq, end, t)
  }
  if ((found & zeroWindowProbe) === 0) {
    if (fwd.next === 0 || ((fwd.next - end) | 0) < 0) {
      fwd.next = end
      fwd.nextAt = t
    }
    if (seq === fwd.maxToAck || fwd.maxToAck === 0) fwd.maxToAck = fwd.next
  }
  fwd.window = win
  fwd.lastAck = ack
  fwd.lastAt = t
  fwd.lastLabels = found

  const sent = rev.unacked.count === 0 ? -1 : rev.unacked.acknowledge(pool, ack)
  if (sent >= 0 && t !== sent) {
    fwd.ackRtts++
    fwd.ackRttSumNs += t - sent
  }

  if (len > 0 && fwd.inFlightValid && fwd.unacked.count > 0) {
    // Relative to the first segment that was seen: a list that reaches back behind it is far too long, and not told.
    const from = (fwd.unacked.lowest - fwd.base) >>> 0
    const flight = ((fwd.unacked.highest - fwd.base) >>> 0) - from - rev.sacked
    if (flight > 0 && flight < 2_000_000_000 && flight - one > fwd.inFlightMax) fwd.inFlightMax = flight - one
  }
  return found
}

function afterwards(session: LabelSession, fwd: LabelState, rev: LabelState, p: Packet, t: number): void {
  const { flags } = p
  if ((flags & SYN) !== 0) {
    fwd.firstAck = true
    if ((flags & ACK) === 0) session.synAt = t
  } else if ((flags & ACK) !== 0) {
    if (session.synAt >= 0 && session.rttNs === 0) session.rttNs = t - session.synAt
    fwd.firstAck = false
  }
  if (p.sacks > 0) {
    const ranges = p.sacks < 3 ? p.sacks : 3
    for (let i = 0; i < ranges; i++) fwd.sacked += ((p.sack[2 * i + 1] as number) - (p.sack[2 * i] as number)) >>> 0
  }
  if (p.windowScale >= 0) fwd.scale = p.windowScale > 14 ? 14 : p.windowScale
  if ((flags & SYN) !== 0) {
    if (fwd.scale === -1) {
      fwd.scale = -2
      rev.scale = -2
    } else if ((flags & ACK) !== 0 && rev.scale === -2) fwd.scale = -2
  }
}
