/** What the graphs of one direction are drawn of, taken from a session's segments in two passes. Pure. */
import type { Columns } from '@belay/tcp'
import { kinds, labels } from '@belay/tcp'
import { Pyramid } from './pyramid.ts'

const [FIN, SYN, RST, ACK] = [1, 2, 4, 16]
const hole = 1 << labels.indexOf('lostSegment')

/** What is marked with a shape of its own: Belay's kinds but for `new`, a reset, and where segments before are missing. */
export type Mark = Exclude<(typeof kinds)[number], 'new'> | 'reset' | 'hole'
export const markNames: readonly Mark[] = [...kinds.filter((it) => it !== 'new'), 'reset', 'hole']
const resetMark = kinds.length - 1
const holeMark = kinds.length

/** These bytes had been sent before, whether or not the capture saw it. */
const sentAgain = new Set<Mark>(['fast', 'timeout', 'tail', 'spurious', 'lostBefore'])
/** They carry nothing. */
const carryNothing = new Set<Mark>(['duplicate', 'keepAlive', 'probe'])

/** Of each column the values are in order of time, `t`, which never goes down; `of` is the segment's place in the trace. */
export type Picture = {
  readonly columns: Columns
  readonly fromClient: boolean
  readonly endNs: number
  /** What was sent for the first time: from, to. */
  readonly sent: { readonly t: Float64Array; readonly low: Float64Array; readonly high: Float64Array; readonly of: Uint32Array }
  readonly sentRange: Pyramid
  /** What was not: `mark` is the place in `markNames`. */
  readonly marks: {
    readonly t: Float64Array
    readonly low: Float64Array
    readonly high: Float64Array
    readonly mark: Uint8Array
    readonly of: Uint32Array
  }
  readonly marksRange: Pyramid
  /** Of each mark, how often. */
  readonly counts: Uint32Array
  /** What the other side acknowledged, and up to where it would take more. */
  readonly acks: { readonly t: Float64Array; readonly ack: Float64Array; readonly edge: Float64Array; readonly of: Uint32Array }
  readonly ackRange: Pyramid
  readonly edgeRange: Pyramid
  readonly sacks: { readonly t: Float64Array; readonly left: Float64Array; readonly right: Float64Array }
  readonly sackRange: Pyramid
  /** Round trips, ms, as Karn's rule takes them: none of what was sent again, none that waited for it. */
  readonly rtt: { readonly t: Float64Array; readonly value: Float64Array }
  readonly rttRange: Pyramid
  /** Bytes that are not yet acknowledged, whenever that changes. */
  readonly flight: { readonly t: Float64Array; readonly value: Float64Array }
  readonly flightRange: Pyramid
  /** Payload up to and with each segment; `again` counts only what was sent before. */
  readonly carried: { readonly t: Float64Array; readonly bytes: Float64Array; readonly again: Float64Array }
}

