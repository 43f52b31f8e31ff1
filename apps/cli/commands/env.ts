import { routes } from '@belay/protocol'
import { group, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { environmentTable, environmentView } from '../views.ts'

export const command = () =>
  group(
    'env',
    'list environments, or look at one',
    [['belay env ls', 'all environments']],
    [
      leaf('ls', 'all environments: state, release, hosts', [['belay env ls', 'with the reason of each state']]).action(runs(list)),
      leaf('show', 'one environment: hosts, services, addresses', [['belay env show production', 'what runs where, since when']])
        .argument('<environment>', 'its name in belay.yaml, or the name of a sandbox')
        .action(runs(show)),
    ],
  )

async function list(context: Context): Promise<void> {
  const { environments } = await (await context.connect()).call(routes.environments.list, {}, context.signal)
  context.answer({ environments }, () => environmentTable(environments, context))
}

async function show(context: Context, _: GlobalOptions, name: string): Promise<void> {
  const environment = await (await context.connect()).call(routes.environments.show, { params: { name } }, context.signal)
  context.answer({ environment }, () => environmentView(environment, context))
}
