import { routes } from '@belay/protocol'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { closingLines } from '../closing.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { hasEnded } from '../follow.ts'
import { showDeployment } from '../progress.ts'

type Options = GlobalOptions & { readonly reason?: string; readonly wait: boolean }

export const command = () =>
  leaf('abort', 'stop a deployment and bring back what was switched', [
    ['belay abort d7 --reason "wrong release"', 'after what runs now has ended'],
  ])
    .argument('<deployment>', 'its id')
    .option('--reason <text>', 'why; kept in the ledger')
    .option('--no-wait', 'return at once')
    .action(runs(abort))

async function abort(context: Context, { reason, wait }: Options, id: string): Promise<ExitCode> {
  const client = await context.connect()
  const asked = await client.call(routes.deployments.abort, { params: { id }, body: { reason } }, context.signal)
  const deployment = !wait || hasEnded(asked) ? asked : await showDeployment(context, id)
  context.answer({ deployment }, () => closingLines(deployment, context))
  // It was asked to end without its release, and it did.
  return deployment.state === 'failed' ? exitCodes.failed : exitCodes.ok
}
