import { exchangeFormats, everyEnvironment, type ImportReportWire, routes } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { sayCount } from '@belay/base'
import { writeWhole } from '@belay/base/node'
import { leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { openUpload } from '../../input.ts'
import { type Eye, sign, table, wrap } from '../../terminal.ts'
import { placeOption } from './change.ts'

type ImportOptions = GlobalOptions & {
  readonly format: (typeof exchangeFormats)[number]
  readonly plan?: true
  readonly environment?: string
}
type ExportOptions = GlobalOptions & { readonly environment?: string; readonly output?: string }

export const exchangeCommands = (): readonly Command[] => [
  leaf('import', 'take flags from flagd, Unleash or GrowthBook, and say how exactly', [
    ['belay flag import flags.json --format flagd', 'exactly as they are'],
    ['belay flag import unleash.json --format unleash --plan', 'what would be carried over, and how'],
    ['curl -s $GROWTHBOOK/api/features/$KEY | belay flag import - --format growthbook', 'from stdin'],
  ])
    .argument('<file>', 'the file; - reads stdin')
    .addOption(new Option('--format <format>', 'what it is').choices(exchangeFormats).default('flagd'))
    .option('--plan', 'tell what would come of it, and change nothing')
    .addOption(placeOption('whose settings they become; by default those of all environments'))
    .action(runs(take)),
  leaf('export', 'all flags as a flagd document', [
    ['belay flag export --output flags.json', 'everything that Belay knows, to be imported again'],
    ['belay flag export --environment production | flagd-compatible-tool', 'what one environment is served'],
  ])
    .addOption(placeOption('as this environment is served; by default with all settings'))
    .option('--output <file>', 'write it there instead of on the terminal')
    .action(runs(give)),
]

async function take(context: Context, { format, plan, environment }: ImportOptions, file: string): Promise<ExitCode> {
  const upload = (await openUpload(file)).stream() as unknown as BodyInit
  const query = { format, environment: environment ?? everyEnvironment, ...(plan ? { plan: 'true' as const } : {}) }
  const report = await (await context.connect()).call(routes.flags.import, { query, upload }, context.signal)
  context.answer(report, () => importView(report, context))
  return [...report.flags, ...report.segments].some(({ outcome }) => outcome === 'refused') ? exitCodes.failed : exitCodes.ok
}

const signs = { exactly: 'done', approximately: 'waiting', not: 'failed' } as const

export function importView({ planned, flags, segments }: ImportReportWire, { look, paint }: Eye): string {
  const rows = [
    ...flags.map((it) => ({ what: 'flag', ...it })),
    ...segments.map((it) => ({ what: 'segment', carried: it.outcome === 'refused' ? ('not' as const) : ('exactly' as const), ...it })),
  ]
  const body = table(
    rows,
    [
      { title: 'what', value: ({ what }) => what },
      { title: 'key', value: ({ key }) => key, shown: ({ key }) => paint('bold', key) },
      { title: 'outcome', value: ({ outcome }) => outcome },
      { title: 'carried over', value: ({ carried }) => carried, shown: ({ carried }) => `${sign(signs[carried], paint)} ${carried}` },
      // Notes go on below the table, where there is room for whole sentences.
      ...(look.terminal ? [] : [{ title: 'notes', value: ({ notes }: { notes: readonly string[] }) => notes.join('; ') }]),
    ],
    look,
    paint,
  )
  if (!look.terminal) return body
  if (rows.length === 0) return 'There is no flag in it.'
  const count = (carried: string): number => flags.filter((it) => it.carried === carried).length
  const notes = rows.filter((it) => it.notes.length > 0)
  return [
    body,
    ...(notes.length === 0
      ? []
      : ['', ...notes.flatMap(({ key, notes: said }) => said.map((note) => wrap(`${paint('bold', key)}: ${note}`, look.width, 2)))]),
    '',
    `${sayCount(flags.length, 'flag')}: ${count('exactly')} exactly, ${count('approximately')} approximately, ${count('not')} not${planned ? '. Nothing was changed.' : '.'}`,
  ].join('\n')
}

async function give(context: Context, { environment, output }: ExportOptions): Promise<void> {
  const document = await (await context.connect()).call(routes.flags.export, { query: { environment } }, context.signal)
  const text = JSON.stringify(document, null, 2)
  if (output === undefined) return context.answer({ document }, () => text)
  await writeWhole(output, `${text}\n`)
  const count = Object.keys((document as { flags?: object }).flags ?? {}).length
  context.answer(
    { file: output, count },
    () =>
      `${context.paint('green', '●')} ${sayCount(count, 'flag')} ${count === 1 ? 'is' : 'are'} in ${output}. Take them elsewhere with: belay flag import ${output}`,
  )
}
