/** Says what happens as it happens: one calm line each, with the time since the start. */
import { styleText } from 'node:util'
import { sayDuration } from '@belay/base'

export type Mood = 'plain' | 'good' | 'bad'
export type Tell = {
  /** A new chapter of the story. */
  chapter(title: string): void
  /** What happened, and where: `git`, `release`, an environment, `users`. */
  say(where: string, text: string, mood?: Mood): void
  /** Without a time, for what is to be read at leisure. */
  lines(text: string): void
}
type Style = Parameters<typeof styleText>[0]

/** The longest name of a place is `production`. */
const whereWidth = 10
const marks: Readonly<Record<Mood, { mark: string; style: Style }>> = {
  plain: { mark: ' ', style: 'reset' },
  good: { mark: '✓', style: 'green' },
  bad: { mark: '✗', style: 'red' },
}

/** `stream` is stdout for people; with `--json` stderr, because stdout then belongs to the document. */
export function createTell(stream: NodeJS.WriteStream, nowMs: () => number): Tell {
  const beganMs = nowMs()
  const paint = (style: Style, text: string) => styleText(style, text, { stream, validateStream: true })
  return {
    chapter: (title) => stream.write(`\n${paint('bold', title)}\n`),
    say: (where, text, mood = 'plain') => {
      const { mark, style } = marks[mood]
      const time = sayTime(nowMs() - beganMs)
      stream.write(`${paint('dim', time)}  ${paint('cyan', where.padEnd(whereWidth))} ${paint(style, `${mark} ${text}`)}\n`)
    },
    lines: (text) => stream.write(`${text}\n`),
  }
}

/** `01:23`, for a line's beginning. */
function sayTime(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  return [seconds / 60, seconds % 60].map((part) => String(Math.floor(part)).padStart(2, '0')).join(':')
}

export function saySpan(fromAt: number | null, toAt: number | null): string {
  return fromAt === null || toAt === null ? 'no time' : sayDuration(toAt - fromAt)
}
