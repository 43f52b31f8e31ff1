/** The table of live sessions, drawn again and again. Pure. */
import { sayCount } from '@belay/base'
import { type FittedColumn, fittedTable } from '../calls/fitting.ts'
import { alignPoints, digits, sayNumber, sayShare, sparkline } from '../calls/numbers.ts'
import { cut, type Eye, type Paint, wrap } from '../terminal.ts'
import { limitNames, paintGrade, paintLimit, sayLength, sayRate, sayVolume } from './figures.ts'
import { type LiveFrame, type LiveLimit, type LiveRow, type LiveSort, sortRows } from './live.ts'

export type LiveLook = {
  readonly sort: LiveSort
  /** Rows above the first that is shown. */
  readonly offset: number
  /** Lines of the screen. */
  readonly height: number
  readonly isPaused: boolean
  /** Where the packets come from, or why sockets are asked. */
  readonly says: string
}

/** Head, a blank line, the header, the last line. */
const linesAround = 5

export const rowsShown = ({ height, says }: LiveLook, width: number): number =>
  Math.max(1, height - linesAround - wrap(says, width).split('\n').length)

export function liveView(frame: LiveFrame, live: LiveLook, eye: Eye): string {
  const { paint, look } = eye
  const rows = sortRows(frame.rows, live.sort)
  const room = rowsShown(live, look.width)
  const offset = Math.max(0, Math.min(live.offset, rows.length - room))
  const shown = rows.slice(offset, offset + room)
  const above = offset > 0 ? `${sayNumber(offset)} above, ` : ''
  const below = rows.length - offset - shown.length
  return [
    cut(headline(frame, paint), look.width),
    paint('dim', wrap(live.says, look.width)),
    '',
    shown.length === 0 ? paint('dim', 'No session yet.') : liveTable(shown, live.sort, eye),
    ...Array.from({ length: Math.max(0, room - Math.max(1, shown.length)) }, () => ''),
    paint(
      'dim',
      cut(
        `q quits, s sorts (${live.sort}), ↑↓ scroll, space ${live.isPaused ? 'goes on' : 'pauses'}${above !== '' || below > 0 ? `; ${above}${sayNumber(below)} below` : ''}`,
        look.width,
      ),
    ),
  ].join('\n')
}

function headline({ rows, closed, source, atMs }: LiveFrame, paint: Paint): string {
  const open = rows.filter(({ isOver }) => !isOver).length
  const sum = (of: (row: LiveRow) => number): number => rows.reduce((total, row) => total + of(row), 0)
  const poor = rows.filter(({ grade }) => grade === 'poor').length
  return [
    paint('bold', `${sayCount(open, source === 'sockets' ? 'socket' : 'session')} open`),
    `${sayNumber(closed)} closed`,
    `${source === 'sockets' ? 'sent' : 'to servers'} ${spaced(sayRate(sum(({ sentBps }) => sentBps)))}`,
    `${source === 'sockets' ? 'received' : 'to clients'} ${spaced(sayRate(sum(({ receivedBps }) => receivedBps)))}`,
    ...(poor === 0 ? [] : [paint('red', `${sayNumber(poor)} poor`)]),
    paint('dim', new Date(atMs).toLocaleTimeString('en-GB', { hour12: false })),
  ].join(', ')
}

const spaced = (text: string): string => text.replace(/ +/g, ' ').trim()

const sayLimit = (limit: LiveLimit, paint: Paint): string => {
  if (limit === 'network') return paintLimit('bandwidth', limit, paint)
  if (limit === 'send buffer') return paintLimit('receiver', limit, paint)
  return paintLimit(limit, limitNames[limit], paint)
}

