/** What got dearer or cheaper, and whether budgets are kept. Pure. */
import type { BudgetVerdictWire, CallChangeWire } from '@belay/protocol'
import { type Column, type Eye, sayWhen, sign, table, wrap } from '../terminal.ts'
import { figure, figureWithUnit, sayNumber, signedPercent } from './numbers.ts'
import type { SheetColumn } from './sheet.ts'

export function changesView(changes: readonly CallChangeWire[], digest: string, more: boolean, { look, paint }: Eye): string {
  const entries = changes.flatMap((it) => {
    const mark = it.dearer ? paint('red', '▲') : paint('green', '▼')
    const size = it.relative === null ? figureWithUnit(it.after - it.before, it.measure) : signedPercent(it.relative)
    const moved = `${figureWithUnit(it.before, it.measure).replace(/ \D+$/, '')} → ${figureWithUnit(it.after, it.measure)}`
    return [
      wrap(
        `${mark} ${paint('bold', it.method)}  ${it.measure} ${moved} (${paint(it.dearer ? 'red' : 'green', size)})  ${paint('dim', `${it.cause ?? 'no cause near'}, ${sayWhen(it.at, look)}`)}`,
        look.width,
        2,
      ),
      wrap(`  ${it.says}`, look.width, 2),
      ...(it.statement === null ? [] : [wrap(`  ${paint('yellow', 'repeated:')} ${it.statement}`, look.width, 4)]),
    ]
  })
  return [
    wrap(digest, look.width),
    ...(entries.length === 0 ? [] : ['', ...entries]),
    ...(more ? [paint('dim', 'there are more; --limit shows them')] : []),
  ].join('\n')
}

export const changesSheet = (changes: readonly CallChangeWire[]) => ({
  rows: changes,
  columns: [
    ['at', ({ at }) => new Date(at).toISOString()],
    ['found_at', ({ foundAt }) => new Date(foundAt).toISOString()],
    ['kind', ({ kind }) => kind],
    ['environment', ({ environment }) => environment],
    ['service', ({ service }) => service],
    ['method', ({ method }) => method],
    ['measure', ({ measure }) => measure],
    ['before', ({ before }) => before],
    ['after', ({ after }) => after],
    ['low', ({ low }) => low],
    ['high', ({ high }) => high],
    ['relative', ({ relative }) => relative],
    ['p', ({ p }) => p],
    ['calls_before', ({ n }) => n.before],
    ['calls_after', ({ n }) => n.after],
    ['cause', ({ cause }) => cause],
    ['dearer', ({ dearer }) => dearer],
    ['statement', ({ statement }) => statement],
    ['says', ({ says }) => says],
  ] satisfies readonly SheetColumn<CallChangeWire>[],
})

type Line = BudgetVerdictWire['lines'][number]
/** The visual language of state that all pages share. */
const marks = { within: 'ok', over: 'failed', dearer: 'failed', few: 'unknown' } as const

export function budgetsView(it: BudgetVerdictWire, { look, paint }: Eye): string {
  const columns: Column<Line>[] = [
    { title: 'method', value: ({ method }) => method, shown: ({ method }) => paint('bold', method) },
    { title: 'measure', value: ({ measure }) => measure },
    { title: 'costs', value: ({ got }) => got, shown: ({ got, measure }) => figure(got, measure), align: 'right' },
    {
      title: 'budget',
      value: ({ limit }) => limit,
      shown: ({ limit, measure }) => (limit === null ? '–' : figureWithUnit(limit, measure)),
      align: 'right',
    },
    { title: 'calls', value: ({ n }) => n, shown: ({ n }) => sayNumber(n), align: 'right' },
    { title: '', value: ({ state }) => state, shown: ({ state }) => `${sign(marks[state], paint)} ${state}` },
  ]
  return [
    wrap(`${sign(it.ok ? 'ok' : 'failed', paint)} ${it.says}`, look.width, 2),
    ...(it.lines.length === 0 ? [] : ['', table(it.lines, columns, look, paint)]),
    ...it.lines.filter(({ state }) => state === 'over' || state === 'dearer').map(({ says }) => wrap(`  ${says}`, look.width, 2)),
  ].join('\n')
}

export const budgetsSheet = ({ lines }: BudgetVerdictWire) => ({
  rows: lines,
  columns: [
    ['method', ({ method }) => method],
    ['measure', ({ measure }) => measure],
    ['costs', ({ got }) => got],
    ['budget', ({ limit }) => limit],
    ['calls', ({ n }) => n],
    ['state', ({ state }) => state],
    ['says', ({ says }) => says],
  ] satisfies readonly SheetColumn<Line>[],
})
