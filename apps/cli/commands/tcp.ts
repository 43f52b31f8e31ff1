import { Option } from 'commander'
import { basename } from 'node:path'
import type { CaptureSummary, SessionRecord } from '@belay/tcp'
import { type Problem, sayCount } from '@belay/base'
import { csv, csvHelp } from '../calls/sheet.ts'
import { countOption, leaf } from '../command.ts'
import { type Context, type GlobalOptions, runs, schemaVersion } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { fail } from '../problems.ts'
import { analyse } from '../tcp/analysing.ts'
import { Foremost, isWanted, type Sort, sorts, Totals } from '../tcp/choose.ts'
import { JsonStream } from '../tcp/json-stream.ts'
import { sessionView } from '../tcp/session-view.ts'
import { notUnderstoodLines, sessionColumns, sessionsView } from '../tcp/sessions-view.ts'
import { table } from '../terminal.ts'
import { compareCommand } from './tcp/compare.ts'
import { liveCommand } from './tcp/live.ts'
import { choiceOf, type ChoiceOptions, choosing, workersOf, workersOption } from './tcp/options.ts'
import { recordCommand } from './tcp/record.ts'
import { sendCommand } from './tcp/send.ts'

type Options = GlobalOptions &
  ChoiceOptions & {
    readonly sort?: Sort
    readonly top?: number
    readonly session?: number
    readonly csv?: true
    readonly workers?: number
  }

/** For eyes; a screen's worth. */
const topForEyes = 30
/** What is sorted is held: about 50 MB. What goes out as it comes has no bound. */
const topMax = 10_000

export const command = () =>
  choosing(
    leaf('tcp', 'how good each TCP session of a capture was, and why it was not better', [
      ['belay tcp office.pcap', 'its sessions, the worst first'],
      ['belay tcp *.pcapng.gz --port 443 --sort rtt', 'several captures, packed ones too'],
      ['belay tcp office.pcap --session 12', 'one of them in words: what happened, what limits it, what to try'],
      ['belay tcp office.pcap --json | jq .sessions[].score', 'every figure of every session'],
      ['belay tcp office.pcap --csv > sessions.csv', 'one session a row'],
      ['tcpdump -w - tcp | belay tcp -', 'from stdin'],
      ['belay tcp compare before.pcap after.pcap', 'which of two networks serves better'],
      ['belay tcp live', 'what this machine’s sessions are like now'],
    ]),
  )
    .argument('<files...>', 'captures: pcap or pcapng, as they are or packed by gzip or zstd; - reads stdin')
    .addOption(new Option('--sort <by>', 'what stands first: the worst, or the most of it (default: score)').choices(sorts))
    .addOption(new Option('--top <count>', `how many sessions (default: ${topForEyes} in a terminal)`).argParser(countOption(1, topMax)))
    .addOption(new Option('--session <number>', 'this one in words').argParser(countOption(0, 2 ** 32)))
    .addOption(new Option('--csv', csvHelp))
    .addOption(workersOption())
    .action(runs(sessions))
    // What follows `live` is its own: both have a --host.
    .enablePositionalOptions()
    .addCommand(compareCommand())
    .addCommand(liveCommand())
    .addCommand(recordCommand())
    .addCommand(sendCommand())
    .hook('preSubcommand', (tcp, inner) => {
      const [misplaced] = tcp.options.filter(
        (option) => !inEveryCommand.has(option.attributeName()) && tcp.getOptionValue(option.attributeName()) !== undefined,
      )
      if (misplaced !== undefined)
        throw fail('usage', { sentence: `Write options after the command: belay tcp ${inner.name()} ${misplaced.long}.` })
    })

const inEveryCommand: ReadonlySet<string> = new Set(['json', 'url'])

async function sessions(context: Context, options: Options, files: readonly string[]): Promise<ExitCode> {
  if (options.csv && context.json) throw fail('usage', { sentence: 'Choose one of --json and --csv.' })
  if (options.session !== undefined) return one(context, options, options.session, files)
  // In the order in which they close nothing has to be held.
  const isStreamed = (context.json || options.csv === true) && options.sort === undefined && options.top === undefined
  return isStreamed ? streamed(context, options, files) : sorted(context, options, files)
}

async function streamed(context: Context, options: Options, files: readonly string[]): Promise<ExitCode> {
  const choice = choiceOf(options)
  const out = writerFor(context)
  const { captures, failures } = await analyse(context, files, {
    workers: workersOf(options),
    onSession: (record) => {
      if (isWanted(record, choice)) out.session(record)
    },
  })
  return ended(context, out, captures, failures)
}

