import { type Role, roles, routes } from '@belay/protocol'
import { Argument, Option } from 'commander'
import { group, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { sayWhen, table } from '../terminal.ts'

export const command = () =>
  group(
    'user',
    'who may sign in, and as what',
    [['belay user add ada --role operator', 'then give her the link that it prints']],
    [
      leaf('ls', 'everybody who may sign in', [['belay user ls', 'with roles and when they were last seen']]).action(runs(list)),
      leaf('add', 'add a person and print a sign-in link', [['belay user add ada --role operator', 'the link works once']])
        .argument('<name>', 'letters, digits and . _ - @')
        .addOption(new Option('--role <role>', 'what they may do').choices(roles).default('developer'))
        .action(runs(add)),
      leaf('role', 'change what a person may do', [['belay user role ada admin', 'from now on']])
        .argument('<name>', 'the person')
        .addArgument(new Argument('<role>', 'the new role').choices(roles))
        .action(runs(setRole)),
      leaf('rm', 'end a person’s access, sessions and tokens', [['belay user rm ada', 'at once']])
        .argument('<name>', 'the person')
        .action(runs(remove)),
      leaf('link', 'a one-time sign-in link for a person', [['belay user link ada', 'when the old one was used or has run out']])
        .argument('<name>', 'the person')
        .action(runs(link)),
    ],
  )

async function list(context: Context): Promise<void> {
  const { users } = await (await context.connect()).call(routes.users.list, {}, context.signal)
  context.answer({ users }, () =>
    table(
      users,
      [
        { title: 'name', value: ({ name }) => name, shown: ({ name }) => context.paint('bold', name) },
        { title: 'role', value: ({ role }) => role },
        { title: 'added', value: ({ createdAt }) => sayWhen(createdAt, context.look) },
        { title: 'last seen', value: ({ lastSeenAt }) => sayWhen(lastSeenAt, context.look) },
      ],
      context.look,
      context.paint,
    ),
  )
}

async function add(context: Context, { role }: GlobalOptions & { readonly role: Role }, name: string): Promise<void> {
  const client = await context.connect()
  const user = await client.call(routes.users.add, { body: { name, role } }, context.signal)
  const { url, expiresAt } = await client.call(routes.users.link, { params: { name } }, context.signal)
  context.answer(
    { user, link: { url, expiresAt } },
    () => `${name} is ${role} now. Sign-in link, good for once, ends ${sayWhen(expiresAt, context.look)}:\n${url}`,
  )
}

async function setRole(context: Context, _: GlobalOptions, name: string, role: Role): Promise<void> {
  const user = await (await context.connect()).call(routes.users.add, { body: { name, role } }, context.signal)
  context.answer({ user }, () => `${name} is ${role} now.`)
}

async function remove(context: Context, _: GlobalOptions, name: string): Promise<void> {
  await (await context.connect()).call(routes.users.remove, { params: { name } }, context.signal)
  context.answer({ removed: name }, () => `${name} can no longer sign in; their sessions and tokens have ended.`)
}

async function link(context: Context, _: GlobalOptions, name: string): Promise<void> {
  const it = await (await context.connect()).call(routes.users.link, { params: { name } }, context.signal)
  context.answer({ link: it }, () =>
    context.look.terminal ? `Good for once, ends ${sayWhen(it.expiresAt, context.look)}:\n${it.url}` : it.url,
  )
}
