/** Sessions, captures and calls as the server keeps them. Pure. */
import type {
  CaptureRowWire,
  NetworkCallsWire,
  NetworkCallWire,
  NetworkSessionWire,
  SessionListWire,
  SessionRowWire,
} from '@belay/protocol'
import { sayCount } from '@belay/base'
import { type FittedColumn, fittedTable } from '../calls/fitting.ts'
import { alignPoints, digits, sayNumber, sayShare, sparkline } from '../calls/numbers.ts'
import type { SheetColumn } from '../calls/sheet.ts'
import { sayRange as sayDays } from '../calls/top-view.ts'
import { type Eye, type Paint, sayWhen, wrap } from '../terminal.ts'
import { limitNames, paintGrade, paintLimit, sayEndpoint, sayRate, sayVolume } from './figures.ts'
import { sessionView } from './session-view.ts'

/** With the year where it is not the same on both sides. */
const sayRange = (from: number, to: number): string => {
  const years = [from, to].map((at) => new Date(at).getFullYear())
  return years[0] === years[1] ? sayDays(from, to) : `${sayDay(from)} to ${sayDay(to)}`
}
const sayDay = (at: number): string => new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })

const sparkWidth = 12
const sum = (two: readonly number[]): number => two.reduce((total, one) => total + one, 0)

export function keptSessionsView(it: SessionListWire, eye: Eye): string {
  const { look, paint } = eye
  const { good, fair, poor } = it.grades
  const grades = `${paintGrade('good', `${sayNumber(good)} good`, paint)}, ${paintGrade('fair', `${sayNumber(fair)} fair`, paint)}, ${paintGrade('poor', `${sayNumber(poor)} poor`, paint)}`
  const limited = it.limits
    .filter(({ limit, sessions }) => limit !== 'none' && sessions > 0)
    .toSorted((a, b) => b.sessions - a.sessions)
    .map(({ limit, sessions }) => `${paintLimit(limit, limitNames[limit], paint)} ${sayNumber(sessions)}`)
  return [
    wrap(
      `${paint('bold', sayCount(it.total, 'session'))}, ${sayRange(it.from, it.to)}${it.total === 0 ? '' : `: ${grades}${limited.length === 0 ? '' : `; limited by ${limited.join(', ')}`}`}`,
      look.width,
    ),
    '',
    ...(it.sessions.length === 0
      ? ['No session is like that. Send some: belay tcp send FILE, or leave out a filter.']
      : [keptTable(it.sessions, eye)]),
    ...(it.sessions.length > 0 && it.sessions.length < it.total
      ? [paint('dim', `the first ${sayNumber(it.sessions.length)} of ${sayNumber(it.total)}; --top shows more`)]
      : []),
    ...(it.sessions.length > 0 ? [paint('dim', wrap('belay network session ID tells one in words', look.width))] : []),
    ...it.notes.map((note) => wrap(`${paint('yellow', '■')} ${note}`, look.width, 2)),
  ].join('\n')
}

const aligner = <Row>(rows: readonly Row[]) => {
  const position = new Map(rows.map((row, nth) => [row, nth]))
  return (of: (row: Row) => string): ((row: Row) => string) => {
    const texts = alignPoints(rows.map(of))
    return (row) => texts[position.get(row) ?? 0] ?? ''
  }
}
const ms = (value: number | null): string => (value === null ? '–' : digits(value))
const limitText = (limit: SessionRowWire['limit'], share: number, paint: Paint): string =>
  limit === 'none' ? paint('dim', '–') : `${paintLimit(limit, limitNames[limit], paint)} ${paint('dim', `${Math.round(share * 100)}%`)}`

function keptTable(rows: readonly SessionRowWire[], { look, paint }: Eye): string {
  const aligned = aligner(rows)
  const environments = new Set(rows.map(({ environment }) => environment))
  const columns: FittedColumn<SessionRowWire>[] = [
    { title: 'id', value: ({ id }) => id, shown: ({ id }) => paint('dim', id), spare: 0 },
    {
      title: 'score',
      value: ({ score }) => score,
      shown: ({ score, grade }) => paintGrade(grade, String(Math.round(score)), paint),
      align: 'right',
      spare: 0,
    },
    ...(environments.size > 1 ? [{ title: 'environment', value: ({ environment }: SessionRowWire) => environment, spare: 4 }] : []),
    { title: 'client', value: ({ client }) => sayEndpoint(client), spare: 0, shortens: true },
    { title: 'server', value: ({ server }) => sayEndpoint(server), spare: 0, shortens: true },
    { title: 'limit', value: ({ limit }) => limit, shown: ({ limit, limitShare }) => limitText(limit, limitShare, paint), spare: 0 },
    { title: 'started', value: ({ startedMs }) => startedMs, shown: ({ startedMs }) => paint('dim', sayWhen(startedMs, look)), spare: 9 },
    { title: 'seconds', value: ({ duration }) => duration, shown: aligned(({ duration }) => digits(duration)), align: 'right', spare: 5 },
    { title: 'rtt ms', value: ({ rttMs }) => rttMs, shown: aligned(({ rttMs }) => ms(rttMs)), align: 'right', spare: 2 },
    { title: 'p95', value: ({ rttP95Ms }) => rttP95Ms, shown: aligned(({ rttP95Ms }) => ms(rttP95Ms)), align: 'right', spare: 7 },
    {
      title: 'goodput',
      value: ({ goodputBps }) => sum(goodputBps),
      shown: ({ goodputBps }) => sayRate(sum(goodputBps)),
      align: 'right',
      spare: 3,
    },
    {
      title: 'resent',
      value: ({ resentShare }) => resentShare,
      shown: ({ resentShare }) =>
        resentShare === 0 ? paint('dim', '0') : resentShare >= 0.1 ? paint('red', sayShare(resentShare)) : sayShare(resentShare),
      align: 'right',
      spare: 1,
    },
    { title: 'server ms', value: ({ serverMs }) => serverMs, shown: aligned(({ serverMs }) => ms(serverMs)), align: 'right', spare: 8 },
    { title: 'bytes', value: ({ bytes }) => sum(bytes), shown: ({ bytes }) => sayVolume(sum(bytes)), align: 'right', spare: 6 },
    {
      title: 'bytes over time',
      value: ({ spark }) => spark.length,
      shown: ({ spark }) => sparkline(spark, null, sparkWidth, paint),
      spare: 12,
    },
  ]
  return fittedTable(rows, columns, look, paint)
}

