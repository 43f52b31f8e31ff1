/** `belay`: reads the command line, runs one command, and turns whatever happens into a sentence and an exit code. */
import { CommanderError } from 'commander'
import { Problem } from '@belay/base'
import { interruption, schemaVersion } from './context.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { exitCodeOf, fail } from './problems.ts'
import { createProgram } from './program.ts'
import { wrap } from './terminal.ts'

/** The server speaks to browsers too; here a token is what is needed. */
const howToSignIn = 'Here: set BELAY_TOKEN to a token. An admin makes one with: belay token create'

process.on('SIGINT', () => {
  // The first lets the command say what goes on without it; the second is from somebody who has no time for that.
  if (interruption.signal.aborted) process.exit(exitCodes.interrupted)
  interruption.abort(fail('interrupted', { because: 'Interrupted.' }))
})
// `belay ledger | head`: whoever reads has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
})

const argv = process.argv.slice(2)
const json = argv.includes('--json')
leave(await main())

async function main(): Promise<ExitCode> {
  const typed = argv.find((word) => !word.startsWith('-'))
  // A word that names no command loads none: then only names are needed, to say which was meant.
  const program = await createProgram(typed ?? '')
  let usage = 'A word is missing; the help of the command lists what may follow.'
  const silence = (command: typeof program): void => {
    command.configureOutput({ writeErr: () => {}, outputError: (text) => void (usage = text) })
    command.commands.forEach(silence)
  }
  // With --json the sentence goes into the document instead of onto the terminal.
  if (json) silence(program)
  if (argv.length === 0) {
    program.outputHelp()
    return exitCodes.ok
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return (process.exitCode as ExitCode | undefined) ?? exitCodes.ok
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok
      if (json)
        report(
          new Problem(
            'usage',
            400,
            usage.trim().replace(/^error: (.)/, (_, first: string) => first.toUpperCase()),
          ),
        )
      return exitCodes.usage
    }
    // A fetch that Ctrl-C cut short fails in ways of its own.
    const thrown = interruption.signal.aborted && !(error instanceof Problem) ? interruption.signal.reason : error
    report(thrown)
    return exitCodeOf(thrown)
  }
}

function report(thrown: unknown): void {
  const problem = thrown instanceof Problem ? thrown : undefined
  const sentence = problem?.message ?? `Something unexpected went wrong: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  if (json) {
    const error = { code: problem?.code ?? 'unexpected', message: sentence, facts: problem?.facts ?? {} }
    process.stdout.write(`${JSON.stringify({ schemaVersion, error }, null, 2)}\n`)
  } else {
    const lines = [
      sentence,
      ...(problem === undefined ? ['DEBUG=belay shows where.'] : []),
      ...(problem?.status === 401 ? [howToSignIn] : []),
    ]
    const { isTTY, columns } = process.stderr
    for (const line of lines) process.stderr.write(`${isTTY ? wrap(line, columns) : line}\n`)
  }
  if (process.env.DEBUG?.split(',').includes('belay')) process.stderr.write(`${String(thrown instanceof Error ? thrown.stack : thrown)}\n`)
}

/** Ends now, even where a connection or a timer is left over, but not before everything is written. */
function leave(code: ExitCode): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}
