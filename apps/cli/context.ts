/** What every command is handed: how to reach the server, how to answer, when to stop. */
import type { Command } from 'commander'
import type { Client } from '@belay/protocol'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { findServer } from './place.ts'
import { type Look, type Paint, paintFor } from './terminal.ts'

export const schemaVersion = 1

export type GlobalOptions = { readonly json?: boolean; readonly url?: string }

export type Context = {
  readonly json: boolean
  /** A person sits there and may be asked: a terminal on both sides, and no --json. */
  readonly mayAsk: boolean
  readonly look: Look
  readonly paint: Paint
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** A client for the server as it is known now: after a restart of the server ask again. */
  connect(): Promise<Client>
  /** The answer: one JSON document with --json, otherwise the text. Exactly once a command. */
  answer(document: Readonly<Record<string, unknown>>, text: () => string): void
  /** One of many answers of a command that follows something: one JSON object a line, or the text. */
  event(document: Readonly<Record<string, unknown>>, text: () => string | undefined): void
  /** Progress for people: stdout, but stderr with --json. */
  tell(text: string): void
  /** Beside the answer, always on stderr. */
  note(text: string): void
}

/** When the width is unknown, lines are better wrapped by the terminal than cut by us. */
const widthUnknown = 1_000

export function createContext(options: GlobalOptions, signal: AbortSignal): Context {
  const json = options.json === true
  const { stdout, stderr, stdin } = process
  const print = (stream: NodeJS.WriteStream, text: string): void => {
    stream.write(text.endsWith('\n') || text === '' ? text : `${text}\n`)
  }
  return {
    json,
    mayAsk: !json && stdin.isTTY === true && stdout.isTTY === true,
    look: {
      terminal: stdout.isTTY === true && !json,
      width: stdout.columns ?? widthUnknown,
      // A command may follow something for hours.
      get nowMs() {
        return Date.now()
      },
    },
    paint: paintFor(json ? stderr : stdout),
    signal,
    connect: async () => {
      const { createClient } = await import('@belay/protocol')
      return createClient(findServer(options))
    },
    answer: (document, text) => print(stdout, json ? JSON.stringify({ schemaVersion, ...document }, null, 2) : text()),
    event: (document, text) => {
      const line = json ? JSON.stringify({ schemaVersion, ...document }) : text()
      if (line !== undefined) print(stdout, line)
    },
    tell: (text) => print(json ? stderr : stdout, text),
    note: (text) => print(stderr, text),
  }
}

/** The action of a command: hands it its context and remembers how it ended. */
export function runs<Options extends object, Args extends readonly unknown[]>(
  handler: (context: Context, options: Options & GlobalOptions, ...args: Args) => Promise<ExitCode | undefined> | Promise<void>,
): (this: Command, ...given: unknown[]) => Promise<void> {
  return async function (this: Command, ...given) {
    const options = this.optsWithGlobals() as Options & GlobalOptions
    const context = createContext(options, interruption.signal)
    // Commander appends the options and the command to the arguments.
    const code = await handler(context, options, ...(given.slice(0, -2) as unknown as Args))
    process.exitCode = code ?? exitCodes.ok
  }
}

/** Aborted by the first Ctrl-C; main.ts listens. */
export const interruption = new AbortController()
