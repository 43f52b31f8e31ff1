/** The table of a capture's sessions. Pure. */
import type { CaptureSummary, Direction, SessionRecord } from '@belay/tcp'
import { limits } from '@belay/tcp'
import { sayCount } from '@belay/base'
import { type FittedColumn, fittedTable } from '../calls/fitting.ts'
import { alignPoints, digits, sayNumber, sayShare, sparkline } from '../calls/numbers.ts'
import type { SheetColumn } from '../calls/sheet.ts'
import { type Eye, wrap } from '../terminal.ts'
import type { Sort, Totals } from './choose.ts'
import {
  flagsOf,
  goodput,
  limitNames,
  paintGrade,
  paintLimit,
  payload,
  resentShare,
  roundTrip,
  rttOf,
  sayEndpoint,
  sayLength,
  sayMoment,
  sayRate,
  sayVolume,
} from './figures.ts'

export type Sessions = {
  readonly captures: readonly CaptureSummary[]
  /** Those that are shown. */
  readonly sessions: readonly SessionRecord[]
  /** Of all that were wanted, shown or not. */
  readonly totals: Totals
  readonly sort: Sort
  /** No file that could be asked again. */
  readonly isLive?: true
}

const sparkWidth = 12

export function sessionsView(it: Sessions, eye: Eye): string {
  const { paint, look } = eye
  const left = it.totals.sessions - it.sessions.length
  return [
    wrap(headline(it, eye), look.width),
    ...(it.sessions.length === 0 ? ['', wrap(nothing(it), look.width)] : ['', sessionsTable(it.sessions, it.sort, eye)]),
    ...(left > 0
      ? [
          paint(
            'dim',
            `the first ${sayNumber(it.sessions.length)} of ${sayCount(it.totals.sessions, 'session')} by ${it.sort}${it.isLive ? '' : '; --top shows more'}`,
          ),
        ]
      : []),
    ...(it.sessions.length > 0 && !it.isLive ? [paint('dim', wrap('belay tcp FILE --session # tells one in words', look.width))] : []),
    ...notUnderstoodLines(it.captures, eye),
  ].join('\n')
}

const nothing = ({ captures }: Sessions): string => {
  const found = captures.reduce((sum, { sessions }) => sum + sessions, 0)
  if (found > 0) return `None of ${sayCount(found, 'session')} is like that. Leave out a filter.`
  return captures.some(({ packets }) => packets > 0) ? 'There is no TCP session in it.' : 'There is no packet in it.'
}

/** `office.pcap: 830 packets in 12.5 s, 820 of TCP; 1 session, 1.01 MiB: 1 good, 0 fair, 0 poor`. */
function headline({ captures, totals }: Sessions, { paint }: Eye): string {
  const sum = (of: (it: CaptureSummary) => number): number => captures.reduce((total, it) => total + of(it), 0)
  const [first] = captures
  const name = captures.length === 1 && first !== undefined ? first.name : sayCount(captures.length, 'capture')
  const begins = captures.flatMap(({ firstMs }) => firstMs ?? [])
  const ends = captures.flatMap(({ lastMs }) => lastMs ?? [])
  const spanMs = begins.length === 0 ? 0 : Math.max(...ends) - Math.min(...begins)
  const { good, fair, poor } = totals.grades
  const grades = [
    good > 0 && paintGrade('good', `${sayNumber(good)} good`, paint),
    fair > 0 && paintGrade('fair', `${sayNumber(fair)} fair`, paint),
    poor > 0 && paintGrade('poor', `${sayNumber(poor)} poor`, paint),
  ].filter((part) => part !== false)
  return `${paint('bold', name)}: ${sayCount(
    sum(({ packets }) => packets),
    'packet',
  )} in ${sayLength(spanMs)}, ${sayNumber(sum(({ tcpPackets }) => tcpPackets))} of TCP; ${sayCount(totals.sessions, 'session')}, ${sayVolume(totals.bytes).trimEnd()}${grades.length === 0 ? '' : `: ${grades.join(', ')}`}`
}

/** What the reader could not make sense of, with its reasons; and what the captures say against themselves. */
export function notUnderstoodLines(captures: readonly CaptureSummary[], { look, paint }: Eye): readonly string[] {
  return captures.flatMap((it) => {
    const of = captures.length > 1 ? `${it.name}: ` : ''
    const reasons = Object.entries(it.notUnderstood)
      .filter(([, count]) => count > 0)
      .toSorted(([, a], [, b]) => b - a)
    const count = reasons.reduce((sum, [, some]) => sum + some, 0)
    return [
      ...it.warnings.map((warning) => wrap(`${paint('yellow', '■')} ${of}${warning}`, look.width, 2)),
      ...(count === 0
        ? []
        : [
            paint(
              'dim',
              wrap(
                `${of}${sayCount(count, 'packet')} without a TCP segment that could be read: ${reasons.map(([why, some]) => `${sayNumber(some)} ${why}`).join(', ')}`,
                look.width,
                2,
              ),
            ),
          ]),
    ]
  })
}

