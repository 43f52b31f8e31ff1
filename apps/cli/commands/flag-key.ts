import { clientKeyKinds, routes } from '@belay/protocol'
import { Option } from 'commander'
import { group, leaf } from '../command.ts'
import { type Context, type GlobalOptions, runs } from '../context.ts'
import { sayWhen, table } from '../terminal.ts'

type CreateOptions = GlobalOptions & { readonly kind: (typeof clientKeyKinds)[number]; readonly environment: string }

export const command = () =>
  group(
    'flag-key',
    'keys with which services and pages ask for flags',
    [['belay flag-key create api --environment production --kind server', 'for a service']],
    [
      leaf('create', 'make a key for one environment; its secret is shown once', [
        ['belay flag-key create api --environment production --kind server', 'for a service: evaluates, reads definitions, reports'],
        ['belay flag-key create page --environment production --kind client', 'for a web page: evaluates, nothing else'],
      ])
        .argument('<name>', 'who or what it is for')
        .addOption(new Option('--env, --environment <name>', 'whose flags it gets').makeOptionMandatory())
        .addOption(
          new Option('--kind <kind>', 'client may stand in a web page; server must stay secret')
            .choices(clientKeyKinds)
            .makeOptionMandatory(),
        )
        .action(runs(create)),
      leaf('ls', 'keys, never their secrets', [['belay flag-key ls', 'with when each was last used']]).action(runs(list)),
      leaf('rm', 'end a key', [['belay flag-key rm a6e9e8c84a3f', 'at once']])
        .argument('<id>', 'its id, from belay flag-key ls')
        .action(runs(remove)),
    ],
  )

async function create(context: Context, { kind, environment }: CreateOptions, name: string): Promise<void> {
  const client = await context.connect()
  const { key, secret } = await client.call(routes.clientKeys.create, { body: { name, kind, environment } }, context.signal)
  context.answer({ key, secret }, () =>
    context.look.terminal
      ? `Key ${key.id} for ${key.name}, ${key.kind}, of ${key.environment}. Keep it now, it is not shown again:\n${secret}`
      : secret,
  )
}

async function list(context: Context): Promise<void> {
  const { keys } = await (await context.connect()).call(routes.clientKeys.list, {}, context.signal)
  context.answer({ keys }, () =>
    keys.length === 0 && context.look.terminal
      ? 'No key yet. Make one with: belay flag-key create api --environment production --kind server'
      : table(
          keys,
          [
            { title: 'id', value: ({ id }) => id, shown: ({ id }) => context.paint('bold', id) },
            { title: 'name', value: ({ name }) => name },
            { title: 'kind', value: ({ kind }) => kind },
            { title: 'environment', value: ({ environment }) => environment },
            { title: 'by', value: ({ createdBy }) => createdBy },
            { title: 'made', value: ({ createdAt }) => sayWhen(createdAt, context.look) },
            { title: 'last used', value: ({ lastUsedAt }) => sayWhen(lastUsedAt, context.look) },
          ],
          context.look,
          context.paint,
        ),
  )
}

async function remove(context: Context, _: GlobalOptions, id: string): Promise<void> {
  await (await context.connect()).call(routes.clientKeys.revoke, { params: { id } }, context.signal)
  context.answer({ removed: id }, () => `Key ${id} has ended.`)
}
