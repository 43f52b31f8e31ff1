/** Two network solutions beside one another. Pure. */
import type { Compared, Comparison, Costs, Spread } from '@belay/tcp'
import { sayBytes, sayCount } from '@belay/base'
import { type FittedColumn, fittedTable } from '../calls/fitting.ts'
import { digits, sayNumber, signedPercent } from '../calls/numbers.ts'
import { type Eye, type Paint, pairs, wrap } from '../terminal.ts'
import { sayRate } from './figures.ts'

export function compareView(it: Comparison, names: { readonly a: string; readonly b: string }, notes: readonly string[], eye: Eye): string {
  const { look, paint } = eye
  const verdict =
    it.outcome === 'no difference shown'
      ? paint('bold', 'No difference shown.')
      : paint(['bold', 'green'], `${it.outcome.replace('better in', 'Better:')}.`)
  const sentences = it.sentences.length === 0 ? [verdict] : it.sentences
  const unmatched = it.unmatched.a + it.unmatched.b
  return [
    pairs(
      [
        ['A', `${names.a}: ${sayCount(it.sessions.a, 'session')}`],
        ['B', `${names.b}: ${sayCount(it.sessions.b, 'session')}`],
      ],
      eye,
    ),
    '',
    ...sentences.map((sentence, nth) => wrap(nth === 0 ? paint('bold', sentence) : sentence, look.width)),
    ...(it.measures.length === 0 ? [] : ['', measuresTable(it.measures, eye)]),
    ...costLines(it.costs, eye),
    '',
    ...(unmatched === 0
      ? []
      : [
          paint(
            'dim',
            wrap(
              `${sayCount(unmatched, 'session')} (${it.unmatched.a} of A, ${it.unmatched.b} of B) had nothing like them on the other side and are left out.`,
              look.width,
            ),
          ),
        ]),
    ...(it.method === '' ? [] : [paint('dim', wrap(it.method, look.width))]),
    ...notes.map((note) => wrap(`${paint('yellow', '■')} ${note}`, look.width, 2)),
  ].join('\n')
}

function figure(value: number | null, unit: Compared['unit']): string {
  if (value === null) return '–'
  switch (unit) {
    case 'bit/s':
      return sayRate(value)
    case 'ms':
      return `${digits(value)} ms`
    case 'share':
      return `${digits(value * 100)}%`
    case 'points':
    case 'count':
    case 'ratio':
      return digits(value)
  }
}

const spread = ({ median, p25, p75 }: Spread, unit: Compared['unit'], paint: Paint): string =>
  median === null ? '–' : `${figure(median, unit)} ${paint('dim', `(${shortFigure(p25, unit)}…${shortFigure(p75, unit)})`)}`
/** Within brackets the unit has been said. */
const shortFigure = (value: number | null, unit: Compared['unit']): string => {
  const text = figure(value, unit)
  return unit === 'bit/s' ? text.replace(/ +/g, ' ') : text.replace(/ ms$|%$/, '')
}

function change({ change: it, unit, outcome }: Compared, paint: Paint): string {
  if (it === null) return paint('dim', 'too few sessions')
  const one = (value: number): string =>
    it.as === 'ratio' ? signedPercent(value - 1) : `${value < 0 ? '−' : '+'}${figure(Math.abs(value), unit).replace(/ +/g, ' ')}`
  const interval = paint('dim', `${one(it.low)}…${one(it.high)}`)
  return outcome === 'no difference shown'
    ? interval
    : `${paint(outcome === 'better in B' ? 'green' : 'red', one(it.estimate))} ${interval}`
}

function measuresTable(measures: readonly Compared[], { look, paint }: Eye): string {
  const columns: FittedColumn<Compared>[] = [
    { title: 'measure', value: ({ label }) => label, spare: 0, shortens: true },
    {
      title: 'A: median (middle half)',
      value: ({ a }) => a.median,
      shown: ({ a, unit }) => spread(a, unit, paint),
      align: 'right',
      spare: 2,
    },
    { title: 'B', value: ({ b }) => b.median, shown: ({ b, unit }) => spread(b, unit, paint), align: 'right', spare: 2 },
    { title: 'B against A', value: (it) => it.change?.estimate ?? null, shown: (it) => change(it, paint), spare: 0 },
    {
      title: 'effect',
      value: ({ effect }) => effect,
      shown: ({ effectSize, outcome }) => (effectSize === null || outcome === 'no difference shown' ? paint('dim', '–') : effectSize),
      spare: 4,
    },
    {
      title: '',
      value: ({ outcome }) => outcome,
      shown: ({ outcome }) => (outcome === 'no difference shown' ? paint('dim', outcome) : paint('bold', outcome)),
      spare: 0,
    },
  ]
  return fittedTable(measures, columns, look, paint)
}

function costLines({ a, b }: Comparison['costs'], eye: Eye): readonly string[] {
  const rows = (
    [
      ['carried', ({ goodBytes }: Costs) => sayBytes(goodBytes)],
      ['on the wire', ({ wireBytes }: Costs) => sayBytes(wireBytes)],
      ['wire bytes for one of payload', ({ wireBytesPerGoodByte: it }: Costs) => (it === null ? '–' : digits(it))],
      ['packets a megabyte', ({ packetsPerMegabyte: it }: Costs) => (it === null ? '–' : sayNumber(Math.round(it)))],
      ['CPU', ({ cpuMs: it }: Costs) => (it === null ? '–' : `${digits(it / 1_000)} s`)],
      ['CPU a megabyte', ({ cpuMsPerMegabyte: it }: Costs) => (it === null ? '–' : `${digits(it)} ms`)],
      ['memory', ({ memoryBytes: it }: Costs) => (it === null ? '–' : sayBytes(it))],
    ] as const
  )
    .map(([what, of]) => ({ what, a: of(a), b: of(b) }))
    .filter((row) => row.a !== '–' || row.b !== '–')
  const columns: FittedColumn<(typeof rows)[number]>[] = [
    { title: 'cost', value: ({ what }) => what, spare: 0, shortens: true },
    { title: 'A', value: (row) => row.a, align: 'right', spare: 0 },
    { title: 'B', value: (row) => row.b, align: 'right', spare: 0 },
  ]
  return rows.length === 0 ? [] : ['', fittedTable(rows, columns, eye.look, eye.paint)]
}
