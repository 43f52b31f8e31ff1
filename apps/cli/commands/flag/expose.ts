import { type ExposureWire, everyEnvironment, type FlagWire, routes } from '@belay/protocol'
import type { Command } from 'commander'
import { collectAs, leaf } from '../../command.ts'
import { type Context, runs } from '../../context.ts'
import type { ExitCode } from '../../exit-codes.ts'
import { readJson } from '../../input.ts'
import { fail } from '../../problems.ts'
import { type Assignment, percent, weight } from '../../values.ts'
import { change, changing, changingPlace, type ChangeOptions, type PlacedOptions, placeOf, placeOption } from './change.ts'

type RingOptions = PlacedOptions & { readonly variant?: string; readonly by?: string; readonly none?: true }
type SplitOptions = PlacedOptions & { readonly ring?: string; readonly percent?: number; readonly by?: string }
type RulesOptions = PlacedOptions & { readonly file?: string; readonly none?: true }

const byText = 'the attribute whose value is hashed for shares (default: the targeting key)'

export const exposeCommands = (): readonly Command[] => [
  changingPlace(
    leaf('on', 'switch a flag on: rules and rings count', [['belay flag on new-editor --environment qa', 'in one environment']]).argument(
      '<flag>',
      'its key',
    ),
  ).action(
    runs((context: Context, options: PlacedOptions, key: string) =>
      change(context, key, { do: 'on', environment: placeOf(options) }, options),
    ),
  ),
  changingPlace(
    leaf('off', 'switch a flag off: the default of the code counts', [['belay flag off new-editor', 'everywhere']]).argument(
      '<flag>',
      'its key',
    ),
  ).action(
    runs((context: Context, options: PlacedOptions, key: string) =>
      change(context, key, { do: 'off', environment: placeOf(options) }, options),
    ),
  ),
  changingPlace(
    leaf('ring', 'give a variant to everybody up to a ring, or to a share of that ring', [
      ['belay flag ring new-editor staff', 'to staff and all rings below it'],
      ['belay flag ring new-editor early-access 10% --environment production', 'and a tenth of the next ring'],
      ['belay flag ring new-editor all --at 2026-12-01T08:00+01:00', 'to everybody, later'],
      ['belay flag ring new-editor --none', 'to nobody'],
    ])
      .argument('<flag>', 'its key')
      .argument('[ring]', 'the highest ring that is reached (belay ring ls)')
      .argument('[share]', 'how much of that ring: 10% (default: all of it)', percent)
      .option('--variant <name>', 'what they get (default: what is exposed already, else on, else the first that is not the default)')
      .option('--by <attribute>', byText)
      .option('--none', 'expose it to nobody'),
  ).action(runs(ring)),
  changingPlace(
    leaf('split', 'share an audience among several variants by weight', [
      ['belay flag split button-text short=50 long=50 --ring early-access', 'half of them each'],
      ['belay flag split button-text short=1 long=1 --percent 20', 'a fifth takes part, the rest gets the default'],
    ])
      .argument('<flag>', 'its key')
      .argument('<variant=weight...>', 'weights are whole numbers; who gets which is told by a hash', collectAs(weight))
      .option('--ring <name>', 'the highest ring that takes part (default: as it is, else the last)')
      .option('--percent <share>', 'how much of that ring (default: as it is, else all of it)', percent)
      .option('--by <attribute>', byText),
  ).action(runs(split)),
  changingPlace(
    leaf('default', 'choose what everybody gets where no rule and no ring says otherwise', [
      ['belay flag default page-size small', 'the variant small'],
      ['belay flag default page-size', 'the default that stands in the code'],
    ])
      .argument('<flag>', 'its key')
      .argument('[variant]', 'without it the code decides'),
  ).action(
    runs((context: Context, options: PlacedOptions, key: string, variant: string | undefined) =>
      change(context, key, { do: 'configure', environment: placeOf(options), setting: { defaultVariant: variant ?? null } }, options),
    ),
  ),
  changingPlace(
    leaf('rules', 'set the rules that count before the rings, in JsonLogic', [
      ['belay flag rules new-editor --file rules.json', '{"if":[{"==":[{"var":"plan"},"pro"]},"on"]}'],
      ['jq .targeting flag.json | belay flag rules new-editor --file - --plan', 'from elsewhere, to look first'],
      ['belay flag rules new-editor --none', 'no rules'],
    ])
      .argument('<flag>', 'its key')
      .option('--file <file>', 'where they stand; - reads stdin; or the JSON itself')
      .option('--none', 'remove them'),
  ).action(runs(rules)),
  changing(
    leaf('inherit', 'drop an environment’s own setting: that of all environments counts again', [
      ['belay flag inherit new-editor --environment production', 'as everywhere else'],
    ])
      .argument('<flag>', 'its key')
      .addOption(placeOption('which').makeOptionMandatory()),
  ).action(
    runs((context: Context, options: ChangeOptions & { readonly environment: string }, key: string) =>
      change(context, key, { do: 'inherit', environment: options.environment }, options),
    ),
  ),
]

