import { type Columns, createAnalyser } from '@belay/tcp'
import { back, type Captured, pcap, tcpFrame } from '@belay/tcp/fixtures'
import { describe, expect, test } from 'vitest'
import { markNames, pictureOf } from './picture.ts'

const [FIN, SYN, ACK] = [1, 2, 16]
const ms = 1e6

/** 1,000 bytes three times, of which the second is lost behind the capture point and sent again after a SACK. */
function columns(): Columns {
  const frames: Captured[] = [
    { at: 0, frame: tcpFrame({ flags: SYN, seq: 999, options: { mss: 1460, sackPermitted: true, windowScale: 0 } }) },
    {
      at: 40 * ms,
      frame: tcpFrame({ ...back, flags: SYN | ACK, seq: 1999, ack: 1000, options: { mss: 1460, sackPermitted: true, windowScale: 0 } }),
    },
    { at: 40.1 * ms, frame: tcpFrame({ seq: 1000, ack: 2000 }) },
    { at: 50 * ms, frame: tcpFrame({ seq: 1000, ack: 2000, length: 1000, ipId: 1 }) },
    { at: 51 * ms, frame: tcpFrame({ seq: 2000, ack: 2000, length: 1000, ipId: 2 }) },
    { at: 52 * ms, frame: tcpFrame({ seq: 3000, ack: 2000, length: 1000, ipId: 3 }) },
    { at: 90 * ms, frame: tcpFrame({ ...back, seq: 2000, ack: 2000 }) },
    { at: 92 * ms, frame: tcpFrame({ ...back, seq: 2000, ack: 2000, options: { sack: [[3000, 4000]] } }) },
    { at: 93 * ms, frame: tcpFrame({ seq: 2000, ack: 2000, length: 1000, ipId: 4 }) },
    { at: 133 * ms, frame: tcpFrame({ ...back, seq: 2000, ack: 4000 }) },
    { at: 140 * ms, frame: tcpFrame({ seq: 4000, ack: 2000, flags: FIN | ACK }) },
    { at: 180 * ms, frame: tcpFrame({ ...back, seq: 2000, ack: 4001 }) },
  ]
  let its: Columns | undefined
  const analyser = createAnalyser({ onSession: () => {}, trace: { sessions: [0], onTrace: (trace) => void (its = trace.columns()) } })
  analyser.write(pcap(frames))
  analyser.end()
  if (its === undefined) throw new Error('no session was traced')
  return its
}

describe('what the graphs of a direction are drawn of', () => {
  const picture = pictureOf(columns(), true)

  test('what was sent first, and what was sent again, apart', () => {
    expect([...picture.sent.low]).toEqual([0, 1, 1001, 2001, 3001])
    expect([...picture.sent.high]).toEqual([1, 1001, 2001, 3001, 3002])
    expect([...picture.marks.low]).toEqual([1001])
    expect(markNames[picture.marks.mark[0] ?? -1]).toBe('fast')
    expect(picture.counts[markNames.indexOf('fast')]).toBe(1)
  })
  test('the other side’s acknowledgements, its window and its SACK blocks', () => {
    expect([...picture.acks.ack]).toEqual([1, 1001, 1001, 3001, 3002])
    expect(picture.acks.edge[1]).toBe(1001 + 65_535)
    expect([[...picture.sacks.left], [...picture.sacks.right]]).toEqual([[2001], [3001]])
  })
  test('round trips of what was not sent again, nor waited for what was', () => {
    expect([...picture.rtt.value].map((it) => Math.round(it))).toEqual([40, 40, 40])
  })
  test('bytes in flight, up with data and down with acknowledgements', () => {
    expect([...picture.flight.value]).toEqual([0, 1000, 2000, 3000, 2000, 2000, 0, 0])
  })
  test('bytes carried, and how many of them a second time', () => {
    expect(picture.carried.bytes.at(-1)).toBe(4000)
    expect(picture.carried.again.at(-1)).toBe(1000)
  })
  test('the other direction has nothing but its handshake', () => {
    const other = pictureOf(columns(), false)
    expect([other.sent.t.length, other.marks.t.length, other.carried.t.length]).toEqual([1, 0, 0])
  })
})
