/** Sessions told as lists of packets, analysed. */
import { createAnalyser } from '../analyser.ts'
import { back, pcap, type SegmentFields, tcpFrame } from '../fixtures.ts'
import { ACK, PSH, SYN } from '../packet.ts'
import type { SessionRecord, Turn } from '../types.ts'

/** When, in milliseconds; `>` from the client, `<` from the server; what. */
export type Told = readonly [atMs: number, from: '>' | '<', fields: SegmentFields]

export const push = ACK | PSH
/** The segments of 1448 bytes that Ethernet with timestamps has; here without them, and without scaling. */
export const full = 1448

/** Three packets: SYN+ACK after `serverMs`, ACK after `clientMs` more. Numbers begin at 1. */
export function handshake(serverMs: number, clientMs: number, window = 65_535): Told[] {
  const options = { mss: 1460, windowScale: 0, sackPermitted: true }
  return [
    [0, '>', { flags: SYN, seq: 0, window, options }],
    [serverMs, '<', { flags: SYN | ACK, seq: 0, ack: 1, window, options }],
    [serverMs + clientMs, '>', { seq: 1, ack: 1, window }],
  ]
}

export function analyse(told: readonly Told[]): { readonly record: SessionRecord; readonly turns: readonly Turn[] } {
  const records: SessionRecord[] = []
  const turns: Turn[] = []
  const analyser = createAnalyser({ onSession: (record) => records.push(record), onTurn: (turn) => turns.push(turn) })
  analyser.write(
    pcap(
      told.map(([atMs, from, fields]) => ({ at: Math.round(atMs * 1e6), frame: tcpFrame(from === '>' ? fields : { ...back, ...fields }) })),
      { nanoseconds: true },
    ),
  )
  analyser.end()
  if (records.length !== 1) throw new Error(`one session was told, ${records.length} came out`)
  return { record: records[0] as SessionRecord, turns }
}
