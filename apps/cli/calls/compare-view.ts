/** Differences of many methods side by side: of two releases, lanes or ranges, or of a flag's variants. Pure. */
import type { CallMeasure, DifferenceWire, FlagCostWire } from '@belay/protocol'
import { callMeasures } from '@belay/protocol'
import { sayCount } from '@belay/base'
import { type Eye, wrap } from '../terminal.ts'
import { type FittedColumn, fittedTable } from './fitting.ts'
import { measureTitles, sayDifference, sayNumber } from './numbers.ts'
import type { SheetColumn } from './sheet.ts'
import { sayRange } from './top-view.ts'

export type Compared = {
  readonly service: string
  readonly method: string
  /** Calls of each side, where both are known. */
  readonly count: { readonly before: number | null; readonly after: number }
  readonly differences: Readonly<Record<CallMeasure, DifferenceWire>>
}

const anyShown = ({ differences }: Compared): boolean => callMeasures.some((measure) => differences[measure].shown)
const allFew = ({ differences }: Compared): boolean => callMeasures.every((measure) => differences[measure].few)

/** What is shown stands first, what has too few calls last; otherwise the order stays. */
const ordered = (rows: readonly Compared[]): readonly Compared[] => [
  ...rows.filter(anyShown),
  ...rows.filter((row) => !anyShown(row) && !allFew(row)),
  ...rows.filter(allFew),
]

export function differencesView(rows: readonly Compared[], measures: readonly CallMeasure[], { look, paint }: Eye): string {
  const services = new Set(rows.map(({ service }) => service))
  const columns: FittedColumn<Compared>[] = [
    { title: 'method', value: ({ method }) => method, spare: 0, shortens: true },
    ...(services.size > 1
      ? [{ title: 'service', value: ({ service }: Compared) => service, shown: (it: Compared) => paint('dim', it.service), spare: 7 }]
      : []),
    {
      title: 'calls',
      value: ({ count }) => count.after,
      shown: ({ count }) => (count.before === null ? sayNumber(count.after) : `${sayNumber(count.before)} / ${sayNumber(count.after)}`),
      align: 'right',
      spare: 6,
    },
    ...measures.map(
      (measure, nth): FittedColumn<Compared> => ({
        title: measureTitles[measure].replace(/ ms$/, ''),
        value: ({ differences }) => differences[measure].difference,
        shown: ({ differences }) => sayDifference(differences[measure], measure, paint),
        spare: nth,
      }),
    ),
  ]
  const shown = rows.filter(anyShown).length
  return [
    fittedTable(ordered(rows), columns, look, paint),
    paint(
      'dim',
      wrap(
        `${shown} of ${sayCount(rows.length, 'method')} ${shown === 1 ? 'differs' : 'differ'}. An interval alone: no change shown, which is not zero; the truth lies within it in 99 of 100 cases.`,
        look.width,
      ),
    ),
  ].join('\n')
}

type Line = Compared & { readonly measure: CallMeasure; readonly of?: FlagCostWire }
const lines = (rows: readonly Compared[], measures: readonly CallMeasure[], of?: FlagCostWire): readonly Line[] =>
  ordered(rows).flatMap((row) => measures.map((measure) => ({ ...row, measure, ...(of === undefined ? {} : { of }) })))

const lineColumns: readonly SheetColumn<Line>[] = [
  ['service', ({ service }) => service],
  ['method', ({ method }) => method],
  ['measure', ({ measure }) => measure],
  ['calls_before', ({ count }) => count.before],
  ['calls_after', ({ count }) => count.after],
  ...(['before', 'after', 'difference', 'low', 'high', 'relative', 'p', 'q', 'shown', 'few'] as const).map(
    (part): SheetColumn<Line> => [part, ({ differences, measure }) => differences[measure][part]],
  ),
]

/** One difference a line; times in µs. */
export const differencesSheet = (rows: readonly Compared[], measures: readonly CallMeasure[]) => ({
  rows: lines(rows, measures),
  columns: lineColumns,
})

/** What a flag's variants cost, one after the other. */
export function flagCostsView(flags: readonly FlagCostWire[], notes: readonly string[], eye: Eye): string {
  const { look, paint } = eye
  return [
    ...flags.flatMap((it) => [
      `${paint('bold', it.flag)}: ${it.variant} against ${it.against} ${paint('dim', `in ${it.environment}, ${sayRange(it.from, it.to)}`)}`,
      wrap(it.says, look.width),
      ...(it.rows.length === 0 ? [] : [differencesView(it.rows, callMeasures, eye)]),
      '',
    ]),
    ...notes.map((note) => wrap(`${paint('yellow', '■')} ${note}`, look.width, 2)),
  ]
    .join('\n')
    .trimEnd()
}

export const flagCostsSheet = (flags: readonly FlagCostWire[]) => ({
  rows: flags.flatMap((it) => lines(it.rows, callMeasures, it)),
  columns: [
    ['flag', ({ of }) => of?.flag ?? ''],
    ['variant', ({ of }) => of?.variant ?? ''],
    ['against', ({ of }) => of?.against ?? ''],
    ...lineColumns,
  ] satisfies readonly SheetColumn<Line>[],
})
