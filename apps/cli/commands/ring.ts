import { everyEnvironment, type RingWire, routes } from '@belay/protocol'
import { group, leaf } from '../command.ts'
import { type Context, type GlobalOptions, runs } from '../context.ts'
import { readJson } from '../input.ts'
import { fail } from '../problems.ts'
import { type Eye, table } from '../terminal.ts'

type AddOptions = GlobalOptions & {
  readonly after?: string
  readonly lowest?: true
  readonly where?: string
  readonly segment?: string
}

export const command = () =>
  group(
    'ring',
    'the ladder of audiences that flags climb',
    [['belay ring ls', 'lowest first, with who is in each']],
    [
      leaf('ls', 'the ladder, lowest ring first', [['belay ring ls', 'who is in each ring, and which flags have come that far']]).action(
        runs(list),
      ),
      leaf('add', 'put a ring on the ladder, beside those of belay.yaml', [
        ['belay ring add partners --after staff --segment partners', 'who is in a segment'],
        ['belay ring add berlin --after staff --where \'{"==":[{"var":"city"},"Berlin"]}\'', 'whom a rule describes'],
      ])
        .argument('<ring>', 'its name: small letters, digits and dashes')
        .option('--after <ring>', 'the ring below it')
        .option('--lowest', 'there is none below it')
        .option('--where <rule>', 'who is in it, in JsonLogic: a file, - for stdin, or the JSON itself')
        .option('--segment <key>', 'or the segment whose members are in it')
        .action(runs(add)),
      leaf('rm', 'remove a ring that was made here and that no flag climbs', [
        ['belay ring rm berlin', 'rings of belay.yaml are removed there'],
      ])
        .argument('<ring>', 'its name')
        .action(runs(remove)),
    ],
  )

async function list(context: Context): Promise<void> {
  const { rings } = await (await context.connect()).call(routes.rings.list, {}, context.signal)
  context.answer({ rings }, () =>
    rings.length === 0 && context.look.terminal
      ? 'No ring yet. Name them in belay.yaml under rings, lowest first.'
      : ringTable(rings, context),
  )
}

const sources = { file: 'belay.yaml', page: 'made here', gone: 'left belay.yaml' } as const

export function ringTable(rings: readonly RingWire[], { look, paint }: Eye): string {
  const flagsOf = ({ flags }: RingWire): string =>
    flags.map(({ flag, environment }) => (environment === everyEnvironment ? flag : `${flag} (${environment})`)).join(', ')
  return table(
    rings,
    [
      { title: '#', value: (ring) => rings.indexOf(ring) + 1, align: 'right' },
      { title: 'ring', value: ({ name }) => name, shown: ({ name }) => paint('bold', name) },
      { title: 'who', value: ({ says }) => says },
      {
        title: 'from',
        value: ({ source }) => sources[source],
        shown: ({ source }) => paint(source === 'gone' ? 'yellow' : 'dim', sources[source]),
      },
      { title: 'flags up to here', value: flagsOf, shown: (ring) => (ring.flags.length === 0 ? paint('dim', '–') : flagsOf(ring)) },
    ],
    look,
    paint,
  )
}

async function add(context: Context, { after, lowest, where, segment }: AddOptions, name: string): Promise<void> {
  if ((after === undefined) !== (lowest === true))
    throw fail('usage', { sentence: 'Say where it stands: --after RING, or --lowest. The ladder: belay ring ls' })
  if ((where === undefined) === (segment === undefined))
    throw fail('usage', { sentence: 'Say who is in it: either --where RULE or --segment KEY.' })
  const body = { name, after: after ?? null, segment, ...(where === undefined ? {} : { where: await readJson(where) }) }
  const ring = await (await context.connect()).call(routes.rings.create, { body }, context.signal)
  const place = after === undefined ? 'the lowest ring' : `the ring after ${after}`
  context.answer(
    { ring },
    () => `${context.paint('green', '●')} ${context.paint('bold', ring.name)} is ${place}: ${ring.says.replace(/\.$/, '')}.`,
  )
}

async function remove(context: Context, _: GlobalOptions, name: string): Promise<void> {
  await (await context.connect()).call(routes.rings.remove, { params: { name } }, context.signal)
  context.answer({ removed: name }, () => `Ring ${name} is off the ladder.`)
}
