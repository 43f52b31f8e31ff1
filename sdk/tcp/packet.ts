import { zero } from './double.ts'

/**
 * One TCP segment as it was captured: a single object that is filled anew for each, so that none is made per packet.
 * All sequence numbers are int32 (`seq | 0`), so that a difference `(a - b) | 0` is right across the wrap at 2^32.
 */
export class Packet {
  /** Position in the capture, from 1, as tshark's frame.number. */
  frame = 0
  /** Since the epoch; the two parts stay apart because nanoseconds since the epoch do not fit a Number exactly. */
  sec = 0
  nsec = 0
  family: 4 | 6 = 4
  /** The address as four int32 words, big-endian; an IPv4 address is in word 3, the others are 0. */
  src0 = 0
  src1 = 0
  src2 = 0
  src3 = 0
  dst0 = 0
  dst1 = 0
  dst2 = 0
  dst3 = 0
  sport = 0
  dport = 0
  seq = 0
  ack = 0
  /** The low 9 bits: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256. */
  flags = 0
  /** As in the header, unscaled. */
  window = 0
  /** Bytes of TCP payload by the IP length, whatever was captured of them. */
  length = 0
  /** Bytes of the frame on the wire. */
  wire = 0
  /** IPv4 identification; -1 where there is none (IPv6). */
  ipId = -1
  /** The two ECN bits of the IP header: 0 not capable, 1 ECT(1), 2 ECT(0), 3 congestion experienced. */
  ecn = 0
  /** Innermost VLAN id; -1 without. */
  vlan = -1
  /** TCP timestamps, uint32; `hasTimestamps` false: none (or cut off). */
  hasTimestamps = false
  tsval = zero
  tsecr = zero
  /** Options; -1 or 0: not there. */
  mss = 0
  windowScale = -1
  sackPermitted = false
  /** SACK blocks, at most 4 (RFC 2018): `sack[2i]` left edge, `sack[2i+1]` right edge, int32. */
  sacks = 0
  readonly sack = new Int32Array(8)
  /** Quoted inside an ICMP error: it may begin a session and counts as a frame, but is not analysed. */
  quoted = false
  /** Its length cannot be told (a header cut off or a lie, the first of IP fragments that are not joined): not analysed; what is missing reads as 0. */
  cut = false
  /** So little of its header was captured (less than 16 bytes) that it belongs to no session: a frame with TCP, nothing more. `cut` too. */
  sessionless = false
  /** Fewer bytes were captured than were on the wire. */
  truncated = false
}

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16
export const ECE = 64
export const CWR = 128
