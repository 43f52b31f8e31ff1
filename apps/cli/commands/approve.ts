import { routes } from '@belay/protocol'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { fail } from '../problems.ts'
import { closingLines } from '../closing.ts'
import { planView } from '../views.ts'

type Options = GlobalOptions & { readonly yes?: boolean; readonly plan?: string }

export const command = () =>
  leaf('approve', 'approve the plan of somebody else’s deployment', [
    ['belay approve d7', 'shows the plan and asks'],
    ['belay approve d7 --plan 3fa9…', 'only if the plan still is the one that you read'],
  ])
    .argument('<deployment>', 'its id')
    .option('--plan <hash>', 'the content hash of the plan that you mean; refused when it is another by now')
    .option('-y, --yes', 'do not ask')
    .action(runs(approve))

async function approve(context: Context, options: Options, id: string): Promise<void> {
  const client = await context.connect()
  const before = await client.call(routes.deployments.show, { params: { id } }, context.signal)
  if (context.mayAsk && !options.yes && options.plan === undefined) {
    context.tell(planView(before.plan, context))
    const { confirm } = await import('@clack/prompts')
    if ((await confirm({ message: `Approve this plan, which ${before.actor} asked for?` })) !== true)
      throw fail('interrupted', { because: 'Not approved.' })
  }
  const body = { planHash: options.plan ?? before.planHash }
  const deployment = await client.call(routes.deployments.approve, { params: { id }, body }, context.signal)
  context.answer(
    { deployment },
    () => `${context.paint('green', '●')} Approved plan ${body.planHash.slice(0, 12)}.\n${closingLines(deployment, context)}`,
  )
}
