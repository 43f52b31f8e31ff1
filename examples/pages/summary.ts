/** The document that the demo ends with, and the same as a table for people. */
import { sayDuration, sentenceOf, Problem } from '@belay/base'
import { type Check, sayFigures, type Told } from './story.ts'

export type Summary = Told & {
  readonly schemaVersion: 1
  /** The story was told to its end and every check holds. */
  readonly ok: boolean
  readonly seed: number
  readonly folder: string
  /** From the start to the server's first answer, the repository's first version included. */
  readonly setUpMs: number | null
  readonly error: { readonly code: string; readonly message: string } | null
}

export function summaryOf(told: Told, more: { seed: number; folder: string; setUpMs: number | null; error: unknown }): Summary {
  const { seed, folder, setUpMs, error } = more
  return {
    schemaVersion: 1,
    ok: error === undefined && told.ledger !== null && told.checks.every((check) => check.ok),
    seed,
    folder,
    setUpMs,
    ...told,
    error: error === undefined ? null : { code: error instanceof Problem ? error.code : 'unexpected', message: sentenceOf(error) },
  }
}

export function sayTable(summary: Summary): string {
  const rows: [string, string][] = [
    ...summary.checks.map((check): [string, string] => [`${check.ok ? '✓' : '✗'} ${check.name}`, firstLine(check)]),
    ...Object.entries(summary.traffic).flatMap(([name, figures]): [string, string][] =>
      figures === null ? [] : [[`  users, ${name}`, sayFigures(figures)]],
    ),
  ]
  if (summary.storyMs !== null) rows.push(['  the story', `${sayDuration(summary.storyMs)}, set-up ${sayDuration(summary.setUpMs ?? 0)}`])
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`.trimEnd()).join('\n')
}

/** A reason can be as long as a log; a row of a table cannot. */
const cellMax = 110

function firstLine({ because }: Check): string {
  const line = because.split('\n')[0] ?? ''
  return line.length > cellMax ? `${line.slice(0, cellMax - 1)}…` : line
}