function liveTable(rows: readonly LiveRow[], sort: LiveSort, { look, paint }: Eye): string {
  const position = new Map(rows.map((row, nth) => [row, nth]))
  const aligned = (of: (row: LiveRow) => string): ((row: LiveRow) => string) => {
    const texts = alignPoints(rows.map(of))
    return (row) => texts[position.get(row) ?? 0] ?? ''
  }
  const isScored = rows.some(({ score }) => score !== null)
  const speed = (of: (row: LiveRow) => number) => (row: LiveRow) => (of(row) === 0 ? paint('dim', '–') : sayRate(of(row)))
  const columns: FittedColumn<LiveRow>[] = [
    ...(isScored
      ? [
          {
            title: 'score',
            value: ({ score }: LiveRow) => score,
            shown: ({ score, grade }: LiveRow) =>
              score === null || grade === null ? '–' : paintGrade(grade, String(Math.round(score)), paint),
            align: 'right' as const,
            spare: 0,
          },
        ]
      : []),
    {
      title: isScored ? 'client' : 'here',
      value: ({ from }) => from,
      shown: ({ from, isOver }) => (isOver ? paint('dim', from) : from),
      spare: 0,
      shortens: true,
    },
    {
      title: isScored ? 'server' : 'there',
      value: ({ to }) => to,
      shown: ({ to, isOver }) => (isOver ? paint('dim', to) : to),
      spare: 0,
      shortens: true,
    },
    {
      title: 'limit',
      value: ({ limit }) => limit,
      shown: ({ limit, limitShare }) =>
        `${sayLimit(limit, paint)}${limitShare === null ? '' : ` ${paint('dim', `${Math.round(limitShare * 100)}%`)}`}`,
      spare: 0,
    },
    {
      title: 'rtt ms',
      value: ({ rttMs }) => rttMs,
      shown: aligned(({ rttMs }) => (rttMs === null ? '–' : digits(rttMs))),
      align: 'right',
      spare: sort === 'rtt' ? 0 : 3,
    },
    {
      title: 'min',
      value: ({ minRttMs }) => minRttMs,
      shown: aligned(({ minRttMs }) => (minRttMs === null ? '–' : digits(minRttMs))),
      align: 'right',
      spare: 11,
    },
    { title: '→', value: ({ sentBps }) => sentBps, shown: speed(({ sentBps }) => sentBps), align: 'right', spare: 1 },
    { title: '←', value: ({ receivedBps }) => receivedBps, shown: speed(({ receivedBps }) => receivedBps), align: 'right', spare: 1 },
    { title: 'in flight', value: ({ inFlight }) => inFlight, shown: ({ inFlight }) => sayVolume(inFlight), align: 'right', spare: 6 },
    {
      title: 'resent',
      value: (row) => row.resentShare,
      shown: (row) =>
        row.resentShare === 0
          ? paint('dim', '0')
          : row.resentShare >= 0.1
            ? paint('red', sayShare(row.resentShare))
            : sayShare(row.resentShare),
      align: 'right',
      spare: sort === 'resent' ? 0 : 4,
    },
    {
      title: 'bytes',
      value: ({ bytes }) => bytes,
      shown: ({ bytes }) => sayVolume(bytes),
      align: 'right',
      spare: sort === 'bytes' ? 0 : 7,
    },
    {
      title: 'age',
      value: ({ ageSeconds }) => ageSeconds,
      shown: ({ ageSeconds }) => (ageSeconds === null ? paint('dim', '–') : sayLength(ageSeconds * 1_000)),
      align: 'right',
      spare: sort === 'age' ? 0 : 8,
    },
    { title: 'speed', value: ({ spark }) => spark.length, shown: ({ spark }) => sparkline(spark, null, 20, paint).padEnd(20), spare: 10 },
    { title: 'flags', value: ({ flags }) => flags.join(', '), spare: 9 },
  ]
  return fittedTable(rows, columns, look, paint)
}

/** One line an interval, where nothing can be drawn again. */
export function liveLine({ rows, closed, atMs, source }: LiveFrame): string {
  const sum = (of: (row: LiveRow) => number): number => rows.reduce((total, row) => total + of(row), 0)
  const open = rows.filter(({ isOver }) => !isOver)
  const worst = sortRows(open, source === 'packets' ? 'score' : 'resent')[0]
  const named =
    worst === undefined || (worst.score === null ? worst.resentShare === 0 : worst.grade === 'good')
      ? ''
      : `; worst ${worst.from} → ${worst.to}${worst.score === null ? '' : ` ${Math.round(worst.score)}`} ${worst.limit}`
  return `${new Date(atMs).toLocaleTimeString('en-GB', { hour12: false })}  ${sayCount(open.length, 'open', 'open')}, ${sayNumber(closed)} closed, → ${spaced(sayRate(sum(({ sentBps }) => sentBps)))}, ← ${spaced(sayRate(sum(({ receivedBps }) => receivedBps)))}${named}`
}
