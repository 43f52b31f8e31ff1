/** What all commands that change a flag share: --reason, --plan, --at, --version, and telling what came of it. */
import { everyEnvironment, type FlagChangeInput, type FlagWire, routes } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { changeText, exitCodeOfChange } from '../../change-views.ts'
import { countOption } from '../../command.ts'
import type { Context, GlobalOptions } from '../../context.ts'
import type { ExitCode } from '../../exit-codes.ts'
import { timeOption } from '../../values.ts'

export type ChangeOptions = GlobalOptions & {
  readonly reason?: string
  readonly plan?: true
  readonly at?: number
  readonly version?: number
}
export type PlacedOptions = ChangeOptions & { readonly environment?: string }

const versionMax = Number.MAX_SAFE_INTEGER
export const versionOption = (what: string): Option => new Option('--version <number>', what).argParser(countOption(1, versionMax))
export const placeOption = (what: string): Option => new Option('--env, --environment <name>', what)

/** Adds what every change of a flag takes. */
export const changing = (command: Command): Command =>
  command
    .option('--reason <text>', 'why; kept in the history')
    .option('--plan', 'show what would change, and change nothing')
    .addOption(new Option('--at <time>', 'do it then: 2h, or 2026-12-01T08:00+01:00').argParser(timeOption))
    .addOption(versionOption('refuse when somebody changed the flag since this version'))

/** For changes of a setting: in one environment, or in all that have none of their own. */
export const changingPlace = (command: Command): Command =>
  changing(command.addOption(placeOption('where; by default every environment without a setting of its own')))

export const placeOf = ({ environment }: PlacedOptions): string => environment ?? everyEnvironment

export async function change(context: Context, key: string, what: FlagChangeInput, options: ChangeOptions): Promise<ExitCode> {
  const { reason, plan, at, version } = options
  const body = { change: what, reason, plan: plan ?? false, at, version }
  const answer = await (await context.connect()).call(routes.flags.change, { params: { key }, body }, context.signal)
  const untouched = placesWithTheirOwn(what, answer.flag)
  context.answer(answer, () =>
    [
      changeText(answer, context),
      ...(untouched.length === 0 || !context.look.terminal
        ? []
        : [context.paint('dim', `Not touched, because of a setting of its own: ${untouched.join(', ')} (--environment ${untouched[0]})`)]),
    ].join('\n'),
  )
  return exitCodeOfChange(answer)
}

/** Who changes "everywhere" may believe that production is among it. A kill is: it counts for all. */
function placesWithTheirOwn(what: FlagChangeInput, { settings }: FlagWire): readonly string[] {
  const everywhere =
    ['on', 'off', 'expose', 'configure'].includes(what.do) && 'environment' in what && what.environment === everyEnvironment
  return everywhere ? Object.keys(settings).filter((name) => name !== everyEnvironment) : []
}
