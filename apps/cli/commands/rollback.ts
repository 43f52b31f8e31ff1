import { invariant } from '@belay/base'
import { routes } from '@belay/protocol'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { finish, type FinishOptions } from '../steer.ts'
import { planView } from '../views.ts'

type Options = GlobalOptions & FinishOptions & { readonly plan?: boolean; readonly reason?: string }

export const command = () =>
  leaf('rollback', 'go back to the release before', [
    ['belay rollback production', 'to the last release that passed, with its own configuration'],
    ['belay rollback production --plan', 'what would happen; changes nothing'],
  ])
    .argument('<environment>', 'where')
    .option('--plan', 'print the plan and change nothing')
    .option('--reason <text>', 'why; kept in the ledger')
    .option('--no-wait', 'return as soon as it has begun')
    .option('--output', 'print all output of all steps, not only of those that fail')
    .option('--follow', 'with --json: one line of JSON for each event instead of one document at the end')
    .action(runs(rollback))

async function rollback(context: Context, options: Options, name: string): Promise<ExitCode> {
  const client = await context.connect()
  const body = { plan: options.plan ?? false, reason: options.reason }
  const { plan, deployment } = await client.call(routes.environments.rollback, { params: { name }, body }, context.signal)
  if (deployment !== null) return finish(context, deployment, options)
  invariant(options.plan === true, 'a rollback that is not only planned begins a deployment')
  context.answer({ plan }, () => planView(plan, context))
  return exitCodes.ok
}
