/** One method: its figures, how its calls are spread, by what they differ, what it repeats. Pure. */
import type { CallMeasure, CallMethodWire } from '@belay/protocol'
import { callMeasures } from '@belay/protocol'
import { sayCount } from '@belay/base'
import { type Column, type Eye, pairs, table, wrap } from '../terminal.ts'
import { type FittedColumn, fittedTable } from './fitting.ts'
import { alignPoints, bar, digits, figure, figureWithUnit, sayDifference, sayNumber, sayShare, sparkline } from './numbers.ts'
import type { SheetColumn } from './sheet.ts'
import { longTime, sayRange } from './top-view.ts'

type Division = CallMethodWire['divisions'][number]
type Part = Division['rows'][number]

/** A screen holds no more, and a distribution has no more to say. */
const bucketsMax = 16
const barWidth = 30
const sparkWidth = 48

export function methodView(it: CallMethodWire, eye: Eye): string {
  const { look, paint } = eye
  const { row } = it
  const heading = (text: string): string[] => ['', paint('bold', text)]
  return [
    pairs(
      [
        ['method', `${paint('bold', row.method)} of ${row.service}, in ${it.environment}`],
        ['when', sayRange(it.from, it.to)],
        ['calls', `${sayCount(row.count, 'call')}${row.errors === 0 ? '' : `, ${paint('red', `${sayNumber(row.errors)} failed`)}`}`],
        ['mix', `${sayShare(row.mix)} of all methods’ time`],
        ['trend', row.spark.every((point) => point === null) ? null : sparkline(row.spark, row.changedAt, sparkWidth, paint)],
        [
          'external',
          row.external.count === 0
            ? null
            : `${figureWithUnit(row.external.mean, 'real')} a call for ${sayCount(row.external.count, 'call')} to other services`,
        ],
      ],
      eye,
    ),
    '',
    figuresTable(it, eye),
    ...(it.distribution.length === 0 ? [] : [...heading('Real time of its calls'), distributionView(it.distribution, eye)]),
    ...it.divisions
      .filter(({ rows }) => rows.length > 1)
      .flatMap((division) => [...heading(`By ${division.by}`), divisionTable(division, row.cpu.n > 0, eye)]),
    ...(it.repeated.length === 0 ? [] : [...heading('Repeated within a call'), repeatedView(it.repeated, eye)]),
    ...(it.notes.length === 0 ? [] : ['', ...it.notes.map((note) => wrap(`${paint('yellow', '■')} ${note}`, look.width, 2))]),
  ].join('\n')
}

function figuresTable({ row, budget }: CallMethodWire, { look, paint }: Eye): string {
  const names: Readonly<Record<CallMeasure, string>> = {
    real: 'real ms',
    cpu: row.cpuEstimated ? 'cpu ms, estimated' : 'cpu ms',
    db: 'database ms',
    statements: 'statements',
    transactions: 'transactions',
  }
  const part = (title: 'mean' | 'p50' | 'p95' | 'p99' | 'max', spare: number): FittedColumn<CallMeasure> => {
    const texts = alignPoints(callMeasures.map((measure) => figure(row[measure].n === 0 ? null : row[measure][title], measure)))
    return {
      title,
      value: (measure) => row[measure][title],
      shown: (measure) => texts[callMeasures.indexOf(measure)] ?? '',
      align: 'right',
      spare,
    }
  }
  const columns: FittedColumn<CallMeasure>[] = [
    { title: '', value: (measure) => names[measure], spare: 0 },
    part('mean', 0),
    part('p50', 4),
    part('p95', 2),
    part('p99', 5),
    part('max', 1),
    {
      title: 'total',
      value: (measure) => row[measure].total,
      shown: (measure) =>
        measure === 'statements' || measure === 'transactions' ? sayNumber(Math.round(row[measure].total)) : longTime(row[measure].total),
      align: 'right',
      spare: 6,
    },
    { title: 'share', value: (measure) => row[measure].share, shown: (measure) => sayShare(row[measure].share), align: 'right', spare: 7 },
    ...(budget === null
      ? []
      : [
          {
            title: 'budget',
            value: (measure: CallMeasure) => budget[measure],
            shown: (measure: CallMeasure) => {
              const limit = budget[measure]
              if (limit === null) return ''
              return paint(row[measure].mean > limit ? 'red' : 'green', figure(limit, measure))
            },
            align: 'right' as const,
            spare: 3,
          },
        ]),
    ...(row.compared === null
      ? []
      : [
          {
            title: 'differs',
            value: (measure: CallMeasure) => row.compared?.[measure].difference ?? null,
            shown: (measure: CallMeasure) => (row.compared === null ? '' : sayDifference(row.compared[measure], measure, paint)),
            spare: 2,
          },
        ]),
  ]
  return fittedTable(callMeasures, columns, look, paint)
}

type Bucket = CallMethodWire['distribution'][number]

