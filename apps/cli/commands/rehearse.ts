import { routes } from '@belay/protocol'
import { closingOfRehearsal } from '../closing.ts'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { showRehearsal } from '../rehearsal.ts'

type Options = GlobalOptions & {
  readonly undo?: boolean
  readonly chaos?: boolean
  readonly env?: string
  readonly wait: boolean
  readonly output?: boolean
}

export const command = () =>
  leaf('rehearse', 'try a release on QA with the very steps of production', [
    ['belay rehearse v2', 'from production’s present release, then the tests'],
    ['belay rehearse v2 --undo', 'the way back too, and forwards again'],
    ['belay rehearse v2 --chaos', 'kill the controller after every step in turn'],
  ])
    .argument('<release>', 'what to try')
    .option('--undo', 'try the undo path too')
    .option('--chaos', 'kill the controller after every step and show that each interruption ends well')
    .option('--env <name>', 'where; by default the first environment of kind qa')
    .option('--no-wait', 'return as soon as it has begun')
    .option('--output', 'print all output of all steps, not only of those that fail')
    .action(runs(rehearse))

async function rehearse(context: Context, options: Options, release: string): Promise<ExitCode> {
  const client = await context.connect()
  const body = { release, environment: options.env, undo: options.undo ?? false, chaos: options.chaos ?? false }
  const begun = await client.call(routes.rehearsals.start, { body }, context.signal)
  if (!options.wait) {
    context.answer({ rehearsal: begun }, () => `Rehearsal ${begun.id} of ${release} on ${begun.environment} has begun.`)
    return exitCodes.ok
  }
  const rehearsal = await showRehearsal(context, begun, { output: options.output === true })
  context.answer({ rehearsal }, () => closingOfRehearsal(rehearsal, context))
  return rehearsal.state === 'passed' ? exitCodes.ok : exitCodes.failed
}
