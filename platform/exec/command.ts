/** Running programs to their end: git, builds. No shell stands between; what is to be a shell says so (`sh -c`). */
import type { Result } from 'execa'
import { lineCutter } from './lines.ts'
import { execProblem } from './problems.ts'

export type Argv = readonly [program: string, ...args: string[]]
export type CommandOptions = {
  readonly cwd?: string
  /** Beside (and before) the environment of this process; with `onlyEnv` in its place. */
  readonly env?: Readonly<Record<string, string>>
  readonly onlyEnv?: boolean
  /** Written to its standard input; nothing by default. */
  readonly input?: string
  /** SIGTERM to it and its descendants when that is over, SIGKILL 5 s later. */
  readonly timeLimitMs?: number
  readonly signal?: AbortSignal
  /** More output than this ends the command. */
  readonly outputBytesMax?: number
  /** Exit codes besides 0 that are an answer and no failure (`git diff --exit-code` says 1). */
  readonly okCodes?: readonly number[]
}
export type CommandResult = {
  readonly exitCode: number
  /** Without the last newline. */
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

/** The output of `git log` over a large repository's whole history is about ten MiB; more is a mistake of the asker. */
const outputBytesMaxDefault = 16 * 1024 * 1024
/** Enough to see a compiler's error with what led to it, little enough for one screen. */
const lastLinesMax = 20
/** A minified bundle printed on one line; nobody reads on after that. */
const lineBytesMax = 64 * 1024

/**
 * Runs a command to its end and hands back what it printed.
 *
 * @throws Problem `command-failed` (with its last lines), `command-timed-out`, `command-not-found`,
 *   `command-output-too-large`; the signal's reason when aborted.
 */
export async function runCommand(argv: Argv, options: CommandOptions = {}): Promise<CommandResult> {
  const bytesMax = options.outputBytesMax ?? outputBytesMaxDefault
  const result = await execute(argv, options, { maxBuffer: bytesMax })
  const said = { stdout: text(result.stdout), stderr: text(result.stderr) }
  if (result.isMaxBuffer) throw execProblem('command-output-too-large', { command: argv.join(' '), bytesMax })
  const last = lastLinesOf(said.stderr.trim() === '' ? said.stdout : said.stderr)
  return { ...said, exitCode: judge(argv, options, result, last), durationMs: result.durationMs }
}

/**
 * Runs a command and hands out each line of its output (standard output and error, as they come) while it runs. Kept
 * are only the last lines, for the sentence of a failure; a line longer than 64 KiB is left out and says so.
 *
 * @throws as `runCommand`, but output has no bound here: the reader of the lines sets one.
 */
export async function streamCommand(
  argv: Argv,
  options: Omit<CommandOptions, 'outputBytesMax'> & { readonly onLine: (line: string) => void },
): Promise<{ readonly exitCode: number; readonly durationMs: number }> {
  const last: string[] = []
  const take = (line: string) => {
    last.push(line)
    if (last.length > lastLinesMax) last.shift()
    options.onLine(line)
  }
  // One each, so that two half lines never become one.
  const cutter = () =>
    lineCutter({ bytesMax: lineBytesMax, onLine: take, onTooLong: () => take('[a line longer than 64 KiB was left out]') })
  const [out, err] = [cutter(), cutter()]
  const result = await execute(argv, options, { buffer: false }, { out: out.push, err: err.push })
  out.end()
  err.end()
  return { exitCode: judge(argv, options, result, last), durationMs: result.durationMs }
}

type Ended = Pick<Result, 'exitCode' | 'signal' | 'timedOut' | 'isCanceled' | 'isMaxBuffer' | 'durationMs' | 'code'> & {
  stdout?: unknown
  stderr?: unknown
  shortMessage?: string
}

async function execute(
  argv: Argv,
  options: CommandOptions,
  how: { maxBuffer: number } | { buffer: false },
  streams?: { out: (chunk: Buffer) => void; err: (chunk: Buffer) => void },
): Promise<Ended> {
  options.signal?.throwIfAborted()
  // Loaded at the first use: it takes longer to load than most programs take to start, and the agent never needs it.
  const { execa } = await import('execa')
  const [program, ...args] = argv
  const running = execa(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? {},
    extendEnv: options.onlyEnv !== true,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    timeout: options.timeLimitMs ?? 0,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    // A build is a shell with children; ending only the shell would leave them.
    killDescendants: true,
    reject: false,
    ...how,
  })
  if (streams !== undefined) {
    running.stdout?.on('data', streams.out)
    running.stderr?.on('data', streams.err)
  }
  return running
}

function judge(argv: Argv, options: CommandOptions, result: Ended, lastLines: readonly string[]): number {
  const command = argv.join(' ')
  if (result.isCanceled) throw options.signal?.reason
  if (result.timedOut) throw execProblem('command-timed-out', { command, timeLimitMs: options.timeLimitMs ?? 0, lastLines })
  if (result.exitCode === undefined && result.signal === undefined) {
    throw execProblem('command-not-found', { command, program: argv[0], why: result.code ?? result.shortMessage ?? 'unknown' })
  }
  if (result.exitCode === undefined || (result.exitCode !== 0 && !options.okCodes?.includes(result.exitCode))) {
    throw execProblem('command-failed', { command, exitCode: result.exitCode ?? null, signal: result.signal ?? null, lastLines })
  }
  return result.exitCode
}

const text = (output: unknown) => (typeof output === 'string' ? output : '')

function lastLinesOf(output: string): string[] {
  return output
    .trimEnd()
    .split('\n')
    .slice(-lastLinesMax)
    .filter((line, index, all) => line !== '' || index < all.length - 1)
}
