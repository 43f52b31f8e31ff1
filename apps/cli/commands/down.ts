import { routes } from '@belay/protocol'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { pickEnvironment } from '../environments.ts'

export const command = () =>
  leaf('down', 'stop its services; data and releases stay', [
    ['belay down', 'your private cloud'],
    ['belay down qa', 'another environment'],
  ])
    .argument('[environment]', 'by default the first of kind private')
    .action(runs(down))

async function down(context: Context, _: GlobalOptions, named: string | undefined): Promise<void> {
  const client = await context.connect()
  const { name } = await pickEnvironment(client, named, context.signal)
  const environment = await client.call(routes.environments.down, { params: { name } }, context.signal)
  context.answer(
    { environment },
    () => `${context.paint('dim', '○')} ${name} is ${environment.state}. Start it again with: belay up ${name}`,
  )
}
