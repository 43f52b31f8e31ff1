import type { CallChangeWire, CallFacetsWire, CallRowWire } from '@belay/protocol'
import { useElementSize } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { type CSSProperties, memo, useCallback, useEffect, useRef, useState } from 'react'
import { Cell } from './Cell.tsx'
import { type Column, fitColumns, narrowPx, type Order, rankPx } from './columns.ts'
import type { CallsFilter, Rank } from './search.ts'
import './table.css'

const rowPx = 30
const headPx = 34

type TableProps = {
  readonly rows: readonly CallRowWire[]
  readonly columns: readonly Column[]
  readonly rank: Rank
  readonly order: Order | undefined
  readonly onOrder: (order: Order | undefined) => void
  readonly filter: CallsFilter
  /** More than one service answers: their names are told. */
  readonly services: boolean
  readonly sampled: ReadonlySet<string>
  /** By method, for the column of changes when nothing is compared. */
  readonly changes: ReadonlyMap<string, CallChangeWire>
  readonly busy: boolean
}

export const keyOfRow = (row: Pick<CallRowWire, 'service' | 'method'>): string => `${row.service} ${row.method}`
export const sampledServices = (facets: CallFacetsWire | undefined): ReadonlySet<string> =>
  new Set(facets?.processes.filter((it) => it.mode === 'sampled').map((it) => it.service))

/** Thousands of methods, of which only those in sight are drawn. The arrows walk; Enter opens. */
export function CallTable({ rows, columns: all, rank, order, onOrder, filter, services, sampled, changes, busy }: TableProps) {
  const { ref: frame, width } = useElementSize()
  const box = useRef<HTMLDivElement>(null)
  // The row that has the keyboard is drawn wherever it is, so that scrolling away does not lose it.
  const [held, setHeld] = useState<string>()
  const heldAt = held === undefined ? -1 : rows.findIndex((it) => keyOfRow(it) === held)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowPx,
    overscan: 14,
    // The rows begin beneath the head, which stays where it is.
    scrollMargin: headPx,
    scrollPaddingStart: headPx,
    getItemKey: (index) => keyOfRow(rows[index] as CallRowWire),
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range)
      return heldAt < 0 || indexes.includes(heldAt) ? indexes : [...indexes, heldAt].sort((a, b) => a - b)
    },
  })
  const columns = fitColumns(all, width)
  const narrow = width < narrowPx
  const template = [...(narrow ? [] : [`${rankPx}px`]), 'minmax(0, 1fr)', ...columns.map((it) => `${it.widthPx}px`)].join(' ')

  // A new order begins at its top.
  const orderKey = `${rank} ${order?.key} ${order?.turned}`
  useEffect(() => {
    if (orderKey !== '' && box.current) box.current.scrollTop = 0
  }, [orderKey])

  // Keys come faster than the row that they lead to gets the keyboard.
  const walkedTo = useRef<number>(undefined)
  const walkTo = (index: number) => {
    const at = Math.min(Math.max(index, 0), rows.length - 1)
    const row = rows[at]
    if (row === undefined) return
    setHeld(keyOfRow(row))
    virtual.scrollToIndex(at)
    walkedTo.current = at
    requestAnimationFrame(() => {
      if (walkedTo.current !== at) return
      walkedTo.current = undefined
      box.current?.querySelector<HTMLElement>(`[data-at="${at}"]`)?.focus({ preventScroll: true })
    })
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    const at = event.target instanceof HTMLElement ? event.target.dataset['at'] : undefined
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / rowPx) - 2)
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length }[event.key]
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    const from = walkedTo.current ?? (at === undefined ? undefined : Number(at))
    walkTo(from === undefined ? (step > 0 ? 0 : rows.length - 1) : from + step)
  }
  const onFocus = useCallback((key: string) => setHeld(key), [])

  return (
    <div className="panel calls-panel" ref={frame}>
      {width > 0 && (
        <div
          className="calls-box"
          ref={box}
          role="table"
          aria-label="Methods"
          aria-rowcount={rows.length + 1}
          aria-busy={busy}
          style={{ '--calls-columns': template } as CSSProperties}
          onKeyDown={onKeyDown}
        >
          <div role="rowgroup" className="calls-head-group">
            <div className="calls-row calls-head" role="row" aria-rowindex={1}>
              {!narrow && <span role="columnheader" aria-label="Number" />}
              <Head name="Method" says="Method" column="method" order={order} onOrder={onOrder} turnsFirst />
              {columns.map((it) =>
                it.kind === 'spark' ? (
                  <span key={it.key} role="columnheader" className="num">
                    {it.head}
                  </span>
                ) : (
                  <Head key={it.key} name={it.head} says={it.says} column={it.key} order={order} onOrder={onOrder} />
                ),
              )}
            </div>
          </div>
          <div role="rowgroup" className="calls-rows" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index]
              return row === undefined ? null : (
                <Row
                  key={item.key}
                  row={row}
                  at={item.index}
                  top={item.start - headPx}
                  narrow={narrow}
                  columns={columns}
                  rank={rank}
                  filter={filter}
                  service={services}
                  isSampled={sampled.has(row.service)}
                  change={changes.get(keyOfRow(row))}
                  onFocus={onFocus}
                />
              )
            })}
          </div>
        </div>
      )}
    </div>
  )
}

