import { hostname, userInfo } from 'node:os'
import { actions, may, type Role, roles, routes } from '@belay/protocol'
import { Option } from 'commander'
import { collect, durationOption, group, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { sayWhen, table } from '../terminal.ts'

type CreateOptions = GlobalOptions & { readonly role: Role; readonly scope?: readonly string[]; readonly ttl: number }

/** A CI server's token is renewed every quarter, so that a forgotten one does not live for ever. */
const usualTtl = '90d'

export const command = () =>
  group(
    'token',
    'scoped, expiring tokens for machines',
    [['belay token create ci --scope release.push --scope deploy', 'for a CI server']],
    [
      leaf('create', 'make a token; its secret is shown once', [
        ['belay token create ci --scope release.push --scope deploy --ttl 30d', 'may do these two things and look'],
        ['BELAY_URL=… BELAY_TOKEN=… belay release push v2.tar', 'how a CI server uses it'],
      ])
        .argument('[name]', 'who or what it is for; by default you on this machine')
        .addOption(new Option('--role <role>', 'what it may do at most').choices(roles).default('developer'))
        .option('--scope <action>', 'narrows it to this action; may be given several times', collect)
        .addOption(
          new Option('--ttl <duration>', 'how long it lives').argParser(durationOption).default(durationOption(usualTtl), usualTtl),
        )
        .action(runs(create)),
      leaf('ls', 'tokens, never their secrets', [['belay token ls', 'with scopes and when each was last used']]).action(runs(list)),
      leaf('rm', 'end a token', [['belay token rm t3', 'at once']])
        .argument('<id>', 'its id, from belay token ls')
        .action(runs(remove)),
    ],
  )

async function create(context: Context, { role, scope, ttl }: CreateOptions, name: string | undefined): Promise<void> {
  const client = await context.connect()
  const body = {
    name: (name ?? `${userInfo().username}@${hostname()}`).slice(0, 64),
    role,
    scopes: [...(scope ?? actions.filter((action) => may({ role }, action)))],
    ttlMs: ttl,
  }
  const { token, secret } = await client.call(routes.tokens.create, { body }, context.signal)
  context.answer({ token, secret }, () =>
    context.look.terminal
      ? `Token ${token.id} for ${token.name}, ${token.role}, ends ${sayWhen(token.expiresAt, context.look)}. Keep it now, it is not shown again:\n${secret}`
      : secret,
  )
}

async function list(context: Context): Promise<void> {
  const { tokens } = await (await context.connect()).call(routes.tokens.list, {}, context.signal)
  context.answer({ tokens }, () =>
    table(
      tokens,
      [
        { title: 'id', value: ({ id }) => id, shown: ({ id }) => context.paint('bold', id) },
        { title: 'name', value: ({ name }) => name },
        { title: 'role', value: ({ role }) => role },
        { title: 'by', value: ({ createdBy }) => createdBy },
        { title: 'ends', value: ({ expiresAt }) => sayWhen(expiresAt, context.look) },
        { title: 'last used', value: ({ lastUsedAt }) => sayWhen(lastUsedAt, context.look) },
        { title: 'scopes', value: ({ scopes }) => scopes.join(' ') },
      ],
      context.look,
      context.paint,
    ),
  )
}

async function remove(context: Context, _: GlobalOptions, id: string): Promise<void> {
  await (await context.connect()).call(routes.tokens.revoke, { params: { id } }, context.signal)
  context.answer({ removed: id }, () => `Token ${id} has ended.`)
}