export function sessionsTable(rows: readonly SessionRecord[], sort: Sort, { look, paint }: Eye): string {
  const position = new Map(rows.map((row, index) => [row, index]))
  const captures = new Set(rows.map(({ capture }) => capture))
  const days = new Set(rows.map(({ startedMs }) => new Date(startedMs).toDateString()))
  /** Figures whose points stand below one another. */
  const aligned = (of: (row: SessionRecord) => string): ((row: SessionRecord) => string) => {
    const texts = alignPoints(rows.map(of))
    return (row) => texts[position.get(row) ?? 0] ?? ''
  }
  const ms = (value: number | null): string => (value === null ? '–' : digits(value))
  const columns: FittedColumn<SessionRecord>[] = [
    { title: '#', value: ({ number }) => number, shown: ({ number }) => paint('dim', String(number)), align: 'right', spare: 0 },
    ...(captures.size > 1 ? [{ title: 'capture', value: ({ capture }: SessionRecord) => capture, spare: 0, shortens: true as const }] : []),
    {
      title: 'score',
      value: ({ score }) => score.value,
      shown: ({ score }) => paintGrade(score.grade, String(Math.round(score.value)), paint),
      align: 'right',
      spare: 0,
    },
    { title: 'client', value: ({ client }) => sayEndpoint(client), spare: 0, shortens: true },
    { title: 'server', value: ({ server }) => sayEndpoint(server), spare: 0, shortens: true },
    {
      title: 'limit',
      value: ({ verdict }) => verdict.limit,
      shown: ({ verdict: { limit, share } }) =>
        limit === 'none'
          ? paint('dim', '–')
          : `${paintLimit(limit, limitNames[limit], paint)} ${paint('dim', `${Math.round(share * 100)}%`)}`,
      spare: 0,
    },
    {
      title: 'started',
      value: ({ started }) => started,
      shown: ({ startedMs }) =>
        paint('dim', (days.size > 1 ? `${new Date(startedMs).toISOString().slice(5, 10)} ` : '') + sayMoment(startedMs)),
      spare: sort === 'started' ? 0 : 9,
    },
    {
      title: 'seconds',
      value: ({ duration }) => duration,
      shown: aligned(({ duration }) => digits(duration)),
      align: 'right',
      spare: sort === 'duration' ? 0 : 5,
    },
    {
      title: 'rtt ms',
      value: (it) => roundTrip(it).p50Ms,
      shown: aligned((it) => ms(roundTrip(it).p50Ms)),
      align: 'right',
      spare: sort === 'rtt' ? 0 : 2,
    },
    {
      title: 'p95',
      value: (it) => roundTrip(it).p95Ms,
      shown: aligned((it) => ms(roundTrip(it).p95Ms)),
      align: 'right',
      spare: sort === 'p95' ? 0 : 7,
    },
    {
      title: 'goodput',
      value: goodput,
      shown: (it) => (payload(it) === 0 ? paint('dim', '–') : sayRate(goodput(it))),
      align: 'right',
      spare: sort === 'goodput' ? 0 : 3,
    },
    {
      title: 'resent',
      value: resentShare,
      shown: (it) => {
        const share = resentShare(it)
        return share === 0 ? paint('dim', '0') : share >= resentPoor ? paint('red', sayShare(share)) : sayShare(share)
      },
      align: 'right',
      spare: sort === 'resent' ? 0 : 1,
    },
    { title: 'bytes', value: payload, shown: (it) => sayVolume(payload(it)), align: 'right', spare: sort === 'bytes' ? 0 : 6 },
    {
      title: 'bytes over time',
      value: ({ series }) => series.stepMs,
      shown: (it) => sparkline(it.duration === 0 ? [] : bytesOverTime(it), null, sparkWidth, paint),
      spare: 12,
    },
    { title: 'flags', value: (it) => flagsOf(it).join(', '), shown: (it) => flagsOf(it).join(', '), spare: 10 },
  ]
  return fittedTable(rows, columns, look, paint)
}

/** The rule of thumb: a session that sends so much again is slow and unstable. */
const resentPoor = 0.1