function Head({
  name,
  says,
  column,
  order,
  onOrder,
  turnsFirst = false,
}: {
  name: string
  says: string
  column: string
  order: Order | undefined
  onOrder: (order: Order | undefined) => void
  turnsFirst?: boolean
}) {
  const isIt = order?.key === column
  // Names go up from A; figures down from the largest.
  const up = isIt && order.turned !== turnsFirst
  return (
    <span role="columnheader" aria-sort={isIt ? (up ? 'ascending' : 'descending') : 'none'} className={column === 'method' ? '' : 'num'}>
      <button
        type="button"
        className="calls-sort"
        aria-label={`Sort by ${says}`}
        // First as one expects it, then the other way, then as the tab ranks.
        onClick={() => onOrder(!isIt ? { key: column, turned: false } : order.turned ? undefined : { key: column, turned: true })}
      >
        <span className="clip">{name}</span>
        {isIt && (
          <svg width="8" height="8" viewBox="0 0 8 8" aria-hidden="true">
            <path d={up ? 'M1.2 5.4 4 2.6l2.8 2.8' : 'M1.2 2.6 4 5.4l2.8-2.8'} fill="none" stroke="currentColor" strokeWidth="1.5" />
          </svg>
        )}
      </button>
    </span>
  )
}

type RowProps = {
  readonly row: CallRowWire
  readonly at: number
  readonly top: number
  readonly narrow: boolean
  readonly columns: readonly Column[]
  readonly rank: Rank
  readonly filter: CallsFilter
  readonly service: boolean
  readonly isSampled: boolean
  readonly change: CallChangeWire | undefined
  readonly onFocus: (key: string) => void
}

const Row = memo(function Row({ row, at, top, narrow, columns, rank, filter, service, isSampled, change, onFocus }: RowProps) {
  return (
    <div role="row" aria-rowindex={at + 2} className="calls-row calls-line" style={{ transform: `translateY(${top}px)`, height: rowPx }}>
      {!narrow && (
        <span role="cell" className="calls-number">
          {at + 1}
        </span>
      )}
      <span role="cell" className="calls-method">
        <span className="calls-name">
          <Link
            to="/calls/method"
            search={{ ...filter, service: row.service, method: row.method }}
            className="mono clip"
            data-row=""
            data-at={at}
            title={row.method}
            onFocus={() => onFocus(keyOfRow(row))}
          >
            {row.method}
          </Link>
          {row.repeats !== null && (
            <span
              className="repeat-badge"
              tabIndex={-1}
              data-tip={`The same statement ran ${row.repeats.max} times within one call\n${row.repeats.statement}`}
            >
              <span className="hidden">repeats a statement: </span>× {row.repeats.max}
            </span>
          )}
        </span>
        {service && <span className="soft calls-service">{row.service}</span>}
      </span>
      {columns.map((it) => (
        <Cell key={it.key} column={it} row={row} rank={rank} isSampled={isSampled} change={change} />
      ))}
    </div>
  )
})