async function sorted(context: Context, options: Options, files: readonly string[]): Promise<ExitCode> {
  const choice = choiceOf(options)
  const sort = options.sort ?? 'score'
  const kept = new Foremost(sort, options.top ?? (context.look.terminal && !options.csv ? topForEyes : topMax))
  const totals = new Totals()
  const { captures, failures } = await analyse(context, files, {
    workers: workersOf(options),
    onSession: (record) => {
      if (!isWanted(record, choice)) return
      totals.add(record)
      kept.add(record)
    },
  })
  const found = kept.sorted()
  if (context.json || options.csv) {
    const out = writerFor(context)
    for (const record of found) out.session(record)
    if (options.top === undefined && totals.sessions > found.length)
      context.note(
        `The first ${sayCount(found.length, 'session')} of ${totals.sessions.toLocaleString('en')}; without --sort all of them are told.`,
      )
    return ended(context, out, captures, failures)
  }
  if (captures.length === 0) throw firstOf(failures)
  if (context.look.terminal) {
    context.answer({}, () => sessionsView({ captures, sessions: found, totals, sort }, context))
    return noteFailures(context, failures)
  }
  const columns = sessionColumns
    .slice(0, columnsInPipes)
    .map(([title, value]) => ({ title, value: (row: SessionRecord) => plain(value(row)) }))
  context.answer({}, () => table(found, columns, context.look, context.paint))
  noteAll(context, captures)
  return noteFailures(context, failures)
}
/** Up to the bytes: what the table shows. `--csv` has the rest. */
const columnsInPipes = 15
const plain = (value: string | number | boolean | null): string | number | null => (typeof value === 'boolean' ? String(value) : value)

function noteAll(context: Context, captures: readonly CaptureSummary[]): void {
  for (const line of notUnderstoodLines(captures, { look: context.look, paint: (_, text) => text })) context.note(line)
}

const firstOf = (failures: readonly Problem[]): Problem => failures[0] ?? fail('usage', { sentence: 'Name a capture.' })

function noteFailures(context: Context, failures: readonly Problem[]): ExitCode {
  for (const { message } of failures) context.note(message)
  return failures.length === 0 ? exitCodes.ok : exitCodes.failed
}

type Writer = {
  readonly isBegun: boolean
  session(record: SessionRecord): void
  end(captures: readonly CaptureSummary[], failures: readonly Problem[]): void
}

/** One document or one sheet, piece by piece. A pipe is written to at once, so nothing gathers here. */
function writerFor(context: Context): Writer {
  const { stdout } = process
  if (context.json) {
    const document = new JsonStream((text) => void stdout.write(text))
    // A refusal before the first session is a document of its own.
    const begin = (): void => {
      if (!document.isBegun) document.field('schemaVersion', schemaVersion)
      document.list('sessions')
    }
    return {
      get isBegun() {
        return document.isBegun
      },
      session: (record) => {
        begin()
        document.item('sessions', record)
      },
      end: (captures, failures) => {
        begin()
        document.field('captures', captures)
        if (failures.length > 0)
          document.field(
            'errors',
            failures.map(({ code, message, facts }) => ({ code, message, facts })),
          )
        document.end()
      },
    }
  }
  let isBegun = false
  const begin = (): void => {
    if (!isBegun) stdout.write(csv([], sessionColumns))
    isBegun = true
  }
  return {
    get isBegun() {
      return isBegun
    },
    session: (record) => {
      begin()
      stdout.write(csv([record], sessionColumns).slice(headerLength))
    },
    end: (captures) => {
      begin()
      noteAll(context, captures)
    },
  }
}
const headerLength = csv([], sessionColumns).length

/** What went wrong after the first session was told must not make a second document. */
function ended(context: Context, out: Writer, captures: readonly CaptureSummary[], failures: readonly Problem[]): ExitCode {
  if (captures.length === 0 && !out.isBegun) throw firstOf(failures)
  out.end(captures, failures)
  return context.json ? (failures.length === 0 ? exitCodes.ok : exitCodes.failed) : noteFailures(context, failures)
}

/** Of several captures the session of this number of each. */
async function one(context: Context, options: Options, number: number, files: readonly string[]): Promise<ExitCode> {
  const found: SessionRecord[] = []
  const { captures, failures } = await analyse(context, files, {
    workers: workersOf(options),
    onSession: (record) => {
      if (record.number === number) found.push(record)
    },
  })
  if (captures.length === 0) throw firstOf(failures)
  if (found.length === 0) {
    const most = Math.max(...captures.map(({ sessions: some }) => some))
    const [file = ''] = files
    throw fail('no-such-session', {
      session: number,
      sessions: most,
      file: files.length === 1 ? basename(file) : sayCount(files.length, 'capture'),
    })
  }
  if (options.csv) {
    process.stdout.write(csv(found, sessionColumns))
    return noteFailures(context, failures)
  }
  context.answer({ captures, sessions: found }, () =>
    [...found.map((record) => sessionView(record, context)), ...notUnderstoodLines(captures, context)].join('\n\n'),
  )
  return noteFailures(context, failures)
}