/** `≤ 12.6 ms  ████▌  1,204  38.6%`, with how many calls took no longer. */
export function distributionView(buckets: readonly Bucket[], { look, paint }: Eye): string {
  const rows = merged(buckets)
  const all = rows.reduce((sum, { count }) => sum + count, 0)
  const most = Math.max(1, ...rows.map(({ count }) => count))
  let seen = 0
  const reached = rows.map(({ count }) => (seen += count) / Math.max(1, all))
  const limits = alignPoints(rows.map(({ upToUs }) => digits(upToUs / 1_000)))
  const columns: Column<Bucket & { readonly nth: number }>[] = [
    { title: 'ms up to', value: ({ upToUs }) => upToUs, shown: ({ nth }) => limits[nth] ?? '', align: 'right' },
    { title: 'calls', value: ({ count }) => count, shown: ({ count }) => sayNumber(count), align: 'right' },
    { title: 'so far', value: ({ nth }) => reached[nth] ?? 0, shown: ({ nth }) => sayShare(reached[nth] ?? 0), align: 'right' },
    { title: '', value: () => '', shown: ({ count }) => paint('cyan', bar(count / most, barWidth)) },
  ]
  return table(
    rows.map((row, nth) => ({ ...row, nth })),
    columns,
    look,
    paint,
  )
}

/** Neighbours together until a screen holds them; nothing at either end is dropped. */
function merged(buckets: readonly Bucket[]): readonly Bucket[] {
  const step = Math.ceil(buckets.length / bucketsMax)
  if (step <= 1) return buckets
  return Array.from({ length: Math.ceil(buckets.length / step) }, (_, nth) => {
    const some = buckets.slice(nth * step, (nth + 1) * step)
    return { upToUs: some.at(-1)?.upToUs ?? 0, count: some.reduce((sum, { count }) => sum + count, 0) }
  })
}

function divisionTable({ by, rows, total }: Division, hasCpu: boolean, { look, paint }: Eye): string {
  const time = (title: string, value: (row: Part) => number | null, spare: number): FittedColumn<Part> =>
    aligned(rows, title, value, 'real', spare)
  const text = fittedTable(
    rows,
    [
      { title: by, value: ({ name }) => (name === '' ? '(none)' : name), spare: 0, shortens: true },
      { title: 'count', value: ({ count }) => count, shown: ({ count }) => sayNumber(count), align: 'right', spare: 0 },
      ...(rows.some(({ errors }) => errors > 0)
        ? [
            {
              title: 'errors',
              value: ({ errors }: Part) => errors,
              shown: ({ errors }: Part) => (errors === 0 ? '' : paint('red', sayNumber(errors))),
              align: 'right' as const,
              spare: 6,
            },
          ]
        : []),
      time('real ms', ({ realUs }) => realUs, 0),
      time('p95', ({ p95Us }) => p95Us, 5),
      time('cpu ms', ({ cpuUs }) => (hasCpu ? cpuUs : null), 1),
      time('db ms', ({ dbUs }) => dbUs, 2),
      aligned(rows, 'stc', ({ statements }) => statements, 'statements', 3),
      aligned(rows, 'txc', ({ transactions }) => transactions, 'transactions', 4),
    ],
    look,
    paint,
  )
  return total > rows.length ? `${text}\n${paint('dim', `the largest ${rows.length} of ${sayNumber(total)}`)}` : text
}

function aligned(
  rows: readonly Part[],
  title: string,
  value: (row: Part) => number | null,
  measure: CallMeasure,
  spare: number,
): FittedColumn<Part> {
  const texts = alignPoints(rows.map((row) => figure(value(row), measure)))
  return { title, value, shown: (row) => texts[rows.indexOf(row)] ?? '', align: 'right', spare }
}

function repeatedView(repeated: CallMethodWire['repeated'], { look, paint }: Eye): string {
  return repeated
    .map(({ statement, calls, max }) =>
      wrap(`${paint('yellow', `×${max}`)} in the worst of ${sayCount(calls, 'call')}: ${statement}`, look.width, 4),
    )
    .join('\n')
}

type SheetRow = { readonly by: string; readonly part: Part }
/** The method as a whole, then each part of each division; times in µs. */
export const methodSheet = ({ row, divisions }: CallMethodWire) => ({
  rows: [
    {
      by: 'all',
      part: {
        name: row.method,
        count: row.count,
        errors: row.errors,
        realUs: row.real.mean,
        p95Us: row.real.p95,
        cpuUs: row.cpu.mean,
        dbUs: row.db.mean,
        statements: row.statements.mean,
        transactions: row.transactions.mean,
      },
    },
    ...divisions.flatMap(({ by, rows }) => rows.map((part) => ({ by, part }))),
  ] satisfies readonly SheetRow[] as readonly SheetRow[],
  columns: [
    ['by', ({ by }) => by],
    ['name', ({ part }) => part.name],
    ['count', ({ part }) => part.count],
    ['errors', ({ part }) => part.errors],
    ['real_mean_us', ({ part }) => part.realUs],
    ['real_p95_us', ({ part }) => part.p95Us],
    ['cpu_mean_us', ({ part }) => part.cpuUs],
    ['db_mean_us', ({ part }) => part.dbUs],
    ['statements_mean', ({ part }) => part.statements],
    ['transactions_mean', ({ part }) => part.transactions],
  ] satisfies readonly SheetColumn<SheetRow>[],
})
