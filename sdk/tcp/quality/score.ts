/**
 * A session's score: 100 less penalties, each read off a published line from one figure of the record. A session that its application
 * holds back or leaves idle loses nothing by that: its network may be the best there is.
 */
import type { Score, ScorePart } from '../types.ts'
import { activeMs, growthOf, mainOf, neverOpened, pathRtt, resentOf, seesPath, shareOfActive, shortestMs } from './facts.ts'
import type { Unscored } from './types.ts'
import { count, list, percent, size, time, whole } from './words.ts'

/** Penalties by a figure: straight lines between the points, flat before the first and after the last; never falling. */
export type Line = readonly (readonly [figure: number, penalty: number])[]

export type ScoreRule = {
  readonly name: string
  readonly figure: string
  readonly as: 'share' | 'ms' | 'ratio' | 'count'
  readonly line: Line
  readonly why: string
}

/** Every line of the formula; `docs/guide/tcp.md` shows the same table. The order is that of the parts. */
export const scoreRules = {
  connection: {
    name: 'connection',
    figure: 'SYN without a session',
    as: 'count',
    line: [
      [0, 0],
      [1, 100],
    ],
    why: 'no session came about',
  },
  retransmissions: {
    name: 'retransmissions',
    figure: 'segments sent again, beside those with data, in the worse direction',
    as: 'share',
    // At 1 % Mathis' ceiling is 12 segments a round trip. 10 % alone makes a session poor: 100 - 60 is below 50.
    line: [
      [0, 0],
      [0.001, 2],
      [0.01, 15],
      [0.03, 30],
      [0.1, 60],
      [0.3, 80],
    ],
    why: 'at 1 % a loss-based sender is held to about 12 segments a round trip; from 10 % a session is slow and unstable',
  },
  timeouts: {
    name: 'timeouts',
    figure: 'segments sent again after a timeout',
    as: 'count',
    line: [
      [0, 0],
      [1, 5],
      [3, 10],
      [10, 15],
      [100, 20],
    ],
    why: 'each timeout is a silence of 200 ms or more, then a start from one segment',
  },
  recovery: {
    name: 'recovery',
    figure: 'time spent repairing loss, of the active life',
    as: 'share',
    line: [
      [0.02, 0],
      [0.2, 10],
      [0.6, 25],
    ],
    why: 'what the loss cost in time, which its count alone does not say',
  },
  queue: {
    name: 'queue',
    figure: 'p95 of the round trip over its shortest',
    as: 'ratio',
    line: [
      [2, 0],
      [3, 8],
      [10, 20],
      [30, 25],
    ],
    why: 'a round trip that grows threefold under load stands in a queue; not more than the next line allows',
  },
  queueTime: {
    name: 'queue, at most',
    figure: 'p95 of the round trip less its shortest; less 200 ms where under four segments are in flight',
    as: 'ms',
    // Delayed ACKs add up to 40 ms on Linux: that much is no queue.
    line: [
      [50, 0],
      [200, 15],
      [500, 25],
    ],
    why: 'up to 50 ms may be delayed acknowledgements, and on a short path a large ratio is a small wait',
  },
  distance: {
    name: 'distance',
    figure: 'shortest round trip',
    as: 'ms',
    line: [
      [100, 0],
      [300, 8],
      [800, 15],
    ],
    why: 'people feel 100 ms; ITU-T G.114 bears up to 150 ms one way and refuses 400 ms',
  },
  receiver: {
    name: 'receiver',
    figure: 'time limited by the receiver, of the active life',
    as: 'share',
    line: [
      [0.1, 0],
      [0.5, 20],
      [1, 45],
    ],
    why: 'the path could carry more than the receiver takes',
  },
  zeroWindows: {
    name: 'zero windows',
    figure: 'time with a closed window, of the active life',
    as: 'share',
    line: [
      [0, 0],
      [0.1, 5],
      [0.9, 15],
    ],
    why: 'the receiver stopped the sender altogether',
  },
  handshake: {
    name: 'handshake',
    figure: 'SYN and SYN+ACK sent again',
    as: 'count',
    line: [
      [0, 0],
      [1, 10],
      [2, 20],
      [4, 30],
    ],
    why: 'the first costs a second (RFC 6298), each further one twice the last',
  },
  reset: {
    name: 'reset',
    figure: 'reset by the client: 1, by the server: 2',
    as: 'count',
    line: [
      [0, 0],
      [1, 3],
      [2, 8],
    ],
    why: 'clients often end what they no longer need so; a server rarely does',
  },
} as const satisfies Record<string, ScoreRule>

