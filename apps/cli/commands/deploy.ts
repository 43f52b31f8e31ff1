import { routes } from '@belay/protocol'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { fail } from '../problems.ts'
import { finish } from '../steer.ts'
import { planView } from '../views.ts'

type Options = GlobalOptions & {
  readonly plan?: boolean
  readonly force?: boolean
  readonly reason?: string
  readonly wait: boolean
  readonly follow?: boolean
  readonly output?: boolean
}

export const command = () =>
  leaf('deploy', 'bring a release to an environment', [
    ['belay deploy production v2 --plan', 'what would happen; changes nothing'],
    ['belay deploy production v2', 'do it, and show it step by step'],
    ['belay deploy qa v3 --no-wait --json', 'begin it and leave'],
    ['belay deploy production v3 --force --reason "hotfix 812"', 'although it passed no rehearsal; becomes a fact'],
  ])
    .argument('<environment>', 'where')
    .argument('<release>', 'what')
    .option('--plan', 'print the plan and change nothing')
    .option('--force', 'override a refusal, such as a missing rehearsal; needs --reason')
    .option('--reason <text>', 'why; kept in the ledger')
    .option('--no-wait', 'return as soon as it has begun')
    .option('--output', 'print all output of all steps, not only of those that fail')
    .option('--follow', 'with --json: one line of JSON for each event instead of one document at the end')
    .action(runs(deploy))

async function deploy(context: Context, options: Options, environment: string, release: string): Promise<ExitCode> {
  const client = await context.connect()
  if (options.plan) {
    const plan = await client.call(routes.deployments.plan, { body: { environment, release } }, context.signal)
    context.answer({ plan }, () => planView(plan, context))
    return exitCodes.ok
  }
  if (options.force && !options.reason) throw fail('usage', { sentence: '--force needs a --reason, which becomes a fact of the ledger.' })
  const body = { environment, release, force: options.force ?? false, reason: options.reason }
  const begun = await client.call(routes.deployments.start, { body }, context.signal)
  return finish(context, begun, options)
}
