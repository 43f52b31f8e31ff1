import { everyEnvironment, flagKinds, type FlagWire, type NewFlagWire, routes } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { sayValue } from '../../change-views.ts'
import { collect, collectAs, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { fail } from '../../problems.ts'
import { type Assignment, assignment, textAssignment, timeOption, variantsOf } from '../../values.ts'
import { change, type ChangeOptions, changing } from './change.ts'
import type { ExitCode } from '../../exit-codes.ts'

type Kind = (typeof flagKinds)[number]
type MakeOptions = {
  readonly kind?: Kind
  readonly variant?: readonly Assignment[]
  readonly description?: string
  readonly tag?: readonly string[]
  readonly needs?: readonly Assignment<string>[]
}
type CreateOptions = GlobalOptions &
  MakeOptions & {
    readonly owner?: string
    readonly expires?: number
    readonly default?: string | false
    readonly salt?: string
  }
type EditOptions = ChangeOptions &
  MakeOptions & {
    readonly owner?: string | false
    readonly expires?: number | false
    readonly dropVariant?: readonly string[]
    readonly dropTag?: readonly string[]
    readonly dropNeeds?: readonly string[]
    readonly metadata?: readonly Assignment[]
    readonly dropMetadata?: readonly string[]
  }

const describing = (command: Command): Command =>
  command
    .addOption(new Option('--kind <kind>', 'what it is for').choices(flagKinds))
    .option('--variant <name=value>', 'on=true, n=3, s=text, o=\'{"json":1}\'; may be given several times', collectAs(assignment))
    .option('--description <text>', 'what it does')
    .option('--owner <name>', 'who looks after it')
    .option('--expires <time>', 'when it should be gone from the code: 90d, or 2027-01-31', timeOption)
    .option('--tag <word>', 'to find it by; may be given several times', collect)
    .option('--needs <flag=variant>', 'serves its default unless that flag serves this variant', collectAs(textAssignment))

export const makeCommands = (): readonly Command[] => [
  describing(
    leaf('create', 'make a flag; it serves its default variant to everybody', [
      ['belay flag create new-editor --owner ada --expires 90d', 'on: true, off: false'],
      ['belay flag create page-size --variant small=20 --variant large=50 --default small', 'with values of its own'],
      ['belay flag create new-search --needs new-editor=on', 'only where another flag is on'],
    ]).argument('<flag>', 'its key, as the code will ask for it'),
  )
    .option('--default <variant>', 'what everybody gets at first (default: off, else the last)')
    .option('--no-default', 'serve the default that stands in the code')
    .option('--salt <text>', 'hashed with each unit (default: the key); flags with one salt have the same people in their shares')
    .action(runs(create)),
  changing(
    describing(
      leaf('edit', 'change what a flag is: description, owner, expiry, tags, variants, prerequisites', [
        ['belay flag edit new-editor --owner grace --expires 2027-01-31', 'leaves all else as it is'],
        ['belay flag edit page-size --variant huge=500 --drop-variant small', 'adds one variant, takes one away'],
        ['belay flag edit new-search --drop-needs new-editor --no-expires', 'no prerequisite, no expiry'],
      ]).argument('<flag>', 'its key'),
    ),
  )
    .option('--no-owner', 'nobody looks after it')
    .option('--no-expires', 'it may stay')
    .option('--drop-variant <name>', 'takes a variant away', collect)
    .option('--drop-tag <word>', 'takes a tag away', collect)
    .option('--drop-needs <flag>', 'takes a prerequisite away', collect)
    .option('--metadata <name=value>', 'comes with every evaluation; may be given several times', collectAs(assignment))
    .option('--drop-metadata <name>', 'takes it away', collect)
    .action(runs(edit)),
]

const prerequisitesOf = (needs: readonly Assignment<string>[]): { flag: string; variant: string }[] =>
  needs.map(([flag, variant]) => ({ flag, variant }))

async function create(context: Context, options: CreateOptions, key: string): Promise<void> {
  const { kind, variant, description, owner, expires, tag, needs, salt } = options
  const body: NewFlagWire = {
    key,
    kind,
    description,
    salt,
    owner,
    expiresAt: expires,
    tags: tag === undefined ? undefined : [...tag],
    variants: variant === undefined ? undefined : variantsOf(variant),
    defaultVariant: options.default === false ? null : options.default,
    prerequisites: needs === undefined ? undefined : prerequisitesOf(needs),
  }
  const flag = await (await context.connect()).call(routes.flags.create, { body }, context.signal)
  context.answer({ flag }, () => {
    const values = Object.entries(flag.variants).map(([name, value]) => `${name} = ${sayValue(value)}`)
    const usual = flag.settings[everyEnvironment]?.defaultVariant
    return [
      `${context.paint('green', '●')} ${context.paint('bold', flag.key)} is made: ${values.join(', ')}. Everybody gets ${usual ?? 'the default of the code'}.`,
      `${context.paint('dim', 'Next:')} belay flag ring ${flag.key} RING   (belay ring ls names the rings)`,
    ].join('\n')
  })
}

async function edit(context: Context, options: EditOptions, key: string): Promise<ExitCode> {
  const { flag } = await (await context.connect()).call(routes.flags.show, { params: { key } }, context.signal)
  const set = editOf(flag, options)
  if (Object.keys(set).length === 0)
    throw fail('usage', { sentence: 'Say what to change, for example --owner NAME; belay flag edit --help lists all.' })
  // Lists are changed by what is added and taken away, so they must still be the ones that were read.
  const computed = 'tags' in set || 'variants' in set || 'prerequisites' in set || 'metadata' in set
  return change(context, key, { do: 'edit', set }, { ...options, ...(computed ? { version: options.version ?? flag.version } : {}) })
}

/** What becomes of the members that are changed; all others stay as they are. Pure. */
export function editOf(flag: FlagWire, options: EditOptions) {
  const { kind, description, owner, expires, tag, dropTag, variant, dropVariant, needs, dropNeeds, metadata, dropMetadata } = options
  const tags = [...new Set([...flag.tags, ...(tag ?? [])])].filter((it) => !dropTag?.includes(it))
  const variants = without(flag.variants, dropVariant)
  const prerequisites = [
    ...flag.prerequisites.filter((it) => !dropNeeds?.includes(it.flag) && !needs?.some(([name]) => name === it.flag)),
    ...prerequisitesOf(needs ?? []),
  ]
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(description === undefined ? {} : { description }),
    ...(owner === undefined ? {} : { owner: owner === false ? null : owner }),
    ...(expires === undefined ? {} : { expiresAt: expires === false ? null : expires }),
    ...(tag === undefined && dropTag === undefined ? {} : { tags }),
    ...(variant === undefined && dropVariant === undefined
      ? {}
      : { variants: variantsOf(Object.entries({ ...variants, ...variantsOf(variant ?? []) })) }),
    ...(needs === undefined && dropNeeds === undefined ? {} : { prerequisites }),
    ...(metadata === undefined && dropMetadata === undefined
      ? {}
      : { metadata: { ...without(flag.metadata, dropMetadata), ...scalarsOf(metadata ?? []) } }),
  }
}

const without = <Value>(them: Readonly<Record<string, Value>>, dropped: readonly string[] | undefined): Record<string, Value> =>
  Object.fromEntries(Object.entries(them).filter(([name]) => !dropped?.includes(name)))

function scalarsOf(given: readonly Assignment[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    given.map(([name, value]) => {
      if (value === null || typeof value === 'object')
        throw fail('usage', { sentence: `Metadata ${name} must be text, a number, true or false.` })
      return [name, value]
    }),
  )
}
