/** How things look: colours, tables, times. Pure but for asking whether the stream is a terminal. */
import stringWidth from 'string-width'
import { styleText } from 'node:util'

export type Look = {
  /** Aligned and coloured for eyes; otherwise plain, and tables are tab-separated. */
  readonly terminal: boolean
  /** Columns of the terminal. */
  readonly width: number
  readonly nowMs: number
}
type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

/** What a view needs to know of whoever looks. */
export type Eye = { readonly look: Look; readonly paint: Paint }

/** Colours where the stream takes them: NO_COLOR and FORCE_COLOR are honoured by Node itself. */
export const paintFor =
  (stream: NodeJS.WriteStream): Paint =>
  (style, text) =>
    styleText(style, text, { stream, validateStream: true })

export type Column<Row> = {
  readonly title: string
  readonly value: (row: Row) => string | number | null
  /** For eyes only; `value` is what scripts get. */
  readonly shown?: (row: Row) => string
  readonly align?: 'right'
}

/**
 * Rows as a table: aligned with a dim header in a terminal; tab-separated values without header otherwise, so that
 * cut and awk can work on them. The last column may be cut at the terminal's edge.
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], look: Look, paint: Paint): string {
  if (!look.terminal) {
    return rows.map((row) => columns.map((column) => String(column.value(row) ?? '').replace(/[\t\r\n]+/g, ' ')).join('\t')).join('\n')
  }
  const cells = rows.map((row) => columns.map((column) => column.shown?.(row) ?? String(column.value(row) ?? '–')))
  const widths = columns.map((column, index) => Math.max(stringWidth(column.title), ...cells.map((row) => stringWidth(row[index] ?? ''))))
  const line = (texts: readonly string[]): string =>
    cut(
      texts
        .map((text, index) => {
          const room = ' '.repeat(Math.max(0, (widths[index] ?? 0) - stringWidth(text)))
          return columns[index]?.align === 'right' ? room + text : index === texts.length - 1 ? text : text + room
        })
        .join('  '),
      look.width,
    )
  const header = line(columns.map(({ title }) => title.toUpperCase()))
  return [paint('dim', header), ...cells.map(line)].join('\n')
}

/** Cuts a line, which may hold colours, at the width of the terminal. */
export function cut(line: string, width: number): string {
  if (stringWidth(line) <= width) return line
  let shown = ''
  let room = width - 1
  // Colour codes take no room and must all be kept, or the colour would run on.
  // biome-ignore lint: the escape character is what is looked for
  for (const piece of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (piece.startsWith('\u001b')) {
      shown += piece
      continue
    }
    for (const { segment } of new Intl.Segmenter().segment(piece)) {
      const wide = stringWidth(segment)
      if (room < wide) {
        room = -1
        break
      }
      shown += segment
      room -= wide
    }
    if (room < 0) break
  }
  return `${shown}…\u001b[0m`
}

/** Breaks a sentence between words; lines after the first are indented to stand under its text. */
export function wrap(text: string, width: number, indent = 0): string {
  return text
    .split('\n')
    .map((paragraph) => {
      const lines: string[] = []
      for (const word of paragraph.split(/(?<=\S) (?=\S)/)) {
        const last = lines.at(-1)
        if (last !== undefined && stringWidth(last) + 1 + stringWidth(word) <= width) lines[lines.length - 1] = `${last} ${word}`
        else lines.push(last === undefined ? word : `${' '.repeat(indent)}${word}`)
      }
      return lines.join('\n')
    })
    .join('\n')
}

/** "12 min ago" for eyes, ISO 8601 for scripts. */
export function sayWhen(at: number | null, look: Look): string {
  if (at === null) return look.terminal ? '–' : ''
  if (!look.terminal) return new Date(at).toISOString()
  const ms = look.nowMs - at
  if (ms < 0) return `in ${coarse(-ms)}`
  return ms < 5_000 ? 'just now' : `${coarse(ms)} ago`
}

/** One unit is enough for "how long ago". */
function coarse(ms: number): string {
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 36 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} d`
}

/** `12:04:31`, local time. */
export const sayClock = (at: number): string => new Date(at).toLocaleTimeString('en-GB', { hour12: false })

/** The one visual language of state, also where there is no colour: a sign, then the word. */
export function sign(state: string, paint: Paint): string {
  const [mark, style] = signs[state] ?? ['·', 'dim']
  return paint(style, mark)
}
const good = ['●', 'green'] as const
const busy = ['◐', 'cyan'] as const
const stopped = ['■', 'yellow'] as const
const bad = ['✗', 'red'] as const
const nothing = ['○', 'dim'] as const
const ruled = ['◆', 'cyan'] as const
const signs: Readonly<Record<string, readonly [mark: string, style: Style]>> = {
  ...{ passed: good, healthy: good, running: good, top: good, done: good, ok: good },
  ...{ deploying: busy, undoing: busy, climbing: busy, now: busy, 'waiting-approval': stopped },
  ...{ held: stopped, waiting: stopped, interrupted: stopped, aborted: stopped, undone: stopped },
  ...{ decided: good, approved: good, open: stopped, void: nothing, rejected: nothing, cancelled: nothing },
  ...{ off: nothing, resting: nothing, missed: nothing, targeted: ruled, killed: bad },
  ...{ failed: bad, failing: bad, unhealthy: bad, fallen: bad, fell: bad, missing: bad },
  ...{
    empty: nothing,
    down: nothing,
    absent: nothing,
    ahead: nothing,
    stopped: nothing,
    unknown: nothing,
    skipped: nothing,
    pending: nothing,
  },
}
export const withSign = (state: string, paint: Paint): string => `${sign(state, paint)} ${state}`

/** Two columns of label and value, the labels dim; long values go on under themselves. */
export function pairs(rows: readonly (readonly [label: string, value: string | null | undefined])[], { look, paint }: Eye): string {
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== null && row[1] !== undefined && row[1] !== '')
  const labelWidth = Math.max(0, ...shown.map(([label]) => stringWidth(label))) + 2
  return shown.map(([label, value]) => paint('dim', label.padEnd(labelWidth)) + beside(value, labelWidth, look)).join('\n')
}

/** Text that stands to the right of something `column` wide, and goes on there when it is long. */
export function beside(text: string, column: number, { width }: Look): string {
  return wrap(text, Math.max(20, width - column)).replaceAll('\n', `\n${' '.repeat(column)}`)
}
