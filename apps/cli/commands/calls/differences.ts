import { type CallMeasure, callMeasures, type CallTableWire, routes } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { budgetsSheet, budgetsView, changesSheet, changesView } from '../../calls/changes-view.ts'
import { type Compared, differencesSheet, differencesView, flagCostsSheet, flagCostsView } from '../../calls/compare-view.ts'
import { answerSheet, type SheetOptions } from '../../calls/sheet.ts'
import { countOption, durationOption, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { nameOrProduction } from '../../environments.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { fail } from '../../problems.ts'
import { wrap } from '../../terminal.ts'
import { pickMethod, whyEmpty } from './asking.ts'
import {
  comparison,
  csvOption,
  environmentOption,
  filtering,
  type FilterOptions,
  filterQuery,
  rangeQuery,
  ranging,
  type Side,
  side,
  type WhereOptions,
} from './filter.ts'

type ChangesOptions = GlobalOptions &
  SheetOptions & {
    readonly environment?: string
    readonly since: number
    readonly kind?: (typeof kinds)[number]
    readonly cause?: string
    readonly method?: string
    readonly limit: number
  }
type CompareOptions = FilterOptions & { readonly measure?: CallMeasure }

const kinds = ['release', 'trend', 'flag'] as const
const weekMs = 7 * 86_400_000
/** As long as single calls are kept: two releases may be weeks apart. */
const releasesMs = 30 * 86_400_000

export const differenceCommands = (): readonly Command[] => [
  leaf('changes', 'what got dearer or cheaper, since when, and by which release or flag', [
    ['belay calls changes', 'of production, the last 7 days'],
    ['belay calls changes --since 30d --cause release:v4', 'what one release did'],
    ['belay calls changes --kind flag --json', 'what flags did, for scripts'],
  ])
    .addOption(environmentOption('where; by default production'))
    .option('--since <duration>', 'how far back', durationOption, weekMs)
    .addOption(new Option('--kind <kind>', 'found between releases, in a trend, or between the variants of a flag').choices(kinds))
    .option('--cause <cause>', 'only of this: release:v4, flag:new-editor')
    .option('--method <method>', 'only of this method')
    .option('--limit <count>', 'how many at most', countOption(1, 500), 50)
    .addOption(csvOption())
    .action(runs(changes)),
  filtering(
    leaf('compare', 'every method’s difference between two releases, lanes or ranges', [
      ['belay calls compare v3 v4', 'two releases, over the last 30 days'],
      ['belay calls compare lane:stable lane:candidate --last 2h', 'two builds that serve side by side'],
      ['belay calls compare 2026-11-01..2026-11-08 2026-11-08..2026-11-15', 'two weeks'],
    ]),
  )
    .argument('<before>', 'release:NAME or its name alone, lane:NAME, or FROM..TO', side)
    .argument('<after>', 'the same kind of thing', side)
    .addOption(new Option('--measure <measure>', 'only this one').choices(callMeasures))
    .addOption(csvOption())
    .action(runs(compare)),
  ranging(
    leaf('flags', 'what each variant of a flag costs against its default', [
      ['belay calls flags', 'all flags of which two variants were seen at once'],
      ['belay calls flags inline-comments --last 7d', 'one of them'],
    ]),
  )
    .argument('[flag]', 'its key')
    .addOption(csvOption())
    .action(runs(flags)),
  filtering(
    leaf('budgets', 'whether calls keep to the budgets of belay.yaml', [
      ['belay calls budgets', 'of production, the last 24 hours; exit code 1 when one is not kept'],
      ['belay calls budgets --env qa --release v4 --last 1h', 'of a rehearsal'],
    ]),
  )
    .addOption(csvOption())
    .action(runs(budgets)),
]

async function changes(context: Context, options: ChangesOptions): Promise<void> {
  const client = await context.connect()
  const { signal, look } = context
  const environment = await nameOrProduction(client, options.environment, signal)
  const { kind, cause, limit, since } = options
  const range = { from: look.nowMs - since, to: look.nowMs }
  const method =
    options.method === undefined ? {} : await pickMethod(client, options.method, { environment, service: undefined, range }, signal)
  const answer = await client.call(routes.calls.changes, { query: { ...range, environment, kind, cause, limit, ...method } }, signal)
  answerSheet(context, options, answer, changesSheet(answer.changes), () =>
    changesView(answer.changes, answer.digest, answer.more, context),
  )
}

async function compare(context: Context, options: CompareOptions, before: Side, after: Side): Promise<void> {
  if (before.kind !== after.kind)
    throw fail('usage', { sentence: 'Both sides must be of one kind: two releases, two lanes or two ranges.' })
  const { nowMs } = context.look
  const given = filterQuery(options, nowMs)
  if (after.kind === 'range' && (given.day ?? given.from ?? given.to) !== undefined)
    throw fail('usage', { sentence: 'The two ranges say when; leave out --day, --last, --from and --to.' })
  if (after.kind !== 'range' && given[after.kind] !== undefined)
    throw fail('usage', { sentence: `The two sides name the ${after.kind}s; leave out --${after.kind}.` })
  const wide = after.kind === 'release' && (given.day ?? given.from ?? given.to) === undefined
  const client = await context.connect()
  const environment = await nameOrProduction(client, options.environment, context.signal)
  const query = {
    ...given,
    ...(wide ? { from: nowMs - releasesMs, to: nowMs } : {}),
    ...(after.kind === 'range' ? { from: after.from, to: after.to } : { [after.kind]: after.name }),
    environment,
    compare: comparison(before),
    rank: options.measure ?? 'mix',
  } as const
  const table: CallTableWire = await client.call(routes.calls.table, { query }, context.signal)
  const measures = options.measure === undefined ? callMeasures : [options.measure]
  const rows = table.rows.flatMap(({ service, method, count, compared }): Compared[] =>
    compared === null ? [] : [{ service, method, count: { before: null, after: count }, differences: compared }],
  )
  const missing = table.rows.length - rows.length
  const why = rows.length === 0 && context.look.terminal && !options.csv ? await whyNothing(context, table) : undefined
  answerSheet(context, options, table, differencesSheet(rows, measures), () =>
    [
      why ??
        `${context.paint('bold', after.kind === 'range' ? 'the second range' : after.name)} against ${table.comparedWith ?? ''}\n\n${differencesView(rows, measures, context)}`,
      ...(missing === 0 ? [] : [context.paint('dim', `${missing} more were called on one side only; belay calls top lists them.`)]),
      ...table.notes.map((note) => wrap(`${context.paint('yellow', '■')} ${note}`, context.look.width, 2)),
    ].join('\n'),
  )
}

async function whyNothing(context: Context, table: CallTableWire): Promise<string> {
  if (table.rows.length > 0) return 'No method was called on both sides.'
  return whyEmpty(await context.connect(), table, context, context.signal)
}

async function flags(context: Context, options: WhereOptions, flag: string | undefined): Promise<void> {
  const client = await context.connect()
  const environment = await nameOrProduction(client, options.environment, context.signal)
  const query = { ...rangeQuery(options, context.look.nowMs), environment, flag }
  const answer = await client.call(routes.calls.flagCosts, { query }, context.signal)
  const empty =
    flag === undefined
      ? `In ${environment} no flag was met by calls with two variants at once, so there is nothing to compare. Expose one to a part of its ring: belay flag ring FLAG all 50%`
      : `Calls of ${environment} have not met two variants of ${flag} at once, so there is nothing to compare. Expose it to a part of its ring: belay flag ring ${flag} all 50%`
  answerSheet(context, options, answer, flagCostsSheet(answer.flags), () =>
    answer.flags.length === 0
      ? [wrap(empty, context.look.width), ...answer.notes.map((note) => wrap(note, context.look.width))].join('\n')
      : flagCostsView(answer.flags, answer.notes, context),
  )
}

async function budgets(context: Context, options: FilterOptions): Promise<ExitCode> {
  const client = await context.connect()
  const environment = await nameOrProduction(client, options.environment, context.signal)
  const query = { ...filterQuery(options, context.look.nowMs), environment }
  const verdict = await client.call(routes.calls.budgets, { query }, context.signal)
  answerSheet(context, options, verdict, budgetsSheet(verdict), () => budgetsView(verdict, context))
  return verdict.ok ? exitCodes.ok : exitCodes.failed
}
