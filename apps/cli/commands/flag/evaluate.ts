import { type JsonWire, routes } from '@belay/protocol'
import type { Command } from 'commander'
import { collectAs, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { nameOrProduction } from '../../environments.ts'
import { explanationView } from '../../explain-view.ts'
import { fail } from '../../problems.ts'
import { type Assignment, assignment, parseValue } from '../../values.ts'
import { placeOption } from './change.ts'

type Attributes = readonly Assignment[]
type Options = GlobalOptions & { readonly for?: string; readonly with?: readonly Attributes[]; readonly environment?: string }

export const evaluateCommand = (): Command =>
  leaf('evaluate', 'what somebody gets, and why: the outcome of every step', [
    ['belay flag evaluate new-editor --for ada', 'in the only production'],
    ['belay flag evaluate new-editor --for ada --with role=tester --with age=30 --environment qa', 'with attributes'],
    ['belay flag evaluate new-editor --with \'{"targetingKey":"ada","plan":"pro"}\'', 'with a whole context'],
  ])
    .argument('<flag>', 'its key')
    .option('--for <user>', 'the targeting key: who')
    .option('--with <attribute=value>', 'an attribute, or a JSON object with several; may be given several times', collectAs(attributes))
    .addOption(placeOption('where; by default the only environment of kind production'))
    .action(runs(evaluate))

export function attributes(text: string): Attributes {
  if (!text.trim().startsWith('{')) return [assignment(text)]
  return Object.entries(parseValue(text) as Record<string, JsonWire>)
}

async function evaluate(context: Context, options: Options, key: string): Promise<void> {
  const given = Object.fromEntries((options.with ?? []).flat())
  if (options.for !== undefined && 'targetingKey' in given)
    throw fail('usage', { sentence: 'The targeting key is given twice, by --for and by --with.' })
  const asked = { ...(options.for === undefined ? {} : { targetingKey: options.for }), ...given }
  const client = await context.connect()
  const environment = await nameOrProduction(client, options.environment, context.signal)
  const it = await client.call(routes.flags.explain, { params: { key }, body: { environment, context: asked } }, context.signal)
  context.answer(it, () => explanationView(it, context))
}
