/** The TCP header (RFC 9293) and its options, as tshark 4.0.17 takes them. */
import type { Packet } from '../packet.ts'
import type { Cursor } from './cursor.ts'

/** Reads up to the window: with less of a header tshark gives no session. */
const identified = 16

/** At `c.at` something that says it is TCP. */
export function readTcp(c: Cursor, p: Packet): number {
  if (c.redirected) c.bound(8)
  const { at, end } = c
  const known = p.quoted || c.fragmented ? -1 : c.limit
  if (end - at >= 20) readHeader(c.bytes, c.view, at, end, known, p)
  else readShort(c, p, known)
  return 0
}

/**
 * @param end of what was captured
 * @param limit of the IP packet; -1: its length says nothing about this segment
 */
export function readHeader(bytes: Uint8Array, view: DataView, at: number, end: number, limit: number, p: Packet): void {
  const ports = view.getUint32(at)
  const word = view.getUint32(at + 12)
  p.sport = ports >>> 16
  p.dport = ports & 0xffff
  p.seq = view.getInt32(at + 4)
  p.ack = view.getInt32(at + 8)
  p.flags = (word >>> 16) & 0x1ff
  p.window = word & 0xffff
  p.cut = false
  p.sessionless = false
  const header = (word >>> 26) & 0x3c
  p.hasTimestamps = false
  p.mss = 0
  p.windowScale = -1
  p.sackPermitted = false
  p.sacks = 0
  const length = limit - at - header
  if (length < 0 || header < 20) {
    p.cut = true
    p.length = limit >= 0 && length > 0 ? length : 0
    p.tsval = 0
    p.tsecr = 0
    return
  }
  p.length = length
  // What nearly every segment of a session has: NOP, NOP, timestamps.
  if (header === 32 && end - at >= 32 && view.getUint32(at + 20) === 0x0101080a) {
    p.hasTimestamps = true
    p.tsval = view.getUint32(at + 24)
    p.tsecr = view.getUint32(at + 28)
    return
  }
  p.tsval = 0
  p.tsecr = 0
  if (header > 20) readOptions(bytes, view, at + 20, Math.min(at + header, end), p)
}

/** Stops where a list makes no sense, and keeps what was before. */
function readOptions(bytes: Uint8Array, view: DataView, start: number, end: number, p: Packet): void {
  let at = start
  while (at < end) {
    const kind = bytes[at] as number
    if (kind === 0) return
    if (kind === 1) {
      at += 1
      continue
    }
    if (end - at < 2) return
    const length = bytes[at + 1] as number
    if (length < 2 || length > end - at) return
    if (kind === 8 && length === 10) {
      p.hasTimestamps = true
      p.tsval = view.getUint32(at + 2)
      p.tsecr = view.getUint32(at + 6)
    } else if (kind === 5) readSack(view, at + 2, at + length, p)
    else if (kind === 2 && length === 4) p.mss = view.getUint16(at + 2)
    else if (kind === 3 && length === 3) p.windowScale = bytes[at + 2] as number
    else if (kind === 4 && length === 2) p.sackPermitted = true
    at += length
  }
}

function readSack(view: DataView, start: number, end: number, p: Packet): void {
  p.sacks = 0
  for (let at = start; end - at >= 8 && p.sacks < 4; at += 8) {
    p.sack[2 * p.sacks] = view.getInt32(at)
    p.sack[2 * p.sacks + 1] = view.getInt32(at + 4)
    p.sacks += 1
  }
}

/** Less than a header was captured: what is missing reads as 0. */
function readShort(c: Cursor, p: Packet, limit: number): void {
  const have = c.end - c.at
  const padded = new Uint8Array(20)
  padded.set(c.bytes.subarray(c.at, c.end))
  const view = new DataView(padded.buffer)
  // As far as it goes, it is as if the rest were there: bytes of the header that were not captured are none of its length.
  readHeader(padded, view, 0, 20, limit < 0 ? -1 : limit - c.at, p)
  if (have >= identified) return
  p.cut = true
  p.sessionless = true
  p.length = 0
}
