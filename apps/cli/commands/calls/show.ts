import { callDivisions, type CallMethodWire, type ExemplarWire, routes, trendMeasures } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { exemplarTable, timelineSheet, timelineView } from '../../calls/exemplar-view.ts'
import { methodSheet, methodView } from '../../calls/method-view.ts'
import { answerSheet } from '../../calls/sheet.ts'
import { trendSheet, trendView } from '../../calls/trend-view.ts'
import { leaf } from '../../command.ts'
import { type Context, runs } from '../../context.ts'
import { nameOrProduction } from '../../environments.ts'
import { fail } from '../../problems.ts'
import { pickMethod } from './asking.ts'
import { compareOption, csvOption, filtering, type FilterOptions, filterQuery, rangeQuery } from './filter.ts'

type ShowOptions = FilterOptions & {
  readonly compare?: string
  readonly by?: (typeof callDivisions)[number]
  readonly exemplar?: string
}
type TrendOptions = FilterOptions & { readonly measure: (typeof trendMeasures)[number] }

/** Those of which each is worth a look; the page has more. */
const exemplarsShown = 5
/** All that the server gives: the one that is asked for may be any of them. */
const exemplarsMax = 200

export const methodCommands = (): readonly Command[] => [
  filtering(
    leaf('show', 'one method: figures, distribution, by whom and where, what it repeats', [
      ['belay calls show Items.getList', 'or any part of its name that no other has'],
      ['belay calls show getList --by release', 'only what its releases cost'],
      ['belay calls show getList --exemplar 4bf92f3577b3', 'one call that was kept, as a timeline'],
    ]),
  )
    .argument('<method>', 'its name, or a part that no other method has')
    .addOption(new Option('--compare <with>', 'release:NAME, lane:NAME, FROM..TO or previous').argParser(compareOption))
    .addOption(new Option('--by <what>', 'divide it by this alone').choices(callDivisions))
    .option('--exemplar <trace>', 'the timeline of this call: its trace id, or the beginning of it')
    .addOption(csvOption())
    .action(runs(show)),
  filtering(
    leaf('trend', 'one measure of a method over time, with releases, rings and flags beside it', [
      ['belay calls trend Items.getList --measure statements --last 30d', 'day by day'],
    ]),
  )
    .argument('<method>', 'its name, or a part that no other method has')
    .addOption(new Option('--measure <measure>', 'what is measured').choices(trendMeasures).default('real'))
    .addOption(csvOption())
    .action(runs(trend)),
]

/** The filter with the method that is meant. */
async function asked(context: Context, options: FilterOptions, text: string) {
  const client = await context.connect()
  const environment = await nameOrProduction(client, options.environment, context.signal)
  const { nowMs } = context.look
  const { service, ...filter } = filterQuery(options, nowMs)
  const place = { environment, service, range: rangeQuery(options, nowMs) }
  const method = await pickMethod(client, text, place, context.signal)
  return { client, query: { ...filter, environment, ...method } }
}

async function show(context: Context, options: ShowOptions, text: string): Promise<void> {
  const { client, query } = await asked(context, options, text)
  const exemplars = async (limit: number): Promise<readonly ExemplarWire[]> =>
    (await client.call(routes.calls.exemplars, { query: { ...query, limit } }, context.signal)).exemplars
  if (options.exemplar !== undefined) {
    const one = chosen(await exemplars(exemplarsMax), options.exemplar, query.method)
    return answerSheet(context, options, { exemplar: one }, timelineSheet(one), () => timelineView(one, context))
  }
  const whole = await client.call(routes.calls.show, { query: { ...query, compare: options.compare } }, context.signal)
  const method: CallMethodWire =
    options.by === undefined ? whole : { ...whole, divisions: whole.divisions.filter(({ by }) => by === options.by) }
  const kept = await exemplars(exemplarsShown)
  answerSheet(context, options, { ...method, exemplars: kept }, methodSheet(method), () =>
    [
      methodView(method, context),
      ...(kept.length === 0
        ? []
        : ['', context.paint('bold', 'Calls that were kept; --exemplar TRACE shows one'), exemplarTable(kept, context)]),
    ].join('\n'),
  )
}

function chosen(exemplars: readonly ExemplarWire[], trace: string, method: string): ExemplarWire {
  const found = exemplars.filter((it) => it.trace !== '' && it.trace.startsWith(trace.toLowerCase()))
  const [first, second] = found
  if (first === undefined) throw fail('no-exemplar', { trace, method })
  // Calls within one trace are told apart by nothing that a person would type; the slowest stands first.
  if (second !== undefined && second.trace !== first.trace)
    throw fail('which-exemplar', { trace, count: new Set(found.map((it) => it.trace)).size })
  return first
}

async function trend(context: Context, options: TrendOptions, text: string): Promise<void> {
  const { client, query } = await asked(context, options, text)
  const it = await client.call(routes.calls.trend, { query: { ...query, measure: options.measure } }, context.signal)
  answerSheet(context, options, { service: query.service, method: query.method, ...it }, trendSheet(it), () =>
    [context.paint('bold', query.method), trendView(it, context)].join('\n'),
  )
}
