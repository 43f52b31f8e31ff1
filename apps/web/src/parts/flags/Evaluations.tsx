import { type FlagCountsWire, type FlagWire, routes } from '@belay/protocol'
import { useElementSize } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { ask } from '../../api.ts'
import { sayClock, sayShort } from '../../time.ts'
import { Answered } from '../Answered.tsx'
import { Empty } from '../Empty.tsx'
import { Panel } from '../Page.tsx'
import { useNow } from '../useNow.ts'
import { barsOf, columnsOf, csvOf, isSpan, nameOf, type Span, spans, variantsIn } from './counts.ts'
import { sayPercent } from './exposure.ts'
import './evaluations.css'

/** Services send about this often; asking more often shows no more. */
const againMs = 4_000
const heightPx = 150
const bottomPx = 18
/** Room above the bars for what the upper edge means. */
const topPx = 15
/** More rows than anybody reads in a page; the file has all. */
const tableRowsMax = 200
/** Colours there are; further variants share the last. */
const coloursMax = 6

const number = (count: number): string => count.toLocaleString('en')
const colourOf = (variants: readonly string[], variant: string): string => `variant-${Math.min(coloursMax, variants.indexOf(variant) + 1)}`

function Chart({ it, variants, untilAt }: { it: FlagCountsWire; variants: readonly string[]; untilAt: number }) {
  const { ref, width } = useElementSize()
  const { bars, top } = barsOf(it, variants, { width: Math.max(1, width), height: heightPx, untilAt })
  const sum = it.totals.reduce((all, { count }) => all + count, 0)
  return (
    <div ref={ref} className="counts-chart">
      {width > 0 && (
        <svg
          width={width}
          height={topPx + heightPx + bottomPx}
          viewBox={`0 ${-topPx} ${width} ${topPx + heightPx + bottomPx}`}
          role="img"
          aria-label={`${number(sum)} evaluations: ${it.totals.map((one) => `${nameOf(one.variant)} ${number(one.count)}`).join(', ')}`}
        >
          {[0, 0.5, 1].map((share) => (
            <line key={share} className="counts-grid" x1={0} x2={width} y1={heightPx * (1 - share)} y2={heightPx * (1 - share)} />
          ))}
          {bars.map((bar) => (
            <g key={bar.column.at} data-tip={sayColumn(bar.column, variants, untilAt)}>
              <rect className="counts-hover" x={bar.x} width={bar.width} y={0} height={heightPx} />
              {bar.parts.map((part) => (
                <rect
                  key={part.variant}
                  className={colourOf(variants, part.variant)}
                  x={bar.x}
                  width={bar.width}
                  y={part.y}
                  height={part.height}
                />
              ))}
            </g>
          ))}
          <text x={0} y={-4}>
            {number(top)}
          </text>
          <text x={0} y={heightPx + 14}>
            {sayShort(it.sinceAt, untilAt)}
          </text>
          <text x={width} y={heightPx + 14} textAnchor="end">
            now
          </text>
        </svg>
      )}
    </div>
  )
}

const sayColumn = (column: ReturnType<typeof columnsOf>[number], variants: readonly string[], nowAt: number): string =>
  [
    `${sayClock(column.at, nowAt)}: ${number(column.total)}`,
    ...variants.flatMap((it) => (column.counts.has(it) ? [`${it} ${number(column.counts.get(it) ?? 0)}`] : [])),
  ].join('\n')

function Totals({ it, variants }: { it: FlagCountsWire; variants: readonly string[] }) {
  const sum = it.totals.reduce((all, { count }) => all + count, 0)
  const of = (name: string) => it.totals.find(({ variant }) => nameOf(variant) === name)
  return (
    <div className="scroll-x">
      <table className="list counts-totals">
        <thead>
          <tr>
            <th>Variant</th>
            <th className="num">Evaluations</th>
            <th className="num">Share</th>
            <th className="num">Units</th>
          </tr>
        </thead>
        <tbody>
          {variants.map((variant) => (
            <tr key={variant}>
              <td>
                <i className={`swatch ${colourOf(variants, variant)}`} /> <code className="strong">{variant}</code>
              </td>
              <td className="num">{number(of(variant)?.count ?? 0)}</td>
              <td className="num soft">{sum === 0 ? '–' : sayPercent(Math.round(((of(variant)?.count ?? 0) / sum) * 1_000) / 10)}</td>
              <td className="num">{of(variant) === undefined ? '–' : number(of(variant)?.units ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Table({ it, variants }: { it: FlagCountsWire; variants: readonly string[] }) {
  const nowAt = useNow(60_000)
  const columns = columnsOf(it).toReversed()
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            <th>Since</th>
            {variants.map((variant) => (
              <th key={variant} className="num">
                {variant}
              </th>
            ))}
            <th className="num">All</th>
          </tr>
        </thead>
        <tbody>
          {columns.slice(0, tableRowsMax).map((column) => (
            <tr key={column.at}>
              <td className="soft">{sayClock(column.at, nowAt)}</td>
              {variants.map((variant) => (
                <td key={variant} className="num">
                  {number(column.counts.get(variant) ?? 0)}
                </td>
              ))}
              <td className="num strong">{number(column.total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {columns.length > tableRowsMax && <p className="soft">The newest {tableRowsMax} are shown; the CSV has all.</p>}
    </div>
  )
}

function saveCsv(it: FlagCountsWire, flag: string): void {
  const url = URL.createObjectURL(new Blob([csvOf(it)], { type: 'text/csv' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${flag.replaceAll(/[^\w.-]/g, '-')}-${it.environment}.csv`
  link.click()
  URL.revokeObjectURL(url)
}

/** How often each variant was given, over time. */
export function Evaluations({
  flag,
  environment,
  span: asked,
  table,
  onSpan,
  onTable,
}: {
  flag: FlagWire
  environment: string
  span: string | undefined
  table: boolean
  onSpan: (span: Span) => void
  onTable: (table: boolean) => void
}) {
  const span = isSpan(asked) ? asked : '1h'
  const nowAt = useNow(5_000)
  const counts = useQuery({
    ...ask(routes.flags.counts, { params: { key: flag.key }, query: { environment, forMs: spans[span].ms } }),
    refetchInterval: againMs,
    placeholderData: (before) => before,
  })
  const known = Object.keys(flag.variants)
  return (
    <Panel
      title={`Evaluations in ${environment} over ${spans[span].says}`}
      aside={
        <>
          {Object.entries(spans).map(([name, { says }]) => (
            <button
              key={name}
              type="button"
              className="btn small"
              aria-pressed={name === span}
              aria-description={says}
              onClick={() => onSpan(name as Span)}
            >
              {name}
            </button>
          ))}
          <button type="button" className="btn small" aria-pressed={table} onClick={() => onTable(!table)}>
            Table
          </button>
          <button
            type="button"
            className="btn small"
            disabled={!counts.data?.points.length}
            onClick={() => counts.data && saveCsv(counts.data, flag.key)}
          >
            CSV
          </button>
        </>
      }
    >
      <Answered query={counts} height={300}>
        {(it) => {
          const variants = variantsIn(it, known)
          if (it.points.length === 0)
            return (
              <Empty title={`No evaluation in ${environment} was reported over ${spans[span].says}`}>
                That is not the same as none: services report in batches, and one that has no key for {environment} reports nothing.
              </Empty>
            )
          return (
            <>
              <Chart it={it} variants={variants} untilAt={Math.max(nowAt, it.sinceAt + it.stepMs)} />
              <Totals it={it} variants={variants} />
              {table && <Table it={it} variants={variants} />}
            </>
          )
        }}
      </Answered>
    </Panel>
  )
}
