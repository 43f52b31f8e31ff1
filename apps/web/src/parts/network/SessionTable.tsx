import { sayData, sayLife, sayMaybeMs, sayMs, sayPercent, sayRate, sayEnd, gradeWords, limitWords } from './words.ts'
import type { NetworkRank, SessionRowWire } from '@belay/protocol'
import { useElementSize } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type CSSProperties, memo, type ReactNode, useEffect, useRef } from 'react'
import { sparkOf } from '../calls/spark.ts'
import { Sign } from '../Chip.tsx'
import { Time } from '../Time.tsx'
import '../calls/table.css'

const rowPx = 30
const headPx = 34
/** Below this the two ends stand on two lines. */
const narrowPx = 620
const endsPx = 300
const endsNarrowPx = 130

type Column = {
  readonly head: string
  readonly widthPx: number
  /** Where there is no room for all, those with the smallest stay. */
  readonly rank: number
  readonly sort?: NetworkRank
  readonly left?: boolean
  readonly cell: (row: SessionRowWire) => ReactNode
}

const columns: readonly Column[] = [
  {
    head: 'Score',
    widthPx: 66,
    rank: 0,
    sort: 'score',
    cell: (it) => {
      const { tone, says } = gradeWords[it.grade]
      return (
        <span className={`chip is-${tone}`} data-tip={`${Math.round(it.score)} of 100: ${says}`}>
          <Sign tone={tone} />
          {Math.round(it.score)}
          <span className="hidden">, {says}</span>
        </span>
      )
    },
  },
  {
    head: 'Limited by',
    widthPx: 122,
    rank: 1,
    left: true,
    cell: (it) => (
      <span className="clip" data-tip={it.because}>
        {it.limit === 'none' ? <span className="soft">–</span> : limitWords[it.limit].short}
        {it.limit !== 'none' && <span className="soft"> {sayPercent(it.limitShare)}</span>}
      </span>
    ),
  },
  {
    head: 'RTT',
    widthPx: 72,
    rank: 2,
    sort: 'rtt',
    cell: (it) => (
      <span data-tip={it.rttP95Ms === null ? undefined : `Median; 95% are below ${sayMs(it.rttP95Ms)}`}>{sayMaybeMs(it.rttMs)}</span>
    ),
  },
  {
    head: 'Goodput',
    widthPx: 94,
    rank: 4,
    sort: 'goodput',
    cell: (it) => (
      <span data-tip={`To the server ${sayRate(it.goodputBps[0])}\nTo the client ${sayRate(it.goodputBps[1])}`}>
        {sayRate(Math.max(...it.goodputBps))}
      </span>
    ),
  },
  {
    head: 'Sent again',
    widthPx: 82,
    rank: 3,
    sort: 'resent',
    cell: (it) => (
      <span className={it.resentShare >= 0.1 ? 'ink-fall strong' : it.resent === 0 ? 'soft' : ''}>{sayPercent(it.resentShare)}</span>
    ),
  },
  { head: 'Server time', widthPx: 92, rank: 9, sort: 'server', cell: (it) => sayMaybeMs(it.serverMs) },
  { head: 'Data', widthPx: 76, rank: 5, sort: 'bytes', cell: (it) => sayData(it.bytes[0] + it.bytes[1]) },
  { head: 'Lasted', widthPx: 84, rank: 8, sort: 'duration', cell: (it) => sayLife(it.duration) },
  {
    head: 'Throughput',
    widthPx: 94,
    rank: 6,
    cell: (it) => <Line points={it.spark} says={`Throughput over ${sayLife(it.duration)}`} />,
  },
  {
    head: 'RTT over time',
    widthPx: 98,
    rank: 7,
    cell: (it) => <Line points={it.sparkRtt} says={`Round trips over ${sayLife(it.duration)}`} />,
  },
  { head: 'Begun', widthPx: 88, rank: 10, sort: 'started', cell: (it) => <Time at={it.startedMs} /> },
]

const sparkPx = { width: 80, height: 18 }
function Line({ points, says }: { points: readonly (number | null)[]; says: string }) {
  // Nothing all the time is no line: there would be nothing to see in it.
  const { d, dots } = sparkOf(points.some((it) => it !== null && it !== 0) ? points : [], sparkPx.width, sparkPx.height)
  return (
    <svg
      className="spark"
      width={sparkPx.width}
      height={sparkPx.height}
      viewBox={`0 0 ${sparkPx.width} ${sparkPx.height}`}
      role="img"
      aria-label={says}
    >
      <path d={d} />
      {dots.map((dot) => (
        <circle key={dot.x} cx={dot.x} cy={dot.y} r={1} />
      ))}
    </svg>
  )
}

/** As many columns as have room, the more important first, in their usual order. */
function fit(widthPx: number): readonly Column[] {
  let room = widthPx - (widthPx < narrowPx ? endsNarrowPx : endsPx) - 30
  const kept = new Set<Column>()
  for (const one of [...columns].sort((a, b) => a.rank - b.rank)) {
    room -= one.widthPx
    if (room < 0) break
    kept.add(one)
  }
  return columns.filter((it) => kept.has(it))
}

