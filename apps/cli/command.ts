/** What all commands have in common, so that none forgets it: --json, --url, examples. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDurationMs } from '@belay/base'

export type Example = readonly [line: string, what: string]

const runnable = new WeakSet<Command>()

/** A command that can be run. */
export function leaf(name: string, summary: string, examples: readonly Example[]): Command {
  const it = withExamples(new Command(name).summary(summary).description(summary), examples)
  runnable.add(it)
  return it
}

/** What every command that can be run takes; added last, so that the help begins with what is its own. */
export function addCommonOptions(command: Command): void {
  const common = [
    new Option('--json', 'print one JSON document, for scripts'),
    new Option('--url <url>', 'the server to speak to').env('BELAY_URL'),
  ]
  // `belay release --json ls` is as good as `belay release ls --json`.
  for (const option of common) command.addOption(runnable.has(command) ? option : option.hideHelp())
}

/** A word that only groups commands: `belay release`. */
export function group(name: string, summary: string, examples: readonly Example[], members: readonly Command[]): Command {
  const it = withExamples(new Command(name).summary(summary).description(summary), examples)
  for (const member of members) it.addCommand(member)
  return it
}

function withExamples(command: Command, examples: readonly Example[]): Command {
  const width = Math.max(0, ...examples.map(([line]) => line.length))
  const lines = examples.map(([line, what]) => `  $ ${line.padEnd(width)}   ${what}`)
  return command
    .helpCommand(false)
    .addHelpText('after', ['', examples.length === 1 ? 'Example:' : 'Examples:', ...lines].join('\n'))
    .helpOption('-h, --help', 'show this help')
}

/** For options that take a duration: milliseconds. */
export function durationOption(text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined) throw new InvalidArgumentError('Write for example 30s, 5m, 2h or 1d.')
  return Math.round(ms)
}

export const countOption =
  (least: number, most: number) =>
  (text: string): number => {
    const count = Number(text)
    if (!Number.isInteger(count) || count < least || count > most)
      throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`)
    return count
  }

/** Collects an option or argument that may be given several times, each read by itself. */
export const collectAs =
  <Value>(read: (text: string) => Value) =>
  (text: string, before: readonly Value[] | undefined): readonly Value[] => [...(before ?? []), read(text)]
export const collect = collectAs((text) => text)
