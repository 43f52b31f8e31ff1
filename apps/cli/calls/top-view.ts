/** The table of calls: what each method costs. Pure. */
import type { CallMeasure, CallRowWire, CallTableWire, callRanks } from '@belay/protocol'
import { callMeasures } from '@belay/protocol'
import { sayCount } from '@belay/base'
import { type Eye, wrap } from '../terminal.ts'
import { type FittedColumn, fittedTable } from './fitting.ts'
import { alignPoints, digits, figure, measureTitles, sayDifference, sayNumber, sayShare, sparkline } from './numbers.ts'
import type { SheetColumn } from './sheet.ts'

type Rank = (typeof callRanks)[number]

/** The measure whose p95, maximum and differences are shown: the one that is ranked by, or real time. */
export const measureOf = (rank: Rank): CallMeasure => callMeasures.find((it) => it === rank) ?? 'real'

/** Sixteen characters show a day in steps of an hour and a half. */
const sparkWidth = 16

export function topView(it: CallTableWire, eye: Eye): string {
  const { paint } = eye
  return [
    wrap(headline(it, eye), eye.look.width),
    '',
    rowsView(it, eye),
    ...(it.rows.length < it.total.methods
      ? [paint('dim', `the first ${sayNumber(it.rows.length)} of ${sayCount(it.total.methods, 'method')}; --limit shows more`)]
      : []),
    ...(it.comparedWith === null
      ? []
      : [paint('dim', wrap(`against ${it.comparedWith}; dim: no change shown, the interval of 99% holds zero`, eye.look.width))]),
    ...it.notes.map((note) => wrap(`${paint('yellow', '■')} ${note}`, eye.look.width, 2)),
  ].join('\n')
}

/** `production, 15 Aug 00:00 to 24:00: 31,204 calls of 61 methods, 12 failed; real 1.2 h, CPU 21 min, database 9 min`. */
function headline({ environment, from, to, total }: CallTableWire, { paint }: Eye): string {
  const failed = total.errors === 0 ? '' : `, ${paint('red', `${sayNumber(total.errors)} failed`)}`
  return `${paint('bold', environment)}, ${sayRange(from, to)}: ${sayCount(total.count, 'call')} of ${sayCount(total.methods, 'method')}${failed}; real ${longTime(total.realUs)}, CPU ${longTime(total.cpuUs)}, database ${longTime(total.dbUs)}`
}

/** Total times reach from ms to months; two digits after the first are enough. */
export function longTime(us: number): string {
  const units = [
    ['d', 86_400e6],
    ['h', 3_600e6],
    ['min', 60e6],
    ['s', 1e6],
  ] as const
  const [unit, size] = units.find(([, least]) => us >= least) ?? (['ms', 1e3] as const)
  return `${digits(us / size)} ${unit}`
}

/** Local times, the day once where both are of one day. */
export function sayRange(from: number, to: number): string {
  const day = (at: number): string => new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
  const clock = (at: number): string => new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
  return day(from) === day(to - 1)
    ? `${day(from)} ${clock(from)} to ${clock(to)}`
    : `${day(from)} ${clock(from)} to ${day(to)} ${clock(to)}`
}