async function flagNow(context: Context, key: string): Promise<FlagWire> {
  return (await (await context.connect()).call(routes.flags.show, { params: { key } }, context.signal)).flag
}

async function ring(
  context: Context,
  options: RingOptions,
  key: string,
  name: string | undefined,
  share: number | undefined,
): Promise<ExitCode> {
  const environment = placeOf(options)
  if ((name === undefined) !== (options.none === true))
    throw fail('usage', { sentence: 'Name a ring (belay ring ls), or expose the flag to nobody with --none.' })
  if (name === undefined) return change(context, key, { do: 'expose', environment, exposure: null }, options)
  const exposure = exposureFor(await flagNow(context, key), environment, { ...options, ring: name, percent: share ?? 100 })
  return change(context, key, { do: 'expose', environment, exposure }, options)
}

/**
 * A climb goes on with what it serves, to whom it hashes: neither may change unless asked, or people would move. Pure.
 */
export function exposureFor(
  flag: FlagWire,
  environment: string,
  asked: { readonly ring: string; readonly percent: number; readonly variant?: string; readonly by?: string },
): ExposureWire {
  const setting = flag.settings[environment] ?? flag.settings[everyEnvironment]
  const before = setting?.exposure ?? null
  const served = Object.keys(before?.serve ?? {})
  const names = Object.keys(flag.variants)
  const usual = names.includes('on') ? 'on' : (names.find((it) => it !== setting?.defaultVariant) ?? names[0] ?? 'on')
  const stays = before !== null && (asked.variant === undefined || (served.length === 1 && served[0] === asked.variant))
  return {
    serve: stays ? before.serve : { [asked.variant ?? usual]: 1 },
    ring: asked.ring,
    percent: asked.percent,
    bucketBy: asked.by ?? before?.bucketBy ?? null,
  }
}

async function split(context: Context, options: SplitOptions, key: string, weights: readonly Assignment<number>[]): Promise<ExitCode> {
  const environment = placeOf(options)
  const flag = await flagNow(context, key)
  const before = (flag.settings[environment] ?? flag.settings[everyEnvironment])?.exposure ?? null
  const highest = options.ring ?? before?.ring ?? (await highestRing(context))
  const exposure = {
    serve: Object.fromEntries(weights),
    ring: highest,
    percent: options.percent ?? before?.percent ?? 100,
    bucketBy: options.by ?? before?.bucketBy ?? null,
  }
  return change(context, key, { do: 'expose', environment, exposure }, options)
}

async function highestRing(context: Context): Promise<string> {
  const { rings } = await (await context.connect()).call(routes.rings.list, {}, context.signal)
  return rings.at(-1)?.name ?? 'all'
}

async function rules(context: Context, options: RulesOptions, key: string): Promise<ExitCode> {
  if ((options.file === undefined) !== (options.none === true))
    throw fail('usage', { sentence: 'Say where the rules stand with --file, or remove them with --none.' })
  const targeting = options.file === undefined ? null : await readJson(options.file)
  return change(context, key, { do: 'configure', environment: placeOf(options), setting: { targeting } }, options)
}