const bytesOverTime = ({ series: { directions } }: SessionRecord): readonly number[] =>
  directions[0].bytes.map((bytes, nth) => bytes + (directions[1].bytes[nth] ?? 0))

const ofDirection = (side: 0 | 1): readonly SheetColumn<SessionRecord>[] => {
  const name = side === 0 ? 'client' : 'server'
  const column = (title: string, of: (it: Direction) => number | null): SheetColumn<SessionRecord> => [
    `${name}_${title}`,
    ({ directions }) => of(directions[side]),
  ]
  const rtt = rttOf
  return [
    column('packets', ({ packets }) => packets),
    column('data_packets', ({ dataPackets }) => dataPackets),
    column('bytes', ({ bytes }) => bytes),
    column('good_bytes', ({ goodBytes }) => goodBytes),
    column('wire_bytes', ({ wireBytes }) => wireBytes),
    column('throughput_bps', ({ throughputBps }) => throughputBps),
    column('goodput_bps', ({ goodputBps }) => goodputBps),
    column('goodput_peak_bps', ({ goodputPeakBps }) => goodputPeakBps),
    column('rtt_samples', (it) => rtt(it)?.samples ?? 0),
    column('rtt_min_ms', (it) => rtt(it)?.minMs ?? null),
    column('rtt_mean_ms', (it) => rtt(it)?.meanMs ?? null),
    column('rtt_p50_ms', (it) => rtt(it)?.p50Ms ?? null),
    column('rtt_p95_ms', (it) => rtt(it)?.p95Ms ?? null),
    column('rtt_p99_ms', (it) => rtt(it)?.p99Ms ?? null),
    column('rtt_max_ms', (it) => rtt(it)?.maxMs ?? null),
    column('resent_segments', ({ retransmissions }) => retransmissions.segments),
    column('resent_bytes', ({ retransmissions }) => retransmissions.bytes),
    column('resent_fast', ({ retransmissions }) => retransmissions.fast),
    column('resent_timeout', ({ retransmissions }) => retransmissions.timeout),
    column('resent_tail', ({ retransmissions }) => retransmissions.tail),
    column('resent_spurious', ({ retransmissions }) => retransmissions.spurious),
    column('lost_before_capture', ({ lostBefore }) => lostBefore),
    column('reordered', ({ reordered }) => reordered),
    column('dup_acks', ({ dupAcks }) => dupAcks),
    column('zero_windows', ({ zeroWindows }) => zeroWindows.count),
    column('zero_window_ms', ({ zeroWindows }) => zeroWindows.timeMs),
    column('in_flight_max_bytes', ({ bytesInFlight }) => bytesInFlight.max),
    column('window_max_bytes', ({ receiveWindow }) => receiveWindow?.maxBytes ?? null),
    column('mss_bytes', ({ mss }) => mss),
  ]
}

/** One session a row; `client_…` is what the client sent, `server_…` what the server sent. */
export const sessionColumns: readonly SheetColumn<SessionRecord>[] = [
  ['capture', ({ capture }) => capture],
  ['number', ({ number }) => number],
  ['client', ({ client }) => sayEndpoint(client)],
  ['server', ({ server }) => sayEndpoint(server)],
  ['started', ({ started }) => started],
  ['duration_s', ({ duration }) => duration],
  ['score', ({ score }) => score.value],
  ['grade', ({ score }) => score.grade],
  ['limit', ({ verdict }) => verdict.limit],
  ['limit_share', ({ verdict }) => verdict.share],
  ['rtt_p50_ms', (it) => roundTrip(it).p50Ms],
  ['rtt_p95_ms', (it) => roundTrip(it).p95Ms],
  ['goodput_bps', goodput],
  ['resent_share', resentShare],
  ['bytes', payload],
  ...limits.map((limit): SheetColumn<SessionRecord> => [`${limit === 'slowStart' ? 'slow_start' : limit}_ms`, (it) => it.limits[limit]]),
  ['handshake', ({ handshake }) => handshake.state],
  ['handshake_rtt_ms', ({ handshake }) => handshake.rttMs],
  ['syn_retries', ({ handshake }) => handshake.synRetries + handshake.synAckRetries],
  ['close', ({ close }) => close],
  ['turns', ({ turns }) => turns.count],
  ['server_time_p50_ms', ({ turns }) => turns.serverMs?.p50Ms ?? null],
  ...ofDirection(0),
  ...ofDirection(1),
  ['missed_bytes', ({ quality }) => quality.missedBytes],
  ['seen_twice', ({ quality }) => quality.duplicates],
  ['flags', (it) => flagsOf(it).join(', ')],
]
