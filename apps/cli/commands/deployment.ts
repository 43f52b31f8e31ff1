import { type OutputWire, routes } from '@belay/protocol'
import { closingLines } from '../closing.ts'
import { countOption, group, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { needsPerson } from '../follow.ts'
import { finish } from '../steer.ts'
import { deploymentTable, deploymentView } from '../views.ts'

type ListOptions = GlobalOptions & { readonly env?: string; readonly release?: string; readonly limit: number }
type ShowOptions = GlobalOptions & { readonly follow?: boolean; readonly output?: boolean }

/** What the server gives in one answer, and pages of it that a person may want: a megabyte or two of text. */
const outputPage = 2_000
const outputPagesMax = 50

export const command = () =>
  group(
    'deployment',
    'list deployments, or look at one',
    [['belay deployment ls', 'newest first']],
    [
      leaf('ls', 'deployments, newest first', [['belay deployment ls --env production', 'how each ended, and why']])
        .option('--env <name>', 'only of this environment')
        .option('--release <name>', 'only of this release')
        .option('--limit <count>', 'how many at most', countOption(1, 500), 30)
        .action(runs(list)),
      leaf('show', 'one deployment: its steps on its hosts', [
        ['belay deployment show d7', 'what was done where, against the rehearsal’s times'],
        ['belay deployment show d7 --follow', 'as it happens, until it ends'],
        ['belay deployment show d7 --output', 'with the output of every step'],
      ])
        .argument('<deployment>', 'its id')
        .option('-f, --follow', 'watch until it ends; with --json one line for each event')
        .option('--output', 'the output of every step too')
        .action(runs(show)),
    ],
  )

async function list(context: Context, { env, release, limit }: ListOptions): Promise<void> {
  const { deployments } = await (await context.connect()).call(
    routes.deployments.list,
    { query: { environment: env, release, limit } },
    context.signal,
  )
  context.answer({ deployments }, () =>
    deployments.length === 0 && context.look.terminal ? 'No deployment yet. Begin with: belay up' : deploymentTable(deployments, context),
  )
}

async function show(context: Context, options: ShowOptions, id: string): Promise<ExitCode> {
  const client = await context.connect()
  const deployment = await client.call(routes.deployments.show, { params: { id } }, context.signal)
  if (options.follow) return finish(context, deployment, options)
  const output = options.output ? await wholeOutput(context, id) : []
  context.answer({ deployment, ...(options.output ? { output } : {}) }, () =>
    [
      deploymentView(deployment, context),
      ...byItem(output).flatMap(({ index, direction, text }) => {
        const item = deployment.plan.items[index]
        return [
          '',
          context.paint('bold', `${direction === 'undo' ? 'undo ' : ''}${item?.step ?? index} ${item?.host ?? ''}`.trim()),
          text.trimEnd(),
        ]
      }),
      ...(context.look.terminal && needsPerson(deployment) ? ['', closingLines(deployment, context)] : []),
    ].join('\n'),
  )
  return exitCodes.ok
}

async function wholeOutput(context: Context, id: string): Promise<readonly OutputWire[]> {
  const client = await context.connect()
  const pieces: OutputWire[] = []
  for (let page = 0; page < outputPagesMax; page++) {
    const after = pieces.at(-1)?.seq ?? 0
    const { output, more } = await client.call(
      routes.deployments.output,
      { params: { id }, query: { after, limit: outputPage } },
      context.signal,
    )
    pieces.push(...output)
    if (!more) return pieces
  }
  context.note(`Only the first ${pieces.length} pieces of output are shown.`)
  return pieces
}

function byItem(output: readonly OutputWire[]): readonly { index: number; direction: OutputWire['direction']; text: string }[] {
  return [...Map.groupBy(output, ({ index, direction }) => `${direction}:${index}`).values()].flatMap((pieces) => {
    const [first] = pieces
    return first === undefined ? [] : [{ index: first.index, direction: first.direction, text: pieces.map(({ text }) => text).join('') }]
  })
}
