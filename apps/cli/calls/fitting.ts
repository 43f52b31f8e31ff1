/** A table that gives up its least important columns where the terminal is too narrow for all of them. Pure. */
import stringWidth from 'string-width'
import { type Column, type Look, type Paint, table } from '../terminal.ts'

export type FittedColumn<Row> = Column<Row> & {
  /** The larger, the sooner it is left out; 0: always shown. */
  readonly spare: number
  /** Its texts may be shortened when nothing is left to leave out. */
  readonly shortens?: true
}

/** Shorter, and nobody would know one method from another. */
const nameLeast = 12
const gap = 2

export function fittedTable<Row>(rows: readonly Row[], columns: readonly FittedColumn<Row>[], look: Look, paint: Paint): string {
  const kept = [...columns]
  const widthOf = (column: FittedColumn<Row>): number =>
    Math.max(stringWidth(column.title), ...rows.map((row) => stringWidth(textOf(column, row))))
  const widths = new Map(columns.map((column) => [column, widthOf(column)]))
  const excess = (): number => kept.reduce((sum, column) => sum + (widths.get(column) ?? 0) + gap, -gap) - look.width
  while (excess() > 0) {
    const spare = Math.max(...kept.map((column) => column.spare))
    if (spare === 0) break
    kept.splice(
      kept.findLastIndex((column) => column.spare === spare),
      1,
    )
  }
  // The longest gives first, so that several names lose no more than has to go.
  const rooms = new Map(kept.filter((column) => column.shortens === true).map((column) => [column, widths.get(column) ?? 0]))
  for (let over = excess(); over > 0; over--) {
    const [longest] = [...rooms].toSorted(([, one], [, other]) => other - one)
    if (longest === undefined || longest[1] <= nameLeast) break
    rooms.set(longest[0], longest[1] - 1)
  }
  const fitted = kept.map((column): Column<Row> => {
    const room = rooms.get(column)
    if (room === undefined || room >= (widths.get(column) ?? 0)) return column
    return { ...column, shown: (row) => middleCut(String(column.value(row) ?? ''), room) }
  })
  return table(rows, fitted, look, paint)
}

const textOf = <Row>(column: Column<Row>, row: Row): string => column.shown?.(row) ?? String(column.value(row) ?? '–')

/** Names differ at both ends: `Activities.…ItemStream`. */
export function middleCut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  const characters = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
  const end = Math.floor((width - 1) / 2)
  return `${characters.slice(0, width - 1 - end).join('')}…${end === 0 ? '' : characters.slice(-end).join('')}`
}
