/** A screen of its own that is drawn again and again, and the keys that are pressed meanwhile. */
import { cut } from '../terminal.ts'

const codes = {
  enter: '\u001b[?1049h\u001b[?25l',
  leave: '\u001b[?25h\u001b[?1049l',
  home: '\u001b[H',
  clearLine: '\u001b[K',
  clearBelow: '\u001b[J',
}

export type Key = 'up' | 'down' | 'pageUp' | 'pageDown' | 'left' | 'right' | 'interrupt' | (string & {})

const named: Readonly<Record<string, Key>> = {
  '\u001b[A': 'up',
  '\u001b[B': 'down',
  '\u001b[C': 'right',
  '\u001b[D': 'left',
  '\u001bOA': 'up',
  '\u001bOB': 'down',
  '\u001bOC': 'right',
  '\u001bOD': 'left',
  '\u001b[5~': 'pageUp',
  '\u001b[6~': 'pageDown',
  '\u0003': 'interrupt',
}

/** Several keys may come in one piece. */
export function keysOf(text: string): readonly Key[] {
  // biome-ignore lint: escape characters are what keys send
  return (text.match(/\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[\s\S]/g) ?? []).map((piece) => named[piece] ?? piece)
}

export type Screen = {
  readonly height: number
  readonly width: number
  draw(text: string): void
  [Symbol.dispose](): void
}

/** What stood on the terminal is there again at the end. @param onKey Ctrl-C comes as a key, for the terminal sends no signal then */
export function openScreen(onKey: (key: Key) => void): Screen {
  const { stdin, stdout } = process
  const hear = (bytes: Buffer): void => keysOf(bytes.toString('utf8')).forEach(onKey)
  const isHeard = stdin.isTTY === true
  if (isHeard) {
    stdin.setRawMode(true)
    stdin.on('data', hear)
    stdin.resume()
  }
  stdout.write(codes.enter)
  return {
    get height() {
      return stdout.rows ?? 24
    },
    get width() {
      return stdout.columns ?? 80
    },
    draw(text) {
      const lines = text.split('\n').slice(0, (stdout.rows ?? 24) - 1)
      const width = stdout.columns ?? 80
      stdout.write(codes.home + lines.map((line) => `${cut(line, width)}${codes.clearLine}\n`).join('') + codes.clearBelow)
    },
    [Symbol.dispose]() {
      stdout.write(codes.leave)
      if (!isHeard) return
      stdin.off('data', hear)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}