export const keptSheet = ({
  sessions,
}: SessionListWire): { rows: readonly SessionRowWire[]; columns: readonly SheetColumn<SessionRowWire>[] } => ({
  rows: sessions,
  columns: [
    ['id', ({ id }) => id],
    ['capture', ({ captureName }) => captureName],
    ['environment', ({ environment }) => environment],
    ['client', ({ client }) => sayEndpoint(client)],
    ['server', ({ server }) => sayEndpoint(server)],
    ['started', ({ startedMs }) => new Date(startedMs).toISOString()],
    ['duration_s', ({ duration }) => duration],
    ['score', ({ score }) => score],
    ['grade', ({ grade }) => grade],
    ['limit', ({ limit }) => limit],
    ['limit_share', ({ limitShare }) => limitShare],
    ['handshake_ms', ({ handshakeMs }) => handshakeMs],
    ['rtt_p50_ms', ({ rttMs }) => rttMs],
    ['rtt_p95_ms', ({ rttP95Ms }) => rttP95Ms],
    ['client_goodput_bps', ({ goodputBps }) => goodputBps[0]],
    ['server_goodput_bps', ({ goodputBps }) => goodputBps[1]],
    ['client_bytes', ({ bytes }) => bytes[0]],
    ['server_bytes', ({ bytes }) => bytes[1]],
    ['packets', ({ packets }) => packets],
    ['resent_share', ({ resentShare }) => resentShare],
    ['resent', ({ resent }) => resent],
    ['turns', ({ turns }) => turns],
    ['server_time_p50_ms', ({ serverMs }) => serverMs],
    ['close', ({ close }) => close],
    ['because', ({ because }) => because],
  ],
})

export function keptSessionView(it: NetworkSessionWire, eye: Eye): string {
  const { look, paint } = eye
  return [
    sessionView(it.record, eye),
    ...(it.calls.length === 0 ? [] : ['', paint('bold', 'Calls that travelled in it, the slowest first'), callsTable(it.calls, eye)]),
    ...(it.others.length === 0
      ? []
      : [
          '',
          paint('bold', 'The same connection as others saw it'),
          ...it.others.map(
            (other) => `  ${other.id}  ${paint('dim', `${other.captureName}, on ${other.host}, ${sayWhen(other.startedMs, look)}`)}`,
          ),
        ]),
    ...it.notes.map((note) => wrap(`${paint('yellow', '■')} ${note}`, look.width, 2)),
  ].join('\n')
}

export function networkCallsView(it: NetworkCallsWire, eye: Eye): string {
  const { look, paint } = eye
  return [
    wrap(`${paint('bold', it.environment)}, ${sayRange(it.from, it.to)}: ${it.says}`, look.width),
    ...(it.calls.length === 0 ? [] : ['', callsTable(it.calls, eye)]),
    ...it.notes.map((note) => wrap(`${paint('yellow', '■')} ${note}`, look.width, 2)),
  ].join('\n')
}

const reasonStyles = { network: 'red', server: 'yellow', unknown: 'dim' } as const

