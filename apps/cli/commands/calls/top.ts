import { callRanks, type CallTableWire, routes } from '@belay/protocol'
import { systemClock } from '@belay/base'
import { type Command, Option } from 'commander'
import { answerSheet } from '../../calls/sheet.ts'
import { topSheet, topView } from '../../calls/top-view.ts'
import { countOption, durationOption, leaf } from '../../command.ts'
import { type Context, runs } from '../../context.ts'
import { nameOrProduction } from '../../environments.ts'
import { patiently } from '../../follow.ts'
import { fail } from '../../problems.ts'
import { cut } from '../../terminal.ts'
import { whyEmpty } from './asking.ts'
import { compareOption, csvOption, filtering, type FilterOptions, filterQuery } from './filter.ts'

type Options = FilterOptions & {
  readonly rank: (typeof callRanks)[number]
  readonly compare?: string
  readonly text?: string
  readonly limit?: number
  readonly watch?: number | true
}

/** What the server gives at most in one answer. */
const methodsMax = 5_000
/** For eyes; scripts get all. */
const limitForEyes = 30
const watchEveryMs = 5_000
const watchLeastMs = 1_000
/** Headline, header, the line about the rest, and some notes. */
const linesAround = 8

export const topCommand = (): Command =>
  filtering(
    leaf('top', 'what each method costs, the dearest first', [
      ['belay calls top', 'of production, the last 24 hours'],
      ["belay calls top --rank cpu --audience '!robot,!staff' --day yesterday", 'by CPU, without robots and staff'],
      ['belay calls top --release v4 --compare release:v3', 'with differences and their intervals'],
      ['belay calls top --last 15m --watch', 'again every 5 seconds, in place'],
      ['belay calls top --csv > calls.csv', 'every method and every figure'],
    ]),
  )
    .addOption(
      new Option('--rank <by>', 'what the dearest is; mix: shares of real, CPU and database time, a third each')
        .choices(callRanks)
        .default('mix'),
    )
    .addOption(
      new Option('--compare <with>', 'release:NAME, lane:NAME, FROM..TO, or previous: the range before, equally long').argParser(
        compareOption,
      ),
    )
    .option('--text <part>', 'only methods whose name contains this')
    .option('--limit <count>', `how many methods (default: ${limitForEyes} in a terminal, otherwise all)`, countOption(1, methodsMax))
    .addOption(new Option('--watch [every]', 'show it again and again until Ctrl-C; every 5s, or as said').argParser(watchOption))
    .addOption(csvOption())
    .action(runs(top))

const watchOption = (text: string): number => {
  const ms = durationOption(text)
  return Math.max(watchLeastMs, ms)
}

async function top(context: Context, options: Options): Promise<void> {
  if (options.watch !== undefined) return watch(context, options)
  const { table, empty } = await ask(context, options, options.limit ?? (eyes(context, options) ? limitForEyes : methodsMax))
  answerSheet(context, options, table, topSheet(table), () => empty ?? topView(table, context))
  tellNotes(context, options, table)
}

const eyes = (context: Context, { csv }: Options): boolean => context.look.terminal && csv === undefined

async function ask(context: Context, options: Options, limit: number): Promise<{ table: CallTableWire; empty: string | undefined }> {
  const client = await context.connect()
  const environment = await nameOrProduction(client, options.environment, context.signal)
  const { rank, compare, text } = options
  const query = { ...filterQuery(options, context.look.nowMs), environment, rank, compare, text, limit }
  const table = await client.call(routes.calls.table, { query }, context.signal)
  const empty = table.rows.length === 0 && eyes(context, options) ? await whyEmpty(client, table, context, context.signal) : undefined
  return { table, empty }
}

/** In a pipe the notes must not stand among the rows. */
function tellNotes(context: Context, options: Options, { notes }: CallTableWire): void {
  if (context.json || eyes(context, options)) return
  for (const note of notes) context.note(note)
}

/** Another screen, so that what stood on this one is there again at the end. */
const screen = {
  enter: '\u001b[?1049h\u001b[?25l',
  leave: '\u001b[?25h\u001b[?1049l',
  home: '\u001b[H',
  clearLine: '\u001b[K',
  clearBelow: '\u001b[J',
}

async function watch(context: Context, options: Options): Promise<void> {
  if (options.csv || (!context.json && !context.look.terminal))
    throw fail('usage', { sentence: '--watch draws in a terminal; scripts take --watch --json, one JSON object a line.' })
  const everyMs = options.watch === true || options.watch === undefined ? watchEveryMs : options.watch
  const { stdout } = process
  const show = (text: string): void => {
    const lines = text.split('\n').slice(0, (stdout.rows ?? Number.POSITIVE_INFINITY) - 1)
    const { width } = context.look
    stdout.write(screen.home + lines.map((line) => `${cut(line, width)}${screen.clearLine}\n`).join('') + screen.clearBelow)
  }
  if (!context.json) stdout.write(screen.enter)
  try {
    for (;;) {
      const limit = options.limit ?? (context.json ? methodsMax : Math.max(1, (stdout.rows ?? limitForEyes + linesAround) - linesAround))
      const { table, empty } = await patiently(() => ask(context, options, limit), 'the table of calls', context.signal)
      if (context.json) context.event(table, () => undefined)
      else show(empty ?? topView(table, context))
      await systemClock.sleep(everyMs, context.signal)
    }
  } finally {
    if (!context.json) stdout.write(screen.leave)
  }
}
