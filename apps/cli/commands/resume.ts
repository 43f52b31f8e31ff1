import { type DeploymentWire, routes } from '@belay/protocol'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'
import { fail } from '../problems.ts'
import { finish, type FinishOptions } from '../steer.ts'

const ways = {
  rerun: 'run the step again',
  continue: 'take it as done and go on',
  undo: 'bring back what was switched',
} as const
type Way = keyof typeof ways
type Options = GlobalOptions & FinishOptions & { readonly [W in Way]?: boolean } & { readonly reason?: string }

export const command = () =>
  leaf('resume', 'answer a deployment that waits or is held', [
    ['belay resume d7', 'asks how, with what is known about the interrupted step'],
    ['belay resume d7 --rerun', 'run the step again'],
    ['belay resume d7 --undo --reason "rather not"', 'bring back what was switched'],
  ])
    .argument('<deployment>', 'its id')
    .option('--rerun', ways.rerun)
    .option('--continue', ways.continue)
    .option('--undo', ways.undo)
    .option('--reason <text>', 'why; kept in the ledger')
    .option('--no-wait', 'return at once')
    .option('--output', 'print all output of all steps, not only of those that fail')
    .option('--follow', 'with --json: one line of JSON for each event instead of one document at the end')
    .action(runs(resume))

async function resume(context: Context, options: Options, id: string): Promise<ExitCode> {
  const given = (Object.keys(ways) as Way[]).filter((way) => options[way] === true)
  if (given.length > 1) throw fail('usage', { sentence: `Choose one of ${given.map((way) => `--${way}`).join(' and ')}.` })
  const client = await context.connect()
  const how = given[0] ?? (await choose(context, await client.call(routes.deployments.show, { params: { id } }, context.signal)))
  const body = { how, reason: options.reason }
  const resumed = await client.call(routes.deployments.resume, { params: { id }, body }, context.signal)
  return finish(context, resumed, options, how === 'undo' ? 'undone' : 'passed')
}

async function choose(context: Context, deployment: DeploymentWire): Promise<Way> {
  const offered = (Object.keys(ways) as Way[]).filter((way) => deployment.offers.includes(way))
  const { id, state, because } = deployment
  if (offered.length === 0) throw fail('nothing-to-resume', { id, state })
  if (!context.mayAsk)
    throw fail('usage', { sentence: `Say how: ${offered.map((way) => `--${way}`).join(' or ')}. ${because ?? ''}`.trim() })
  const { isCancel, note, select } = await import('@clack/prompts')
  note(because ?? state, `${deployment.release} on ${deployment.environment}`)
  const answer = await select({
    message: 'How shall it go on?',
    options: offered.map((way) => ({ value: way, label: way, hint: ways[way] })),
  })
  if (isCancel(answer)) throw fail('interrupted', { because: `Deployment ${id} stays ${state}.` })
  return answer
}
