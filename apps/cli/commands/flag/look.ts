import { flagKinds, flagStandingWire, routes } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { sayCount } from '@belay/base'
import { versionsView } from '../../change-views.ts'
import { countOption, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { flagTable, flagView } from '../../flag-views.ts'
import { placeOption } from './change.ts'

type Filter = {
  readonly kind?: (typeof flagKinds)[number]
  readonly tag?: string
  readonly owner?: string
  readonly environment?: string
  readonly state?: (typeof states)[number]
  readonly stale?: true
  readonly archived?: true
}
type ListOptions = GlobalOptions & Filter & { readonly limit: number; readonly after?: string }
type HistoryOptions = GlobalOptions & { readonly limit: number; readonly before?: number }

const states = flagStandingWire.shape.state.options

export const lookCommands = (): readonly Command[] => [
  leaf('ls', 'flags with how far each has climbed', [
    ['belay flag ls', 'by key, with a ladder for each environment'],
    ['belay flag ls editor --environment production --state climbing', 'what is on its way up'],
    ['belay flag ls --stale', 'what could be removed from the code'],
  ])
    .argument('[text]', 'words in key, description, owner or tags')
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(flagKinds))
    .option('--tag <word>', 'only with this tag')
    .option('--owner <name>', 'only of this owner')
    .addOption(placeOption('only how they stand in this environment'))
    .addOption(new Option('--state <state>', 'only what stands so, in the environment if one is named').choices(states))
    .option('--stale', 'only what is expired, on everywhere, or no longer asked for')
    .option('--archived', 'those that were archived instead')
    .option('--limit <count>', 'how many at most', countOption(1, 500), 50)
    .option('--after <key>', 'the page that begins after this key')
    .action(runs(list)),
  leaf('show', 'everything about one flag', [['belay flag show new-editor', 'who gets what, where; what waits; what needs it']])
    .argument('<flag>', 'its key')
    .action(runs(show)),
  leaf('history', 'the versions of a flag, newest first, with what each changed', [
    ['belay flag history new-editor', 'who did what, when and why'],
    ['belay flag revert new-editor --to 4', 'back to one of them'],
  ])
    .argument('<flag>', 'its key')
    .option('--limit <count>', 'how many at most', countOption(1, 500), 20)
    .option('--before <version>', 'only versions below this one', countOption(1, Number.MAX_SAFE_INTEGER))
    .action(runs(history)),
]

async function list(context: Context, options: ListOptions, text: string | undefined): Promise<void> {
  const client = await context.connect()
  const { kind, tag, owner, environment, state, stale, archived, after, limit } = options
  const query = {
    ...{ text, kind, tag, owner, environment, state, after, limit },
    ...{ stale: stale ? ('true' as const) : undefined, archived: archived ? ('true' as const) : undefined },
  }
  const [answer, { rings }] = await Promise.all([
    client.call(routes.flags.list, { query }, context.signal),
    client.call(routes.rings.list, {}, context.signal),
  ])
  const { flags, total, more } = answer
  const shown = flags.map((flag) => ({
    ...flag,
    standings: flag.standings.filter((it) => [undefined, it.environment].includes(environment)),
  }))
  const last = flags.at(-1)?.key ?? ''
  context.answer(answer, () => {
    const { look, paint } = context
    if (flags.length === 0)
      return look.terminal ? nothing(Object.values({ ...query, limit: undefined }).some((it) => it !== undefined)) : ''
    const body = flagTable(
      shown,
      rings.map(({ name }) => name),
      context,
    )
    if (!look.terminal) return body
    return `${body}\n${paint('dim', more || after !== undefined ? `${flags.length} of ${sayCount(total, 'flag')}` : sayCount(total, 'flag'))}`
  })
  if (more && !context.json) context.note(context.paint('dim', `The next page: --after ${last}`))
}

const nothing = (filtered: boolean): string =>
  filtered ? 'No flag is like that. All of them: belay flag ls' : 'No flag yet. Make one with: belay flag create new-editor'

async function show(context: Context, _: GlobalOptions, key: string): Promise<void> {
  const client = await context.connect()
  const [page, { rings }] = await Promise.all([
    client.call(routes.flags.show, { params: { key } }, context.signal),
    client.call(routes.rings.list, {}, context.signal),
  ])
  context.answer(page, () =>
    flagView(
      page,
      rings.map(({ name }) => name),
      context,
    ),
  )
}

async function history(context: Context, { limit, before }: HistoryOptions, key: string): Promise<void> {
  const client = await context.connect()
  const { versions, more } = await client.call(routes.flags.history, { params: { key }, query: { limit, before } }, context.signal)
  context.answer({ versions, more }, () => versionsView(versions, context))
  if (more && !context.json) context.note(context.paint('dim', `Older ones: --before ${versions.at(-1)?.version ?? ''}`))
}
