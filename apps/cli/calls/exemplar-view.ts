/** Calls that were kept with all that they did. Pure. */
import type { ExemplarWire } from '@belay/protocol'
import { sayCount } from '@belay/base'
import { cut, type Eye, pairs, sayWhen } from '../terminal.ts'
import { type FittedColumn, fittedTable } from './fitting.ts'
import { alignPoints, bar, digits, figure, figureWithUnit } from './numbers.ts'
import type { SheetColumn } from './sheet.ts'

type Event = ExemplarWire['events'][number]

/** Enough of a trace id to name it on the command line. */
const traceShown = 12
/** The whole call from its beginning to its end. */
const laneWidth = 24
/** As many equal statements in a row are told in one line. */
const foldLeast = 3

export function exemplarTable(exemplars: readonly ExemplarWire[], { look, paint }: Eye): string {
  const real = alignPoints(exemplars.map(({ realUs }) => figure(realUs, 'real')))
  const cpu = alignPoints(exemplars.map(({ cpuUs }) => figure(cpuUs, 'cpu')))
  const columns: FittedColumn<ExemplarWire>[] = [
    { title: 'trace', value: ({ trace }) => trace, shown: ({ trace }) => paint('bold', trace.slice(0, traceShown) || '–'), spare: 0 },
    { title: 'why', value: ({ why }) => why, spare: 0 },
    { title: 'when', value: ({ at }) => sayWhen(at, look), spare: 1 },
    { title: 'real ms', value: ({ realUs }) => realUs, shown: (it) => real[exemplars.indexOf(it)] ?? '', align: 'right', spare: 0 },
    { title: 'cpu ms', value: ({ cpuUs }) => cpuUs, shown: (it) => cpu[exemplars.indexOf(it)] ?? '', align: 'right', spare: 2 },
    { title: 'stc', value: ({ statements }) => statements, align: 'right', spare: 3 },
    {
      title: 'status',
      value: ({ status }) => status,
      shown: (it) => (it.failed ? paint('red', String(it.status)) : String(it.status)),
      spare: 4,
    },
    { title: 'release', value: ({ release }) => release, spare: 5 },
    { title: 'audience', value: ({ audience }) => audience, spare: 6 },
    { title: 'variants', value: ({ variants }) => variants.join(' '), spare: 7 },
  ]
  return fittedTable(exemplars, columns, look, paint)
}

/** What one call did, as a timeline: statements, calls to others, flags it asked for. */
export function timelineView(it: ExemplarWire, eye: Eye): string {
  const { look, paint } = eye
  const head = pairs(
    [
      ['trace', it.trace === '' ? '–' : it.trace],
      [
        'call',
        `${figureWithUnit(it.realUs, 'real')}, ${sayCount(it.statements, 'statement')}, ${sayCount(it.transactions, 'transaction')}`,
      ],
      ['cpu', it.cpuUs === null ? 'not measured' : figureWithUnit(it.cpuUs, 'cpu')],
      ['database', figureWithUnit(it.dbUs, 'db')],
      ['status', it.failed ? paint('red', `${it.status}, failed`) : String(it.status)],
      ['kept', `${it.why}, ${sayWhen(it.at, look)}`],
      ['where', [it.release, it.lane, it.host].filter((part) => part !== '').join(', ')],
      ['whom', [it.audience, it.account].filter((part) => part !== '').join(', ')],
      ['variants', it.variants.join(', ')],
    ],
    eye,
  )
  const steps = folded(it.events)
  const ats = alignPoints(steps.map(({ event }) => digits(event.atUs / 1_000)))
  const tooks = alignPoints(steps.map(({ tookUs }) => digits(tookUs / 1_000)))
  const wide = (texts: readonly string[], title: string): number => Math.max(title.length, ...texts.map((text) => text.length))
  const [atWidth, tookWidth] = [wide(ats, 'AT MS'), wide(tooks, 'TOOK MS')]
  const lines = steps.map(({ event, times, untilUs }, nth) => {
    const text = `${event.kind === 'statement' ? event.system || 'statement' : event.kind}  ${times > 1 ? `${paint('yellow', `×${times}`)} ` : ''}${event.text.replace(/\s+/g, ' ')}`
    const lane = laneOf(event.atUs, untilUs, it.realUs)
    return cut(
      `${(ats[nth] ?? '').padStart(atWidth)}  ${(tooks[nth] ?? '').padStart(tookWidth)}  ${paint(event.failed ? 'red' : 'cyan', lane)}  ${event.failed ? paint('red', text) : text}`,
      look.width,
    )
  })
  return [
    head,
    '',
    paint('dim', `${'AT MS'.padStart(atWidth)}  ${'TOOK MS'.padStart(tookWidth)}`),
    ...lines,
    ...(it.cut === 0 ? [] : [paint('dim', `${sayCount(it.cut, 'more event')} ${it.cut === 1 ? 'was' : 'were'} not kept`)]),
  ].join('\n')
}

/** From where to where in the call something lasted. */
function laneOf(fromUs: number, untilUs: number, allUs: number): string {
  const at = Math.min(laneWidth - 1, Math.max(0, Math.floor((fromUs / Math.max(1, allUs)) * laneWidth)))
  const drawn = bar((untilUs - fromUs) / Math.max(1, allUs), laneWidth - at) || '▏'
  return (' '.repeat(at) + drawn).padEnd(laneWidth)
}

type Step = { readonly event: Event; readonly times: number; readonly tookUs: number; readonly untilUs: number }

/** Equal statements in a row become one line with how often: forty lines of an N+1 say no more than one. */
function folded(events: readonly Event[]): readonly Step[] {
  const runs: Event[][] = []
  for (const event of events) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    if (
      run !== undefined &&
      last?.kind === 'statement' &&
      last.text === event.text &&
      last.kind === event.kind &&
      last.failed === event.failed
    )
      run.push(event)
    else runs.push([event])
  }
  return runs
    .flatMap((run) => (run.length < foldLeast ? run.map((event) => [event]) : [run]))
    .map((run) => ({
      event: run[0] as Event,
      times: run.length,
      tookUs: run.reduce((sum, { tookUs }) => sum + tookUs, 0),
      untilUs: Math.max(...run.map(({ atUs, tookUs }) => atUs + tookUs)),
    }))
}

export const timelineSheet = ({ events }: ExemplarWire) => ({
  rows: events,
  columns: [
    ['at_us', ({ atUs }) => atUs],
    ['took_us', ({ tookUs }) => tookUs],
    ['kind', ({ kind }) => kind],
    ['system', ({ system }) => system],
    ['failed', ({ failed }) => failed],
    ['text', ({ text }) => text],
  ] satisfies readonly SheetColumn<Event>[],
})