function callsTable(rows: readonly NetworkCallWire[], { look, paint }: Eye): string {
  const aligned = aligner(rows)
  const columns: FittedColumn<NetworkCallWire>[] = [
    {
      title: 'at',
      value: ({ at }) => at,
      shown: ({ at }) => paint('dim', new Date(at).toLocaleTimeString('en-GB', { hour12: false })),
      spare: 6,
    },
    { title: 'method', value: ({ method }) => method, spare: 0, shortens: true },
    { title: 'service', value: ({ service }) => service, spare: 9 },
    { title: 'whole ms', value: ({ wholeMs }) => wholeMs, shown: aligned(({ wholeMs }) => ms(wholeMs)), align: 'right', spare: 0 },
    {
      title: 'request',
      value: ({ turn }) => turn?.requestMs ?? null,
      shown: aligned(({ turn }) => ms(turn?.requestMs ?? null)),
      align: 'right',
      spare: 4,
    },
    {
      title: 'server',
      value: ({ turn, realMs }) => turn?.serverMs ?? realMs,
      shown: aligned(({ turn, realMs }) => ms(turn?.serverMs ?? realMs)),
      align: 'right',
      spare: 1,
    },
    {
      title: 'response',
      value: ({ turn }) => turn?.responseMs ?? null,
      shown: aligned(({ turn }) => ms(turn?.responseMs ?? null)),
      align: 'right',
      spare: 4,
    },
    { title: 'network', value: ({ networkMs }) => networkMs, shown: aligned(({ networkMs }) => ms(networkMs)), align: 'right', spare: 2 },
    { title: 'rtt', value: ({ rttMs }) => rttMs, shown: aligned(({ rttMs }) => ms(rttMs)), align: 'right', spare: 5 },
    {
      title: 'slow by',
      value: ({ slowBecause }) => slowBecause,
      shown: ({ slowBecause }) => paint(reasonStyles[slowBecause], slowBecause),
      spare: 0,
    },
    { title: 'session', value: ({ session }) => session, shown: ({ session }) => paint('dim', session ?? '–'), spare: 8 },
    { title: 'because', value: ({ because }) => because, spare: 3 },
  ]
  return fittedTable(rows, columns, look, paint)
}

export const callsSheet = ({
  calls,
}: NetworkCallsWire): { rows: readonly NetworkCallWire[]; columns: readonly SheetColumn<NetworkCallWire>[] } => ({
  rows: calls,
  columns: [
    ['at', ({ at }) => new Date(at).toISOString()],
    ['service', ({ service }) => service],
    ['method', ({ method }) => method],
    ['status', ({ status }) => status],
    ['real_ms', ({ realMs }) => realMs],
    ['whole_ms', ({ wholeMs }) => wholeMs],
    ['request_ms', ({ turn }) => turn?.requestMs ?? null],
    ['server_ms', ({ turn }) => turn?.serverMs ?? null],
    ['response_ms', ({ turn }) => turn?.responseMs ?? null],
    ['network_ms', ({ networkMs }) => networkMs],
    ['rtt_ms', ({ rttMs }) => rttMs],
    ['slow_by', ({ slowBecause }) => slowBecause],
    ['session', ({ session }) => session],
    ['trace', ({ trace }) => trace],
    ['because', ({ because }) => because],
  ],
})

export function capturesView(rows: readonly CaptureRowWire[], more: boolean, { look, paint }: Eye): string {
  if (rows.length === 0) return 'No capture was sent yet. Send one: belay tcp send FILE'
  const columns: FittedColumn<CaptureRowWire>[] = [
    { title: 'id', value: ({ id }) => id, spare: 0 },
    { title: 'name', value: ({ capture }) => capture.name, spare: 0, shortens: true },
    { title: 'label', value: ({ label }) => label, spare: 2 },
    { title: 'environment', value: ({ environment }) => environment, spare: 3 },
    { title: 'host', value: ({ host }) => host, spare: 6 },
    { title: 'sessions', value: ({ sessions }) => sessions, shown: ({ sessions }) => sayNumber(sessions), align: 'right', spare: 0 },
    {
      title: 'score',
      value: ({ score }) => score,
      shown: ({ score }) => (score === null ? '–' : String(Math.round(score))),
      align: 'right',
      spare: 1,
    },
    {
      title: 'poor',
      value: ({ poor }) => poor,
      shown: ({ poor }) => (poor === 0 ? '' : paint('red', sayNumber(poor))),
      align: 'right',
      spare: 4,
    },
    {
      title: 'sent',
      value: ({ sentAt }) => sentAt,
      shown: ({ sentAt, actor }) => paint('dim', `${sayWhen(sentAt, look)} by ${actor}`),
      spare: 5,
    },
    { title: '', value: ({ complete }) => (complete ? '' : 'not whole yet'), spare: 7 },
  ]
  return [fittedTable(rows, columns, look, paint), ...(more ? [paint('dim', 'there are more; --top shows them')] : [])].join('\n')
}

export const capturesSheet = (
  rows: readonly CaptureRowWire[],
): { rows: readonly CaptureRowWire[]; columns: readonly SheetColumn<CaptureRowWire>[] } => ({
  rows,
  columns: [
    ['id', ({ id }) => id],
    ['name', ({ capture }) => capture.name],
    ['label', ({ label }) => label],
    ['environment', ({ environment }) => environment],
    ['host', ({ host }) => host],
    ['sessions', ({ sessions }) => sessions],
    ['score', ({ score }) => score],
    ['poor', ({ poor }) => poor],
    ['packets', ({ capture }) => capture.packets],
    ['sent', ({ sentAt }) => new Date(sentAt).toISOString()],
    ['actor', ({ actor }) => actor],
    ['complete', ({ complete }) => complete],
  ],
})