/** A grade's lowest value. */
export const gradeMin = { good: 80, fair: 50 } as const

export function penaltyBy(line: Line, figure: number): number {
  const first = line[0] as Line[number]
  let x = first[0]
  let y = first[1]
  if (!(figure > x)) return y
  for (let at = 0; at < line.length; at++) {
    const next = line[at] as Line[number]
    if (figure < next[0]) return y + ((figure - x) / (next[0] - x)) * (next[1] - y)
    x = next[0]
    y = next[1]
  }
  return y
}

const rules = scoreRules

/** What is taken off 100. Sentences are made only where something is: it is done for every session of a capture. */
class Taken {
  left = 100
  readonly parts: ScorePart[] = []
  #name = ''
  #penalty = 0

  /** Whole penalties, so that 100 less the parts is the value exactly; together no more than there is. @returns whether it is any */
  takes(rule: ScoreRule, penalty: number): boolean {
    const taken = Math.min(this.left, Math.round(penalty))
    if (taken <= 0) return false
    this.left -= taken
    this.#name = rule.name
    this.#penalty = taken
    return true
  }

  because(because: string): void {
    this.parts.push({ name: this.#name, penalty: this.#penalty, because })
  }
}

/** The score of one session. */
export function scoreOf(record: Unscored): Score {
  const { directions, handshake, limits } = record
  const score = new Taken()
  const isUnopened = neverOpened(record)
  if (isUnopened && score.takes(rules.connection, penaltyBy(rules.connection.line, 1))) score.because(whyNotOpened(record))

  const worse = worseDirection(record)
  const resent = resentOf(directions[worse])
  if (score.takes(rules.retransmissions, penaltyBy(rules.retransmissions.line, resent.share)))
    score.because(
      `The ${worse === 0 ? 'client' : 'server'} sent ${count(resent.segments, 'segment')} again, ${percent(resent.share)} of those with data.`,
    )
  const timeouts = directions[0].retransmissions.timeout + directions[1].retransmissions.timeout
  if (score.takes(rules.timeouts, penaltyBy(rules.timeouts.line, timeouts)))
    score.because(`${count(timeouts, 'segment')} waited for a timeout to be sent again.`)
  const recovery = shareOfActive(record, limits.loss)
  if (score.takes(rules.recovery, penaltyBy(rules.recovery.line, recovery)))
    score.because(`Loss was being repaired for ${time(limits.loss)}, ${percent(recovery)} of the active time.`)

  const growth = growthOf(record)
  if (growth !== null) {
    const { fromMs, toMs, ratio, waitMs } = growth
    if (score.takes(rules.queue, Math.min(penaltyBy(rules.queue.line, ratio), penaltyBy(rules.queueTime.line, waitMs))))
      score.because(
        `The round trip grew from ${time(fromMs)} to ${time(toMs)} (p95), ${ratio >= 10 ? whole(ratio) : ratio.toFixed(1)} times its shortest.`,
      )
  }
  const shortest = shortestMs(record)
  if (shortest !== null && score.takes(rules.distance, penaltyBy(rules.distance.line, shortest)))
    score.because(`The shortest round trip is ${time(shortest)}.`)

  const receiver = shareOfActive(record, limits.receiver)
  if (score.takes(rules.receiver, penaltyBy(rules.receiver.line, receiver)))
    score.because(`The receiver held the sender back for ${time(limits.receiver)}, ${percent(receiver)} of the active time.`)
  const closedMs = Math.max(directions[0].zeroWindows.timeMs, directions[1].zeroWindows.timeMs)
  const closed = shareOfActive(record, closedMs)
  if (score.takes(rules.zeroWindows, penaltyBy(rules.zeroWindows.line, closed)))
    score.because(`A window was closed for ${time(closedMs)}, ${percent(closed)} of the active time.`)

  const again = handshake.synRetries + handshake.synAckRetries
  if (score.takes(rules.handshake, penaltyBy(rules.handshake.line, again)))
    score.because(`The handshake took ${count(again, 'packet')} more than it should.`)
  if (!isUnopened) {
    const reset = record.close === 'resetByServer' ? 2 : record.close === 'resetByClient' ? 1 : 0
    if (score.takes(rules.reset, penaltyBy(rules.reset.line, reset)))
      score.because(`The ${reset === 2 ? 'server' : 'client'} ended it by a reset.`)
  }
  const { confidence, confidenceBecause } = confidenceOf(record)
  return { value: score.left, grade: gradeOf(score.left, resent.share), parts: score.parts, confidence, confidenceBecause }
}

/** The rule of thumb that people know stands above the sum: from 10 % of its segments sent again a session is poor. */
function gradeOf(value: number, resentShare: number): Score['grade'] {
  if (value < gradeMin.fair || resentShare >= 0.1) return 'poor'
  return value < gradeMin.good ? 'fair' : 'good'
}

function worseDirection(record: Unscored): 0 | 1 {
  return resentOf(record.directions[1]).share > resentOf(record.directions[0]).share ? 1 : 0
}

function whyNotOpened(record: Unscored): string {
  if (record.handshake.state === 'refused') return 'The server refused the connection.'
  return record.handshake.state === 'reset' ? 'The connection was reset before it was open.' : 'Nothing answered the SYN.'
}

/** Fewer data packets than this say little: one of them lost is 5 % and more. */
const dataPacketsMin = 20
/** So many packets of data would have shown a queue, had they been seen where they entered it. */
const bulkPacketsMin = 100
/** Missed by the capture: up to this share the figures stay what they are. */
const missedShareMax = 0.001
/** Packets seen twice: up to this share a switch's port mirror may err now and then. */
const duplicateShareMax = 0.01

function confidenceOf(record: Unscored): Pick<Score, 'confidence' | 'confidenceBecause'> {
  const { quality, handshake, directions } = record
  const [client, server] = directions
  const opened = !neverOpened(record)
  const low: string[] = []
  const medium: string[] = []
  if (quality.oneSided && opened) low.push('only one direction was captured')
  const good = client.goodBytes + server.goodBytes
  if (quality.missedBytes > 0) {
    const share = quality.missedBytes / (quality.missedBytes + good)
    if (share > 10 * missedShareMax) low.push(`the capture missed ${size(quality.missedBytes)}, ${percent(share)}`)
    else if (share > missedShareMax) medium.push(`the capture missed ${size(quality.missedBytes)}, ${percent(share)}`)
  }
  if (quality.duplicates > duplicateShareMax * (client.packets + server.packets))
    medium.push(`the capture shows ${count(quality.duplicates, 'packet')} twice`)
  if (handshake.state === 'none') medium.push('it began before the capture')
  const packets = directions[mainOf(record)].dataPackets
  if (!opened) {
    if (handshake.state === 'halfOpen' && handshake.synRetries === 0) low.push('a single SYN was seen')
  } else if (packets === 0) low.push('no data was seen')
  else if (packets < dataPacketsMin) medium.push(`it has only ${count(packets, 'data packet')}`)
  if (opened && packets > 0) {
    if (pathRtt(record) === null) medium.push('no round trip could be measured')
    else if (packets >= bulkPacketsMin && !seesPath(record, mainOf(record)) && growthOf(record) === null) {
      medium.push('the data was captured beside its receiver, where queues on its way do not show')
    }
  }
  const reasons = [...low, ...medium]
  if (reasons.length === 0) {
    const seen = opened
      ? `both directions, ${count(client.dataPackets + server.dataPackets, 'data packet')} in ${time(activeMs(record))} of activity`
      : 'the whole attempt'
    return { confidence: 'high', confidenceBecause: `The capture shows ${seen}.` }
  }
  const said = list(reasons)
  return { confidence: low.length > 0 ? 'low' : 'medium', confidenceBecause: `${said[0]?.toUpperCase()}${said.slice(1)}.` }
}
