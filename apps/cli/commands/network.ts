import { type Command, Option } from 'commander'
import { networkGrades, networkRanks, pageMax, routes, slowReasons } from '@belay/protocol'
import { limits } from '@belay/tcp'
import { answerSheet } from '../calls/sheet.ts'
import { countOption, durationOption, group, leaf } from '../command.ts'
import { type Context, type GlobalOptions, runs } from '../context.ts'
import { limitOption } from '../tcp/choose.ts'
import { compareView } from '../tcp/compare-view.ts'
import {
  callsSheet,
  capturesSheet,
  capturesView,
  keptSessionsView,
  keptSessionView,
  keptSheet,
  networkCallsView,
} from '../tcp/network-view.ts'
import { csvOption, rangeQuery, ranging, type WhereOptions } from './calls/filter.ts'

const topForEyes = 30

type Place = WhereOptions & { readonly top?: number }
type SessionsOptions = Place & {
  readonly rank: (typeof networkRanks)[number]
  readonly capture?: string
  readonly host?: string
  readonly port?: number
  readonly limit?: readonly (typeof limits)[number][]
  readonly grade?: (typeof networkGrades)[number]
  readonly text?: string
}
type CallsOptions = Place & {
  readonly service?: string
  readonly method?: string
  readonly because?: (typeof slowReasons)[number]
  readonly slower?: number
}

const topOption = (what: string): Option =>
  new Option('--top <count>', `how many ${what} (default: ${topForEyes} in a terminal, otherwise ${pageMax})`).argParser(
    countOption(1, pageMax),
  )

export const command = () =>
  group(
    'network',
    'TCP sessions that the server keeps, and the calls that travelled in them',
    [
      ['belay network sessions', 'the worst of the last day'],
      ['belay network calls --because network', 'calls that the network made slow'],
      ['belay tcp send office.pcap', 'how sessions get there'],
    ],
    [sessionsCommand(), sessionCommand(), callsCommand(), capturesCommand(), compareCommand()],
  )

const sessionsCommand = (): Command =>
  ranging(
    leaf('sessions', 'the worst first: score, limit, round trip, speed, loss', [
      ['belay network sessions --env production --last 2h', 'of the last two hours'],
      ['belay network sessions --limit loss --rank resent', 'what loss holds back'],
      ['belay network sessions --host 10.0. --port 5432 --csv', 'of the database, for a spreadsheet'],
    ]),
  )
    .addOption(new Option('--rank <by>', 'what stands first').choices(networkRanks).default('score'))
    .option('--capture <ids>', 'only of these captures')
    .option('--host <address>', 'of either end, or the beginning of an address: 10.0.')
    .addOption(new Option('--port <port>', 'of either end').argParser(countOption(0, 65_535)))
    .addOption(
      new Option('--limit <limit>', `only what this limits most: ${limits.join(', ').replace('slowStart', 'slow-start')}`).argParser(
        (text: string) => limitOption(text),
      ),
    )
    .addOption(new Option('--grade <grade>', 'only these').choices(networkGrades))
    .option('--text <part>', 'in addresses, names of captures, and verdicts')
    .addOption(topOption('sessions'))
    .addOption(csvOption())
    .action(runs(listSessions))

async function listSessions(context: Context, options: SessionsOptions): Promise<void> {
  const client = await context.connect()
  const { environment, capture, host, port, limit, grade, text, rank } = options
  const query = {
    ...{ environment, capture, host, port, grade, text, rank },
    ...fromTo(context, options),
    limited: limit?.[0],
    limit: topOf(context, options),
  }
  const list = await client.call(routes.network.sessions, { query }, context.signal)
  answerSheet(context, options, list, keptSheet(list), () => keptSessionsView(list, context))
}

const topOf = (context: Context, { top, csv }: Place): number => top ?? (context.look.terminal && !csv ? topForEyes : pageMax)

const dayMs = 86_400_000

/** Sessions are looked for by their times; a day is one of UTC, as for calls. */
function fromTo(context: Context, options: Place): { from: number | undefined; to: number | undefined } {
  const { day, from, to } = rangeQuery(options, context.look.nowMs)
  if (day === undefined) return { from, to }
  const begins = Date.parse(`${day}T00:00Z`)
  return { from: begins, to: begins + dayMs }
}

const sessionCommand = (): Command =>
  leaf('session', 'one session in words, with the calls that travelled in it', [
    ['belay network session 4kZk1c9XbQxW.12', 'as belay network sessions names it'],
  ])
    .argument('<id>', 'CAPTURE.NUMBER')
    .action(runs(showSession))

async function showSession(context: Context, _: GlobalOptions, id: string): Promise<void> {
  const it = await (await context.connect()).call(routes.network.session, { params: { id } }, context.signal)
  context.answer(it, () => keptSessionView(it, context))
}

const callsCommand = (): Command =>
  ranging(
    leaf('calls', 'slow calls: whether the network or the server made each slow', [
      ['belay network calls --last 1h --slower 500ms', 'what took half a second and more'],
      ['belay network calls --because network --method Items.getList', 'only what the network made slow'],
    ]),
  )
    .option('--service <name>', 'only of this service')
    .option('--method <name>', 'only of this method')
    .addOption(new Option('--because <reason>', 'only what this made slow').choices(slowReasons))
    .addOption(new Option('--slower <duration>', 'only calls that took this long').argParser(durationOption))
    .addOption(topOption('calls'))
    .addOption(csvOption())
    .action(runs(listCalls))

async function listCalls(context: Context, options: CallsOptions): Promise<void> {
  const { environment, service, method, because, slower } = options
  const query = {
    environment,
    service,
    method,
    because,
    slowerMs: slower ?? 0,
    ...fromTo(context, options),
    limit: topOf(context, options),
  }
  const it = await (await context.connect()).call(routes.network.calls, { query }, context.signal)
  answerSheet(context, options, it, callsSheet(it), () => networkCallsView(it, context))
}

const capturesCommand = (): Command =>
  ranging(
    leaf('captures', 'captures that were sent, the newest first', [
      ['belay network captures --env qa', 'with their ids, by which they are compared'],
    ]),
  )
    .option('--text <part>', 'in names and labels')
    .addOption(topOption('captures'))
    .addOption(csvOption())
    .action(runs(listCaptures))

async function listCaptures(context: Context, options: Place & { readonly text?: string }): Promise<void> {
  const { environment, text } = options
  const query = { environment, text, ...fromTo(context, options), limit: topOf(context, options) }
  const { captures, more } = await (await context.connect()).call(routes.network.captures, { query }, context.signal)
  answerSheet(context, options, { captures, more }, capturesSheet(captures), () => capturesView(captures, more, context))
}

const compareCommand = (): Command =>
  leaf('compare', 'two captures, or two environments: which serves better', [
    ['belay network compare 4kZk1c9XbQxW 7mPq0d3YvRzE', 'two captures, by their ids'],
    ['belay network compare environment:qa environment:production', 'all that is kept of each'],
  ])
    .argument('<a>', 'a capture, environment:NAME, or environment:NAME@FROM-TO (ms since 1970)')
    .argument('<b>', 'what is compared with it')
    .action(runs(compareKept))

async function compareKept(context: Context, _: GlobalOptions, a: string, b: string): Promise<void> {
  const it = await (await context.connect()).call(routes.network.compare, { query: { a, b } }, context.signal)
  context.answer(it, () => compareView(it.comparison, { a: it.a.name, b: it.b.name }, it.notes, context))
}
