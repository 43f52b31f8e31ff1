import { Option } from 'commander'
import { routes } from '@belay/protocol'
import { closingLines, exitCodeFor } from '../closing.ts'
import { durationOption, group, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { showDeployment } from '../progress.ts'
import { sayWhen } from '../terminal.ts'
import { environmentTable, environmentView } from '../views.ts'

type CreateOptions = GlobalOptions & {
  readonly ttl: number
  readonly ref?: string
  readonly release?: string
  readonly name?: string
  readonly wait: boolean
}

/** A morning's work; who needs longer says so or extends it. */
const usualTtl = '2h'
const ttlOption = (what: string): Option =>
  new Option('--ttl <duration>', what).argParser(durationOption).default(durationOption(usualTtl), usualTtl)

export const command = () =>
  group(
    'sandbox',
    'short-lived environments from a branch or a release',
    [['belay sandbox create --ref my-branch --ttl 2h', 'gone by itself in two hours']],
    [
      leaf('create', 'make a sandbox from a branch or a release', [
        ['belay sandbox create --ttl 2h', 'from the present commit'],
        ['belay sandbox create --release v2 --name try-v2', 'from a release, with a name of its own'],
      ])
        .addOption(ttlOption('how long it lives'))
        .option('--ref <ref>', 'a git branch, tag or commit; a release is cut from it first')
        .option('--release <name>', 'a release that exists')
        .option('--name <name>', 'its name; by default one is made')
        .option('--no-wait', 'return as soon as it has begun')
        .action(runs(create)),
      leaf('ls', 'the sandboxes that live', [['belay sandbox ls', 'with the time that each has left']]).action(runs(list)),
      leaf('extend', 'give a sandbox more time', [['belay sandbox extend try-v2 --ttl 1d', 'it now lives for a day from now']])
        .argument('<name>', 'the sandbox')
        .addOption(ttlOption('how long it lives from now'))
        .action(runs(extend)),
      leaf('rm', 'stop a sandbox and delete its files', [['belay sandbox rm try-v2', 'at once, without asking']])
        .argument('<name>', 'the sandbox')
        .action(runs(remove)),
    ],
  )

async function create(context: Context, { ttl, ref, release, name, wait }: CreateOptions): Promise<ExitCode> {
  const client = await context.connect()
  const made = await client.call(routes.sandboxes.create, { body: { ttlMs: ttl, ref, release, name } }, context.signal)
  if (!wait) {
    context.answer(
      { environment: made.environment, deployment: made.deployment },
      () => `${made.environment.name} is being made by deployment ${made.deployment}.`,
    )
    return exitCodes.ok
  }
  const deployment = await showDeployment(context, made.deployment)
  const environment = await (await context.connect()).call(
    routes.environments.show,
    { params: { name: made.environment.name } },
    context.signal,
  )
  context.answer({ environment, deployment }, () => `${closingLines(deployment, context)}\n\n${environmentView(environment, context)}`)
  return exitCodeFor(deployment)
}

async function list(context: Context): Promise<void> {
  const { environments } = await (await context.connect()).call(routes.environments.list, {}, context.signal)
  const sandboxes = environments.filter(({ kind }) => kind === 'sandbox')
  context.answer({ sandboxes }, () =>
    sandboxes.length === 0 && context.look.terminal
      ? 'No sandbox lives. Make one with: belay sandbox create --ttl 2h'
      : environmentTable(sandboxes, context),
  )
}

async function extend(context: Context, { ttl }: GlobalOptions & { readonly ttl: number }, name: string): Promise<void> {
  const environment = await (await context.connect()).call(
    routes.sandboxes.extend,
    { params: { name }, body: { ttlMs: ttl } },
    context.signal,
  )
  context.answer({ environment }, () => `${name} ends ${sayWhen(environment.expiresAt, context.look)}.`)
}

async function remove(context: Context, _: GlobalOptions, name: string): Promise<void> {
  const { removed } = await (await context.connect()).call(routes.sandboxes.remove, { params: { name } }, context.signal)
  context.answer({ removed }, () => `${removed} is gone.`)
}