/** Thousands of sessions, of which only those in sight are drawn. The arrows walk; Enter opens. */
export function SessionTable({
  rows,
  total,
  rank,
  onRank,
  onMore,
  busy,
}: {
  rows: readonly SessionRowWire[]
  total: number
  rank: NetworkRank
  onRank: (rank: NetworkRank) => void
  /** The reader came to the end of what is here. */
  onMore?: (() => void) | undefined
  busy: boolean
}) {
  const { ref: frame, width } = useElementSize()
  const box = useRef<HTMLDivElement>(null)
  const narrow = width < narrowPx
  const heightPx = narrow ? 48 : rowPx
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => heightPx,
    overscan: 12,
    scrollMargin: headPx,
    scrollPaddingStart: headPx,
    getItemKey: (at) => rows[at]?.id ?? at,
  })
  useEffect(() => virtual.measure(), [virtual, heightPx])
  const shown = fit(width)
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= rows.length - 1 && rows.length < total) onMore?.()
  }, [last, rows.length, total, onMore])

  const walk = (to: number) => {
    const at = Math.min(Math.max(to, 0), rows.length - 1)
    virtual.scrollToIndex(at)
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-at="${at}"]`)?.focus({ preventScroll: true }))
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    const from = event.target instanceof HTMLElement ? event.target.dataset['at'] : undefined
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / heightPx) - 2)
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length }[event.key]
    if (step === undefined || from === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    walk(Number(from) + step)
  }
  const template = ['minmax(0, 1fr)', ...shown.map((it) => `${it.widthPx}px`)].join(' ')
  return (
    <div className="panel calls-panel" ref={frame}>
      {width > 0 && (
        <div
          className="calls-box"
          ref={box}
          role="table"
          aria-label="Sessions"
          aria-rowcount={total + 1}
          aria-busy={busy}
          style={{ '--calls-columns': template } as CSSProperties}
          onKeyDown={onKeyDown}
        >
          <div role="rowgroup" className="calls-head-group">
            <div className="calls-row calls-head sessions-row" role="row" aria-rowindex={1}>
              <span role="columnheader">Client → server</span>
              {shown.map((it) => (
                <span
                  key={it.head}
                  role="columnheader"
                  className={it.left ? '' : 'num'}
                  aria-sort={
                    it.sort === undefined ? undefined : it.sort === rank ? (rank === 'score' ? 'ascending' : 'descending') : 'none'
                  }
                >
                  {it.sort === undefined ? (
                    it.head
                  ) : (
                    <button
                      type="button"
                      className="calls-sort"
                      aria-label={`Sort by ${it.head}`}
                      onClick={() => onRank(it.sort ?? 'score')}
                    >
                      <span className="clip">{it.head}</span>
                      {it.sort === rank && (
                        <svg width="8" height="8" viewBox="0 0 8 8" aria-hidden="true">
                          <path
                            d={rank === 'score' ? 'M1.2 5.4 4 2.6l2.8 2.8' : 'M1.2 2.6 4 5.4l2.8-2.8'}
                            fill="none"
                            stroke="currentColor"
                            strokeWidth="1.5"
                          />
                        </svg>
                      )}
                    </button>
                  )}
                </span>
              ))}
            </div>
          </div>
          <div role="rowgroup" className="calls-rows" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index]
              return row === undefined ? null : (
                <Row
                  key={item.key}
                  row={row}
                  at={item.index}
                  top={item.start - headPx}
                  heightPx={heightPx}
                  narrow={narrow}
                  columns={shown}
                />
              )
            })}
          </div>
        </div>
      )}
    </div>
  )
}

const Row = memo(function Row({
  row,
  at,
  top,
  heightPx,
  narrow,
  columns: shown,
}: {
  row: SessionRowWire
  at: number
  top: number
  heightPx: number
  narrow: boolean
  columns: readonly Column[]
}) {
  return (
    <div
      role="row"
      aria-rowindex={at + 2}
      className="calls-row calls-line sessions-row"
      style={{ transform: `translateY(${top}px)`, height: heightPx }}
    >
      <span role="cell" className="session-ends">
        <Link
          to="/network/sessions/$id"
          params={{ id: row.id }}
          className="mono"
          data-row=""
          data-at={at}
          title={`${sayEnd(row.client)} → ${sayEnd(row.server)}`}
        >
          <span className="clip">{sayEnd(row.client)}</span>
          <span className="soft">{narrow ? '' : ' → '}</span>
          <span className="clip">
            {narrow && <span className="soft">→ </span>}
            {sayEnd(row.server)}
          </span>
        </Link>
      </span>
      {shown.map((it) => (
        <span key={it.head} role="cell" className={it.left ? 'clip' : 'num'}>
          {it.cell(row)}
        </span>
      ))}
    </div>
  )
})
