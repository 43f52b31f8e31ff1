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
  const over = excess()
  const fitted = kept.map((column): Column<Row> => {
    if (over <= 0 || column.shortens === undefined) return column
    const room = Math.max(nameLeast, (widths.get(column) ?? 0) - over)
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
