/** Rows for other programs: tab-separated in a pipe as every command does it, or as CSV. Pure. */
import type { Context } from '../context.ts'
import { fail } from '../problems.ts'
import { table } from '../terminal.ts'

/** A column with its unit in its name; values as they are, not rounded. */
export type SheetColumn<Row> = readonly [title: string, value: (row: Row) => string | number | boolean | null]
export type SheetOptions = { readonly csv?: true }

export const csvHelp = 'print CSV with a header (RFC 4180); text that a spreadsheet would run as a formula begins with an apostrophe'

/** Answers with the document, the sheet or the view, as was asked. @throws Problem `usage` for --json with --csv. */
export function answerSheet<Row>(
  context: Context,
  { csv: wanted }: SheetOptions,
  document: Readonly<Record<string, unknown>>,
  sheet: { readonly rows: readonly Row[]; readonly columns: readonly SheetColumn<Row>[] },
  view: () => string,
): void {
  if (wanted && context.json) throw fail('usage', { sentence: 'Choose one of --json and --csv.' })
  context.answer(document, () => (wanted ? csv(sheet.rows, sheet.columns) : context.look.terminal ? view() : tabbed(context, sheet)))
}

function tabbed<Row>({ look, paint }: Context, { rows, columns }: { rows: readonly Row[]; columns: readonly SheetColumn<Row>[] }): string {
  return table(
    rows,
    columns.map(([title, value]) => ({ title, value: (row: Row) => plain(value(row)) })),
    look,
    paint,
  )
}
const plain = (value: string | number | boolean | null): string | number | null => (typeof value === 'boolean' ? String(value) : value)

/** RFC 4180: a header, lines that end with CRLF, quotes around whatever holds a comma, a quote or a line break. */
export function csv<Row>(rows: readonly Row[], columns: readonly SheetColumn<Row>[]): string {
  const lines = [columns.map(([title]) => cell(title)), ...rows.map((row) => columns.map(([, value]) => cell(value(row))))]
  return lines.map((line) => `${line.join(',')}\r\n`).join('')
}

/**
 * Names of methods, accounts and statements come from whoever calls the API, and a spreadsheet runs text that begins
 * with one of these signs (OWASP, CSV injection). Numbers stay numbers.
 */
function cell(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