export function pictureOf(columns: Columns, fromClient: boolean): Picture {
  const mine = fromClient ? 1 : 0
  const { count, flags, length, seq, ack, window, kind } = columns
  const takes = (i: number) => length[i] !== 0 || ((flags[i] as number) & (SYN | FIN)) !== 0
  const markOf = (i: number): number => {
    const its = kind[i] as number
    if (its > 0) return its - 1
    if (((flags[i] as number) & RST) !== 0) return resetMark
    return ((columns.labels[i] as number) & hole) !== 0 ? holeMark : -1
  }

  let [sentCount, marked, ackCount, sackCount, dataCount] = [0, 0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const isAck = ((flags[i] as number) & ACK) !== 0
    if (columns.fromClient[i] === mine) {
      const mark = markOf(i)
      if (mark >= 0) marked++
      if (takes(i) && (mark < 0 || mark === holeMark)) sentCount++
      if (length[i] !== 0) dataCount++
    } else if (isAck) {
      ackCount++
      sackCount += (columns.sackEnd[i] as number) - (i === 0 ? 0 : (columns.sackEnd[i - 1] as number))
    }
  }
  const sent = {
    t: new Float64Array(sentCount),
    low: new Float64Array(sentCount),
    high: new Float64Array(sentCount),
    of: new Uint32Array(sentCount),
  }
  const marks = {
    t: new Float64Array(marked),
    low: new Float64Array(marked),
    high: new Float64Array(marked),
    mark: new Uint8Array(marked),
    of: new Uint32Array(marked),
  }
  const acks = {
    t: new Float64Array(ackCount),
    ack: new Float64Array(ackCount),
    edge: new Float64Array(ackCount),
    of: new Uint32Array(ackCount),
  }
  const sacks = { t: new Float64Array(sackCount), left: new Float64Array(sackCount), right: new Float64Array(sackCount) }
  const rtt = { t: new Float64Array(ackCount), value: new Float64Array(ackCount) }
  const flight = { t: new Float64Array(dataCount + ackCount), value: new Float64Array(dataCount + ackCount) }
  const carried = { t: new Float64Array(dataCount), bytes: new Float64Array(dataCount), again: new Float64Array(dataCount) }
  const counts = new Uint32Array(markNames.length)

  let [s, m, a, k, r, f, d] = [0, 0, 0, 0, 0, 0, 0]
  let now = 0
  let [bytes, again] = [0, 0]
  let [next, acked, isAcked, oldest] = [-Infinity, 0, false, 0]
  let resentAt = -Infinity
  for (let i = 0; i < count; i++) {
    // Clocks are set back, and captures merged: drawn where time stood then.
    now = Math.max(now, columns.t[i] as number)
    const its = flags[i] as number
    if (columns.fromClient[i] === mine) {
      const low = seq[i] as number
      const high = low + (length[i] as number) + ((its & SYN) !== 0 ? 1 : 0) + ((its & FIN) !== 0 ? 1 : 0)
      const mark = markOf(i)
      if (mark >= 0) {
        marks.t[m] = now
        marks.low[m] = low
        marks.high[m] = high
        marks.mark[m] = mark
        marks.of[m++] = i
        counts[mark] = (counts[mark] as number) + 1
      }
      const isNew = mark < 0 || mark === holeMark
      const name = isNew ? undefined : markNames[mark]
      if (name !== undefined && carryNothing.has(name)) continue
      if (isNew && takes(i)) {
        sent.t[s] = now
        sent.low[s] = low
        sent.high[s] = high
        sent.of[s++] = i
      } else if (takes(i)) resentAt = now
      if (high > next) next = high
      if (length[i] !== 0) {
        bytes += length[i] as number
        if (name !== undefined && sentAgain.has(name)) again += length[i] as number
        carried.t[d] = now
        carried.bytes[d] = bytes
        carried.again[d++] = again
        flight.t[f] = now
        flight.value[f++] = isAcked ? Math.max(0, next - acked) : next - low
      }
    } else if ((its & ACK) !== 0) {
      const value = ack[i] as number
      acks.t[a] = now
      acks.ack[a] = value
      acks.edge[a] = value + (window[i] as number)
      acks.of[a++] = i
      for (let b = i === 0 ? 0 : (columns.sackEnd[i - 1] as number); b < (columns.sackEnd[i] as number); b++) {
        sacks.t[k] = now
        sacks.left[k] = columns.sackLeft[b] as number
        sacks.right[k++] = columns.sackRight[b] as number
      }
      let covered = -1
      while (oldest < s && (sent.high[oldest] as number) <= value) covered = oldest++
      if (covered >= 0 && sent.high[covered] === value && (sent.t[covered] as number) > resentAt) {
        rtt.t[r] = now
        rtt.value[r++] = (now - (sent.t[covered] as number)) / 1e6
      }
      if (!isAcked || value > acked) {
        acked = value
        isAcked = true
        if (next > -Infinity) {
          flight.t[f] = now
          flight.value[f++] = Math.max(0, next - acked)
        }
      }
    }
  }
  const rtts = { t: rtt.t.subarray(0, r), value: rtt.value.subarray(0, r) }
  const flights = { t: flight.t.subarray(0, f), value: flight.value.subarray(0, f) }
  return {
    columns,
    fromClient,
    endNs: now,
    sent,
    sentRange: new Pyramid(sent.low, sent.high),
    marks,
    marksRange: new Pyramid(marks.low, marks.high),
    counts,
    acks,
    ackRange: new Pyramid(acks.ack),
    edgeRange: new Pyramid(acks.edge),
    sacks,
    sackRange: new Pyramid(sacks.left, sacks.right),
    rtt: rtts,
    rttRange: new Pyramid(rtts.value),
    flight: flights,
    flightRange: new Pyramid(flights.value),
    carried: { t: carried.t.subarray(0, d), bytes: carried.bytes.subarray(0, d), again: carried.again.subarray(0, d) },
  }
}
