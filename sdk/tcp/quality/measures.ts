/** What is measured of each session when two networks are compared: one figure a session, or null where it has none. */
import type { SessionRecord } from '../types.ts'
import { activeMs, mainOf, neverOpened, pathRtt, resentOf, shareOfActive } from './facts.ts'
import type { Compared } from './types.ts'
import { percent, rate, time } from './words.ts'

export type Measure = Pick<Compared, 'measure' | 'label' | 'unit' | 'better'> & {
  /** Times and rates are compared by their ratio, so that sessions of any length count alike; what is often 0 by its difference. */
  readonly as: 'ratio' | 'difference'
  /** What it is about: how well sessions were served, or what carrying them cost. */
  readonly about: 'service' | 'cost'
  /** Less than this is no reason to choose a network, however certain it is. Of a ratio: its distance from 1. */
  readonly matters: number
  /** Compared among all sessions to one port, whatever they carried. */
  readonly ofPort?: true
  readonly of: (record: SessionRecord) => number | null
  readonly say: (value: number) => string
}

const ms = { unit: 'ms', as: 'ratio', about: 'service', matters: 0.02, say: time } as const
/** A hundredth of a point of share. */
const share = { unit: 'share', better: 'lower', as: 'difference', about: 'service', matters: 0.001, say: percent } as const
const plain = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)).replace(/\.0+$/, '')

/** Data without time in which both ends were silent; sessions without data have none of these. */
const carried = (record: SessionRecord, of: (main: 0 | 1) => number | null) => {
  const main = mainOf(record)
  return record.directions[main].goodBytes > 0 && activeMs(record) > 0 ? of(main) : null
}
const goodOf = (record: SessionRecord) => record.directions[0].goodBytes + record.directions[1].goodBytes
const wireOf = (record: SessionRecord) => record.directions[0].wireBytes + record.directions[1].wireBytes
const packetsOf = (record: SessionRecord) => record.directions[0].packets + record.directions[1].packets
/** Logarithms are taken of ratios: a microsecond is the finest that most captures tell. */
const atLeast = (value: number | null | undefined, least: number) => (value === null || value === undefined ? null : Math.max(value, least))
const microsecond = 0.001

export const measures: readonly Measure[] = [
  {
    ...share,
    measure: 'neverOpened',
    label: 'sessions that never opened',
    ofPort: true,
    of: (record) => (neverOpened(record) ? 1 : 0),
  },
  { ...ms, measure: 'handshakeMs', label: 'handshake', better: 'lower', of: (record) => atLeast(record.handshake.rttMs, microsecond) },
  {
    ...ms,
    measure: 'rttP50Ms',
    label: 'round trip, median',
    better: 'lower',
    of: (record) => atLeast(pathRtt(record)?.p50Ms, microsecond),
  },
  { ...ms, measure: 'rttP95Ms', label: 'round trip, p95', better: 'lower', of: (record) => atLeast(pathRtt(record)?.p95Ms, microsecond) },
  {
    measure: 'goodputBps',
    label: 'goodput while active',
    unit: 'bit/s',
    better: 'higher',
    as: 'ratio',
    about: 'service',
    matters: 0.02,
    of: (record) => carried(record, (main) => (record.directions[main].goodBytes * 8000) / activeMs(record)),
    say: rate,
  },
  {
    ...ms,
    measure: 'activeMs',
    label: 'duration without idle time',
    better: 'lower',
    of: (record) => carried(record, () => activeMs(record)),
  },
  {
    ...share,
    measure: 'retransmissionShare',
    label: 'segments sent again',
    of: (record) => carried(record, () => bothResent(record)),
  },
  {
    measure: 'timeouts',
    label: 'segments sent again after a timeout',
    unit: 'count',
    better: 'lower',
    as: 'difference',
    about: 'service',
    matters: 0,
    of: (record) => carried(record, () => record.directions[0].retransmissions.timeout + record.directions[1].retransmissions.timeout),
    say: plain,
  },
  {
    ...ms,
    measure: 'zeroWindowMs',
    label: 'time with a closed window',
    better: 'lower',
    as: 'difference',
    matters: 1,
    of: (record) => carried(record, () => record.directions[0].zeroWindows.timeMs + record.directions[1].zeroWindows.timeMs),
  },
  {
    ...share,
    measure: 'receiverShare',
    label: 'time limited by the receiver',
    matters: 0.01,
    of: (record) => carried(record, () => shareOfActive(record, record.limits.receiver)),
  },
  {
    ...share,
    measure: 'lossShare',
    label: 'time spent repairing loss',
    matters: 0.01,
    of: (record) => carried(record, () => shareOfActive(record, record.limits.loss)),
  },
  {
    measure: 'score',
    label: 'score',
    unit: 'points',
    better: 'higher',
    as: 'difference',
    about: 'service',
    matters: 1,
    of: (record) => record.score.value,
    say: plain,
  },
  {
    measure: 'wireBytesPerGoodByte',
    label: 'bytes on the wire for a byte that arrived',
    unit: 'ratio',
    better: 'lower',
    as: 'ratio',
    about: 'cost',
    matters: 0.005,
    of: (record) => carried(record, () => wireOf(record) / goodOf(record)),
    say: plain,
  },
  {
    measure: 'packetsPerMegabyte',
    label: 'packets for a megabyte',
    unit: 'count',
    better: 'lower',
    as: 'ratio',
    about: 'cost',
    matters: 0.02,
    of: (record) => carried(record, () => (packetsOf(record) * 1e6) / goodOf(record)),
    say: plain,
  },
  {
    measure: 'acksPerDataPacket',
    label: 'acknowledgements for a packet of data',
    unit: 'ratio',
    better: 'lower',
    as: 'difference',
    about: 'cost',
    matters: 0.02,
    of: (record) => carried(record, (main) => ratioOf(record.directions[main === 0 ? 1 : 0].pureAcks, record.directions[main].dataPackets)),
    say: plain,
  },
]

const ratioOf = (part: number, of: number) => (of > 0 ? part / of : null)

function bothResent({ directions }: SessionRecord): number | null {
  let [resent, of] = [0, 0]
  for (const way of directions) {
    const sent = way.dataPackets + way.lostBefore
    resent += resentOf(way).share * sent
    of += sent
  }
  return ratioOf(resent, of)
}