function rowsView({ rows, rank }: CallTableWire, { look, paint }: Eye): string {
  const measure = measureOf(rank)
  const services = new Set(rows.map(({ service }) => service))
  const position = new Map(rows.map((row, index) => [row, index + 1]))
  const figures = (of: CallMeasure, part: 'mean' | 'p95' | 'max', spare: number, title: string): FittedColumn<CallRowWire> => {
    // A service may report no CPU time at all, which is not the same as none.
    const texts = alignPoints(rows.map((row) => figure(row[of].n === 0 ? null : row[of][part], of)))
    const own = rank === of && part === 'mean'
    const estimated = of === 'cpu' && part === 'mean' && rows.some(({ cpuEstimated }) => cpuEstimated)
    return {
      title,
      value: (row) => row[of][part],
      shown: (row) => {
        const text = texts[(position.get(row) ?? 1) - 1] ?? ''
        const shown = own ? paint('bold', text) : text
        return estimated ? `${row.cpuEstimated ? '~' : ''}${shown}` : shown
      },
      align: 'right',
      spare: own ? 0 : spare,
    }
  }
  const columns: FittedColumn<CallRowWire>[] = [
    {
      title: '#',
      value: (row) => position.get(row) ?? null,
      shown: (row) => paint('dim', String(position.get(row) ?? '')),
      align: 'right',
      spare: 20,
    },
    { title: 'method', value: ({ method }) => method, spare: 0, shortens: true },
    ...(services.size > 1
      ? [
          {
            title: 'service',
            value: ({ service }: CallRowWire) => service,
            shown: (it: CallRowWire) => paint('dim', it.service),
            spare: 12,
          },
        ]
      : []),
    {
      title: 'count',
      value: ({ count }) => count,
      shown: ({ count }) => sayNumber(count),
      align: 'right',
      spare: rank === 'count' ? 0 : 2,
    },
    ...(rank === 'errors' || rows.some(({ errors }) => errors > 0)
      ? [
          {
            title: 'errors',
            value: ({ errors }: CallRowWire) => errors,
            shown: ({ errors }: CallRowWire) => (errors === 0 ? '' : paint('red', sayNumber(errors))),
            align: 'right' as const,
            spare: rank === 'errors' ? 0 : 9,
          },
        ]
      : []),
    {
      title: 'mix',
      value: ({ mix }) => mix,
      shown: ({ mix }) => (rank === 'mix' ? paint('bold', sayShare(mix)) : sayShare(mix)),
      align: 'right',
      spare: rank === 'mix' ? 0 : 8,
    },
    ...callMeasures.flatMap((of) => [
      figures(of, 'mean', { real: 1, cpu: 3, db: 4, statements: 5, transactions: 6 }[of], measureTitles[of]),
      ...(of === measure ? [figures(of, 'p95', 10, 'p95')] : []),
      ...(of === measure || of === 'cpu' || of === 'db' ? [figures(of, 'max', of === measure ? 13 : 15, 'max')] : []),
    ]),
    ...(rows.some(({ repeats }) => repeats !== null)
      ? [
          {
            title: 'repeats',
            value: ({ repeats }: CallRowWire) => repeats?.max ?? null,
            shown: ({ repeats }: CallRowWire) => (repeats === null ? '' : paint('yellow', `×${repeats.max}`)),
            align: 'right' as const,
            spare: 11,
          },
        ]
      : []),
    ...(rows.some(({ compared }) => compared !== null)
      ? [
          {
            title: `${measureTitles[measure].replace(/ ms$/, '')} differs`,
            value: ({ compared }: CallRowWire) => compared?.[measure].difference ?? null,
            shown: ({ compared }: CallRowWire) =>
              compared === null ? paint('dim', 'not there before') : sayDifference(compared[measure], measure, paint),
            spare: 2,
          },
        ]
      : []),
    {
      title: '',
      value: ({ spark }) => spark.length,
      shown: ({ spark, changedAt }) => sparkline(spark, changedAt, sparkWidth, paint),
      spare: 14,
    },
  ]
  return fittedTable(rows, columns, look, paint)
}

const ofMeasure = (measure: CallMeasure): readonly SheetColumn<CallRowWire>[] => {
  const unit = ['real', 'cpu', 'db'].includes(measure) ? '_us' : ''
  const parts = ['mean', 'p50', 'p95', 'p99', 'max', 'total'] as const
  return [
    ...parts.map((part): SheetColumn<CallRowWire> => [`${measure}_${part}${unit}`, (row) => row[measure][part]]),
    [`${measure}_share`, (row) => row[measure].share],
  ]
}
const differenceOf = (measure: CallMeasure): readonly SheetColumn<CallRowWire>[] =>
  (['before', 'difference', 'low', 'high', 'relative', 'q', 'shown'] as const).map((part) => [
    `${measure}_${part}`,
    (row) => row.compared?.[measure][part] ?? null,
  ])

/** Everything that the table holds, one method a line. */
export const topSheet = (it: CallTableWire): { rows: readonly CallRowWire[]; columns: readonly SheetColumn<CallRowWire>[] } => ({
  rows: it.rows,
  columns: [
    ['service', ({ service }) => service],
    ['method', ({ method }) => method],
    ['count', ({ count }) => count],
    ['errors', ({ errors }) => errors],
    ['mix', ({ mix }) => mix],
    ...callMeasures.flatMap(ofMeasure),
    ['cpu_calls', ({ cpu }) => cpu.n],
    ['cpu_estimated', ({ cpuEstimated }) => cpuEstimated],
    ['external_mean_us', ({ external }) => external.mean],
    ['externals', ({ external }) => external.count],
    ['repeats_max', ({ repeats }) => repeats?.max ?? null],
    ['repeated', ({ repeats }) => repeats?.statement ?? null],
    ...(it.comparedWith === null ? [] : callMeasures.flatMap(differenceOf)),
  ],
})
